"""Faults between the engine and a paper account, on request: what networks and brokers do to an order.

A `FaultyBroker` stands before a real paper account. It decides what the caller sees; what the exchange does is real.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec.structs import replace

from engine.agenda import Agenda
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import NS_PER_S, Basket, Funds, Instrument, OrderReport, Position
from engine.ports import Answer
from paper.broker import PaperBroker
from paper.rejections import CANNOT_CANCEL

READ_TIMEOUT_NS = 15 * NS_PER_S
REFUSAL = "rejected by the broker's risk management"
IP_REFUSAL = "Access denied: Unregistered IP address. Register your IP before retrying."
"""As Angel One words it (AG7002)."""
TAG_KEPT = 12
"""Characters of a tag that is cut."""
PAST_MOST = 5000
"""Pictures of the past that are kept for stale reads."""


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
    ACCEPTED_THEN_REJECTED = "accepted_then_rejected"
    TAG_DROPPED = "tag_dropped"
    TAG_DROPPED_THEN_TIMEOUT = "tag_dropped_then_timeout"
    TAG_CHANGED = "tag_changed"
    TAG_CHANGED_THEN_TIMEOUT = "tag_changed_then_timeout"
    LOST_ANSWER_CONNECTION = "lost_answer_connection"
    NOT_SENT = "not_sent"
    IP_REFUSED = "ip_refused"
    CANCEL_REFUSED = "cancel_refused"
    PARTIAL_READ = "partial_read"
    EMPTY_READ = "empty_read"
    STALE_READ = "stale_read"
    ROWLESS_READ = "rowless_read"


class FaultOn(StrEnum):
    """Which call is hit."""

    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"
    ORDERS = "orders"
    POSITIONS = "positions"
    MARGINS = "margins"


_PLACE, _CANCEL = frozenset({FaultOn.PLACE}), frozenset({FaultOn.CANCEL})
_WRITES = frozenset({FaultOn.PLACE, FaultOn.MODIFY, FaultOn.CANCEL})
_LISTS = frozenset({FaultOn.ORDERS, FaultOn.POSITIONS})
FITS: Mapping[FaultKind, frozenset[FaultOn]] = {
    FaultKind.ACCEPTED_THEN_REJECTED: _PLACE,
    FaultKind.TAG_DROPPED: _PLACE,
    FaultKind.TAG_DROPPED_THEN_TIMEOUT: _PLACE,
    FaultKind.TAG_CHANGED: _PLACE,
    FaultKind.TAG_CHANGED_THEN_TIMEOUT: _PLACE,
    FaultKind.LOST_ANSWER_CONNECTION: _WRITES,
    FaultKind.NOT_SENT: _WRITES,
    FaultKind.IP_REFUSED: _WRITES,
    FaultKind.CANCEL_REFUSED: _CANCEL,
    FaultKind.PARTIAL_READ: _LISTS,
    FaultKind.EMPTY_READ: _LISTS,
    FaultKind.STALE_READ: _LISTS,
    FaultKind.ROWLESS_READ: frozenset({FaultOn.POSITIONS}),
}
"""Which calls a kind can hit; the kinds that are not listed can hit any call."""
AFTER_NS: Mapping[FaultKind, int] = {FaultKind.ACCEPTED_THEN_REJECTED: NS_PER_S}
"""`after` of the kinds for which it is not `AFTER_USUAL_NS` unless it is given."""
AFTER_USUAL_NS = 60 * NS_PER_S
BY_USUAL_NS = 10 * NS_PER_S


def changed_tag(tag: str) -> str:
    """A tag as a broker has it that cuts tags, or writes them in small letters: every second one so."""
    return tag[:TAG_KEPT] if sum(map(ord, tag)) % 2 else tag.lower()


def fits(kind: FaultKind, on: FaultOn) -> bool:
    """Whether a kind of fault can hit a kind of call."""
    return kind not in FITS or on in FITS[kind]


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
        self._past: deque[tuple[int, tuple[OrderReport, ...], tuple[Position, ...]]] | None = None
        "What the book and the positions were since when, for stale reads; `None` while nobody needs it."
        self.extra_ns = 0
        self.hits: dict[str, int] = {}
        "How often which fault was met, for whoever counts them."
        self.on_write: Callable[[FaultOn], None] | None = None
        "Told of every write that the broker receives, whatever becomes of it there: for whoever judges a run."
        self.shown: Callable[[OrderReport], OrderReport] = _as_it_is
        "What the book and the pushed updates show of an order."
        self.changed_tags: dict[str, str] = {}
        "By the tags that the account's book has where they were cut or changed: what they were."

    @property
    def account(self) -> str:
        """The account's id."""
        return self._broker.account

    def arm(self, fault: Fault) -> None:
        """Hit the next calls."""
        self._armed.append(fault)

    def keep_past(self) -> None:
        """Keep what the account was from now on, so that a stale read can show it."""
        self._past = deque(maxlen=PAST_MOST)
        self.remember()

    def remember(self) -> None:
        """The account changed."""
        if self._past is not None:
            self._past.append((self._now(), tuple(self._broker.orders()), tuple(self._broker.positions())))

    def fail_reads_until(self, until_ns: int) -> None:
        """Every read fails until then."""
        self._reads_fail_until_ns = until_ns

    def log_in(self) -> None:
        """The session is good again."""
        self._session_over = False

    def heal(self) -> None:
        """Everything works from now on."""
        self._armed.clear()
        self._reads_fail_until_ns, self._session_over = 0, False

    def place(self, order: PlaceOrder) -> Answer:
        """Place, unless a fault decides otherwise."""
        fault = self._next(FaultOn.PLACE)
        if fault is not None and not self._session_over:
            if fault.kind in (FaultKind.TAG_DROPPED, FaultKind.TAG_DROPPED_THEN_TIMEOUT):
                order = replace(order, tag="")
            elif fault.kind in (FaultKind.TAG_CHANGED, FaultKind.TAG_CHANGED_THEN_TIMEOUT):
                shown = changed_tag(order.tag)
                self.changed_tags[shown] = order.tag
                order = replace(order, tag=shown)
            elif fault.kind is FaultKind.ACCEPTED_THEN_REJECTED:
                return self._reject_later(order, fault)
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
        then_ns = self._read(FaultOn.ORDERS)
        return tuple(map(self.shown, self._broker.orders())) if then_ns is None else self._seen_at(then_ns)[1]

    def positions(self) -> Sequence[Position]:
        """The positions, unless a fault decides otherwise."""
        fault = self._next(FaultOn.POSITIONS)
        then_ns = self._read(FaultOn.POSITIONS)
        if fault is not None and fault.kind is FaultKind.ROWLESS_READ:
            return ()
        return self._broker.positions() if then_ns is None else self._seen_at(then_ns)[2]

    def funds(self) -> Funds:
        """The margins, unless a fault decides otherwise."""
        self._read(FaultOn.MARGINS)
        return self._broker.funds()

    def basket_margin(self, basket: Basket) -> Decimal:
        """What orders would block, unless a fault decides otherwise."""
        self._read(FaultOn.MARGINS)
        return self._broker.basket_margin(basket)

    def instruments(self) -> Sequence[Instrument]:
        """The instruments."""
        return self._broker.instruments()

    def _seen_at(self, then_ns: int) -> tuple[int, tuple[OrderReport, ...], tuple[Position, ...]]:
        """The account as it was then; as it was first, where that is not known."""
        past = self._past or deque([(0, tuple(self._broker.orders()), tuple(self._broker.positions()))])
        found = past[0]
        for picture in past:
            if picture[0] > then_ns:
                break
            found = picture
        return found

    def _reject_later(self, order: PlaceOrder, fault: Fault) -> Answer:
        """Accept the order without matching it; risk management refuses it after a while."""
        self._take(FaultOn.PLACE)
        self._received(FaultOn.PLACE)
        answer = self._broker.set_aside(order)
        self._agenda.at(self._now() + fault.after_ns, lambda _at_ns: self._broker.reject(answer.order_id, REFUSAL))
        return answer

    def _next(self, on: FaultOn) -> Fault | None:
        return next((fault for fault in self._armed if fault.on is on), None)

    def _take(self, on: FaultOn) -> Fault | None:
        self.extra_ns = 0 if on in (FaultOn.PLACE, FaultOn.MODIFY, FaultOn.CANCEL) else self.extra_ns
        for fault in self._armed:
            if fault.on is on:
                what = f"{on.value} {fault.kind.value}"
                self.hits[what] = self.hits.get(what, 0) + 1
                fault.times -= 1
                if fault.times <= 0:
                    self._armed.remove(fault)
                return fault
        return None

    def _write(self, on: FaultOn, call: Callable[[], Answer], refuse: Callable[[], Answer] | None = None) -> Answer:
        fault = self._take(on)
        if fault is None or fault.kind is not FaultKind.NOT_SENT:
            self._received(on)
        if fault is not None and fault.kind is FaultKind.TOKEN_EXPIRED:
            self._session_over = True
        if self._session_over:
            return Answer(outcome=Outcome.NEEDS_LOGIN, reason="Incorrect `api_key` or `access_token`.")
        if fault is None or fault.kind in (FaultKind.TAG_DROPPED, FaultKind.TAG_CHANGED):
            return call()
        if fault.kind is FaultKind.REJECTED and refuse is not None:
            return refuse()
        if (answer := _WITHOUT_EFFECT.get(fault.kind)) is not None:
            return answer
        match fault.kind:
            case FaultKind.SLOW:
                self.extra_ns = fault.by_ns
                return call()
            case FaultKind.LOST_ANSWER_CONNECTION:
                call()
                return Answer(outcome=Outcome.UNKNOWN, reason="connection lost before the answer")
            case (
                FaultKind.ACCEPTED_THEN_TIMEOUT
                | FaultKind.TAG_DROPPED_THEN_TIMEOUT
                | FaultKind.TAG_CHANGED_THEN_TIMEOUT
            ):
                call()
            case FaultKind.ACCEPTED_LATE:
                self._agenda.at(self._now() + fault.after_ns, lambda _at_ns: _ignore(call()))
            case _:
                pass
        self.extra_ns = READ_TIMEOUT_NS
        return Answer(outcome=Outcome.UNKNOWN, reason="read timed out")

    def _received(self, on: FaultOn) -> None:
        if self.on_write is not None:
            self.on_write(on)

    def _read(self, on: FaultOn) -> int | None:
        """Let a read fail or pass; the time of which a stale one tells, `None` for now."""
        fault = self._take(on)
        if fault is not None and fault.kind is FaultKind.TOKEN_EXPIRED:
            self._session_over = True
        if self._session_over:
            raise NeedsLogin("Incorrect `api_key` or `access_token`.")
        if self._now() < self._reads_fail_until_ns:
            raise ReadFailed("the broker did not answer")
        if fault is None or fault.kind is FaultKind.ROWLESS_READ:
            return None
        if fault.kind is FaultKind.STALE_READ:
            return self._now() - fault.by_ns
        if fault.kind is FaultKind.SLOW:
            self.extra_ns += fault.by_ns
            return None
        if fault.kind in (FaultKind.PARTIAL_READ, FaultKind.EMPTY_READ):
            raise ReadFailed(f"the answer is not complete ({fault.kind.value})")
        if fault.kind in (FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.REJECTED):
            raise ReadFailed(f"the broker refused the read ({fault.kind.value})")
        self.extra_ns += READ_TIMEOUT_NS
        raise ReadFailed("read timed out")


_WITHOUT_EFFECT: Mapping[FaultKind, Answer] = {
    FaultKind.REJECTED: Answer(outcome=Outcome.REJECTED, reason=REFUSAL),
    FaultKind.RATE_LIMITED: Answer(outcome=Outcome.RATE_LIMITED, reason="Too many requests"),
    FaultKind.SERVER_ERROR: Answer(outcome=Outcome.UNKNOWN, reason="HTTP 500"),
    FaultKind.IP_REFUSED: Answer(outcome=Outcome.IP_REFUSED, reason=IP_REFUSAL),
    FaultKind.NOT_SENT: Answer(outcome=Outcome.NOT_SENT, reason="connection refused"),
    FaultKind.CANCEL_REFUSED: Answer(outcome=Outcome.REJECTED, reason=CANNOT_CANCEL),
}
"""What is answered at once by a write that reaches nothing."""


def _ignore(_answer: Answer) -> None:
    """An answer that nobody waits for any more."""


def _as_it_is(row: OrderReport) -> OrderReport:
    """An order as the exchange has it."""
    return row
