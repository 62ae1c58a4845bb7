"""Planted bugs about what the fills and ends of the master's resting orders mean for a child: sizes, targets, ends."""

from engine.core import (
    answers,
    catch_up,
    entries,
    mirror_sizes,
    mirroring,
    resting,
    settle,
    strategy,
)
from engine.core.mirrored_leg import MirroredLeg
from engine.core.sizing import SizingRule
from engine.core.state_child import Child, ChildLeg, Mirror
from engine.core.state_master import MasterOrder
from engine.core.turn import Turn, held_units
from tests.sim.planting import Swap, in_module, planted_where_orders_rest, replace_everywhere

# --- sizes ------------------------------------------------------------------------------------------------------------


@planted_where_orders_rest
def copy_of_the_masters_lots() -> list[Swap]:
    """A copy is as large as the master's order, whatever the ratio."""
    right = mirror_sizes._size_entry

    def wrong(at: MirroredLeg, mirror: Mirror, order: MasterOrder) -> None:
        rule = at.rule
        if rule.lots_for is not None:
            at.rule = SizingRule(lots_for=lambda units: units // at.instrument.lot_units)
        right(at, mirror, order)
        at.rule = rule

    return [
        replace_everywhere(right, wrong),
        replace_everywhere(mirror_sizes._most_units, lambda _at, _mirrors: 10**6),
    ]


@planted_where_orders_rest
def all_that_rests_has_no_bound() -> list[Swap]:
    """What rests is bounded order by order, not together with what is held."""
    return [replace_everywhere(mirror_sizes._most_units, lambda _at, _mirrors: 10**6)]


@planted_where_orders_rest
def background_orders_mirrored() -> list[Swap]:
    """An order that closes what the master held before the start rests for the children as an entry."""
    right = mirror_sizes.size_orders

    def wrong(at: MirroredLeg, working: list[MasterOrder]) -> None:
        kept, at.master.background_units = at.master.background_units, 0
        right(at, working)
        at.master.background_units = kept

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def order_that_turned_round_means_what_it_meant() -> list[Swap]:
    """An order that opened and closes now, or the other way round, keeps its copy as it was."""
    right = mirror_sizes._record

    def wrong(turn: Turn, leg: ChildLeg, order: MasterOrder, *, entry: bool) -> Mirror | None:
        return leg.mirrors.get(order.order_id) or right(turn, leg, order, entry=entry)

    return [replace_everywhere(right, wrong)]


# --- his fills --------------------------------------------------------------------------------------------------------


@planted_where_orders_rest
def his_fill_entered_beside_the_copy() -> list[Swap]:
    """What the master's resting order fills is entered as if nothing rested for it."""
    return [
        in_module(entries, "on_the_way", resting.going_entry_units),
        in_module(entries, "rests_for_entries", lambda _turn, _leg: False),
    ]


@planted_where_orders_rest
def entries_take_the_room_of_what_rests() -> list[Swap]:
    """What the master adds through the market is entered although what rests leaves no room for it."""
    return [in_module(entries, "rests_for_entries", lambda _turn, _leg: False)]


@planted_where_orders_rest
def missed_fill_not_completed() -> list[Swap]:
    """What the master's fill brought and the copy missed goes on resting."""
    return [replace_everywhere(catch_up.catch_up, lambda _at, _mirror: None)]


@planted_where_orders_rest
def completed_before_it_is_off() -> list[Swap]:
    """What a copy missed is sent through the market before the broker has confirmed that it rests no more."""

    def wrong(at: MirroredLeg, mirror: Mirror) -> None:
        units = mirror.taken_units - mirror.completed_units
        if units > 0:
            mirror.completed_units += units
            entries.enter_completion(at.turn, at.child, at.master, at.leg, at.instrument, units, at.his(mirror))

    return [replace_everywhere(catch_up._complete, wrong)]


@planted_where_orders_rest
def completed_order_still_rests() -> list[Swap]:
    """An order that goes through the market still counts as resting for the master's."""
    return [replace_everywhere(resting.detach, lambda _turn, _leg, _order: None)]


@planted_where_orders_rest
def missed_lots_bought_at_his_fill() -> list[Swap]:
    """What was missed while the master's order rested is bought when it fills."""
    return [in_module(entries, "missed_due", lambda _turn, _child, _leg, _most: 0)]


# --- ahead of him, and his ends -----------------------------------------------------------------------------------------


@planted_where_orders_rest
def filled_ahead_sold_at_once() -> list[Swap]:
    """What a copy filled before the master's order did is above the target, and goes out."""
    return [in_module(settle, "ahead_units", lambda _turn, _leg: 0)]


@planted_where_orders_rest
def orphans_never_closed() -> list[Swap]:
    """What a copy filled for an order that ended without is backed for ever."""
    return [replace_everywhere(mirroring._note_ends, lambda _at: None)]


@planted_where_orders_rest
def orphans_kept_as_the_childs() -> list[Swap]:
    """What a copy filled for an order that ended without becomes the child's share."""

    def wrong(at: MirroredLeg, mirror: Mirror) -> None:
        units = min(resting.ahead_units(at.turn, at.leg), held_units(at.leg) - at.leg.target_units)
        mirror.backs = False
        if units > 0:
            at.leg.base_units += units
            at.leg.target_units += units

    return [replace_everywhere(mirroring._end_entry, wrong)]


@planted_where_orders_rest
def exit_ahead_of_a_cancelled_one_bought_back() -> list[Swap]:
    """What an exit closed before the master's order ended without is not missed."""

    def wrong(_turn: Turn, _child: Child, _leg: ChildLeg, _reason: str, *, guards: bool = True) -> None:
        del guards

    return [in_module(mirroring, "note_missed", wrong)]


@planted_where_orders_rest
def exit_beside_the_resting_one() -> list[Swap]:
    """An exit that is due goes out although what rests may still fill it."""
    return [in_module(settle, "covering_units", lambda _turn, _leg, _most: 0)]


# --- the strategy, and other days ---------------------------------------------------------------------------------------


@planted_where_orders_rest
def strategy_ends_while_his_orders_work() -> list[Swap]:
    """Orders of the master that work do not keep a strategy going."""
    return [replace_everywhere(strategy.works, lambda _turn, _scope: False)]


@planted_where_orders_rest
def strategy_starts_with_any_order() -> list[Swap]:
    """An order that only closes what the master holds starts a strategy."""
    return [replace_everywhere(mirroring._opens, lambda _turn, _order: True)]


@planted_where_orders_rest
def copies_lost_at_a_start() -> list[Swap]:
    """After a start nothing is known of what rests for which order."""
    right = answers.restart_orders

    def wrong(turn: Turn) -> None:
        for child in turn.state.children.values():
            for leg in child.legs.values():
                leg.mirrors = {}
                for order in turn.open_orders(leg):
                    order.mirrors = ""
        right(turn)

    return [replace_everywhere(right, wrong)]


@planted_where_orders_rest
def records_never_dropped() -> list[Swap]:
    """Records of orders that are over are kept, and their legs with them."""
    return [replace_everywhere(mirroring._forget, lambda _at: None)]
