"""Faults between the engine and a paper account, on request: what networks and brokers do to an order.

A `FaultyBroker` stands before a real paper account. It decides what the caller sees; what the exchange does is real.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum

from engine.agenda import Agenda
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import NS_PER_S, Instrument, OrderReport, Position
from engine.ports import Answer
from paper.broker import PaperBroker

READ_TIMEOUT_NS = 15 * NS_PER_S
REFUSAL = "rejected by the broker's risk management"


class FaultKind(StrEnum):
    """What happens to a call."""

    ACCEPTED_THEN_TIMEOUT = "accepted_then_timeout"
    TIMEOUT_NOT_ACCEPTED = "timeout_not_accepted"
    ACCEPTED_LATE = "accepted_late"
    REJECTED = "rejected"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  a fault's name
    SLOW = "slow"


class FaultOn(StrEnum):
    """Which call is hit."""

    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"
    ORDERS = "orders"
    POSITIONS = "positions"
    MARGINS = "margins"


class Fault:
    """An armed fault: the next `times` calls of its kind are hit."""

    __slots__ = ("after_ns", "by_ns", "kind", "on", "times")

    def __init__(self, on: FaultOn, kind: FaultKind, times: int, after_ns: int, by_ns: int) -> None:
        self.on, self.kind, self.times, self.after_ns, self.by_ns = on, kind, times, after_ns, by_ns


class FaultyBroker:
    """An account with faults in front of it (an `engine.ports.Broker`).

    `extra_ns` is how much longer than usual the last call took; the lane reads it and waits.
    """

    def __init__(self, broker: PaperBroker, agenda: Agenda, now: Callable[[], int]) -> None:
        self._broker, self._agenda, self._now = broker, agenda, now
        self._armed: list[Fault] = []
        self._reads_fail_until_ns = 0
        self._session_over = False
        self.extra_ns = 0

    @property
    def account(self) -> str:
        """The account's id."""
        return self._broker.account

    def arm(self, fault: Fault) -> None:
        """Hit the next calls."""
        self._armed.append(fault)

    def fail_reads_until(self, until_ns: int) -> None:
        """Every read fails until then."""
        self._reads_fail_until_ns = until_ns

    def log_in(self) -> None:
        """The session is good again."""
        self._session_over = False

    def place(self, order: PlaceOrder) -> Answer:
        """Place, unless a fault decides otherwise."""
        return self._write(
            FaultOn.PLACE, lambda: self._broker.place(order), lambda: self._broker.refuse(order, REFUSAL)
        )

    def modify(self, order: ModifyOrder) -> Answer:
        """Modify, unless a fault decides otherwise."""
        return self._write(FaultOn.MODIFY, lambda: self._broker.modify(order))

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel, unless a fault decides otherwise."""
        return self._write(FaultOn.CANCEL, lambda: self._broker.cancel(order))

    def orders(self) -> Sequence[OrderReport]:
        """The book, unless a fault decides otherwise."""
        self._read(FaultOn.ORDERS)
        return self._broker.orders()

    def positions(self) -> Sequence[Position]:
        """The positions, unless a fault decides otherwise."""
        self._read(FaultOn.POSITIONS)
        return self._broker.positions()

    def available_inr(self) -> Decimal:
        """The available margin, unless a fault decides otherwise."""
        self._read(FaultOn.MARGINS)
        return self._broker.available_inr()

    def instruments(self) -> Sequence[Instrument]:
        """The instruments."""
        return self._broker.instruments()

    def _take(self, on: FaultOn) -> Fault | None:
        self.extra_ns = 0 if on in (FaultOn.PLACE, FaultOn.MODIFY, FaultOn.CANCEL) else self.extra_ns
        for fault in self._armed:
            if fault.on is on:
                fault.times -= 1
                if fault.times <= 0:
                    self._armed.remove(fault)
                return fault
        return None

    def _write(self, on: FaultOn, call: Callable[[], Answer], refuse: Callable[[], Answer] | None = None) -> Answer:
        fault = self._take(on)
        if fault is not None and fault.kind is FaultKind.TOKEN_EXPIRED:
            self._session_over = True
        if self._session_over:
            return Answer(outcome=Outcome.NEEDS_LOGIN, reason="Incorrect `api_key` or `access_token`.")
        if fault is None:
            return call()
        match fault.kind:
            case FaultKind.REJECTED:
                return refuse() if refuse is not None else Answer(outcome=Outcome.REJECTED, reason=REFUSAL)
            case FaultKind.RATE_LIMITED:
                return Answer(outcome=Outcome.RATE_LIMITED, reason="Too many requests")
            case FaultKind.SERVER_ERROR:
                return Answer(outcome=Outcome.UNKNOWN, reason="HTTP 500")
            case FaultKind.SLOW:
                self.extra_ns = fault.by_ns
                return call()
            case FaultKind.ACCEPTED_THEN_TIMEOUT:
                call()
            case FaultKind.ACCEPTED_LATE:
                self._agenda.at(self._now() + fault.after_ns, lambda _at_ns: _ignore(call()))
            case _:
                pass
        self.extra_ns = READ_TIMEOUT_NS
        return Answer(outcome=Outcome.UNKNOWN, reason="read timed out")

    def _read(self, on: FaultOn) -> None:
        fault = self._take(on)
        if fault is not None and fault.kind is FaultKind.TOKEN_EXPIRED:
            self._session_over = True
        if self._session_over:
            raise NeedsLogin("Incorrect `api_key` or `access_token`.")
        if self._now() < self._reads_fail_until_ns:
            raise ReadFailed("the broker did not answer")
        if fault is None:
            return
        if fault.kind is FaultKind.SLOW:
            self.extra_ns += fault.by_ns
            return
        if fault.kind in (FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.REJECTED):
            raise ReadFailed(f"the broker refused the read ({fault.kind.value})")
        self.extra_ns += READ_TIMEOUT_NS
        raise ReadFailed("read timed out")


def _ignore(_answer: Answer) -> None:
    """An answer that nobody waits for any more."""
