"""What a run on paper came to: the JSON documents of `simulate` and `replay`, and the comparison with `expect`."""

from decimal import Decimal
from fractions import Fraction

from engine.core.invariants import violations
from engine.core.lifecycle import OrderState
from engine.core.state import State
from engine.core.state_child import Child
from engine.core.turn import ACCOUNT_SCOPE, Turn
from engine.model import NS_PER_S, OrderReport, split_leg
from engine.snapshot import StrategyState
from paper.simulate import Simulation
from paper.venues import ReplayVenue, Venue
from paper.world import World

Json = dict[str, object]


def result_of(simulation: Simulation) -> Json:
    """The result of a finished scenario; every key is always there."""
    scenario, state = simulation.scenario, simulation.replicator.state
    result = document(scenario.name, state, simulation.world, scenario.start_ns)
    result["checks"] = [{"at_s": at_s, "positions": positions} for at_s, positions in simulation.checks]
    result["violations"] = simulation.violations
    result["failed"] = simulation.failed + differences(scenario.expect, result)
    return result


def document(name: str, state: State, world: World, start_ns: int) -> Json:
    """What a run on paper came to: strategy, ratios, books, positions, and what was skipped or is held."""
    strategy = state.strategies.get(ACCOUNT_SCOPE) or next(iter(state.strategies.values()), None)
    children = [child.id for child in state.settings.children]
    return {
        "name": name,
        "strategy": {
            "state": (StrategyState.FLAT if strategy is None else strategy.state).value,
            "baseline_master": None if strategy is None else number(strategy.last_baseline_inr),
        },
        "ratios": {} if strategy is None else {c: str(r) for c, r in (strategy.ratios or strategy.last_ratios).items()},
        "positions": {child: world.net_positions(child) for child in children},
        "allocations": {child: _allocations(state.children[child]) for child in children},
        "orders": {child: [_order(row, start_ns) for row in world.orders(child)] for child in children},
        "skipped": [{"child": s.child, "symbol": s.symbol, "reason": s.reason} for s in state.skips.values()],
        "held": _held(state),
    }


def replay_result(venue: Venue, state: State) -> Json:
    """What a replayed day came to, with every account's result in rupees."""
    world = venue.world
    name = venue.recorded.name if isinstance(venue, ReplayVenue) else venue.day.isoformat()
    result = document(name, state, world, venue.start_ns)
    accounts = [state.master.account, *(child.id for child in state.settings.children)]
    result["day"] = venue.day.isoformat()
    result["master"] = {
        "orders": len(world.exchange.orders(state.master.account)),
        "positions": world.net_positions(state.master.account),
    }
    result["pnl_inr"] = {account: _pnl(world, account) for account in accounts}
    result["violations"] = broken(state)
    result["failed"] = []
    return result


def broken(state: State) -> list[str]:
    """The invariants that a state breaks, as sentences."""
    return violations(Turn(state, state.now_ns, {child.id: child for child in state.settings.children}))


def _pnl(world: World, account: str) -> Json:
    pnl = world.exchange.pnl(account)
    return {
        "realised": number(pnl.realised),
        "open": number(pnl.open),
        "charges": number(pnl.charges),
        "net": number(pnl.net),
    }


def summary(result: Json) -> str:
    """A scenario's result for people."""
    lines = [f"{result['name']}: strategy {_rows(result['strategy'])['state']}, ratios {result['ratios'] or 'none'}"]
    for child, positions in _rows(result["positions"]).items():
        lines.append(f"  {child}: {len(_orders(result, child))} orders, holds {positions or 'nothing'}")
    for key in ("skipped", "held"):
        rows = result[key]
        for row in rows if isinstance(rows, list) else []:
            lines.append(f"  {key}: {row['child']} {row['symbol']}: {row['reason']}")
    for key in ("failed", "violations"):
        rows = result[key]
        lines += [f"  {key}: {text}" for text in (rows if isinstance(rows, list) else [])]
    lines.append("all as expected" if not result["failed"] and not result["violations"] else "NOT as expected")
    return "\n".join(lines)


def _allocations(child: Child) -> dict[str, int]:
    return {split_leg(leg.leg)[1]: leg.allocation_units for leg in child.legs.values() if leg.allocation_units}


