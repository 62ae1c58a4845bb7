"""`follow: orders`: the master's resting orders are mirrored while they rest, moved and cancelled with his.

Called after every event that concerns orders. Targets are decided as in `follow: fills`, by what his orders filled
(`engine.core.entries`, `engine.core.settle`); here a child's part of each order that rests is sized, and what his fill
brought and the resting order missed is completed through the market after `catch_up_s`. The orders themselves are the
matter of `engine.core.resting_orders`.

    his order     part of the child
    works         entry: floor(r x his lots); exit: what the target falls by when it fills
    is changed    changed, one modification under way at a time
    fills         the resting order has `catch_up_s` to fill as well, then it goes through the market
    ends          cancelled; what was filled ahead of his is closed (or kept) after `catch_up_s`
"""

from config.schema import ConfirmWhen, Follow, OnOrphanFill, SizingMode
from engine.core import carried, gates, reasons, resting_orders
from engine.core import strategy as strategies
from engine.core.chase import move_now
from engine.core.entries import NO_ENTRIES, enter_completion, sizing_rule
from engine.core.handover import keep_excess
from engine.core.lifecycle import OrderState
from engine.core.master import master_leg
from engine.core.orders import average_inr, find_copy, price_to_meet
from engine.core.plans import close_if_done, is_hedge, note_missed, plan_of, store_plan
from engine.core.resting import (
    ahead_units,
    detach,
    filled_units,
    going_entry_units,
    going_exit_units,
    on_the_way,
    owed_units,
    resting_of,
    resting_units,
    share,
)
from engine.core.settle import kept_units, settle
from engine.core.sizing import Plan, SizingRule, decide_target
from engine.core.state import Child, ChildLeg, MasterLeg, MasterOrder, Mirror
from engine.core.turn import WARNING, Turn, held_units, seconds_ns
from engine.model import Instrument, LegId, OrderType, Side, Validity, split_leg
from engine.snapshot import StrategyState

MOVING = frozenset({SizingMode.LIVE_RATIO, SizingMode.RISK_PCT})
"""Modes whose measure changes all the time."""
RESTS = frozenset({OrderType.LIMIT.value, OrderType.SL.value, OrderType.SL_M.value})
"""Types that are mirrored; a MARKET order is followed when it fills."""


TAKEN_FROM = frozenset({OrderState.WORKING, OrderState.QUEUED})
"""What is unknown is found out first: units of it are not sent another way."""


def follow(turn: Turn, account: str = "") -> None:
    """Bring the children's resting orders in line with the master's; of one child only when `account` is one."""
    state = turn.state
    if turn.settings.follow is not Follow.ORDERS or not state.master.synced:
        return
    if account not in state.children:
        _follow_strategies(turn)
    by_leg: dict[LegId, list[MasterOrder]] = {}
    for order_id in state.master.working:
        order = state.master.orders[order_id]
        by_leg.setdefault(order.leg, []).append(order)
    for child in turn.configured():
        if account in state.children and child.id != account:
            continue
        mirrored = [leg.leg for leg in child.legs.values() if leg.mirrors]
        for leg_id in dict.fromkeys([*by_leg, *mirrored]):
            _follow_leg(turn, child, master_leg(turn, leg_id), by_leg.get(leg_id, []))


def _follow_strategies(turn: Turn) -> None:
    """A strategy starts with the first order that works out of flat; it ends when he is flat and nothing works."""
    master = turn.state.master
    for order_id in master.working:
        order = master.orders[order_id]
        strategy = turn.strategy(turn.scope_of(order.leg))
        if strategy.state is not StrategyState.ACTIVE and _opens(turn, order):
            strategies.begin(turn, strategy, order.placed_ns, order.order_id)
    for strategy in turn.state.strategies.values():
        strategies.note_master_out(turn, strategy)


def _opens(turn: Turn, order: MasterOrder) -> bool:
    """Whether an order would open lots: not one that only closes what he holds, followed or not."""
    leg = master_leg(turn, order.leg)
    held = leg.units + leg.background_units
    return held * order.side.sign >= 0 or order.quantity - order.filled > abs(held)


