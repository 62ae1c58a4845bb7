"""Planted bugs about limits: what a broker takes in a second and a minute, and what a child may hold."""

from collections.abc import Iterable
from decimal import Decimal

from config.order_limits import OrderLimits
from config.schema import ChildRisk, Risk
from engine.core import baseline, gates, loss, plans, reasons, results, settle, throttle
from engine.core import turn as turns
from engine.core.resting import rests
from engine.core.results import realised_inr
from engine.core.sizing import slice_most
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import Turn
from engine.events import Request
from tests.sim.planting import Swap, in_module, planted, planted_where_orders_rest, replace_everywhere

MANY = 1000


@planted
def rate_windows_ignored() -> list[Swap]:
    """Whatever was sent in a second or a minute, the next order and the next cancel go out."""

    def wrong(_turn: Turn, _child: Child, _limits: OrderLimits, *, entry: bool) -> int:
        return MANY + entry

    return [replace_everywhere(throttle._room, wrong)]


@planted
def rate_windows_empty_at_a_start() -> list[Swap]:
    """A process that starts takes nothing for sent: what the last one sent is in no window."""
    right = throttle.begin_process

    def wrong(turn: Turn, limits: dict[str, OrderLimits] | None) -> None:
        right(turn, limits)
        for child in turn.state.children.values():
            child.traffic.ended_ns.clear()

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def only_new_orders_counted_in_rate_windows() -> list[Swap]:
    """Cancels and modifications are in no window: as many new orders go out beside them."""
    right = throttle.note_write

    def wrong(turn: Turn, child: Child, request: Request, tag: str, number: int = 0) -> None:
        if request is Request.PLACE:
            right(turn, child, request, tag, number)

    return [replace_everywhere(right, wrong)]


@planted
def first_limit_hides_the_others() -> list[Swap]:
    """Of several limits that an entry meets only the first that cuts it counts."""

    def wrong(units: int, rooms: Iterable[tuple[int | None, str]]) -> gates.Verdict:
        cut = ((max(0, room), why) for room, why in rooms if room is not None and room < units)
        return next(cut, (units, ""))

    return [replace_everywhere(gates._least, wrong)]


@planted
def limits_of_the_child_ignored() -> list[Swap]:
    """The limits of all children bind, and a child's own do not."""

    def wrong(entry: gates.Entry) -> tuple[Risk, ChildRisk]:
        return entry.turn.settings.risk, ChildRisk()

    return [replace_everywhere(gates._limits, wrong)]


@planted
def slices_bounded_one_by_one() -> list[Swap]:
    """The limit of lots an order binds each slice, not what is decided at once."""
    right = gates._lots

    def wrong(entry: gates.Entry, units: int) -> gates.Verdict:
        allowed, why = right(entry, units)
        is_cut = why == reasons.MAX_LOTS_PER_ORDER and slice_most(entry.instrument)
        return (units, "") if is_cut and (slice_most(entry.instrument) or 0) <= allowed else (allowed, why)

    return [replace_everywhere(right, wrong)]


@planted
def working_lots_not_limited() -> list[Swap]:
    """Lots that are ordered and not filled do not count in the limits."""
    return [in_module(gates, "entry_units_open", lambda _turn, _leg: 0)]


@planted
def entry_sent_again_counts_beside_itself() -> list[Swap]:
    """What was not accepted and is to be sent again counts as open lots, beside the order that it is."""
    right = gates._open_lots

    def wrong(entry: gates.Entry) -> int:
        return right(entry) + entry.own_units // entry.instrument.lot_units

    return [replace_everywhere(right, wrong)]


@planted
def order_of_slices_counted_once() -> list[Swap]:
    """In the orders of a minute and of a day an entry counts once, whatever its slices are."""
    return [in_module(gates, "slice_most", lambda _instrument: None)]


@planted
def orders_of_the_day_counted_anew_after_a_start() -> list[Swap]:
    """A process that starts begins to count the orders of the day from zero."""
    right = throttle.begin_process

    def wrong(turn: Turn, limits: dict[str, OrderLimits] | None) -> None:
        right(turn, limits)
        for child in turn.state.children.values():
            child.entries_today = 0

    return [replace_everywhere(right, wrong)]


@planted
def exits_limited_as_entries() -> list[Swap]:
    """An exit waits where the orders of the day or of the minute are used up."""
    right = settle.exit_blocker

    def wrong(turn: Turn, child: Child, leg: ChildLeg) -> str:
        most = turn.child_settings[child.id].risk.max_orders_per_day
        is_used_up = most is not None and child.entries_today >= most
        return right(turn, child, leg) or (reasons.ORDERS_PER_DAY if is_used_up else "")

    return [replace_everywhere(right, wrong)]


