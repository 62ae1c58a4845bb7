"""Planted bugs about what the brokers say: fills, reads, positions, the owner's own trades, orders that surface."""

from msgspec.structs import replace

from engine import calls
from engine.core import (
    accounts,
    conversion,
    delivery,
    fills,
    freshness,
    master,
    master_reads,
    sending,
    settle,
    strategy,
)
from engine.core import orders as child_orders
from engine.core.lifecycle import TERMINAL, OrderState
from engine.core.results import mark_inr
from engine.core.state import Copy
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn, net_units
from engine.events import AccountRead
from engine.model import BookStatus, LegId, OrderReport, Side
from tests.sim.planting import Swap, in_module, planted, replace_everywhere


@planted
def updates_deduplicated_by_status() -> list[Swap]:
    """A further fill of an open order is taken for a repeated update, because the status is the same."""
    right = fills.apply_child_report

    def wrong(turn: Turn, child: Child, report: OrderReport) -> None:
        order = turn.state.orders.get(report.tag)
        is_known = order is not None and order.state is OrderState.WORKING and order.filled > 0
        if not (is_known and report.status is BookStatus.OPEN):
            right(turn, child, report)

    return [replace_everywhere(right, wrong)]


@planted
def filled_from_the_last_update() -> list[Swap]:
    """The filled quantity is that of the last update, not the largest."""
    right = fills.take_fill

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, report: OrderReport) -> bool:
        if report.filled < order.filled:
            leg.allocation_units -= order.side.sign * (order.filled - report.filled)
            order.filled = report.filled
        return right(turn, child, leg, order, report)

    return [replace_everywhere(right, wrong)]


@planted
def fill_after_the_end_ignored() -> list[Swap]:
    """A fill of an order that had ended (absent, withdrawn, cancelled) does not count."""
    right = fills.take_fill

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, report: OrderReport) -> bool:
        return order.state not in TERMINAL and right(turn, child, leg, order, report)

    return [replace_everywhere(right, wrong)]


@planted
def fills_before_a_cancel_dropped() -> list[Swap]:
    """What a cancelled order had filled is forgotten."""
    right = fills._take_status

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, report: OrderReport) -> None:
        is_end = order.state not in TERMINAL
        right(turn, child, leg, order, report)
        if is_end and report.status is BookStatus.CANCELLED:
            leg.allocation_units -= order.side.sign * order.filled

    return [replace_everywhere(right, wrong)]


@planted
def manual_trade_taken_for_ours() -> list[Swap]:
    """What the owner trades himself in a leg of ours is counted as ours."""
    right = accounts._compare

    def wrong(turn: Turn, child: Child, leg_id: LegId, began_ns: int, believed_after_ns: int) -> None:
        right(turn, child, leg_id, began_ns, believed_after_ns)
        leg = child.legs.get(leg_id)
        if leg is not None and leg.allocation_units:
            leg.allocation_units += child.external.pop(leg_id, 0)

    return [replace_everywhere(right, wrong)]


@planted
def found_order_taken_for_the_owners() -> list[Swap]:
    """An unknown order that is found in the book is taken for the owner's."""
    right = fills.apply_child_report

    def wrong(turn: Turn, child: Child, report: OrderReport) -> None:
        order = turn.state.orders.get(report.tag)
        if order is None or order.state is not OrderState.UNKNOWN:
            right(turn, child, report)

    return [replace_everywhere(right, wrong)]


@planted
def surfaced_order_not_cancelled() -> list[Swap]:
    """An order that was given up and turns up open is left to work."""
    right = fills._surfaced

    def wrong(turn: Turn, child: Child, order: ChildOrder, report: OrderReport, *, filled: bool) -> None:
        order.cancelling_ns = turn.now_ns
        right(turn, child, order, report, filled=filled)

    return [replace_everywhere(right, wrong)]


