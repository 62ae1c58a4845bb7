"""`follow: orders`: the master's resting orders are mirrored while they rest, moved and cancelled with his.

Called after every event that concerns orders. Targets are decided as in `follow: fills`, by what his orders filled
(`engine.core.entries`, `engine.core.settle`); here it is found out what the fills and ends of his orders mean for what
rests. Sizes (`engine.core.mirror_sizes`), what goes through the market instead (`engine.core.catch_up`) and the orders
themselves (`engine.core.resting_orders`) have modules of their own.

    his order     part of the child
    works         entry: floor(r x his lots); exit: what the target falls by when it fills
    is changed    changed, one modification under way at a time
    fills         the resting order has `catch_up_s` to fill as well, then it goes through the market
    ends          cancelled; what was filled ahead of his is closed (or kept) after `catch_up_s`
"""

from config.schema import Follow, OnOrphanFill
from engine.core import carried, gates, reasons
from engine.core import strategy as strategies
from engine.core.catch_up import catch_up, press, send_short
from engine.core.delivery import is_sale
from engine.core.handover import keep_excess
from engine.core.master import master_leg
from engine.core.mirror_sizes import size_entries, size_exits, size_orders
from engine.core.mirrored_leg import MirroredLeg
from engine.core.orders import average_inr, find_copy
from engine.core.plans import close_if_done, make_due, note_missed
from engine.core.resting import ahead_units, closed_ahead, filled_units, going_exit_units, resting_of
from engine.core.resting_orders import Resting
from engine.core.settle import settle
from engine.core.sizing import SizingRule
from engine.core.sizing_rules import MOVING, sizing_rule
from engine.core.state_child import Child, ChildLeg, Mirror
from engine.core.state_master import MasterLeg, MasterOrder
from engine.core.turn import WARNING, Turn, held_units
from engine.core.varieties import RESTS, why_at_fills
from engine.model import BookStatus, Instrument, LegId, Side, Validity, split_leg
from engine.snapshot import StrategyState


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
        is_there = order.status is not BookStatus.PENDING
        if strategy.state is not StrategyState.ACTIVE and is_there and _opens(turn, order):
            strategies.begin(turn, strategy, order.placed_ns, order.order_id)
    for strategy in turn.state.strategies.values():
        strategies.note_master_out(turn, strategy)


def _opens(turn: Turn, order: MasterOrder) -> bool:
    """Whether an order would open lots: not one that only closes what he holds, followed or not."""
    leg = master_leg(turn, order.leg)
    held = leg.units + leg.background_units
    if is_sale(order.leg, order.side):
        return False
    return held * order.side.sign >= 0 or order.quantity - order.filled > abs(held)


def _follow_leg(turn: Turn, child: Child, master: MasterLeg, working: list[MasterOrder]) -> None:
    leg = turn.child_leg(child, master.leg)
    orders = [order for order in working if _rests(order)]
    instrument = carried.terms(turn, child, leg)
    if instrument is None:
        if orders:
            turn.skip(child, leg.leg, turn.why_unknown(child.id, leg.leg))
        return
    rule, no_entry = _rule(turn, child, master, leg, instrument, orders)
    at = MirroredLeg(
        turn=turn, child=child, master=master, leg=leg, instrument=instrument, rule=rule, no_entry=no_entry
    )
    size_orders(at, orders)
    _note_falls(at)
    for mirror in at.entries:
        _note_fills(at, mirror)
    _note_ends(at)
    for mirror in size_exits(at):
        press(at, mirror)
    size_entries(at)
    resting = Resting(at)
    for mirror in list(leg.mirrors.values()):
        if mirror.entry:
            catch_up(at, mirror)
        resting.align(mirror)
    _forget(at)
    settle(turn, child, leg)


def _rests(order: MasterOrder) -> bool:
    """Whether an order of the master's is mirrored: it rests at the exchange, which may refuse what is on its way."""
    is_there = order.status is not BookStatus.PENDING
    return is_there and order.order_type in RESTS and order.validity is Validity.DAY and not why_at_fills(order)


def _rule(
    turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, instrument: Instrument, orders: list[MasterOrder]
) -> tuple[SizingRule, str]:
    """The child's sizing, and why it rests no entries now ('' when it does)."""
    opens = orders[0].side if orders and not master.units else None
    rule, no_entry = sizing_rule(turn, child, master, instrument, opens)
    side = Side.SELL if leg.sign < 0 else Side.BUY
    if turn.state.kill:
        no_entry = reasons.KILLED
    elif leg.handed_over:
        no_entry = reasons.HANDED_OVER
    elif turn.is_loss_hit(child):
        no_entry = reasons.DAILY_LOSS
    elif gates.is_lone_leg(turn, child, leg, side):
        no_entry = reasons.LONE_LEG
    elif turn.market_open:
        no_entry = no_entry or gates.why_not_now(turn, turn.child_settings[child.id], leg, instrument)
    return rule, no_entry or child.stopped.get(master.scope, "")


def _note_fills(at: MirroredLeg, mirror: Mirror) -> None:
    """What the master's fills of an entry are worth by now; his price is what slippage is measured by."""
    order = at.his(mirror)
    if at.rule.lots_for is not None:
        worth = at.rule.added_lots(0, order.opened_units) * at.instrument.lot_units
        mirror.due_units = max(mirror.due_units, min(worth, mirror.sized_units))
    come_units = filled_units(at.turn, mirror) + mirror.taken_units
    missed_units = min(mirror.missed_units, mirror.sized_units - come_units)  # what filled after all was not missed
    mirror.missed_units = max(mirror.told_units, missed_units)
    if at.master.units * mirror.side.sign <= 0:
        mirror.completed_units = mirror.taken_units  # he is out of what it opened: nothing of it is sent any more
        if order.ended_ns:
            mirror.told_units = mirror.missed_units  # nor missed of what he does later
    if at.master.window is None:  # the target counts these fills by now
        mirror.decided_units = mirror.due_units
    _note_his_fill(at, mirror)


