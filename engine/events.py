"""Events: what happened. Past tense, immutable, each with the time at which the engine learned of it.

They are the only input of the core: the same events give the same state and the same commands.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from config.order_limits import OrderLimits
from config.rates import ChargeRates
from config.schema import Mode, Settings
from engine.model import Basket, Funds, Instrument, InstrumentId, LegId, OrderReport, Position, Quote, TradingSession


class EventBase(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all events; the class name is the tag on the wire."""

    at_ns: int


class Outcome(StrEnum):
    """How a write to a broker ended (FAULTS, the order path)."""

    ACKED = "acked"
    "The broker gave an order id."
    REJECTED = "rejected"
    "A definite refusal by the broker, in its own words."
    NOT_SENT = "not_sent"
    "Proven that no byte of the request left; may be sent again."
    RATE_LIMITED = "rate_limited"
    "Definitely not accepted: too many requests; back off, read the book, then again."
    NEEDS_LOGIN = "needs_login"
    "Definitely not accepted: the session is over; the account stops until a login."
    IP_REFUSED = "ip_refused"
    "Definitely not accepted: the broker takes no orders from this machine's address; only the operator can mend it."
    UNKNOWN = "unknown"
    "Everything else. The order may exist."


class Request(StrEnum):
    """Which write is meant."""

    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"


class SessionStarted(EventBase, frozen=True, kw_only=True):
    """The program started (again). Always the first event of a process.

    `unclean`: the last session did not end in an orderly way. `day` is the trading date (ISO, IST).
    """

    settings: Settings
    mode: Mode
    day: str
    sessions: tuple[TradingSession, ...]
    "Trading sessions around the day, in order; after the end of the calendar the usual hours of weekdays."
    charges: ChargeRates | None = None
    "Rates in force on the day; `None`: unknown, then charges are shown as unknown and the daily loss fails closed."
    unclean: bool = False
    order_limits: dict[str, OrderLimits] | None = None
    "What each account's broker takes, by account; `None`, and an account that is missing, is without limits."
    calendar_until: str = ""
    "The last day (ISO) whose holidays are known: nothing is entered later. '' sets no end."


class SessionStopped(EventBase, frozen=True, kw_only=True):
    """An orderly stop: nothing further is decided."""


class DayBegan(EventBase, frozen=True, kw_only=True):
    """A trading day began while the process ran: what `SessionStarted` of another day brings, without a restart.

    The instrument files of the day follow as `InstrumentsLoaded`.
    """

    day: str
    sessions: tuple[TradingSession, ...]
    charges: ChargeRates | None = None
    order_limits: dict[str, OrderLimits] | None = None
    calendar_until: str = ""
    "As in `SessionStarted`."


class TimePassed(EventBase, frozen=True, kw_only=True):
    """The clock reached a time that the core had asked for (`Replicator.next_due_ns`)."""


class InstrumentsLoaded(EventBase, frozen=True, kw_only=True):
    """Instruments of the day at one account's broker; `account` "" means at every account's that has no own file.

    `unusable` says of instruments that were looked for why that broker has none of them.
    """

    instruments: tuple[Instrument, ...]
    account: str = ""
    unusable: dict[InstrumentId, str] = {}


class QuotesUpdated(EventBase, frozen=True, kw_only=True):
    """New market data, at most one quote an instrument."""

    quotes: tuple[Quote, ...]


class OrderUpdated(EventBase, frozen=True, kw_only=True):
    """A pushed order update of the master or a child. A hint: may be late, repeated, out of order or missing."""

    account: str
    report: OrderReport


class AccountRead(EventBase, frozen=True, kw_only=True):
    """Answer to `ReadAccount`. A part that was not asked for or failed is `None`; `error` says why a read failed.

    `orders` holds the rows of a complete read of the book (a shell may leave out rows that did not change since the
    last complete read of this process, and then says so with `orders_are_delta`).
    """

    account: str
    began_ns: int
    orders: tuple[OrderReport, ...] | None = None
    orders_are_delta: bool = False
    positions: tuple[Position, ...] | None = None
    available_inr: Decimal | None = None
    used_inr: Decimal | None = None
    "What is blocked or spent beside it, `None` where the broker does not say; only of a read that has the other."
    error: str = ""
    needs_login: bool = False

    @property
    def funds(self) -> Funds | None:
        """The figures of the funds that can be reckoned with; `None` where what is available is none of them."""
        available, used = self.available_inr, self.used_inr
        if available is None or not available.is_finite():
            return None
        return Funds(available_inr=available, used_inr=None if used is None or not used.is_finite() else used)


class RequestAnswered(EventBase, frozen=True, kw_only=True):
    """How a write ended."""

    account: str
    request: Request
    tag: str
    outcome: Outcome
    order_id: str = ""
    reason: str = ""
    number: int = 0
    "Which change of an order it was; 0 for other writes."


class MarginTold(EventBase, frozen=True, kw_only=True):
    """Answer to `AskMargin`; `needed_inr` is `None` where the broker could not be asked."""

    account: str
    basket: Basket
    needed_inr: Decimal | None = None