def number(value: Decimal | None) -> int | float | None:
    """An amount as a JSON number."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _order(row: OrderReport, start_ns: int) -> Json:
    return {
        "symbol": row.symbol,
        "side": row.side.value,
        "quantity": row.quantity,
        "type": row.order_type.value,
        "product": row.product,
        "status": row.status.value,
        "filled": row.filled,
        "average_price": number(row.average_price_inr),
        "tag": row.tag,
        "at_s": (row.placed_ns - start_ns) / NS_PER_S,
    }


def _held(state: State) -> list[Json]:
    """One row per child, symbol and reason of what waits for the operator at the end."""
    rows: dict[tuple[str, str, str], Json] = {}
    for order in state.orders.values():
        if order.state is OrderState.HELD:
            symbol = split_leg(order.leg)[1]
            row: Json = {"child": order.account, "symbol": symbol, "reason": order.reason}
            rows[order.account, symbol, order.reason] = row
    for child in state.children.values():
        for leg in child.legs.values():
            if leg.changed:
                symbol = split_leg(leg.leg)[1]
                rows[child.id, symbol, leg.changed] = {"child": child.id, "symbol": symbol, "reason": leg.changed}
    return list(rows.values())


def differences(expect: Json, result: Json) -> list[str]:
    """In which points a result differs from what was expected, as sentences."""
    found: list[str] = []
    for key, wanted in expect.items():
        found += _COMPARE[key](key, wanted, result)
    return found


def _rows(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _orders(result: Json, child: str) -> list[dict[str, object]]:
    rows = _rows(result["orders"]).get(child)
    return rows if isinstance(rows, list) else []


def _positions(key: str, wanted: object, result: Json) -> list[str]:
    seen = _rows(result["positions"])
    return [
        f"{key} of {child}: wanted {want}, was {seen.get(child)}"
        for child, want in _rows(wanted).items()
        if {s: q for s, q in _rows(want).items() if q} != seen.get(child)
    ]


def _ratios(key: str, wanted: object, result: Json) -> list[str]:
    seen = _rows(result["ratios"])
    return [
        f"{key} of {child}: wanted {want}, was {seen.get(child)}"
        for child, want in _rows(wanted).items()
        if child not in seen or Fraction(str(want)) != Fraction(str(seen[child]))
    ]


def _counts(key: str, wanted: object, result: Json) -> list[str]:
    at_most = key.startswith("max")
    found = []
    for child, want in _rows(wanted).items():
        was = len(_orders(result, child))
        if (was > int(str(want))) if at_most else (was != int(str(want))):
            found.append(f"{key} of {child}: wanted {want}, was {was}")
    return found


def _lists(key: str, wanted: object, result: Json) -> list[str]:
    field = {"order_quantities": "quantity", "order_types": "type"}[key]
    found = []
    for child, want in _rows(wanted).items():
        was = [row[field] for row in _orders(result, child)]
        if was != want:
            found.append(f"{key} of {child}: wanted {want}, was {was}")
    return found


def _largest(key: str, wanted: object, result: Json) -> list[str]:
    return [
        f"{key}: {child} has an order of {row['quantity']}"
        for child in _rows(result["orders"])
        for row in _orders(result, child)
        if int(str(row["quantity"])) > int(str(wanted))
    ]


def _state(key: str, wanted: object, result: Json) -> list[str]:
    was = _rows(result["strategy"])["state"]
    return [] if was == wanted else [f"{key}: wanted {wanted}, was {was}"]


def _reasons(key: str, wanted: object, result: Json) -> list[str]:
    rows = result[key]
    have = rows if isinstance(rows, list) else []
    want = wanted if isinstance(wanted, list) else []
    if not want and have:
        return [f"{key}: wanted none, was {have}"]
    return [f"{key}: no row like {row}" for row in want if not any(_matches(row, other) for other in have)]


def _matches(wanted: dict[str, object], row: dict[str, object]) -> bool:
    return all(
        str(value).lower() in str(row.get(key, "")).lower() if key == "reason" else row.get(key) == value
        for key, value in wanted.items()
    )


_COMPARE = {
    "positions": _positions,
    "ratios": _ratios,
    "order_counts": _counts,
    "max_order_counts": _counts,
    "order_quantities": _lists,
    "order_types": _lists,
    "max_order_quantity": _largest,
    "strategy_state": _state,
    "skipped": _reasons,
    "held": _reasons,
}
