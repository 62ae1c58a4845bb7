"""What a person orders, and what it does. Every operator event ends in a notice, also when it changes nothing."""

from typing import assert_never

from engine.core import answering, carried, offers, prompts, reasons, rebuild, restart, tickets
from engine.core.answers import hasten_exits
from engine.core.flattening import exit_leg, flatten
from engine.core.lifecycle import OrderState
from engine.core.orders import give_up
from engine.core.settle import settle
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import ALARM, INFO, WARNING, Turn
from engine.events import (
    BackgroundAdopted,
    ChildJoined,
    ChildResynced,
    ExitsHastened,
    Flattened,
    HandedOver,
    KillSwitched,
    LegExited,
    LegMapped,
    MaxCapitalSet,
    ModeRequested,
    Operator,
    Paused,
    PromptAnswered,
    Resumed,
    StartedFresh,
    StrategyReset,
    TicketWritten,
)
from engine.snapshot import StrategyState

ForChildren = (
    ChildJoined
    | ChildResynced
    | ExitsHastened
    | LegMapped
    | Flattened
    | LegExited
    | TicketWritten
    | HandedOver
    | StartedFresh
)


def obey(turn: Turn, event: Operator) -> None:
    """Carry out an operator's command."""
    match event:
        case Paused():
            turn.state.paused = True
            turn.notify(WARNING, "paused: no further entries")
        case Resumed():
            _resume(turn)
        case KillSwitched():
            _kill(turn, event.level)
        case PromptAnswered():
            answering.answer(turn, event)
        case StrategyReset():
            _reset(turn, event.scope)
        case BackgroundAdopted():
            offers.adopt(turn, event.symbol)
        case ModeRequested():
            _mode(turn, event)
        case MaxCapitalSet():
            _cap(turn, event)
        case _:
            _obey_for_children(turn, event)


def _obey_for_children(turn: Turn, event: ForChildren) -> None:
    """Carry out a command that is about children, or about what they hold."""
    match event:
        case ChildJoined():
            offers.join(turn, event.child)
        case ChildResynced():
            offers.resync(turn, event.child)
        case ExitsHastened():
            hasten_exits(turn, event.child)
        case LegMapped():
            carried.map_leg(turn, event.leg, event.symbol)
        case Flattened():
            was_open = restart.holds_something(turn.state)
            flatten(turn, event.children or tuple(turn.state.children), "flattened by the operator")
            if was_open:
                restart.answered_if_dealt_with(turn)
        case LegExited():
            exit_leg(turn, event.leg, event.children or tuple(turn.state.children))
        case TicketWritten():
            tickets.write_ticket(turn, event)
        case HandedOver():
            restart.hand_over(turn, event.children)
        case StartedFresh():
            restart.start_fresh(turn)
        case _:
            assert_never(event)


def _resume(turn: Turn) -> None:
    state = turn.state
    if state.unclean:
        state.resume_kept = True
        if state.master.synced:
            restart.rearm(turn)
        return
    lifted = rebuild.lift(turn)
    if lifted:
        turn.notify(INFO, "resumed: children whose orders were adopted take entries again")
    if state.paused:
        state.paused = False
        turn.notify(INFO, "resumed: entries go on; what was missed is not caught up")
        return
    if not lifted:
        turn.notify(INFO, "nothing to resume")


def _kill(turn: Turn, level: int) -> None:
    state = turn.state
    state.kill = max(0, min(2, level))
    if not state.kill:
        turn.notify(WARNING, "kill lifted")
        for child in state.children.values():
            for leg in child.legs.values():
                settle(turn, child, leg)
        return
    turn.notify(ALARM, "KILLED: no entries" if state.kill == 1 else "KILLED: no orders at all, exits included")
    for prompt in [p for p in state.prompts.values() if p.kind != prompts.EXIT]:
        answering.decline(turn, prompt, reasons.KILLED)
    for child in state.children.values():
        for leg in child.legs.values():
            _stop_entries(turn, child, leg, reasons.KILLED)


def _stop_entries(turn: Turn, child: Child, leg: ChildLeg, reason: str) -> None:
    """Give up a leg's unsent entries; `settle` cancels the working ones while the switch is on."""
    for order in [o for o in turn.open_orders(leg) if o.entry and o.state is OrderState.QUEUED]:
        give_up(turn, child, leg, order, reason)
    settle(turn, child, leg)


def _reset(turn: Turn, scope: str) -> None:
    found = [s for s in turn.state.strategies.values() if not scope or s.scope == scope]
    for strategy in found:
        strategy.ratios, strategy.left_out, strategy.pinned = {}, {}, None
        if strategy.state is StrategyState.FLAT:
            strategy.settled, strategy.quiet_since_ns = True, turn.now_ns
            continue
        strategy.exit_only = True
    turn.notify(WARNING, "strategy reset: no ratio, no entries; what is open stays and is exited with the master")
    for prompt in [p for p in turn.state.prompts.values() if p.kind != prompts.EXIT]:
        answering.decline(turn, prompt, reasons.RESET)
    for child in turn.state.children.values():
        for leg in child.legs.values():
            for order in [o for o in turn.open_orders(leg) if o.entry and o.state is OrderState.QUEUED]:
                give_up(turn, child, leg, order, reasons.RESET)


def _mode(turn: Turn, event: ModeRequested) -> None:
    state = turn.state
    if event.refused:
        turn.notify(WARNING, f"{event.mode.value.upper()} is refused: {event.refused}")
    elif event.mode is state.mode:
        state.mode_next = None
        turn.notify(INFO, f"the mode is {state.mode.value.upper()}")
    else:
        state.mode_next = event.mode
        turn.notify(WARNING, f"{event.mode.value.upper()} from the next strategy on ({_when(turn)})")


def _when(turn: Turn) -> str:
    """When a switch of the mode takes effect."""
    state = turn.state
    if any(s.state is not StrategyState.FLAT for s in state.strategies.values()):
        return "after the running strategy"
    if state.unclean:
        return "when the question of the start is answered"
    if any(child.watches for child in state.children.values()):
        return "tomorrow: an order that was given up is watched to the end of the day"
    return "now"


def _cap(turn: Turn, event: MaxCapitalSet) -> None:
    child = turn.state.children.get(event.child)
    if child is None:
        turn.notify(WARNING, f"no child is called {event.child}")
        return
    child.max_capital_inr = event.max_capital_inr
    text = "no cap" if event.max_capital_inr is None else f"cap {event.max_capital_inr}"
    turn.notify(INFO, f"{text}: on the ratio from the next strategy, on entries at once when it is lower", child.id)