def _follow_leg(turn: Turn, child: Child, master: MasterLeg, working: list[MasterOrder]) -> None:
    leg = turn.child_leg(child, master.leg)
    orders = [order for order in working if order.order_type in RESTS and order.validity is Validity.DAY]
    instrument = carried.terms(turn, child, leg)
    if instrument is None:
        if orders:
            turn.skip(child, leg.leg, turn.why_unknown(child.id, leg.leg))
        return
    rule, no_entry = _rule(turn, child, master, leg, instrument)
    sizes = _sizes(turn, child, master, leg, orders, instrument, rule, no_entry)
    _note_falls(turn, master, leg)
    for mirror in list(leg.mirrors.values()):
        if mirror.entry:
            _note_fills(turn, master, leg, mirror, rule, instrument)
    _note_ends(turn, child, master, leg)
    _size_exits(turn, child, leg, sizes)
    _size_entries(turn, child, master, leg, rule, instrument, sizes, no_entry)
    room = resting_orders.Room(turn, child, master, leg, instrument, sizes.added_units, no_entry)
    for mirror in list(leg.mirrors.values()):
        if mirror.entry:
            _catch_up(turn, child, master, leg, mirror, instrument)
        room.align(mirror)
    _forget(turn, leg)
    settle(turn, child, leg)


# --- sizes ------------------------------------------------------------------------------------------------------------


class _Sizes:
    """What is to rest of the master's orders in one leg."""

    __slots__ = ("added_units", "falls")

    def __init__(self) -> None:
        self.added_units = 0
        "Entry units of the master that rest."
        self.falls: dict[str, int] = {}
        "By the master's exit: what the child's target falls by when it fills."


def _rule(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, instrument: Instrument) -> tuple[SizingRule, str]:
    """The child's sizing, and why it rests no entries now ('' when it does)."""
    rule, no_entry = sizing_rule(turn, child, master, leg, instrument)
    side = Side.SELL if leg.sign < 0 else Side.BUY
    if turn.state.kill:
        no_entry = reasons.KILLED
    elif leg.handed_over:
        no_entry = reasons.HANDED_OVER
    elif child.loss_hit or turn.state.loss_hit:
        no_entry = reasons.DAILY_LOSS
    elif gates.is_lone_leg(turn, child, leg, side):
        no_entry = reasons.LONE_LEG
    elif turn.market_open:
        no_entry = no_entry or gates.why_not_now(turn, leg, instrument)
    return rule, no_entry or child.stopped.get(master.scope, "")


def _sizes(
    turn: Turn,
    child: Child,
    master: MasterLeg,
    leg: ChildLeg,
    orders: list[MasterOrder],
    instrument: Instrument,
    rule: SizingRule,
    no_entry: str,
) -> _Sizes:
    """Size each order of the master that rests, in the order of their placing."""
    sizes, plan, left = _Sizes(), plan_of(leg), abs(master.units)
    background = abs(master.background_units)
    for order in orders:
        open_units = order.quantity - order.filled
        if master.units * order.side.sign < 0:
            left -= min(open_units, left)
            after = _after_exit(turn, child, leg, plan, left, instrument)
            fall, plan = max(0, plan.target_units - after.target_units), after
            mirror = _mirror(turn, leg, order, entry=False)
            if mirror is not None and turn.settings.confirm.when is not ConfirmWhen.ALL:
                is_undecided = master.window is not None  # the target does not count his newest fills yet
                sizes.falls[order.order_id] = max(fall, mirror.fall_units) if is_undecided else fall
            continue
        closes = min(open_units, background) if master.background_units * order.side.sign < 0 else 0
        background -= closes
        if closes or not _takes_side(turn, leg, order.side, no_entry):
            continue  # what closes background, if only in part, is followed at its fill
        mirror = _mirror(turn, leg, order, entry=True)
        if mirror is not None:
            sizes.added_units += open_units
            _size_entry(turn, child, leg, mirror, order, instrument, rule, no_entry)
    if sizes.added_units and not no_entry:
        leg.peak_units = max(leg.peak_units, abs(master.units) + sizes.added_units)
    return sizes


def _after_exit(turn: Turn, child: Child, leg: ChildLeg, plan: Plan, left: int, instrument: Instrument) -> Plan:
    """The plan when the master is down to `left` units."""
    up = is_hedge(turn, child, leg)
    return decide_target(plan, plan.sign * left, instrument.lot_units, NO_ENTRIES, round_up=up)


def _takes_side(turn: Turn, leg: ChildLeg, side: Side, no_entry: str) -> bool:
    """Whether entries of a side may rest: nothing of the other side is planned, and no older plan is being left."""
    if not leg.sign and not no_entry and not leg.allocation_units and not leg.orders:
        store_plan(leg, Plan(sign=side.sign))
    is_left = not leg.decided_units and not leg.mirrors and bool(leg.allocation_units or leg.orders)
    return leg.sign in (side.sign, 0) and not is_left and not leg.due


