"""What the engine needs of the outside: brokers, time, durable storage. Everything behind these can be replaced.

A `Broker` is one account. Its methods block, do one request each and never repeat it by themselves (FAULTS, step 2).
Writes return an `Answer`, a value; reads return complete data or raise `ReadFailed`.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol, runtime_checkable

from engine.commands import CancelOrder, Command, ModifyOrder, PlaceOrder
from engine.core.replicator import Replicator
from engine.events import Event, Outcome
from engine.model import Basket, Funds, Instrument, InstrumentId, OrderReport, Position, Quote, Value


class Answer(Value, frozen=True, kw_only=True):
    """How a write ended; `order_id` only with ACKED, `reason` in the broker's words otherwise."""

    outcome: Outcome
    order_id: str = ""
    reason: str = ""


class Broker(Protocol):
    """One account at one broker."""

    @property
    def account(self) -> str:
        """The account's id."""
        ...

    def place(self, order: PlaceOrder) -> Answer:
        """Place the order, once."""
        ...

    def modify(self, order: ModifyOrder) -> Answer:
        """Change an open order, once."""
        ...

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel an open order, once."""
        ...

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day. Raises `ReadFailed` unless the answer is complete."""
        ...

    def positions(self) -> Sequence[Position]:
        """All positions, carried ones included. Raises `ReadFailed` unless the answer is complete."""
        ...

    def funds(self) -> Funds:
        """What is available for a new order, and what is used where the broker says it. Raises `ReadFailed`."""
        ...

    def instruments(self) -> Sequence[Instrument]:
        """The broker's instruments of the day. Raises `ReadFailed`."""
        ...


@runtime_checkable
class Starter(Protocol):
    """A broker that can send an order without waiting for its answer."""

    def start(self, order: PlaceOrder) -> Callable[[], Answer] | None:
        """Send the order, once, as far as that needs no waiting; must not block.

        Returns:
            A function that waits for the answer and is called once, on any thread; `None` when nothing was sent: then
            `place` does it.
        """
        ...


@runtime_checkable
class MarginTeller(Protocol):
    """A broker that knows what orders would block."""

    def basket_margin(self, basket: Basket) -> Decimal:
        """What orders would block beside what the account holds, in rupees. Raises `ReadFailed`."""
        ...


class Lane(Protocol):
    """One account's serial way to its broker. Takes commands, gives events; never blocks the caller."""

    def submit(self, command: Command) -> None:
        """Carry out the command later; its answer arrives as an event."""
        ...


@runtime_checkable
class Lanes(Protocol):
    """All lanes of a run, where it matters that an event's orders leave before anything else is done about them."""

    def submit(self, command: Command) -> None:
        """Give a command to its account's lane; an account without one is passed over. Never blocks the caller."""
        ...

    def release(self) -> None:
        """Everything of one event was submitted."""
        ...


class MarketData(Protocol):
    """Where quotes come from."""

    def subscribe(self, instruments: Sequence[InstrumentId]) -> None:
        """Deliver quotes of these from now on, the newest known ones at once."""
        ...

    def newest(self, instrument: InstrumentId) -> Quote | None:
        """The newest quote, `None` when there never was one."""
        ...


class Clock(Protocol):
    """The time, in nanoseconds UTC since the epoch."""

    def now_ns(self) -> int:
        """The time now."""
        ...


class Journal(Protocol):
    """The durable record of every event and its commands, in order. One writer."""

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        """Record an event and what was decided on it; durable only after `commit`."""
        ...

    def commit(self) -> None:
        """Make everything appended durable. Raises `JournalFailed`: then nothing may be sent, now or later."""
        ...

    def checkpoint(self, state: bytes) -> None:
        """Write the daily checkpoint, valid up to the last appended event."""
        ...


class SessionState(Journal, Protocol):
    """What one process has on disk: a journal that was opened, and the core folded from it."""

    @property
    def unclean(self) -> bool:
        """Whether the session before did not end in an orderly way."""
        ...

    @property
    def replicator(self) -> Replicator:
        """The core as recovered."""
        ...

    def start(self, day: str, now_ns: int, version: str) -> None:
        """Record that a process began."""
        ...

    def prune(self) -> str:
        """Remove what is older than configured, after today's checkpoint; a line for people, '' when nothing went."""
        ...

    def encode_state(self) -> bytes:
        """The core's state."""
        ...

    def end(self, now_ns: int) -> None:
        """Record an orderly end and close."""
        ...

    def crash(self) -> None:
        """Lose what is not durable, as a dying process does."""
        ...
