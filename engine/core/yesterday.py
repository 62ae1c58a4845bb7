"""Orders that an earlier day left open: what they filled is told by two reads of positions that agree.

The difference between what the broker holds and what was known before the night is theirs as far as they can explain
it; what they cannot explain is never taken for the owner's in silence. It must not send anything.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal

from engine.core import freshness, reasons
from engine.core.fills import take_fill
from engine.core.lifecycle import AT_BROKER, OrderState
from engine.core.orders import change_state
from engine.core.plans import note_missed
from engine.core.results import mark_inr
from engine.core.settle import settle
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import Suspicion
from engine.core.turn import ALARM, INFO, WARNING, Turn, earlier_orders, is_of_an_earlier_day, net_units
from engine.model import (
    NS_PER_S,
    TERMINAL_BOOK,
    BookStatus,
    LegId,
    OrderReport,
    OrderType,
    Side,
    is_delivery,
    sign,
    split_leg,
)

READS_APART_NS = NS_PER_S
SHARES_APART_NS = 900 * NS_PER_S
QUIET_BEFORE_READ_NS = NS_PER_S


def resolve(turn: Turn, child: Child, orders: Iterable[OrderReport], listed: Collection[LegId], began_ns: int) -> None:
    """A complete read of a child has been taken in: judge what earlier days left open by it.

    Args:
        turn: The turn.
        child: The child, its positions and fills as of that read.
        orders: The book of that read.
        listed: The legs that its positions list.
        began_ns: When it began.
    """
    if began_ns < turn.state.day_began_ns:
        return
    rows = {report.order_id: report for report in orders} | {report.tag: report for report in orders if report.tag}
    for leg in list(child.legs.values()):
        left = [order for order in earlier_orders(turn, leg) if not _is_in_book(turn, order, rows)]
        if left and len(left) == len(earlier_orders(turn, leg)):
            _judge(turn, child, leg, left, began_ns, is_listed=leg.leg in listed)


def _is_in_book(turn: Turn, order: ChildOrder, rows: dict[str, OrderReport]) -> bool:
    """Whether the broker shows an order of an earlier day as open: in market hours it then lives on today."""
    row = rows.get(order.tag) or rows.get(order.order_id)
    if row is None or row.status in TERMINAL_BOOK:
        return False
    if turn.market_open:
        order.day = turn.state.day
    return True


def _judge(turn: Turn, child: Child, leg: ChildLeg, left: list[ChildOrder], began_ns: int, *, is_listed: bool) -> None:
    works = any(o.state in AT_BROKER and not is_of_an_earlier_day(turn.state, o) for o in turn.open_orders(leg))
    if works or began_ns < child.own_fill_ns.get(leg.leg, 0) + QUIET_BEFORE_READ_NS:
        return
    is_early = not turn.market_open and (is_delivery(leg.leg) or not is_listed)
    if is_early or (not is_listed and child.carried.get(leg.leg)):
        leg.night_read = None  # brokers fill in what was carried in the course of the morning, or leave it out later
        return
    net = net_units(child, leg.leg)
    seen = leg.night_read
    if seen is None or seen.net_units != net:
        leg.night_read = Suspicion(net_units=net, began_ns=began_ns, since_ns=turn.now_ns)
        return
    known = leg.allocation_units + child.external.get(leg.leg, 0) - child.sold_of_ours.get(leg.leg, 0)
    if began_ns - seen.began_ns < _apart_ns(leg, left, net - known, is_listed=is_listed):
        return
    if not _explains(turn, child, leg, left, net - known):
        _hold(turn, child, leg, left, net, known)
        return
    leg.night_read = None
    _adopt(turn, child, leg, left, net - known)
    for order in left:
        _end(turn, order)
    if any(order.entry and order.remaining for order in left):
        note_missed(turn, child, leg, reasons.NOT_FILLED_BY_THE_CLOSE)
    elif any(order.filled for order in left) and not leg.entry_pending:
        note_missed(turn, child, leg, reasons.EXITED_AHEAD)  # it rested for an order of the master's that is over
    settle(turn, child, leg, at_once=leg.due)


def _apart_ns(leg: ChildLeg, left: list[ChildOrder], delta: int, *, is_listed: bool) -> int:
    """How far apart two equal reads lie that are believed. What is not shown in the morning may be late."""
    bought = sum(order.remaining for order in left if order.side is Side.BUY)
    if is_delivery(leg.leg) and delta < bought:
        return SHARES_APART_NS
    return READS_APART_NS if is_listed else freshness.ABSENT_NS


def _explains(turn: Turn, child: Child, leg: ChildLeg, left: list[ChildOrder], delta: int) -> bool:
    """Whether these orders can have filled a difference: in their direction, at most their rest, in whole lots."""
    rest = sum(order.remaining for order in left if order.side.sign == sign(delta))
    if not delta or abs(delta) == rest:
        return True
    instrument = leg.listed or turn.leg_instrument(child.id, leg.leg)
    return instrument is not None and abs(delta) < rest and abs(delta) % instrument.lot_units == 0


def _adopt(turn: Turn, child: Child, leg: ChildLeg, left: list[ChildOrder], delta: int) -> None:
    """Book a difference as fills, oldest order first; their price is not known any more."""
    side = Side.BUY if delta > 0 else Side.SELL
    units = abs(delta)
    for order in sorted((o for o in left if o.side is side), key=lambda o: (o.created_ns, o.tag)):
        new = min(units, order.remaining)
        if not new:
            continue
        units -= new
        price = _price(turn, leg, order)
        take_fill(turn, child, leg, order, _as_report(order, new, price))
        text = (
            f"{order.side} {new} of an earlier day had filled, as the positions show; its price is not known,"
            f" booked at {price:.2f}"
        )
        turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])


def _price(turn: Turn, leg: ChildLeg, order: ChildOrder) -> Decimal:
    """The last price, or what was known when the order was decided."""
    mark = mark_inr(turn.quote(leg.leg))
    if mark is not None:
        return mark
    if order.filled:
        return order.value_inr / order.filled
    return order.master_price_inr or Decimal(0)


def _as_report(order: ChildOrder, new: int, price_inr: Decimal) -> OrderReport:
    """What the broker would have said; its time is long ago, because the positions hold the fill already."""
    exchange, symbol, product = split_leg(order.leg)
    filled = order.filled + new
    return OrderReport(
        order_id=order.order_id,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=order.side,
        order_type=OrderType.MARKET,
        quantity=order.units,
        filled=filled,
        average_price_inr=(order.value_inr + price_inr * new) / filled,
        status=BookStatus.CANCELLED,
        tag=order.tag,
        placed_ns=order.sent_ns,
        updated_ns=max(1, order.sent_ns),
    )


def _end(turn: Turn, order: ChildOrder) -> None:
    """Bring an order of an earlier day to the end that it had."""
    if not order.remaining:
        end = OrderState.FILLED
    elif order.state is OrderState.UNKNOWN and not order.filled:
        end = OrderState.ABSENT
    elif order.state is OrderState.HELD and not order.filled:
        end = OrderState.WITHDRAWN
    else:
        end = OrderState.CANCELLED
    change_state(turn, order, end, "" if end is OrderState.FILLED else reasons.NOT_FILLED_BY_THE_CLOSE)
    if order.remaining:
        text = f"{order.side} {order.remaining} of an earlier day was not filled by its close"
        turn.notify(INFO, text, order.account, split_leg(order.leg)[1])


def _hold(turn: Turn, child: Child, leg: ChildLeg, left: list[ChildOrder], net: int, known: int) -> None:
    """The difference is none that these orders can have made: the operator must look, nothing is taken for granted."""
    fresh = [order for order in left if order.state is not OrderState.HELD]
    for order in fresh:
        change_state(turn, order, OrderState.HELD, reasons.UNTOLD)
    if fresh:
        symbol = split_leg(leg.leg)[1]
        rest = ", ".join(f"{order.side} {order.remaining}" for order in left)
        text = (
            f"the broker shows {net} units, {known} were known before the night and {rest}"
            " was open: they do not fit. Look at that day's order book; resync takes the broker's figure"
        )
        turn.notify(ALARM, text, child.id, symbol)
