"""Planted bugs about what rests at a child's broker for the master's orders: placed, moved, made smaller, cancelled."""

from decimal import Decimal

from engine.core import chase, mirror_sizes, mirroring, orders, resting_orders, sending, terms, varieties
from engine.core.mirrored_leg import MirroredLeg
from engine.core.resting import filled_units, rests
from engine.core.resting_orders import Resting
from engine.core.sizing import Plan
from engine.core.state_child import Child, ChildLeg, ChildOrder, Mirror, Terms
from engine.core.state_master import MasterOrder
from engine.core.terms import on_tick
from engine.core.turn import Turn
from engine.model import Instrument, OrderType, Side
from tests.sim.planting import Swap, in_module, planted_where_orders_rest, replace_everywhere


@planted_where_orders_rest
def copy_outlives_the_masters_order() -> list[Swap]:
    """What rests is not cancelled when the master's order ends, or wants less."""
    return [in_module(resting_orders, "cancel", lambda _turn, _order: None)]


@planted_where_orders_rest
def copy_not_moved() -> list[Swap]:
    """What rests stays at its price when the master moves his."""
    return [replace_everywhere(Resting._move, lambda _self, _orders, _terms: None)]


@planted_where_orders_rest
def trigger_not_moved() -> list[Swap]:
    """What rests keeps its trigger when the master moves his."""
    right = Resting._move

    def wrong(self: Resting, resting: list[ChildOrder], wanted: Terms) -> None:
        for order in resting:
            kept = order.terms.trigger_inr if wanted.trigger_inr is not None else None
            right(self, [order], Terms(order_type=wanted.order_type, price_inr=wanted.price_inr, trigger_inr=kept))

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def copy_not_made_smaller() -> list[Swap]:
    """Nothing is taken off what rests: the master makes his order smaller, or ends it, and the copy stays."""
    return [replace_everywhere(Resting._reduce, lambda _self, _orders, _units, _terms: None)]


@planted_where_orders_rest
def filled_part_placed_again() -> list[Swap]:
    """What a copy filled does not count when it is made sure that enough rests, and what is held bounds nothing."""
    return [
        in_module(resting_orders, "filled_units", lambda _turn, _mirror: 0),
        in_module(resting_orders, "room_for_entries", lambda _turn, _leg, _leaving: 10**6),
    ]


@planted_where_orders_rest
def resting_exits_cross_zero() -> list[Swap]:
    """Each exit rests for all that is held, whatever else rests, and nothing looks at it again when it is sent."""
    size, fits = mirror_sizes.size_exits, sending._fits

    def wrong(at: MirroredLeg) -> list[Mirror]:
        in_the_way = size(at)
        for mirror in at.exits:
            if not at.his(mirror).ended_ns:
                mirror.fall_units = abs(at.leg.allocation_units)
                mirror.units = filled_units(at.turn, mirror) + mirror.fall_units
        return in_the_way

    def looks_away(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        return rests(order) or fits(turn, child, leg, order)

    return [
        replace_everywhere(size, wrong),
        replace_everywhere(fits, looks_away),
        in_module(resting_orders, "exits_open", lambda _turn, _leg: 0),
    ]


@planted_where_orders_rest
def resting_exit_of_his_size() -> list[Swap]:
    """An exit rests for all that is held, not for what the target falls by when his fills."""
    right = mirror_sizes._after_exit

    def wrong(at: MirroredLeg, plan: Plan, _left: int) -> Plan:
        return right(at, plan, 0)

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def two_changes_under_way() -> list[Swap]:
    """A change is sent while another one of the same order is under way."""
    return [in_module(resting_orders, "is_asked", lambda _turn, _order: False)]


@planted_where_orders_rest
def changed_too_often() -> list[Swap]:
    """An order is changed however often it was changed before."""
    return [in_module(terms, "MOST_MODIFICATIONS", 10_000)]


@planted_where_orders_rest
def price_on_the_wrong_side_of_the_tick() -> list[Swap]:
    """A copy's limit is rounded to the tick that is worse for the child than the master's price."""
    right = terms.resting_terms

    def wrong(order: MasterOrder, instrument: Instrument) -> Terms:
        found = right(order, instrument)
        if found.price_inr is not None and order.price_inr is not None:
            found.price_inr = on_tick(order.price_inr, instrument.tick_inr, up=order.side is Side.BUY)
        return found

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def copy_through_the_market() -> list[Swap]:
    """A copy is sent through the market as soon as the master's order rests."""
    return [replace_everywhere(terms.resting_terms, lambda _order, _instrument: Terms())]


@planted_where_orders_rest
def stop_copied_as_a_limit() -> list[Swap]:
    """A copy of a stop order is a limit order at its price: it does not wait for the trigger."""
    right = terms.resting_terms

    def wrong(order: MasterOrder, instrument: Instrument) -> Terms:
        found = right(order, instrument)
        price = found.trigger_inr if found.price_inr is None else found.price_inr
        return Terms(order_type=OrderType.LIMIT, price_inr=price)

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def market_orders_mirrored() -> list[Swap]:
    """A MARKET order of the master's that works is mirrored like one that rests."""
    return [in_module(mirroring, "RESTS", frozenset({*varieties.RESTS, OrderType.MARKET.value}))]


@planted_where_orders_rest
def cancelled_copy_placed_again() -> list[Swap]:
    """A copy that ended without our wish is placed again, and again."""
    return [replace_everywhere(orders._note_end_of_resting, lambda _turn, _order: None)]


@planted_where_orders_rest
def entry_chased_beyond_the_slippage_limit() -> list[Swap]:
    """An entry that is not filled is moved to the market, wherever that is."""

    def wrong(_turn: Turn, order: ChildOrder, instrument: Instrument, market: Decimal, _reference: Decimal) -> Decimal:
        return on_tick(market, instrument.tick_inr, up=order.side is Side.BUY)

    return [replace_everywhere(chase._limit_inr, wrong)]


@planted_where_orders_rest
def resting_exit_not_cut_down() -> list[Swap]:
    """An exit that rests is sent as it was decided, whatever positions have shown since."""
    right = sending._fits

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        return rests(order) or right(turn, child, leg, order)

    return [replace_everywhere(right, wrong)]
