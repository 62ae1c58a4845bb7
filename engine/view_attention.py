"""Everything that waits for the operator, most urgent first, each with the key that deals with it."""

from collections.abc import Sequence

from engine.commands import Severity
from engine.core import address, carried, expiry, hours, reasons
from engine.core.delivery import is_missed_by_somebody
from engine.core.lifecycle import OrderState
from engine.core.state_child import BreakerPhase, Child, ChildLeg
from engine.core.throttle import is_day_used_up, waiting_orders
from engine.core.turn import Turn
from engine.core.varieties import apart
from engine.model import LegId, is_delivery, split_leg
from engine.snapshot import Attention, ChildState, EngineState, PromptView, StrategyState
from engine.view_cells import can_be_adopted, missed_units
from engine.view_children import account_standings
from engine.view_master import master_attention

_STANDINGS = {
    ChildState.LOGIN_REQUIRED: (Severity.ALARM, "a"),
    ChildState.NOT_READ: (Severity.WARNING, "a"),
    ChildState.LEFT_OUT: (Severity.WARNING, "j"),
    ChildState.LOSS: (Severity.ALARM, ""),
}
"""How urgent an account's state is, and the key that deals with it."""
_BY_HAND = frozenset({reasons.EXITED_BY_HAND, reasons.TAKEN_OFF, reasons.CLOSED_BY_HAND})
"""Why a child lacks lots that a person took off it."""
_ORDER = {Severity.ALARM: 0, Severity.WARNING: 1, Severity.INFO: 2}


def attention_of(
    turn: Turn, engine: EngineState, prompts: Sequence[PromptView], left_open: str = ""
) -> tuple[Attention, ...]:
    """What needs a person now; empty is the normal state."""
    found = [
        *_engine(engine),
        *_unclean(turn, engine),
        *_calendar(turn),
        *master_attention(turn, engine),
        *_prompts(prompts),
        *_orders(turn),
        *_due(turn),
        *_carried(turn),
        *_brokers(turn),
        *_children(turn),
        *_lacking(turn),
        *_orphaned(turn),
        *_missing_shares(turn),
        *_apart(turn),
        *_background(turn),
    ]
    if left_open:
        found.append(Attention(severity=Severity.WARNING, text=f"left open in the other mode: {left_open}"))
    return tuple(sorted(found, key=lambda item: _ORDER[item.severity]))


def _calendar(turn: Turn) -> list[Attention]:
    state = turn.state
    if not state.sessions or hours.is_covered(state):
        return []
    return [Attention(severity=Severity.ALARM, text=hours.calendar_ended(state))]


def _engine(engine: EngineState) -> list[Attention]:
    texts = {
        EngineState.FAILED: ("the engine stopped: nothing is sent; look at the log and start again", ""),
        EngineState.KILLED_ENTRIES: ("kill 1: no entries", "F12"),
        EngineState.KILLED_ALL: ("kill 2: no orders, exits included", "F12"),
        EngineState.PAUSED: ("paused: entries are missed, not caught up", "space"),
    }
    if engine not in texts:
        return []
    text, key = texts[engine]
    severity = Severity.WARNING if engine is EngineState.PAUSED else Severity.ALARM
    return [Attention(severity=severity, text=text, key=key)]


def _unclean(turn: Turn, engine: EngineState) -> list[Attention]:
    state, key = turn.state, "space"
    killed = engine in (EngineState.KILLED_ENTRIES, EngineState.KILLED_ALL)
    if engine is not EngineState.DISARMED and not (killed and state.unclean and not state.resume_kept):
        return []
    until_ns = state.restart_exit_until_ns
    if until_ns > turn.now_ns:
        text = "the master went out meanwhile: children exit without an answer"
        return [Attention(severity=Severity.ALARM, text=text, key=key, deadline_ns=until_ns)]
    text = "unclean stop: your answer is missing" if killed else "unclean stop: exits only until you answer"
    return [Attention(severity=Severity.ALARM, text=text, key=key)]


def _prompts(prompts: Sequence[PromptView]) -> list[Attention]:
    return [
        Attention(
            severity=Severity.WARNING,
            text=f"confirm {prompt.kind}: {prompt.title} ({prompt.at_deadline} at the end)",
            key="c",
            deadline_ns=prompt.deadline_ns,
        )
        for prompt in prompts
    ]