def _mirror(turn: Turn, leg: ChildLeg, order: MasterOrder, *, entry: bool) -> Mirror | None:
    """The record of an order, made when missing; `None` while what rests for it means the other thing."""
    found = leg.mirrors.get(order.order_id)
    if found is not None and found.entry is not entry:
        found.sized_units = found.sized_for = 0  # he went through zero meanwhile: what rests is taken away first
        if not found.entry:
            return None  # an exit that outlives its position rests for nobody; its fill is followed
        if resting_of(turn, leg, found) or found.asked_units:
            return None
        found = None
    if found is None:
        found = leg.mirrors[order.order_id] = Mirror(order_id=order.order_id, entry=entry, side=order.side)
        found.seen_units = order.filled
    return found


def _size_entry(
    turn: Turn,
    child: Child,
    leg: ChildLeg,
    mirror: Mirror,
    order: MasterOrder,
    instrument: Instrument,
    rule: SizingRule,
    no_entry: str,
) -> None:
    """floor(r x his lots) of an order; while the child takes no entries, what was known before."""
    if no_entry or rule.lots_for is None:
        turn.skip(child, leg.leg, no_entry)
        return
    opens = order.quantity - (order.filled - order.opened_units)
    if mirror.sized_for != opens:
        before, mirror.sized_for = mirror.sized_units, opens
        mirror.sized_units = rule.lots_for(opens) * instrument.lot_units
        smaller = max(0, before - mirror.sized_units)  # what was missed of the larger order goes first
        mirror.missed_units = max(mirror.told_units, mirror.missed_units - smaller)
    if not mirror.is_sized and order.opened_units:  # what filled before it could rest is copied as fills are
        due = min(mirror.sized_units, rule.lots_for(order.opened_units) * instrument.lot_units)
        mirror.due_units = mirror.taken_units = due
        is_asking = turn.settings.confirm.when is not ConfirmWhen.NEVER
        mirror.completed_units = due if is_asking else 0
    mirror.is_sized = True
    if not mirror.sized_units and not leg.target_units:
        turn.skip(child, leg.leg, reasons.BELOW_ONE_LOT)


def _size_entries(
    turn: Turn,
    child: Child,
    master: MasterLeg,
    leg: ChildLeg,
    rule: SizingRule,
    instrument: Instrument,
    sizes: _Sizes,
    no_entry: str,
) -> None:
    """What is to rest now: of an order that is over what its fills are worth, all together never above the share."""
    leg.most_units = leg.target_units
    if not no_entry and leg.sign * master.units >= 0:
        size = leg.sign * (abs(master.units) + sizes.added_units)
        plan = decide_target(plan_of(leg), size, instrument.lot_units, rule, round_up=False)
        leg.most_units = max(leg.target_units, plan.target_units)
        capital = gates.capital_units(turn, child, leg, instrument, abs(size))
        leg.most_units = leg.most_units if capital is None else min(leg.most_units, max(leg.target_units, capital))
    mirrors = [mirror for mirror in leg.mirrors.values() if mirror.entry]
    if turn.child_settings[child.id].sizing.mode in MOVING:  # sized once, whatever the margin does meanwhile
        sized = sum(mirror.sized_units - mirror.decided_units - mirror.missed_units for mirror in mirrors)
        leg.most_units = leg.target_units + max(0, sized)
    held = max(0, held_units(leg)) + going_entry_units(turn, leg)
    held += sum(mirror.taken_units - mirror.completed_units for mirror in mirrors)
    avail, short = leg.most_units - held, leg.target_units - held
    if master.window is not None:
        short = avail  # what the master's newest fill is worth is decided in a moment
    for mirror in sorted(mirrors, key=lambda each: not turn.state.master.orders[each.order_id].ended_ns):
        gone = filled_units(turn, mirror) + mirror.taken_units + mirror.missed_units
        rest = 0 if no_entry else max(0, min(mirror.sized_units - gone, avail))
        if turn.state.master.orders[mirror.order_id].ended_ns:
            rest = max(0, min(rest, owed_units(turn, leg, mirror), short))
            short -= rest
        avail -= rest
        mirror.units = gone + rest


# --- what filled, what ended ------------------------------------------------------------------------------------------


def _note_fills(
    turn: Turn, master: MasterLeg, leg: ChildLeg, mirror: Mirror, rule: SizingRule, instrument: Instrument
) -> None:
    """What the master's fills of an entry are worth by now; his price is what slippage is measured by."""
    order = turn.state.master.orders[mirror.order_id]
    if rule.lots_for is not None:
        worth = rule.lots_for(order.opened_units) * instrument.lot_units
        mirror.due_units = max(mirror.due_units, min(worth, mirror.sized_units))
    if master.window is None:  # the target counts these fills by now
        mirror.decided_units = mirror.due_units
    copy = find_copy(turn, mirror.copy_id) if order.filled else None
    if copy is not None:
        copy.master_price_inr = average_inr(order)


