"""The question of an unclean start: what was left open, and what its answers do. Resuming stands in `operator`.

While it is open, and after the time-out of exits that wait for it, only exits are sent.
"""

from decimal import Decimal

from config.schema import Mode
from engine.core import prompts, reasons
from engine.core.entries import resume_entry
from engine.core.lifecycle import OrderState
from engine.core.master import windows_now
from engine.core.plans import close_if_done, store_plan
from engine.core.rebuild import lift
from engine.core.settle import settle
from engine.core.sizing import Plan
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import ALARM, INFO, WARNING, Turn
from engine.model import NS_PER_S, sign, split_leg
from engine.snapshot import StrategyState

WAIT_TOLD_NS = 5 * NS_PER_S
"""Accounts that were not read so long after the start are named, with the reason."""


def is_open(leg: ChildLeg) -> bool:
    """Whether something of ours is open in a leg."""
    return bool(leg.allocation_units or leg.orders)


def open_lines(state: State) -> list[str]:
    """What is open, one line a child and leg: `C1 195 NIFTY26NOV24500CE, 1 unknown`."""
    lines: list[str] = []
    for child in state.children.values():
        for leg in child.legs.values():
            if not is_open(leg):
                continue
            found = [state.orders[tag].state for tag in leg.orders]
            counts = {what: found.count(what) for what in dict.fromkeys(found)}
            orders = "".join(f", {number} {what.value}" for what, number in counts.items())
            lines.append(f"{child.id} {leg.allocation_units} {split_leg(leg.leg)[1]}{orders}")
    return lines


def holds_something(state: State) -> bool:
    """Whether any child has an allocation or an unfinished order."""
    return any(is_open(leg) for child in state.children.values() for leg in child.legs.values())


def welcome(turn: Turn) -> None:
    """First lines of a start: what the state holds. LIVE with anything open is resumed by the operator only."""
    state = turn.state
    state.read_told, state.start_told = [], False
    turn.timer("start_up", turn.now_ns + WAIT_TOLD_NS)
    lines = open_lines(state)
    if lines and state.mode is Mode.LIVE and not state.unclean:
        state.unclean, state.resume_kept = True, False
        turn.notify(ALARM, "LIVE starts with something open: exits only until you answer")
    for scope, strategy in state.strategies.items():
        if strategy.state is not StrategyState.FLAT:
            turn.notify(INFO, f"state: strategy {strategy.number} of {scope} is {strategy.state.value}")
    turn.notify(INFO, f"state: {'; '.join(lines) or 'nothing of ours is open'}")


def note_read(turn: Turn, account: str) -> None:
    """An account was read: say so once a process, and what was found when all are."""
    state = turn.state
    if state.start_told:
        return
    child = state.children.get(account)
    if account not in state.read_told and (state.master.synced if child is None else child.synced):
        state.read_told.append(account)
        turn.notify(INFO, "book and positions are read", account)
    if state.master.synced and all(child.synced for child in turn.configured()):
        state.start_told = True
        state.timers.pop("start_up", None)
        _tell_found(turn)


def _tell_found(turn: Turn) -> None:
    """Unknown orders and differences, with which the start-up ends."""
    state = turn.state
    unknown = [order.tag for order in state.orders.values() if order.state is OrderState.UNKNOWN]
    turn.notify(WARNING if unknown else INFO, f"unknown orders: {', '.join(unknown) or 'none'}")
    apart = [
        f"{child.id} {split_leg(leg.leg)[1]} {leg.due_reason or 'the broker holds less than ours'}"
        for child in state.children.values()
        for leg in child.legs.values()
        if leg.due_reason or leg.suspicion is not None
    ]
    turn.notify(WARNING if apart else INFO, f"differences: {'; '.join(apart) or 'none'}")
    accounts = (state.master.account, *(child.id for child in turn.configured()))
    without = [account for account in accounts if not _has_margin(state, account)]
    turn.notify(WARNING if without else INFO, f"margins not known yet: {', '.join(without) or 'none'}")


def _has_margin(state: State, account: str) -> bool:
    """Whether a margin of an account was read since the start."""
    runs = state.samples.get(account, [])
    return bool(runs) and runs[-1].last_ns >= state.started_ns


def note_margin(turn: Turn, account: str) -> None:
    """The first margin of an account that the end of the start-up named as missing; call before it is kept."""
    if turn.state.start_told and not _has_margin(turn.state, account):
        turn.notify(INFO, "margin is known", account)


