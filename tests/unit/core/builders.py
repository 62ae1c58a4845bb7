"""A desk for the tests of the core: drives a `Replicator` with events and plays every broker by hand. No I/O.

After every event the core's own invariants are checked. Time only passes by `run`, which wakes the core whenever it
asked to be woken. Reads are answered at once unless the account stands in `silent`; orders are accepted and filled at
once unless `filling` is off, then the test answers them one by one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import msgspec

from config.order_limits import OrderLimits
from config.rates import ChargeRates, ChargeSegment, SegmentRates
from config.schema import Account, Child, Confirm, ConfirmWhen, Paper, Settings
from engine.commands import CancelOrder, Command, ModifyOrder, Notify, PlaceOrder, ReadAccount, Subscribe
from engine.core.invariants import violations
from engine.core.replicator import Replicator
from engine.core.state import State, Strategy
from engine.core.state_child import Child as ChildState
from engine.core.state_child import ChildLeg, ChildOrder
from engine.core.state_master import MasterLeg
from engine.core.turn import ACCOUNT_SCOPE, Turn
from engine.events import (
    AccountRead,
    Event,
    InstrumentsLoaded,
    OrderUpdated,
    Outcome,
    Paused,
    QuotesUpdated,
    Request,
    RequestAnswered,
    Resumed,
    SessionStarted,
    TimePassed,
)
from engine.model import (
    NS_PER_S,
    BookStatus,
    Instrument,
    InstrumentId,
    LegId,
    OrderReport,
    OrderType,
    Position,
    Quote,
    Side,
    TradingSession,
    instrument_id,
    leg_id,
    split_leg,
)
from tests.unit.paper.builders import CALL, FUT, PUT, future, ns, option

S = NS_PER_S
START = ns("09:30")
LOT = 65
CALL_LEG = leg_id("NFO", CALL, "NRML")
PUT_LEG = leg_id("NFO", PUT, "NRML")
FUT_LEG = leg_id("NFO", FUT, "NRML")
HEDGE = "NIFTY26NOV24600CE"
HEDGE_LEG = leg_id("NFO", HEDGE, "NRML")
INSTRUMENTS = (option(), option(PUT), option(HEDGE, strike=24600), future())
SESSIONS = tuple(TradingSession(open_ns=ns("09:15", day), close_ns=ns("15:30", day)) for day in (2, 3))
_NOTHING = Decimal(0)
FREE = ChargeRates(
    since="2026-11-01",
    source="a broker that charges nothing",
    gst_pct=_NOTHING,
    segments={
        segment: SegmentRates(
            brokerage_pct=_NOTHING,
            brokerage_max_inr=_NOTHING,
            stt_buy_pct=_NOTHING,
            stt_sell_pct=_NOTHING,
            exchange_pct=_NOTHING,
            sebi_pct=_NOTHING,
            stamp_buy_pct=_NOTHING,
        )
        for segment in ChargeSegment
    },
)
NEVER = Confirm(when=ConfirmWhen.NEVER)
ENTRIES = Confirm(when=ConfirmWhen.ENTRIES)
ALL = Confirm(when=ConfirmWhen.ALL)

T = TypeVar("T")


def child(id_: str = "C1", **fields: object) -> Child:
    """A child's settings."""
    return msgspec.structs.replace(Child(id=id_, broker="paper"), **fields)


def settings(*children: Child, **fields: object) -> Settings:
    """Settings with one child C1 unless given, without prompts and margins unless given."""
    base = Settings(
        master=Account(id="M", broker="paper"),
        children=children or (child(),),
        confirm=NEVER,
        paper=Paper(margins=False),
    )
    return msgspec.structs.replace(base, **fields)


def instrument(symbol: str = CALL, **fields: object) -> Instrument:
    """One of the desk's instruments, changed."""
    return msgspec.structs.replace(next(i for i in INSTRUMENTS if i.symbol == symbol), **fields)


def turn_of(state: State) -> Turn:
    """A turn on a state, for reading."""
    return Turn(state, state.now_ns, {c.id: c for c in state.settings.children})