def _orders(turn: Turn) -> list[Attention]:
    found: list[Attention] = []
    for child in turn.state.children.values():
        for leg in child.legs.values():
            for order in turn.open_orders(leg):
                symbol = split_leg(leg.leg)[1]
                if order.state is OrderState.UNKNOWN:
                    text = f"unknown {order.side} {order.remaining}: asked {order.resolve_step} times"
                    found.append(
                        Attention(
                            severity=Severity.ALARM,
                            text=text,
                            key="5" if order.entry else "u",
                            account=child.id,
                            symbol=symbol,
                            deadline_ns=order.resolve_from_ns,
                        )
                    )
                elif order.state is OrderState.HELD:
                    text = f"{order.side} {order.remaining} {order.reason}"
                    found.append(
                        Attention(severity=Severity.ALARM, text=text, key="r", account=child.id, symbol=symbol)
                    )
    return found


def _due(turn: Turn) -> list[Attention]:
    return [
        Attention(
            severity=Severity.ALARM,
            text=f"exit due: {leg.due_reason}",
            account=child.id,
            symbol=split_leg(leg.leg)[1],
        )
        for child in turn.state.children.values()
        for leg in child.legs.values()
        if leg.due and leg.due_reason
    ]


def _carried(turn: Turn) -> list[Attention]:
    """What a night, a conversion or an expiry that is near leaves to the operator."""
    found: list[Attention] = []
    for leg in turn.state.master.legs.values():
        symbol = split_leg(leg.leg)[1]
        if changed := carried.changed_of(turn, leg.leg):
            text = changed if changed.startswith(carried.CONVERTED) else f"{changed}: map it or flatten"
            found.append(Attention(severity=Severity.ALARM, text=text, key="t", symbol=symbol))
        if leg.moved_to is not None:
            product = split_leg(leg.moved_to)[2]
            text = f"the master converted {abs(leg.moved_units)} to {product}: convert the children by hand or flatten"
            found.append(Attention(severity=Severity.ALARM, text=text, key="f", symbol=symbol))
    for child in turn.state.children.values():
        for own in child.legs.values():
            days = expiry.days_to_settlement(turn, child, own)
            if days is not None:
                text = f"stock contract, {days} trading days to expiry: settled in shares if it stays open"
                symbol = split_leg(own.leg)[1]
                found.append(Attention(severity=Severity.WARNING, text=text, account=child.id, symbol=symbol))
    return found


def _brokers(turn: Turn) -> list[Attention]:
    """Brokers that refuse, fail, or take no more orders at the moment."""
    found: list[Attention] = []
    for child in turn.state.children.values():
        again_ns = child.breaker.again_ns if child.breaker.phase is BreakerPhase.OPEN else None
        if child.ip_refused:
            found.append(
                Attention(
                    severity=Severity.ALARM,
                    text=address.ALARM_TEXT,
                    account=child.id,
                    deadline_ns=child.ip_again_ns,
                )
            )
        if child.breaker.phase is not BreakerPhase.CLOSED:
            found.append(
                Attention(severity=Severity.ALARM, text=reasons.BROKER_FAILING, account=child.id, deadline_ns=again_ns)
            )
        if waiting := waiting_orders(turn, child):
            why = reasons.DAY_USED_UP if is_day_used_up(turn, child) else reasons.RATE_WINDOW
            text = f"{waiting} {'order' if waiting == 1 else 'orders'}: {why}"
            due_ns = turn.state.timers.get(f"rate:{child.id}")
            found.append(Attention(severity=Severity.WARNING, text=text, account=child.id, deadline_ns=due_ns))
    return found


def _children(turn: Turn) -> list[Attention]:
    """How accounts stand, the milder states too: something urgent in a leg does not make a login needless."""
    found: list[Attention] = []
    for child in turn.state.children.values():
        standings = account_standings(turn, child)
        if any(state is ChildState.LOGIN_REQUIRED for state, _ in standings):
            standings = [one for one in standings if one[0] is not ChildState.NOT_READ]  # the login is why
        for state, why in standings:
            severity, key = _STANDINGS[state]
            found.append(Attention(severity=severity, text=why, key=key, account=child.id))
        if not standings and (why := _stopped(turn, child)):
            found.append(Attention(severity=Severity.WARNING, text=why, key="r", account=child.id))
    return found


