"""Every gate of `engine.core.gates` with its bound and what is used of it now, for people. It stops nothing itself."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from config.schema import ChildRisk, Risk
from engine.core import breaker, funds, gates, hours, reasons, throttle
from engine.core.baseline import cap_of
from engine.core.portfolio import lot_units
from engine.core.results import child_net, total_net
from engine.core.state_child import Child, ChildLeg
from engine.core.terms import most_slippage_pct
from engine.core.turn import Turn, entry_units_open
from engine.model import split_leg
from engine.money import rupees
from engine.snapshot import Limit, StrategyState

ACCOUNT = (
    reasons.LOGIN_REQUIRED,
    reasons.NOT_READ,
    reasons.IP_REFUSED,
    reasons.FLATTENED,
    reasons.UNWOUND,
    reasons.SURFACED,
    "two orders carry the tag",
)
LOSS = (reasons.DAILY_LOSS,)
OLD = (reasons.STALE_SIGNAL, reasons.CLOCK_BEHIND, reasons.BEFORE_START)


def limits(turn: Turn) -> list[Limit]:
    """The bounds of every configured child, in the order in which an entry is asked."""
    return [limit for child in turn.configured() for limit in _of_child(turn, child)]


def _of_child(turn: Turn, child: Child) -> Iterator[Limit]:
    for gate in gates.GATES:
        for name, bound, now, says in ROWS[gate.__name__](turn, child):
            stopped = sum(
                times for reason, times in child.stops.items() if any(reason.startswith(text) for text in says)
            )
            yield Limit(account=child.id, name=name, bound=bound, now=now, stopped=stopped)


Row = tuple[str, str | None, str, tuple[str, ...]]
"""Name, bound, present use, and what it says when it stops an entry."""


def _operator(turn: Turn, _child: Child) -> Iterator[Row]:
    state = turn.state
    yield "kill switch", None, f"level {state.kill}" if state.kill else "off", (reasons.KILLED,)
    yield "pause", None, "paused" if state.paused else "off", (reasons.PAUSED,)


def _signal(turn: Turn, _child: Child) -> Iterator[Row]:
    yield "age of the master's fill", f"{turn.settings.timing.max_signal_age_s} s", "", OLD


def _account(turn: Turn, child: Child) -> Iterator[Row]:
    session = reasons.LOGIN_REQUIRED if child.needs_login else "" if child.synced else reasons.NOT_READ
    stopped = "; ".join(dict.fromkeys(why for why in child.stopped.values() if why))
    yield "account", None, stopped or session or "ready", ACCOUNT
    own, of_all = turn.child_settings[child.id].risk.max_daily_loss_inr, turn.settings.risk.max_daily_loss_inr
    yield "daily loss", _money(own), _result(child_net(turn, child), "result "), LOSS
    yield "daily loss of all children", _money(of_all), _result(total_net(turn), "result "), LOSS


def _filter(turn: Turn, child: Child) -> Iterator[Row]:
    own = turn.child_settings[child.id].filters
    allow = [*turn.settings.filters.allow, *(f"and {each}" for each in own.allow if each != "*")]
    deny = [f"not {each}" for each in (*turn.settings.filters.deny, *own.deny)]
    yield "filters", ", ".join([*allow, *deny]), "", (reasons.FILTERED,)


def _market(turn: Turn, child: Child) -> Iterator[Row]:
    calendar = "open" if turn.market_open else reasons.MARKET_CLOSED
    closed = reasons.MARKET_CLOSED, reasons.NO_CALENDAR, reasons.SQUARE_OFF
    yield "market hours", None, calendar if hours.is_covered(turn.state) else reasons.NO_CALENDAR, closed
    cutoff = gates.expiry_cutoff(turn, turn.child_settings[child.id])
    yield "expiry cut-off", f"{cutoff} IST", "", (reasons.EXPIRY_CUTOFF,)


def _carried(_turn: Turn, child: Child) -> Iterator[Row]:
    changed = [split_leg(leg.leg)[1] for leg in child.legs.values() if leg.changed]
    yield (
        "contracts that changed",
        None,
        ", ".join(changed) or "none",
        (reasons.EARLIER_DAY, reasons.UNKNOWN_INSTRUMENT),
    )


def _quote(turn: Turn, _child: Child) -> Iterator[Row]:
    yield "age of a quote", f"{turn.settings.paper.quote_stale_s} s", "", (reasons.NO_QUOTE, reasons.STALE_QUOTE)


def _price(turn: Turn, child: Child) -> Iterator[Row]:
    yield "price band", _least(turn, child, lambda risk: risk.price_band_pct, " %"), "", (reasons.PRICE_BAND,)
    most_pct, ticks = most_slippage_pct(turn, child.id), turn.settings.copy.slippage_ticks
    yield "slippage", f"{most_pct} % or {ticks} ticks", "", (reasons.SLIPPAGE,)


def _own_position(_turn: Turn, child: Child) -> Iterator[Row]:
    own = [f"{units:+d} {split_leg(leg)[1]}" for leg, units in child.external.items() if units]
    yield "own positions", None, ", ".join(own) or "none", (reasons.OWN_POSITION,)


def _capital(turn: Turn, child: Child) -> Iterator[Row]:
    yield "capital", _money(cap_of(turn, child.id)), _result(child.available_inr, "available "), (reasons.MAX_CAPITAL,)


def _margin(turn: Turn, child: Child) -> Iterator[Row]:
    says = reasons.SHORT_MARGIN, reasons.MARGIN_UNKNOWN
    if not funds.counts(turn, child):
        yield "margin", "", "not judged on paper", says
        return
    running = [s for s in turn.state.strategies.values() if s.state is not StrategyState.FLAT]
    shares = [f"{float(s.afforded[child.id]):.0%} of the lots" for s in running if child.id in s.afforded]
    yield "margin", turn.settings.risk.on_short_margin.value, ", ".join(shares), says


def _lots(turn: Turn, child: Child) -> Iterator[Row]:
    in_legs = [_lots_of(turn, child, leg) for leg in child.legs.values()]
    bound = _least(turn, child, lambda risk: risk.max_lots_per_order)
    yield "lots an order", bound, "", (reasons.MAX_LOTS_PER_ORDER,)
    bound = _least(turn, child, lambda risk: risk.max_lots_per_instrument)
    yield "lots an instrument", bound, str(max(in_legs, default=0)), (reasons.MAX_LOTS_PER_INSTRUMENT,)
    bound = _least(turn, child, lambda risk: risk.max_open_lots)
    yield "open lots", bound, str(sum(in_legs)), (reasons.MAX_OPEN_LOTS,)


def _lots_of(turn: Turn, child: Child, leg: ChildLeg) -> int:
    return (abs(leg.allocation_units) + entry_units_open(turn, leg)) // lot_units(turn, child, leg.leg)


def _position_value(turn: Turn, child: Child) -> Iterator[Row]:
    bound = _least(turn, child, lambda risk: risk.max_position_pct, " % of the capital")
    yield "value of a position", bound, "", (reasons.MAX_POSITION,)


def _lone_leg(turn: Turn, child: Child) -> Iterator[Row]:
    missing = [split_leg(leg.leg)[1] for leg in child.legs.values() if gates.lacks(turn, leg)]
    yield "legs that lack lots", None, ", ".join(missing) or "none", (reasons.LONE_LEG,)


def _rate(turn: Turn, child: Child) -> Iterator[Row]:
    in_minute = [at_ns for at_ns in child.entry_times_ns if at_ns > turn.now_ns - gates.MINUTE_NS]
    bound = _least(turn, child, lambda risk: risk.max_orders_per_minute)
    yield "entries a minute", bound, str(len(in_minute)), (reasons.ORDERS_PER_MINUTE,)
    bound = _least(turn, child, lambda risk: risk.max_orders_per_day)
    yield "entries a day", bound, str(child.entries_today), (reasons.ORDERS_PER_DAY,)


def _budget(turn: Turn, child: Child) -> Iterator[Row]:
    left = throttle.entry_budget(turn, child)
    taken = turn.state.order_limits.get(child.id)
    bound = None if taken is None or taken.day_placements is None else f"{taken.day_placements} orders a day"
    yield "the broker's budget", bound, "" if left is None else f"{left} left for entries", (reasons.DAILY_BUDGET,)


def _broker(_turn: Turn, child: Child) -> Iterator[Row]:
    yield "the broker", None, "failing" if breaker.blocks(child) else "answers", (reasons.BROKER_FAILING,)


ROWS: dict[str, Callable[[Turn, Child], Iterator[Row]]] = {
    "_operator": _operator,
    "_signal": _signal,
    "_child": _account,
    "_filter": _filter,
    "_market": _market,
    "_carried": _carried,
    "_quote": _quote,
    "_price": _price,
    "_own_position": _own_position,
    "_capital": _capital,
    "_in_proportion": _margin,
    "_lots": _lots,
    "_position_value": _position_value,
    "_lone_leg": _lone_leg,
    "_rate": _rate,
    "_budget": _budget,
    "_broker": _broker,
}


def _least(turn: Turn, child: Child, of: Callable[[Risk | ChildRisk], gates.Bound | None], unit: str = "") -> str:
    """The stronger of the global bound and the child's own."""
    bound = gates.strictest((turn.settings.risk, turn.child_settings[child.id].risk), of)
    return "" if bound is None else f"{bound}{unit}"


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else rupees(amount)


def _result(amount: Decimal | None, what: str) -> str:
    return f"{what}{'unknown' if amount is None else rupees(amount)}"