@planted
def surfaced_fill_not_repaired() -> list[Swap]:
    """What an order filled that was given up is counted, and kept."""
    right = fills.apply_child_report

    def wrong(turn: Turn, child: Child, report: OrderReport) -> None:
        order = turn.state.orders.get(report.tag)
        if order is not None and order.state in fills.GIVEN_UP:
            fills.take_fill(turn, child, child.legs[order.leg], order, report)
            return
        right(turn, child, report)

    return [replace_everywhere(right, wrong)]


@planted
def repair_goes_beyond_zero() -> list[Swap]:
    """What surfaced filled is closed by twice as much, and nothing looks at it again when it is sent."""
    right, fits = settle._exit, sending._fits

    def looks_away(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        return leg.surfaced or fits(turn, child, leg, order)

    def wrong(turn: Turn, child: Child, leg: ChildLeg, excess: int, copy: Copy | None) -> None:
        instrument = turn.leg_instrument(child.id, leg.leg)
        if not leg.surfaced or instrument is None:
            right(turn, child, leg, excess, copy)
            return
        side = Side.SELL if leg.allocation_units > 0 else Side.BUY
        made = settle._exit_copy(turn, leg, side)
        child_orders.make_orders(turn, child, leg, instrument, side, 2 * excess, entry=False, copy=made)

    return [replace_everywhere(right, wrong), replace_everywhere(fits, looks_away)]


@planted
def failed_read_is_empty() -> list[Swap]:
    """A part of a read that failed counts as an empty list."""
    right = calls._read

    def wrong(broker: object, command: object, now: object) -> AccountRead:
        event = right(broker, command, now)  # type: ignore[arg-type]
        return replace(
            event,
            orders=() if event.orders is None and event.error else event.orders,
            positions=() if event.positions is None and event.error else event.positions,
        )

    return [replace_everywhere(right, wrong)]


@planted
def one_read_without_position_is_flat() -> list[Swap]:
    """Lots of the master that one read does not show are gone, whatever his order book says."""

    def wrong(
        turn: Turn, leg: MasterLeg, net: int, _by_book: int, _began_ns: int, _apart_ns: int, changes: master.Changes
    ) -> None:
        master_reads._believe(turn, leg, net, changes)

    def failed(event: AccountRead) -> AccountRead:
        return replace(event, orders=event.orders or (), positions=event.positions or ())

    right = master_reads.take_read
    return [
        replace_everywhere(master_reads._suspect, wrong),
        replace_everywhere(right, lambda turn, event: right(turn, failed(event))),
    ]


@planted
def closed_by_hand_believed_at_once() -> list[Swap]:
    """One read that shows less than ours is believed, while an order of ours is under way."""
    right = accounts._shrink

    def wrong(turn: Turn, child: Child, leg: ChildLeg, net: int, began_ns: int, believed_after_ns: int) -> None:
        right(turn, child, leg, net, began_ns, believed_after_ns)
        if leg.suspicion is not None:
            leg.suspicion.began_ns = leg.suspicion.since_ns = 0
            right(turn, child, leg, net, began_ns, 0)

    return [
        replace_everywhere(right, wrong),
        replace_everywhere(accounts._is_quiet, lambda _turn, _child, _leg, _began_ns: True),
    ]


@planted
def push_and_book_count_apart() -> list[Swap]:
    """The master's order is counted when it is pushed, and again when the book shows it."""
    right = master_reads.take_read

    def wrong(turn: Turn, event: AccountRead) -> None:
        rows = event.orders and tuple(replace(row, order_id=f"{row.order_id}#") for row in event.orders)
        right(turn, replace(event, orders=rows))

    return [replace_everywhere(right, wrong)]


@planted
def ordered_quantity_taken_for_filled() -> list[Swap]:
    """The master's order counts in full as soon as it works."""
    right = master.absorb

    def wrong(turn: Turn, report: OrderReport, changes: master.Changes) -> None:
        if report.status is BookStatus.OPEN:
            report = replace(report, filled=report.quantity, average_price_inr=report.average_price_inr)
        right(turn, report, changes)

    return [replace_everywhere(right, wrong)]


@planted
def partial_fill_of_the_masters_cancelled_order_dropped() -> list[Swap]:
    """What the master's order had filled before it was cancelled does not count when the cancel tells of it."""
    right = master.absorb

    def wrong(turn: Turn, report: OrderReport, changes: master.Changes) -> None:
        known = turn.state.master.orders.get(report.order_id)
        if report.status is BookStatus.CANCELLED:
            report = replace(report, filled=0 if known is None else known.filled)
        right(turn, report, changes)

    return [replace_everywhere(right, wrong)]


@planted
def masters_updates_deduplicated_by_status() -> list[Swap]:
    """A further fill of the master's open order is taken for a repeated update."""
    right = master.absorb

    def wrong(turn: Turn, report: OrderReport, changes: master.Changes) -> None:
        known = turn.state.master.orders.get(report.order_id)
        if known is None or known.status != report.status or known.filled == 0:
            right(turn, report, changes)

    return [replace_everywhere(right, wrong)]


@planted
def background_copied() -> list[Swap]:
    """What the master held before the start is copied."""
    right = master_reads._set_background

    def wrong(turn: Turn, positions: tuple[object, ...], orders: tuple[OrderReport, ...]) -> None:
        right(turn, positions, orders)  # type: ignore[arg-type]
        for leg in list(turn.state.master.legs.values()):
            if leg.background_units:
                leg.units, leg.background_units = leg.units + leg.background_units, 0
                leg.price_inr = leg.price_inr or mark_inr(turn.quote(leg.leg))
                strategy.begin(turn, turn.strategy(leg.scope), turn.now_ns, "")
                master._open_window(turn, leg, turn.now_ns)

    return [replace_everywhere(right, wrong)]


@planted
def background_counts_for_flatness() -> list[Swap]:
    """The strategy ends only when the master's whole position is zero, lots from before the start included."""
    right = strategy.note_flat_read

    def wrong(turn: Turn, positions: tuple[object, ...], began_ns: int) -> None:
        if not any(leg.background_units for leg in turn.state.master.legs.values()):
            right(turn, positions, began_ns)  # type: ignore[arg-type]

    return [replace_everywhere(right, wrong)]


@planted
def own_fills_forgotten() -> list[Swap]:
    """The net position is that of the last read, without our own fills since."""
    return [replace_everywhere(net_units, lambda child, leg: child.positions.get(leg, 0))]


@planted
def positions_without_orders_ignored() -> list[Swap]:
    """What leaves the master's account without an order is not noticed."""
    right = conversion.expected_net

    def wrong(turn: Turn, leg: MasterLeg) -> int:
        return turn.state.master.positions.get(leg.leg, right(turn, leg))

    return [in_module(master_reads, "expected_net", wrong)]


@planted
def missing_rows_were_never_carried() -> list[Swap]:
    """A carried position that an answer leaves out is taken for one that was never there."""
    return [
        replace_everywhere(freshness.carried_with, lambda _known, rows: {row.leg: row.overnight_units for row in rows})
    ]


@planted
def sale_of_shares_is_an_entry() -> list[Swap]:
    """Shares that the master sells beyond the strategy's are sold short at the children."""
    return [replace_everywhere(delivery.is_sale, lambda _leg, _side: False)]


@planted
def shares_gone_without_an_order_are_exited() -> list[Swap]:
    """Shares that the master's broker shows late in the morning are sold at the children."""
    return [replace_everywhere(delivery.is_missed_by_somebody, lambda _turn, _leg: False)]


@planted
def shares_that_are_late_are_closed_by_hand() -> list[Swap]:
    """Shares that a child's broker shows late are taken for sold by its owner."""
    return [replace_everywhere(delivery.is_given_up, lambda _child, _leg: True)]


@planted
def owners_sales_of_shares_are_not_noticed() -> list[Swap]:
    """A sale of shares by a child's owner explains nothing: what is gone is waited for."""
    return [replace_everywhere(delivery.note_sales, lambda _child, _rows, _now_ns: None)]