def _stopped(turn: Turn, child: Child) -> str:
    """Why it takes no entries, '' when it does. That it left a strategy which has ended concerns nobody any more."""
    flat = {scope for scope, strategy in turn.state.strategies.items() if strategy.state is StrategyState.FLAT}
    return next((why for scope, why in child.stopped.items() if why not in reasons.LEFT or scope not in flat), "")


def _lacking(turn: Turn) -> list[Attention]:
    """Children that lack lots of a leg which nobody decided to leave out."""
    found: list[Attention] = []
    for child in turn.state.children.values():
        if _stopped(turn, child):
            continue
        missing = [
            leg
            for leg in child.legs.values()
            if leg.lacking and not leg.skipped.startswith("declined") and _is_followed(turn, leg.leg)
        ]
        if not any(leg.allocation_units for leg in child.legs.values()):
            found += _holding_nothing(turn, child, missing)
        elif missing:
            legs = "a leg" if len(missing) == 1 else f"{len(missing)} legs"
            text = f"lacks lots of {legs}: {missing[0].skipped or 'missed'}"
            found.append(Attention(severity=Severity.WARNING, text=text, key="r", account=child.id))
    return found


def _holding_nothing(turn: Turn, child: Child, lacking: Sequence[ChildLeg]) -> list[Attention]:
    """A child that is to follow and has nothing: not when that is below one lot, somebody's will, or told already."""
    if account_standings(turn, child) or any(
        leg.orders or leg.awaiting_units or leg.entry_pending for leg in child.legs.values()
    ):
        return []
    missed = [
        leg
        for leg in lacking
        if leg.skipped not in _BY_HAND and missed_units(turn, child, turn.state.master.legs[leg.leg], leg)
    ]
    if not missed:
        return []
    legs = "1 leg was" if len(missed) == 1 else f"{len(missed)} legs were"
    text = f"holds nothing of the strategy: {legs} not copied ({missed[0].skipped or 'missed'})"
    return [Attention(severity=Severity.WARNING, text=text, key="r", account=child.id)]


def _is_followed(turn: Turn, leg: LegId) -> bool:
    master = turn.state.master.legs.get(leg)
    return master is not None and master.units != 0


def _orphaned(turn: Turn) -> list[Attention]:
    """What was handed over is shown until the owner has closed it."""
    return [
        Attention(
            severity=Severity.WARNING,
            text=f"{leg.orphaned_units} units handed over: the owner must close them",
            account=child.id,
            symbol=split_leg(leg.leg)[1],
        )
        for child in turn.state.children.values()
        for leg in child.legs.values()
        if leg.orphaned_units
    ]


def _missing_shares(turn: Turn) -> list[Attention]:
    found = [
        Attention(
            severity=Severity.ALARM,
            text="shares are gone without an order: nothing is exited by itself",
            symbol=split_leg(leg.leg)[1],
        )
        for leg in turn.state.master.legs.values()
        if leg.suspicion is not None and is_missed_by_somebody(turn, leg)
    ]
    return found + [
        Attention(
            severity=Severity.ALARM,
            text=f"{leg.suspicion.net_units} of {leg.allocation_units} shares are shown: exits wait for the others",
            account=child.id,
            symbol=split_leg(leg.leg)[1],
        )
        for child in turn.state.children.values()
        for leg in child.legs.values()
        if leg.suspicion is not None and is_delivery(leg.leg)
    ]


def _apart(turn: Turn) -> list[Attention]:
    """Orders of the master's that work and do not rest at the children as well."""
    return [
        Attention(
            severity=Severity.INFO,
            text=f"{order.side} {order.quantity - order.filled} is not mirrored: {why}",
            account=turn.state.master.account,
            symbol=split_leg(order.leg)[1],
        )
        for order, why in apart(turn)
    ]


def _background(turn: Turn) -> list[Attention]:
    legs = [leg for leg in turn.state.master.legs.values() if leg.background_units]
    found = [
        Attention(
            severity=Severity.INFO,
            text=f"{leg.background_units} units in the background: not followed",
            key="o" if can_be_adopted(leg) else "",
            symbol=split_leg(leg.leg)[1],
        )
        for leg in legs
        if not is_delivery(leg.leg)
    ]
    if companies := sum(is_delivery(leg.leg) for leg in legs):
        text = f"shares of {companies} companies in the background: not followed"
        found.insert(0, Attention(severity=Severity.INFO, text=text, key="o"))
    return found