class LoggedIn(EventBase, frozen=True, kw_only=True):
    """An account has a working session (again)."""

    account: str


class LinkChanged(EventBase, frozen=True, kw_only=True):
    """The connection that pushes an account's order updates was made, or is lost: what comes then is not heard."""

    account: str
    connected: bool
    why: str = ""


class OperatorEvent(EventBase, frozen=True, kw_only=True):
    """Base of what a person ordered."""


class Paused(OperatorEvent, frozen=True, kw_only=True):
    """No further entries until resumed; entries missed meanwhile are not caught up."""


class Resumed(OperatorEvent, frozen=True, kw_only=True):
    """Answers the prompt of an unclean start; with none open, ends a pause. Given early it is kept for that prompt."""


class KillSwitched(OperatorEvent, frozen=True, kw_only=True):
    """Kill level: 0 off, 1 no entries, 2 no orders at all."""

    level: int


class PromptAnswered(OperatorEvent, frozen=True, kw_only=True):
    """Approve or decline what waits.

    `prompt` "" means all open prompts. Children in `children` are approved and the others declined; `None` means all.
    `units` may lower the quantity of single rows, keyed `child|leg`. `shown` says, with the same keys, what the
    operator saw when he answered, units to be sold negative: what was not shown, or beyond it, is not answered and is
    asked anew; `None`: all.
    """

    approve: bool
    prompt: str = ""
    children: tuple[str, ...] | None = None
    units: dict[str, int] = {}
    shown: dict[str, int] | None = None


class StrategyReset(OperatorEvent, frozen=True, kw_only=True):
    """Clear the ratio and stop entries; allocations stay, exit-only. `scope` "" means every scope."""

    scope: str = ""


class BackgroundAdopted(OperatorEvent, frozen=True, kw_only=True):
    """Follow the master's background lots of a symbol from now on (asked in a prompt)."""

    symbol: str


class ModeRequested(OperatorEvent, frozen=True, kw_only=True):
    """Switch between paper and live, now or, with a strategy running, from the next one on."""

    mode: Mode
    refused: str = ""
    "Why the shell refuses it, '' when it can be done."


class MaxCapitalSet(OperatorEvent, frozen=True, kw_only=True):
    """A child's capital cap; `None` lifts it. On the ratio from the next strategy; as a gate at once, downwards."""

    child: str
    max_capital_inr: Decimal | None


class ChildJoined(OperatorEvent, frozen=True, kw_only=True):
    """Ask for a left-out child to enter all legs of the running strategy (in one prompt)."""

    child: str


class ChildResynced(OperatorEvent, frozen=True, kw_only=True):
    """Read both sides anew, offer missing entries in a prompt and send due exits."""

    child: str


class LegMapped(OperatorEvent, frozen=True, kw_only=True):
    """Which symbol a leg is today whose instrument changed over night; its own symbol accepts the new terms."""

    leg: LegId
    symbol: str


class Flattened(OperatorEvent, frozen=True, kw_only=True):
    """Exit every allocation of the children named (all when empty)."""

    children: tuple[str, ...] = ()


class LegExited(OperatorEvent, frozen=True, kw_only=True):
    """Exit one leg of the children named (all when empty): its lots are missed from then on, a resync offers them."""

    leg: LegId
    children: tuple[str, ...] = ()


class TicketWritten(OperatorEvent, frozen=True, kw_only=True):
    """Add lots to a leg that the master holds, in his direction, or take some off, for the children named.

    More lots are offered in a prompt; fewer are exited at once. `children` empty: all.
    """

    leg: LegId
    lots: int
    "Whole lots, + more, - fewer; each child's own, or the master's with `in_ratio`."
    children: tuple[str, ...] = ()
    in_ratio: bool = False
    "Each child takes what it would take if the master traded these lots."


class HandedOver(OperatorEvent, frozen=True, kw_only=True):
    """Leave what the children named (all when empty) hold to their owners: the program trades it no more."""

    children: tuple[str, ...] = ()


class ExitsHastened(OperatorEvent, frozen=True, kw_only=True):
    """Send a child's unknown exits again as soon as one fresh read shows neither them nor what they would have done."""

    child: str


class StartedFresh(OperatorEvent, frozen=True, kw_only=True):
    """Answers the prompt of an unclean start: forget the last strategy. Refused while anything of ours is open."""


Operator = (
    Paused
    | Resumed
    | KillSwitched
    | PromptAnswered
    | StrategyReset
    | BackgroundAdopted
    | ModeRequested
    | MaxCapitalSet
    | ChildJoined
    | ChildResynced
    | LegMapped
    | Flattened
    | LegExited
    | TicketWritten
    | HandedOver
    | ExitsHastened
    | StartedFresh
)
Event = (
    SessionStarted
    | SessionStopped
    | DayBegan
    | TimePassed
    | InstrumentsLoaded
    | QuotesUpdated
    | OrderUpdated
    | AccountRead
    | RequestAnswered
    | MarginTold
    | LoggedIn
    | LinkChanged
    | Operator
)
