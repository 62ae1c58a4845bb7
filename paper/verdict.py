"""What a simulated scenario came to: the JSON of `simulate --json`, and its comparison with the file's `expect`."""

from decimal import Decimal
from fractions import Fraction

from engine.core.lifecycle import OrderState
from engine.core.turn import ACCOUNT_SCOPE
from engine.model import NS_PER_S, OrderReport, split_leg
from engine.snapshot import StrategyState
from paper.simulate import Simulation

Json = dict[str, object]


def result_of(simulation: Simulation) -> Json:
    """The result of a finished run; every key is always there."""
    state = simulation.replicator.state
    strategy = state.strategies.get(ACCOUNT_SCOPE) or next(iter(state.strategies.values()), None)
    children = [child.id for child in simulation.scenario.settings.children]
    result: Json = {
        "name": simulation.scenario.name,
        "strategy": {
            "state": (StrategyState.FLAT if strategy is None else strategy.state).value,
            "baseline_master": None if strategy is None else number(strategy.last_baseline_inr),
        },
        "ratios": {} if strategy is None else {c: str(r) for c, r in (strategy.ratios or strategy.last_ratios).items()},
        "positions": simulation.positions(),
        "allocations": {
            child: {split_leg(leg.leg)[1]: leg.allocation_units for leg in record.legs.values() if leg.allocation_units}
            for child in children
            if (record := state.children[child])
        },
        "orders": {child: [_order(simulation, row) for row in simulation.exchange.orders(child)] for child in children},
        "skipped": [{"child": s.child, "symbol": s.symbol, "reason": s.reason} for s in state.skips.values()],
        "held": _held(simulation),
        "checks": [{"at_s": at_s, "positions": positions} for at_s, positions in simulation.checks],
        "violations": simulation.violations,
    }
    result["failed"] = simulation.failed + differences(simulation.scenario.expect, result)
    return result


def number(value: Decimal | None) -> int | float | None:
    """An amount as a JSON number."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _order(simulation: Simulation, row: OrderReport) -> Json:
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
        "at_s": (row.placed_ns - simulation.scenario.start_ns) / NS_PER_S,
    }


def _held(simulation: Simulation) -> list[Json]:
    """One row per child, symbol and reason of what waits for the operator at the end."""
    rows: dict[tuple[str, str, str], Json] = {}
    for order in simulation.replicator.state.orders.values():
        if order.state is OrderState.HELD:
            symbol = split_leg(order.leg)[1]
            rows[order.account, symbol, order.reason] = {
                "child": order.account,
                "symbol": symbol,
                "reason": order.reason,
            }
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