@planted
def limited_lots_wait_for_the_next_fill() -> list[Swap]:
    """What a limit of lots keeps out stays wanted, and comes with the master's next fill."""
    right = plans.note_missed

    def wrong(turn: Turn, child: Child, leg: ChildLeg, reason: str, *, guards: bool = True) -> None:
        if reason in (reasons.MAX_LOTS_PER_ORDER, reasons.MAX_OPEN_LOTS):
            turn.skip(child, leg.leg, reason)
        else:
            right(turn, child, leg, reason, guards=guards)

    return [replace_everywhere(right, wrong)]


@planted
def largest_ratio_of_the_child_ignored() -> list[Swap]:
    """A child's `max_ratio` binds nothing."""
    return [replace_everywhere(baseline.most_ratio, lambda turn, _child: turn.settings.ratio.max_ratio)]


@planted_where_orders_rest
def resting_lots_not_limited() -> list[Swap]:
    """Lots that rest do not count in the limits."""
    right = turns.entry_units_open

    def wrong(turn: Turn, leg: ChildLeg) -> int:
        return right(turn, leg) - sum(
            order.remaining for order in turn.open_orders(leg) if order.entry and rests(order)
        )

    return [in_module(gates, "entry_units_open", wrong)]


@planted_where_orders_rest
def copies_that_rest_are_not_limited() -> list[Swap]:
    """A copy that rests passes no limit of lots."""
    kept = tuple(gate for gate in gates.RESTING if gate is not gates._lots)
    return [in_module(gates, "RESTING", kept)]


@planted
def daily_loss_not_watched() -> list[Swap]:
    """Nobody looks at the daily loss."""
    return [replace_everywhere(loss.watch_losses, lambda _turn: [])]


@planted
def daily_loss_forgotten_when_prices_recover() -> list[Swap]:
    """A daily loss stops entries while it lasts, not for the day: it acts twice."""
    right = loss.watch_losses

    def wrong(turn: Turn) -> list[Child]:
        turn.state.loss_hit = False
        for child in turn.configured():
            child.loss_hit = False
        return right(turn)

    return [replace_everywhere(right, wrong)]


@planted
def daily_loss_of_open_lots_not_counted() -> list[Swap]:
    """Only what was realised counts as the daily loss."""

    def wrong(_turn: Turn, child: Child) -> Decimal | None:
        return sum((realised_inr(leg) for leg in child.legs.values()), Decimal(0))

    return [in_module(loss, "child_net", wrong)]


@planted
def daily_loss_exits_one_child_alone() -> list[Swap]:
    """Where the loss of all children is reached only the first child is exited."""
    right = loss.watch_losses
    return [replace_everywhere(right, lambda turn: right(turn)[:1])]


@planted
def daily_loss_lost_at_a_start() -> list[Swap]:
    """After a restart nothing is known of a daily loss that was reached."""
    right = throttle.begin_process

    def wrong(turn: Turn, limits: dict[str, OrderLimits] | None) -> None:
        right(turn, limits)
        turn.state.loss_hit = False
        for child in turn.state.children.values():
            child.loss_hit = False

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def daily_loss_leaves_what_works() -> list[Swap]:
    """Entries that work when the daily loss is reached are not taken back."""
    return [replace_everywhere(settle._stopped, lambda turn, _child: reasons.KILLED if turn.state.kill else "")]


@planted
def charges_counted_twice() -> list[Swap]:
    """What an order costs counts twice in the daily loss."""
    return [replace_everywhere(results.child_charges, lambda child: 2 * _charged(child))]


def _charged(child: Child) -> Decimal:
    return sum((leg.charges_inr - leg.day_start_charges_inr for leg in child.legs.values()), Decimal(0))


@planted
def value_of_a_position_not_bounded() -> list[Swap]:
    """A position may be worth more than `max_position_pct` allows."""

    def wrong(_entry: gates.Entry, units: int) -> gates.Verdict:
        return units, ""

    return [replace_everywhere(gates._position_value, wrong)]


@planted
def budget_of_the_day_not_counted() -> list[Swap]:
    """Whatever was placed on the day, the broker is thought to take more."""

    def wrong(_turn: Turn, _child: Child) -> int:
        return 0

    return [replace_everywhere(throttle._placed, wrong)]