def _note_falls(turn: Turn, master: MasterLeg, leg: ChildLeg) -> None:
    """What the target fell by belongs to the exits that filled: what ours filled beyond it is ahead of the master's."""
    fell = max(0, leg.mirrored_target_units - leg.target_units)
    leg.mirrored_target_units = leg.target_units
    for mirror in leg.mirrors.values():
        filled = turn.state.master.orders[mirror.order_id].filled
        if mirror.entry:
            continue
        if master.units * mirror.side.sign >= 0:  # he is out of what it closes: nothing of it is ahead
            mirror.backs, mirror.decided_units = False, filled_units(turn, mirror)
        elif filled > mirror.seen_units:
            mirror.decided_units += fell
            fell = 0
        elif not turn.state.master.orders[mirror.order_id].ended_ns:
            mirror.backs = True
        mirror.seen_units = filled


def _note_ends(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg) -> None:
    """Some time after an order's end nothing backs what was filled ahead of it.

    An entry is closed, or kept as the owner's; what an exit closed is missing, and is not bought back.
    """
    for mirror in leg.mirrors.values():
        ended_ns = turn.state.master.orders[mirror.order_id].ended_ns
        if not ended_ns or master.window is not None or not (mirror.backs or not mirror.entry):
            continue
        if turn.now_ns < ended_ns + _catch_up_ns(turn):
            _wake(turn, child, leg, ended_ns + _catch_up_ns(turn))
            continue
        if not mirror.entry and going_exit_units(turn, leg):
            continue  # what is missing is known when the exits under way have ended
        if not mirror.entry:
            mirror.backs = False
            if filled_units(turn, mirror) > mirror.decided_units and master.units * mirror.side.sign < 0:
                mirror.decided_units = filled_units(turn, mirror)
                note_missed(turn, child, leg, reasons.EXITED_AHEAD)
            continue
        over = min(ahead_units(turn, leg), held_units(leg) - leg.target_units)
        mirror.backs = False
        units = over - ahead_units(turn, leg)
        _send_short(turn, child, master, leg, mirror)
        order = turn.state.master.orders[mirror.order_id]
        if units > 0 and order.filled == order.quantity and turn.child_settings[child.id].sizing.mode in MOVING:
            leg.base_units += units  # its part was measured when it was placed; a smaller measure sells nothing
            leg.target_units += units
            continue
        if units > 0 and turn.settings.risk.on_orphan_fill is OnOrphanFill.KEEP:
            keep_excess(turn, child, leg, units)
        elif units > 0:
            text = f"{units} filled for an order of the master that ended without: closed"
            turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])


def _send_short(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, mirror: Mirror) -> None:
    """Lots of the target that only this order left no room for, by rounding: sent now that it is over."""
    instrument = carried.terms(turn, child, leg)
    short = leg.target_units - share(turn, leg)
    if instrument is None or short < instrument.lot_units or leg.entry_pending or leg.due:
        return
    if leg.sign * master.units > 0:
        order = turn.state.master.orders[mirror.order_id]
        enter_completion(turn, child, master, leg, instrument, short, order)