def note_waiting(turn: Turn) -> None:
    """Some accounts were not read soon after the start: name them, with the reason."""
    state = turn.state
    waiting = [(child.id, child.needs_login, child.error) for child in turn.configured() if not child.synced]
    if not state.master.synced:
        waiting.insert(0, (state.master.account, False, state.master.error))
    for account, needs_login, error in waiting:
        why = reasons.LOGIN_REQUIRED if needs_login else error or "no answer yet"
        turn.notify(WARNING, f"the start waits for its book and positions: {why}", account)


def rearm(turn: Turn) -> None:
    """The operator answered the prompt of an unclean start: exits that waited go, entries are armed."""
    state = turn.state
    state.unclean, state.resume_kept, state.armed = False, False, True
    state.restart_exit_until_ns = 0
    state.timers.pop("restart_exit", None)
    lift(turn)
    turn.notify(INFO, "resumed after an unclean stop: entries armed")
    for child in state.children.values():
        for leg in child.legs.values():
            if leg.due:
                settle(turn, child, leg, at_once=True)
            resume_entry(turn, child, leg)
    windows_now(turn)


def answered_if_dealt_with(turn: Turn) -> None:
    """Flattening or handing over answers the question when nothing else was left open."""
    state = turn.state
    if not state.unclean:
        return
    legs = [leg for child in state.children.values() for leg in child.legs.values()]
    if any(is_open(leg) and not leg.flattening and not leg.handed_over for leg in legs):
        turn.notify(WARNING, f"still open and not answered for: {', '.join(_left(turn))}")
        return
    state.resume_kept = True
    if state.master.synced:
        rearm(turn)


def _left(turn: Turn) -> list[str]:
    return [
        child.id
        for child in turn.state.children.values()
        if any(is_open(leg) and not leg.flattening and not leg.handed_over for leg in child.legs.values())
    ]


def hand_over(turn: Turn, children: tuple[str, ...]) -> None:
    """Leave what these children hold to their owner: the program trades it no more, and shows it until it is gone."""
    dealt = False
    named = children or tuple(c.id for c in turn.state.children.values() if any(map(is_open, c.legs.values())))
    if not named:
        turn.notify(INFO, "nothing of ours is open: nothing to hand over")
    for child_id in named:
        child = turn.state.children.get(child_id)
        if child is None:
            turn.notify(WARNING, f"no child is called {child_id}")
        elif not any(is_open(leg) for leg in child.legs.values()):
            turn.notify(INFO, "nothing of ours is open: nothing to hand over", child_id)
        else:
            dealt = True
            _hand_over_child(turn, child)
    if dealt:
        answered_if_dealt_with(turn)


def _hand_over_child(turn: Turn, child: Child) -> None:
    turn.notify(ALARM, f"handed over by the operator: {'; '.join(_lines_of(turn, child))}", child.id)
    prompts.drop_offers(turn, child, child.legs)
    for strategy in turn.state.strategies.values():
        if strategy.state is not StrategyState.FLAT:
            strategy.left_out[child.id] = child.stopped[strategy.scope] = reasons.HANDED_OVER
    for leg in list(child.legs.values()):
        leg.entry_pending = False
        if is_open(leg) or leg.awaiting_units:
            leg.handed_over = True
            settle(turn, child, leg)
    child.want_orders = child.want_positions = True


def _lines_of(turn: Turn, child: Child) -> list[str]:
    return [line for line in open_lines(turn.state) if line.startswith(f"{child.id} ")]


def start_fresh(turn: Turn) -> None:
    """Forget strategies, plans and prompts; refused while anything of ours is open."""
    state = turn.state
    if not state.unclean:
        turn.notify(INFO, "start fresh answers an unclean start only: nothing was changed")
        return
    if holds_something(state):
        turn.notify(WARNING, f"start fresh is refused, this is open: {'; '.join(open_lines(state))}")
        return
    for prompt in list(state.prompts.values()):
        prompts.close(turn, prompt)
    state.strategies = {}
    for child in state.children.values():
        child.stopped = {}
        for leg in child.legs.values():
            leg.awaiting_units, leg.prompt, leg.entry_pending = 0, "", False
            store_plan(leg, Plan())
            close_if_done(turn, leg)
    for name in [name for name in state.timers if name.startswith("window:")]:
        del state.timers[name]
    for master in state.master.legs.values():
        master.cash_inr += master.open_cost_inr * sign(master.units)  # his open result is no strategy's any more
        master.background_units, master.open_cost_inr = master.background_units + master.units, Decimal(0)
        master.units, master.window, master.suspicion = 0, None, None
    turn.notify(WARNING, "started fresh: the last strategy is forgotten, what the master holds is background")
    state.resume_kept = True
    if state.master.synced:
        rearm(turn)