def quote_of(symbol: str, price: str, now_ns: int, stale_at_ns: int | None = None) -> Quote:
    """A quote with bid, ask and last at one price."""
    at = Decimal(price)
    return Quote(
        instrument=instrument_id("NFO", symbol),
        at_ns=now_ns,
        last_inr=at,
        bid_inr=at,
        ask_inr=at,
        stale_at_ns=stale_at_ns,
    )


@dataclass(slots=True, kw_only=True)
class Book:
    """One account as its broker knows it."""

    available_inr: Decimal | None
    used_inr: Decimal | None = None
    orders: dict[str, OrderReport] = field(default_factory=dict)
    positions: dict[LegId, int] = field(default_factory=dict)
    overnight: dict[LegId, int] = field(default_factory=dict)


class Desk:
    """A core, its brokers, and a clock.

    Args:
        with_settings: The configuration; one child C1 without prompts when `None`.
        margins: Available margin by account; master 1,000,000 and every child 300,000 (a ratio of 3/10) by default.
        background: The master's positions before the start.
        quoted: Whether every instrument has a quote of 100 from the start.
        warm: Whether the first three polls have run: armed, with samples.
        unclean: Whether the session before did not end well.
        filling: Whether orders are accepted and filled at once.
        silent: Accounts whose reads are not answered.
        limits: What each account's broker takes; none when `None`.
    """

    def __init__(
        self,
        with_settings: Settings | None = None,
        *,
        margins: dict[str, int] | None = None,
        background: dict[LegId, int] | None = None,
        quoted: bool = True,
        warm: bool = True,
        unclean: bool = False,
        filling: bool = True,
        silent: tuple[str, ...] = (),
        limits: dict[str, OrderLimits] | None = None,
    ) -> None:
        self.settings = with_settings or settings()
        self.core = Replicator()
        self.now_ns = START
        self.filling, self.unclean = filling, unclean
        self.silent = set(silent)
        self.limits = limits
        self.checking = True
        "Whether the core's invariants are checked after every event."
        self.events: list[Event] = []
        self.out: list[Command] = []
        self.unanswered: list[PlaceOrder] = []
        self._number = 0
        money = {c.id: 300_000 for c in self.settings.children} | {"M": 1_000_000} | (margins or {})
        self.books = {account: Book(available_inr=Decimal(value)) for account, value in money.items()}
        self.books["M"].positions = dict(background or {})
        self.books["M"].overnight = dict(background or {})
        self.start()
        self.load()
        if quoted:
            for listed in INSTRUMENTS:
                self.quote(listed.symbol, "100")
        if warm:
            self.run(3)

    # --- the core -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.core.state

    def handle(self, event: Event) -> list[Command]:
        """Give the core an event, check its invariants, answer what is answered at once."""
        self.events.append(event)
        commands = self.core.handle(event)
        self.out += commands
        broken = violations(turn_of(self.state)) if self.checking else []
        assert not broken, broken
        for command in commands:
            self._carry_out(command)
        return commands

    def start(self, *, day: int = 2, sessions: tuple[TradingSession, ...] = SESSIONS) -> None:
        """A process starts."""
        self.handle(
            SessionStarted(
                at_ns=self.now_ns,
                settings=self.settings,
                mode=self.settings.mode,
                day=f"2026-11-{day:02d}",
                sessions=sessions,
                charges=FREE,
                unclean=self.unclean,
                order_limits=self.limits,
            )
        )

    def restart(self, *, day: int = 2, unclean: bool = False, with_settings: Settings | None = None) -> None:
        """The process dies and starts again on the same state."""
        self.core = Replicator(self.core.state)
        self.unclean = unclean
        self.settings = with_settings or self.settings
        self.start(day=day)
        self.load()

    def load(
        self,
        instruments: tuple[Instrument, ...] = INSTRUMENTS,
        account: str = "",
        unusable: dict[InstrumentId, str] | None = None,
    ) -> None:
        """An instrument file arrives."""
        event = InstrumentsLoaded(at_ns=self.now_ns, instruments=instruments, account=account, unusable=unusable or {})
        self.handle(event)

    def run(self, seconds: float | str) -> None:
        """Let time pass; the core is woken whenever it asked for it."""
        self.run_to(self.now_ns + int(Decimal(str(seconds)) * NS_PER_S))

    def run_to(self, until_ns: int) -> None:
        """Let time pass up to a moment, what is due then included."""
        while (due_ns := self.core.next_due_ns) is not None and due_ns <= until_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.handle(TimePassed(at_ns=self.now_ns))
        self.now_ns = until_ns

    # --- what a test reads ----------------------------------------------------------------------------------------

    def commands(self, kind: type[T]) -> list[T]:
        """Every command of a kind so far."""
        return [command for command in self.out if isinstance(command, kind)]

    def placed(self, account: str = "C1") -> list[tuple[Side, int]]:
        """Every order sent for an account so far: side and lots."""
        return [(p.side, p.quantity // LOT) for p in self.commands(PlaceOrder) if p.account == account]

    def notices(self) -> list[str]:
        """Every line for people so far."""
        return [notice.text for notice in self.commands(Notify)]

    def child(self, account: str = "C1") -> ChildState:
        return self.state.children[account]

    def leg(self, account: str = "C1", leg: LegId = CALL_LEG) -> ChildLeg:
        return self.state.children[account].legs[leg]

    def lots(self, account: str = "C1", leg: LegId = CALL_LEG) -> int:
        """What the program opened and holds, in lots."""
        found = self.state.children[account].legs.get(leg)
        return 0 if found is None else found.allocation_units // LOT

    def target(self, account: str = "C1", leg: LegId = CALL_LEG) -> int:
        """The signed target in lots."""
        found = self.leg(account, leg)
        return found.sign * found.target_units // LOT

    def master_leg(self, leg: LegId = CALL_LEG) -> MasterLeg:
        return self.state.master.legs[leg]

    def strategy(self, scope: str = ACCOUNT_SCOPE) -> Strategy:
        return self.state.strategies[scope]

    def order(self, place: PlaceOrder) -> ChildOrder:
        """The core's record of an order."""
        return self.state.orders[place.tag]

    def reasons(self, account: str = "C1") -> set[str]:
        """Why copies of an account were not made."""
        return {skip.reason for skip in self.state.skips.values() if skip.child == account}

    def reads(self, account: str = "C1") -> list[ReadAccount]:
        """Every read asked for so far."""
        return [read for read in self.commands(ReadAccount) if read.account == account]

    # --- the master -----------------------------------------------------------------------------------------------

    def master(
        self,
        side: Side,
        lots: int,
        *,
        symbol: str = CALL,
        id_: str = "",
        filled: int | None = None,
        price: str = "100",
        status: BookStatus | None = None,
        placed_s: float = 0,
        order_type: OrderType = OrderType.MARKET,
        limit: str | None = None,
        trigger: str | None = None,
        push: bool = True,
    ) -> OrderReport:
        """An order of the master, filled completely unless said otherwise; `placed_s` seconds before now."""
        report = self.report(
            side,
            lots,
            symbol=symbol,
            id_=id_ or self._next("MO"),
            filled=filled,
            price=price,
            status=status,
            placed_s=placed_s,
            order_type=order_type,
            limit=limit,
            trigger=trigger,
        )
        self.book(report)
        if push:
            self.handle(OrderUpdated(at_ns=self.now_ns, account="M", report=report))
        return report

    def report(
        self,
        side: Side,
        lots: int,
        *,
        symbol: str = CALL,
        id_: str = "M1",
        filled: int | None = None,
        price: str = "100",
        status: BookStatus | None = None,
        placed_s: float = 0,
        order_type: OrderType = OrderType.MARKET,
        limit: str | None = None,
        trigger: str | None = None,
        tag: str = "",
    ) -> OrderReport:
        """What a broker says of an order, in lots."""
        done = lots if filled is None else filled
        return OrderReport(
            order_id=id_,
            exchange="NFO",
            symbol=symbol,
            product="NRML",
            side=side,
            order_type=order_type,
            quantity=lots * LOT,
            filled=done * LOT,
            average_price_inr=Decimal(price) if done else None,
            status=status or (BookStatus.COMPLETE if done == lots else BookStatus.OPEN),
            price_inr=None if limit is None else Decimal(limit),
            trigger_price_inr=None if trigger is None else Decimal(trigger),
            tag=tag,
            placed_ns=self.now_ns - int(Decimal(str(placed_s)) * NS_PER_S),
            updated_ns=self.now_ns,
        )

    def book(self, report: OrderReport, account: str = "M") -> None:
        """Enter an order into an account's book and its fills into the positions."""
        book = self.books[account]
        before = book.orders.get(report.order_id)
        new = report.filled - (0 if before is None else before.filled)
        book.orders[report.order_id] = report
        book.positions[report.leg] = book.positions.get(report.leg, 0) + report.side.sign * new

    def buy(self, lots: int, **fields: object) -> None:
        """The master buys, and what follows is done."""
        self._trade(Side.BUY, lots, fields)

    def sell(self, lots: int, **fields: object) -> None:
        """The master sells, and what follows is done."""
        self._trade(Side.SELL, lots, fields)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What the master does meanwhile is missed."""
        self.handle(Paused(at_ns=self.now_ns))
        yield
        self.handle(Resumed(at_ns=self.now_ns))

    def _trade(self, side: Side, lots: int, fields: dict[str, object]) -> None:
        trade: Callable[..., OrderReport] = self.master
        trade(side, lots, **fields)
        self.run("0.3")

    # --- the children's brokers -----------------------------------------------------------------------------------

    def accept(self, place: PlaceOrder, *, answered: bool = True) -> OrderReport:
        """The broker takes an order in; the answer may be lost."""
        if place in self.unanswered:
            self.unanswered.remove(place)
        report = OrderReport(
            order_id=self._next("O"),
            exchange=place.exchange,
            symbol=place.symbol,
            product=place.product,
            side=place.side,
            order_type=place.order_type,
            quantity=place.quantity,
            price_inr=place.price_inr,
            trigger_price_inr=place.trigger_price_inr,
            tag=place.tag,
            placed_ns=self.now_ns,
            updated_ns=self.now_ns,
        )
        self.book(report, place.account)
        if answered:
            self.answer(place, Outcome.ACKED, order_id=report.order_id)
        return report

    def answer(
        self,
        command: PlaceOrder | CancelOrder | ModifyOrder,
        outcome: Outcome,
        *,
        order_id: str = "",
        reason: str = "",
    ) -> None:
        """The answer to a write."""
        if isinstance(command, PlaceOrder):
            request = Request.PLACE
            if command in self.unanswered:
                self.unanswered.remove(command)
        else:
            request = Request.CANCEL if isinstance(command, CancelOrder) else Request.MODIFY
        self.handle(
            RequestAnswered(
                at_ns=self.now_ns,
                account=command.account,
                request=request,
                tag=command.tag,
                outcome=outcome,
                order_id=order_id,
                reason=reason,
                number=command.number if isinstance(command, ModifyOrder) else 0,
            )
        )

    def advance(
        self,
        report: OrderReport,
        account: str = "C1",
        *,
        filled: int | None = None,
        status: BookStatus = BookStatus.COMPLETE,
        price: str = "100",
        push: bool = True,
    ) -> OrderReport:
        """An order goes on at the broker: filled units (all when `None`) and status, pushed unless said otherwise."""
        units = report.quantity if filled is None else filled
        newer = msgspec.structs.replace(
            report,
            filled=units,
            average_price_inr=Decimal(price) if units else None,
            status=status,
            updated_ns=self.now_ns,
        )
        self.book(newer, account)
        if push:
            self.push(newer, account)
        return newer

    def move(self, change: ModifyOrder, *, answered: bool = True, push: bool = True) -> OrderReport:
        """The broker carries out a modification; the answer or the push may be lost."""
        before = self.books[change.account].orders[change.order_id]
        newer = msgspec.structs.replace(
            before,
            order_type=change.order_type or before.order_type,
            quantity=change.quantity or before.quantity,
            price_inr=change.price_inr or before.price_inr,
            trigger_price_inr=change.trigger_price_inr or before.trigger_price_inr,
            updated_ns=self.now_ns,
        )
        self.book(newer, change.account)
        if answered:
            self.answer(change, Outcome.ACKED, order_id=change.order_id)
        if push:
            self.push(newer, change.account)
        return newer

    def push(self, report: OrderReport, account: str = "C1") -> None:
        """A pushed update, whatever the book says."""
        self.handle(OrderUpdated(at_ns=self.now_ns, account=account, report=report))

    def fill(self, place: PlaceOrder, *, price: str = "100") -> OrderReport:
        """Accept and fill an order completely."""
        return self.advance(self.accept(place), place.account, price=price)

    def last(self, account: str = "C1") -> PlaceOrder:
        """The newest order sent for an account."""
        return [p for p in self.commands(PlaceOrder) if p.account == account][-1]

    def last_order(self, account: str = "C1") -> ChildOrder:
        """The core's record of the newest order sent for an account."""
        return self.order(self.last(account))

    def owner_trades(self, lots: int, account: str = "C1", leg: LegId = CALL_LEG) -> None:
        """The owner trades by himself; the program sees it with the next read of positions."""
        exchange, symbol, product = split_leg(leg)
        trade = OrderReport(
            order_id=self._next("OWN"),
            exchange=exchange,
            symbol=symbol,
            product=product,
            side=Side.BUY if lots > 0 else Side.SELL,
            order_type=OrderType.MARKET,
            quantity=abs(lots) * LOT,
            filled=abs(lots) * LOT,
            average_price_inr=Decimal(100),
            status=BookStatus.COMPLETE,
            placed_ns=self.now_ns,
            updated_ns=self.now_ns,
        )
        self.book(trade, account)

    # --- reads and quotes -----------------------------------------------------------------------------------------

    def picture(self, account: str = "C1", **fields: object) -> AccountRead:
        """A complete read of an account as of now, to be delivered when the test wants."""
        book = self.books[account]
        read = AccountRead(
            at_ns=self.now_ns,
            account=account,
            began_ns=self.now_ns,
            orders=tuple(book.orders.values()),
            positions=tuple(
                Position(
                    exchange=leg.split(":")[0],
                    symbol=leg.split(":")[1],
                    product=leg.split(":")[2],
                    net_units=units,
                    overnight_units=book.overnight.get(leg, 0),
                )
                for leg, units in book.positions.items()
            ),
            available_inr=book.available_inr,
            used_inr=book.used_inr,
        )
        return msgspec.structs.replace(read, **fields)

    def deliver(self, read: AccountRead) -> None:
        """A read arrives now."""
        self.handle(msgspec.structs.replace(read, at_ns=self.now_ns))

    def read(self, account: str = "C1") -> None:
        """A complete read that begins and arrives now."""
        self.deliver(self.picture(account))

    def quote(self, symbol: str, price: str, stale_at_ns: int | None = None) -> None:
        """A new quote of a symbol."""
        fresh = quote_of(symbol, price, self.now_ns, stale_at_ns)
        self.handle(QuotesUpdated(at_ns=self.now_ns, quotes=(fresh,)))

    def _carry_out(self, command: Command) -> None:
        match command:
            case ReadAccount() if command.account not in self.silent and command.account in self.books:
                full = self.picture(command.account)
                self.handle(
                    msgspec.structs.replace(
                        full,
                        orders=full.orders if command.orders else None,
                        positions=full.positions if command.positions else None,
                        available_inr=full.available_inr if command.funds else None,
                        used_inr=full.used_inr if command.funds else None,
                    )
                )
            case PlaceOrder():
                self.unanswered.append(command)
                if self.filling:
                    self.fill(command)
            case CancelOrder() if self.filling:
                self.cancelled(command)
            case _:
                pass

    def cancelled(self, command: CancelOrder) -> None:
        """The broker carries out a cancel and says so."""
        report = self.books[command.account].orders[command.order_id]
        self.answer(command, Outcome.ACKED, order_id=command.order_id)
        self.advance(report, command.account, filled=report.filled, status=BookStatus.CANCELLED)

    def _next(self, mark: str) -> str:
        self._number += 1
        return f"{mark}{self._number}"


def subscribed(commands: list[Command]) -> set[InstrumentId]:
    """Instruments that quotes were asked for."""
    return {i for command in commands if isinstance(command, Subscribe) for i in command.instruments}