def forget_day(turn: Turn) -> None:
    """A new day: nothing of yesterday rests any more. What ours filled ahead of his has no order to wait for."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            ahead = min(ahead_units(turn, leg), held_units(leg) - leg.target_units)
            for order in turn.open_orders(leg):
                order.mirrors = ""
            has_closed = any(not mirror.entry and filled_units(turn, mirror) for mirror in leg.mirrors.values())
            leg.mirrors = {}
            if has_closed:
                note_missed(turn, child, leg, reasons.EXITED_AHEAD)
            if ahead > 0 and turn.settings.risk.on_orphan_fill is OnOrphanFill.KEEP:
                keep_excess(turn, child, leg, ahead)
            elif ahead > 0 and not leg.due:
                leg.due, leg.due_since_ns = True, turn.now_ns


def _catch_up_ns(turn: Turn) -> int:
    return seconds_ns(turn.settings.copy.catch_up_s)


def _wake(turn: Turn, child: Child, leg: ChildLeg, at_ns: int) -> None:
    """Look at the leg again at that time."""
    name = f"catch_up:{child.id}|{leg.leg}"
    turn.timer(name, min(at_ns, turn.state.timers.get(name, at_ns)))


def _forget(turn: Turn, leg: ChildLeg) -> None:
    """Drop records of orders that are over, when nothing of them is open."""
    for mirror in list(leg.mirrors.values()):
        is_open = resting_of(turn, leg, mirror) or mirror.taken_units > mirror.completed_units or mirror.asked_units
        if not is_open and not mirror.backs and turn.state.master.orders[mirror.order_id].ended_ns:
            del leg.mirrors[mirror.order_id]
    if not leg.mirrors:
        close_if_done(turn, leg)


# --- completion -------------------------------------------------------------------------------------------------------


def _catch_up(
    turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, mirror: Mirror, instrument: Instrument
) -> None:
    """What the master's fill brought and the resting order missed goes through the market after a while."""
    waiting = owed_units(turn, leg, mirror)
    short = leg.target_units - held_units(leg) - on_the_way(turn, leg) + waiting
    owed = max(0, min(waiting, short))
    if not owed:
        mirror.owed_since_ns = 0
    else:
        mirror.owed_since_ns = mirror.owed_since_ns or turn.now_ns
        until_ns = mirror.owed_since_ns + _catch_up_ns(turn)
        if turn.now_ns < until_ns:
            _wake(turn, child, leg, until_ns)
        else:
            mirror.owed_since_ns = 0
            _take(turn, child, leg, mirror, owed)
    _complete(turn, child, master, leg, mirror, instrument)


def _take(turn: Turn, child: Child, leg: ChildLeg, mirror: Mirror, units: int) -> None:
    """Send resting units through the market: whole orders are moved there, the rest is taken off them first."""
    order = turn.state.master.orders[mirror.order_id]
    for each in resting_of(turn, leg, mirror):
        if 0 < each.remaining <= units and each.state is OrderState.WORKING and not each.cancelling_ns:
            units -= each.remaining
            detach(turn, leg, each)
            each.reference_inr = each.master_price_inr = price_to_meet(order, turn.state.master.legs[leg.leg])
            move_now(turn, child, leg, each)
    can_be_taken = sum(each.remaining for each in resting_of(turn, leg, mirror) if each.state in TAKEN_FROM)
    mirror.taken_units += min(units, can_be_taken)


def _complete(
    turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, mirror: Mirror, instrument: Instrument
) -> None:
    """Send what was taken off the resting orders, once the broker has confirmed that it is off."""
    units = mirror.taken_units - mirror.completed_units
    covered = filled_units(turn, mirror) + resting_units(turn, leg, mirror)
    if units <= 0 or covered + mirror.taken_units + mirror.missed_units > mirror.units:
        return
    mirror.completed_units += units
    order = turn.state.master.orders[mirror.order_id]
    enter_completion(turn, child, master, leg, instrument, units, order)


def _size_exits(turn: Turn, child: Child, leg: ChildLeg, sizes: _Sizes) -> None:
    """Size what rests for exits: the fall that each brings, and for a moment what his fill has brought already.

    An exit that is due and that resting exits leave no room for takes their place: they go through the market.
    """
    mirrors = [mirror for mirror in leg.mirrors.values() if not mirror.entry]
    if not mirrors:
        return
    orders = turn.state.master.orders
    mirrors.sort(key=lambda mirror: not orders[mirror.order_id].filled)
    held, going = abs(leg.allocation_units), going_exit_units(turn, leg)
    due = max(0, held - kept_units(turn, leg) - going)
    room = held - going - due
    for mirror in mirrors:
        order = orders[mirror.order_id]
        ahead = max(0, filled_units(turn, mirror) - mirror.decided_units) if mirror.backs else 0
        mirror.fall_units = max(0, min(sizes.falls.get(mirror.order_id, 0) - ahead, room))
        room -= mirror.fall_units
        rest = resting_units(turn, leg, mirror)
        until_ns = order.filled_ns + _catch_up_ns(turn)
        cover = 0
        if order.filled and turn.now_ns < until_ns:
            cover = max(0, min(due, rest - mirror.fall_units))
            _wake(turn, child, leg, until_ns)
        elif not mirror.fall_units and 0 < rest <= due:
            _press(turn, child, leg, mirror)
            due -= rest
        due -= cover
        mirror.units = filled_units(turn, mirror) + mirror.fall_units + cover


def _press(turn: Turn, child: Child, leg: ChildLeg, mirror: Mirror) -> None:
    """The exit is due now: what rests for it goes through the market."""
    for each in resting_of(turn, leg, mirror):
        if each.state is OrderState.WORKING and not each.cancelling_ns:
            detach(turn, leg, each)
            move_now(turn, child, leg, each)