def _note_his_fill(at: MirroredLeg, mirror: Mirror) -> None:
    """A copy is measured by the master's fill: its price and, for how long it took, its time."""
    order = at.his(mirror)
    copy = find_copy(at.turn, mirror.copy_id) if order.filled else None
    if copy is not None:
        copy.master_price_inr = average_inr(order)
        copy.signal_ns = copy.signal_ns or order.filled_ns


def _note_falls(at: MirroredLeg) -> None:
    """What the target fell by belongs to the exits that filled: what ours filled beyond it is ahead of the master's."""
    leg = at.leg
    fell = max(0, leg.mirrored_target_units - leg.target_units)
    leg.mirrored_target_units = leg.target_units
    for mirror in at.exits:
        _note_his_fill(at, mirror)
        order = at.his(mirror)
        if at.master.units * mirror.side.sign >= 0:  # he is out of what it closes: nothing of it is ahead
            mirror.backs, mirror.decided_units = False, filled_units(at.turn, mirror)
        elif order.filled > mirror.seen_units:
            mirror.decided_units += fell
            fell = 0
        elif not order.ended_ns:
            mirror.backs = True
        mirror.seen_units = order.filled


def _note_ends(at: MirroredLeg) -> None:
    """Some time after an order's end nothing backs what was filled ahead of it."""
    if at.master.window is not None:
        return
    for mirror in at.leg.mirrors.values():
        ended_ns = at.his(mirror).ended_ns
        if not ended_ns or (mirror.entry and not mirror.backs) or at.is_within(at.catch_up_until(ended_ns)):
            continue
        if mirror.entry:
            _end_entry(at, mirror)
        elif not going_exit_units(at.turn, at.leg):  # what is missing is known when the exits under way have ended
            _end_exit(at, mirror)


def _end_exit(at: MirroredLeg, mirror: Mirror) -> None:
    """What an exit closed before the master's order ended without is missing, and is not bought back."""
    mirror.backs = False
    is_ahead = closed_ahead(at.turn, mirror) > 0 or not at.leg.entry_pending  # what was due may have gone otherwise
    if is_ahead and at.master.units * mirror.side.sign < 0:
        mirror.decided_units = filled_units(at.turn, mirror)
        note_missed(at.turn, at.child, at.leg, reasons.EXITED_AHEAD)


def _end_entry(at: MirroredLeg, mirror: Mirror) -> None:
    """What an entry filled before the master's order ended without is closed, or kept as the owner's."""
    turn, child, leg, order = at.turn, at.child, at.leg, at.his(mirror)
    over = min(ahead_units(turn, leg), held_units(leg) - leg.target_units)
    mirror.backs = False
    units = over - ahead_units(turn, leg)
    send_short(at, mirror)
    if units <= 0:
        return
    is_held = leg.decided_units > 0 and at.master.units * mirror.side.sign > 0  # he may have left it meanwhile
    if is_held and order.filled == order.quantity and turn.child_settings[child.id].sizing.mode in MOVING:
        leg.base_units += units  # its part was measured when it was placed; a smaller measure sells nothing
        leg.target_units += units
        return
    mirror.left_units += units
    if turn.settings.risk.on_orphan_fill is OnOrphanFill.KEEP:
        keep_excess(turn, child, leg, units)
    else:
        text = f"{units} filled for an order of the master that ended without: closed"
        turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])


def _forget(at: MirroredLeg) -> None:
    """Drop records of orders that are over, when nothing of them is open."""
    for mirror in list(at.leg.mirrors.values()):
        is_taken = mirror.taken_units > mirror.completed_units
        is_counted = at.master.window is None and not at.leg.entry_pending  # his fills are, in the leg's target
        is_told = is_counted or mirror.missed_units <= mirror.told_units
        is_open = resting_of(at.turn, at.leg, mirror) or is_taken or mirror.asked_units or not is_told
        if not is_open and not mirror.backs and at.his(mirror).ended_ns:
            del at.leg.mirrors[mirror.order_id]
            if mirror.entry and at.master.window is None:
                send_short(at, mirror)  # what was taken off it was not known to be off when its order ended
    if not at.leg.mirrors:
        close_if_done(at.turn, at.leg)


def forget_day(turn: Turn) -> None:
    """A new day: nothing of yesterday rests any more. What ours filled ahead of his has no order to wait for."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            ahead = min(ahead_units(turn, leg), held_units(leg) - leg.target_units)
            for order in turn.open_orders(leg):
                order.mirrors = ""
            has_closed = any(not mirror.entry and filled_units(turn, mirror) for mirror in leg.mirrors.values())
            leg.mirrors = {}
            if not leg.entry_pending:  # nothing else brings what the target still counts on
                why = reasons.EXITED_AHEAD if has_closed else reasons.NOT_FILLED_BY_THE_CLOSE
                note_missed(turn, child, leg, why)
            if ahead > 0 and turn.settings.risk.on_orphan_fill is OnOrphanFill.KEEP:
                keep_excess(turn, child, leg, ahead)
            elif ahead > 0:
                make_due(turn, leg)
