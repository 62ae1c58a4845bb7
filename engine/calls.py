"""What a command is at a broker, and what its answer is to the engine: one translation, shared by every kind of lane.

It decides nothing and keeps nothing; each command is one call, or the reads that it asks for.
"""

from collections.abc import Callable
from typing import TypeVar, overload

from engine.commands import AskMargin, CancelOrder, Command, ModifyOrder, PlaceOrder, ReadAccount
from engine.errors import NeedsLogin, ReadFailed
from engine.events import AccountRead, Event, MarginTold, Outcome, Request, RequestAnswered
from engine.ports import Answer, Broker, MarginTeller

T = TypeVar("T")


def perform(broker: Broker, command: Command, now: Callable[[], int]) -> Event | None:
    """Carry out one command at a broker and say what came of it; `None` for commands that are not for brokers."""
    match command:
        case PlaceOrder():
            return answered(command, Request.PLACE, broker.place(command), now())
        case ModifyOrder():
            return answered(command, Request.MODIFY, broker.modify(command), now())
        case CancelOrder():
            return answered(command, Request.CANCEL, broker.cancel(command), now())
        case ReadAccount():
            return _read(broker, command, now)
        case AskMargin():
            return _margin(broker, command, now)
        case _:
            return None


def answered(
    command: PlaceOrder | ModifyOrder | CancelOrder, request: Request, answer: Answer, at_ns: int
) -> RequestAnswered:
    """A write's answer as an event."""
    return RequestAnswered(
        at_ns=at_ns,
        account=command.account,
        request=request,
        tag=command.tag,
        outcome=answer.outcome,
        order_id=answer.order_id,
        reason=answer.reason,
        number=command.number if isinstance(command, ModifyOrder) else 0,
    )


@overload
def unsent(command: PlaceOrder | ModifyOrder | CancelOrder, reason: str, at_ns: int) -> RequestAnswered: ...


@overload
def unsent(command: Command, reason: str, at_ns: int) -> RequestAnswered | None: ...


def unsent(command: Command, reason: str, at_ns: int) -> RequestAnswered | None:
    """A write that never left, as an event; `None` for a read, which nobody waits for without end."""
    return _written(command, Answer(outcome=Outcome.NOT_SENT, reason=reason), at_ns)


def broken(command: Command, error: BaseException, at_ns: int) -> Event:
    """An adapter raised what it must not raise: the write's outcome is unknown, the read failed."""
    what = f"{type(error).__name__} in the adapter"
    event = _written(command, Answer(outcome=Outcome.UNKNOWN, reason=what), at_ns)
    if event is not None:
        return event
    if isinstance(command, AskMargin):
        return MarginTold(at_ns=at_ns, account=command.account, basket=command.basket)
    account = command.account if isinstance(command, ReadAccount) else ""  # of the others only a read gets so far
    return AccountRead(at_ns=at_ns, account=account, began_ns=at_ns, error=what)


def _written(command: Command, answer: Answer, at_ns: int) -> RequestAnswered | None:
    match command:
        case PlaceOrder():
            return answered(command, Request.PLACE, answer, at_ns)
        case ModifyOrder():
            return answered(command, Request.MODIFY, answer, at_ns)
        case CancelOrder():
            return answered(command, Request.CANCEL, answer, at_ns)
        case _:
            return None


def _margin(broker: Broker, command: AskMargin, now: Callable[[], int]) -> MarginTold:
    """What a basket would block; a broker that does not know, or does not say, tells so."""
    needed = None
    if isinstance(broker, MarginTeller):
        needed = _attempt(lambda: broker.basket_margin(command.basket), [])
    return MarginTold(at_ns=now(), account=command.account, basket=command.basket, needed_inr=needed)


def _read(broker: Broker, command: ReadAccount, now: Callable[[], int]) -> AccountRead:
    """Read orders, positions and funds, in this order; a part that fails stays unknown and the others are kept."""
    began_ns = now()
    failures: list[ReadFailed] = []
    orders = _attempt(lambda: tuple(broker.orders()), failures) if command.orders else None
    positions = _attempt(lambda: tuple(broker.positions()), failures) if command.positions else None
    funds = _attempt(broker.funds, failures) if command.funds else None
    return AccountRead(
        at_ns=now(),
        account=command.account,
        began_ns=began_ns,
        orders=orders,
        positions=positions,
        available_inr=None if funds is None else funds.available_inr,
        used_inr=None if funds is None else funds.used_inr,
        error="; ".join(dict.fromkeys(str(failure) for failure in failures)),
        needs_login=any(isinstance(failure, NeedsLogin) for failure in failures),
    )


def _attempt(call: Callable[[], T], failures: list[ReadFailed]) -> T | None:
    """What a read gives, or `None` and its failure kept."""
    try:
        return call()
    except ReadFailed as failure:
        failures.append(failure)
        return None
