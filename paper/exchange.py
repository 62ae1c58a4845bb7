"""The paper exchange: accepts, matches and books orders of any number of accounts against real or simulated quotes.

Deterministic and single-threaded, without a clock: every method that needs the time takes `now_ns`. It must not know
the engine, latency or faults: a lane puts those in front of it. What a broker refuses is refused here in his words.

Life of an order:

    place -> refused by the order desk (`Answer` REJECTED, no row)
          -> accepted with an id -> REJECTED by risk management (margin), a row in the book
                                 -> TRIGGER PENDING -> OPEN -> COMPLETE | CANCELLED

Statuses only move to the right, `filled` only rises, and every change is reported once to `on_update`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from config.rates import ChargeRates
from config.schema import Paper
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.events import Outcome
from engine.model import (
    Basket,
    BookStatus,
    Funds,
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
    instrument_of,
    leg_id,
    sign,
    split_leg,
)
from engine.ports import Answer
from paper import rejections
from paper.book import STATE_VERSION, BookOrder, ExchangeState, PaperAccount, decode, encode, merged
from paper.funds import Cashier
from paper.ledger import AccountPnl, Holding, Ledger
from paper.matching import MatchRules, match, needs_trigger
from paper.quotes import QuoteBoard
from paper.trading_day import DueKind, dues, is_after_square_off, is_open, ist_day_number

INTRADAY = "MIS"
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

OnUpdate = Callable[[str, OrderReport], None]
"""(account, row): called after every change, when the exchange's own state is complete."""


class Exchange:
    """All paper accounts and the market that they trade in."""

    def __init__(
        self,
        *,
        paper: Paper,
        sessions: Sequence[TradingSession],
        instruments: Sequence[Instrument],
        charges: ChargeRates | None,
        on_update: OnUpdate,
    ) -> None:
        self._rules = MatchRules.of(paper)
        self._sessions = tuple(sessions)
        self._dues = dues(sessions)
        self._on_update = on_update
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._listed: set[InstrumentId] = set()
        self._quotes = QuoteBoard()
        self._funds = Cashier(margins=paper.margins, rates=charges, instruments=self._instruments, quotes=self._quotes)
        self._accounts: dict[str, PaperAccount] = {}
        self._resting: dict[InstrumentId, dict[str, BookOrder]] = {}
        self._accepted: dict[str, int] = {}
        "Orders by account. Each counts for itself: ids do not depend on whose of two equal moments came first."
        self._ran_until_ns: int | None = None
        self.add_instruments(instruments)

    # Accounts, instruments, quotes

    def add_instruments(self, instruments: Sequence[Instrument]) -> None:
        """List further instruments, or the same ones anew."""
        for instrument in instruments:
            self._instruments[instrument.id] = instrument
            self._listed.add(instrument.id)
        self._quotes.know(instruments)

    def instruments(self) -> tuple[Instrument, ...]:
        """What is listed today."""
        return tuple(self._instruments[key] for key in self._instruments if key in self._listed)

    def add_account(self, account: str, capital_inr: Decimal, overnight: Mapping[LegId, int] | None = None) -> None:
        """Open an account.

        Args:
            account: Its id; an account that is already there (restored) stays as it is.
            capital_inr: What it has, collateral included; with margins off this is what is available.
            overnight: Signed units brought along, at a price that is not known.
        """
        if account in self._accounts:
            return
        holdings = {
            leg: Holding(net_units=units, overnight_units=units, has_basis=False)
            for leg, units in (overnight or {}).items()
            if units
        }
        ledger = Ledger(capital_inr=capital_inr, holdings=holdings)
        self._accounts[account] = PaperAccount(ledger=ledger, available_inr=capital_inr)

    def has_account(self, account: str) -> bool:
        """Whether an account is open."""
        return account in self._accounts

    def is_listed(self, instrument: InstrumentId) -> bool:
        """Whether an instrument is listed today."""
        return instrument in self._listed

    def set_available(self, account: str, amount: Decimal) -> None:
        """Make exactly this available, in rupees. With margins on: as if the difference had been paid in or out."""
        self._funds.set_available(self._accounts[account], amount)

    def update_quotes(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """Store quotes and match what rests in their instruments, in the order of acceptance."""
        self._see(now_ns)
        changed = [quote.instrument for quote in quotes if self._quotes.update(quote)]
        for key in changed:
            for order in tuple(self._resting.get(key, {}).values()):
                self._match(order, now_ns)

    def newest(self, instrument: InstrumentId) -> Quote | None:
        """The newest quote, `None` when there never was one."""
        return self._quotes.newest(instrument)

    @property
    def has_resting(self) -> bool:
        """Whether an order waits for a quote."""
        return any(self._resting.values())

    # Orders

    def place(self, order: PlaceOrder, now_ns: int) -> Answer:
        """Accept or refuse an order and match it at once. A tag that was used before is accepted, as brokers do."""
        self._see(now_ns)
        owner = self._accounts[order.account]
        key = instrument_id(order.exchange, order.symbol)
        instrument = self._listed_instrument(key, now_ns)
        net = owner.ledger.net_units(leg_id(order.exchange, order.symbol, order.product))
        if instrument is None:
            return _refused(rejections.UNKNOWN_INSTRUMENT)
        if not is_open(self._sessions, now_ns):
            return _refused(rejections.MARKET_CLOSED)
        is_exit = _reduces(order.side, order.quantity, net)
        if order.product == INTRADAY and not is_exit and is_after_square_off(self._dues, now_ns):
            return _refused(rejections.INTRADAY_CLOSED)
        refusal = rejections.bad_terms(order, instrument, is_odd_remainder=is_exit and order.quantity == abs(net))
        if refusal:
            return _refused(refusal)
        row = self._new_row(order, now_ns)
        needed = Decimal(0) if is_exit else self._funds.needed_inr(owner, row.report, instrument)
        self._accept(row, now_ns, needed_inr=needed)
        return Answer(outcome=Outcome.ACKED, order_id=row.report.order_id)

    def refuse(self, order: PlaceOrder, text: str, now_ns: int) -> Answer:
        """Refuse an order at risk management, whatever it is: a REJECTED row in the book, and the refusal as answer."""
        self._see(now_ns)
        row = self._new_row(order, now_ns)
        row.set_status(BookStatus.REJECTED, text, now_ns)
        self._accounts[order.account].add(row)
        self._report(row)
        return _refused(text)

    def set_aside(self, order: PlaceOrder, now_ns: int) -> Answer:
        """Accept an order and do not match it: risk management has yet to look at it."""
        self._see(now_ns)
        row = self._new_row(order, now_ns)
        self._accounts[order.account].add(row)
        self._report(row)
        return Answer(outcome=Outcome.ACKED, order_id=row.report.order_id)

    def reject(self, account: str, order_id: str, text: str, now_ns: int) -> None:
        """Risk management refuses an accepted order; one that is done stays as it is."""
        row = self._accounts[account].orders.get(order_id)
        if row is not None and row.is_open:
            self._end(row, BookStatus.REJECTED, text, now_ns)

    def modify(self, order: ModifyOrder, now_ns: int) -> Answer:
        """Change an open order and match it at once; `quantity` is the whole one, filled units included."""
        self._see(now_ns)
        owner = self._accounts[order.account]
        row = owner.orders.get(order.order_id)
        if row is None:
            return _refused(rejections.UNKNOWN_ORDER)
        changed = _with_changes(row.report, order)
        instrument = self._listed_instrument(row.report.instrument, now_ns)
        refusal = self._modify_refusal(owner, row, changed, instrument, now_ns)
        if refusal or instrument is None:
            return _refused(refusal or rejections.UNKNOWN_INSTRUMENT)
        needed = Decimal(0) if self._is_exit(owner, changed) else self._funds.needed_inr(owner, changed, instrument)
        available = self.available_inr(order.account) + row.still_blocked_inr if needed else needed
        if needed > available:
            return _refused(rejections.insufficient_funds(needed, available))
        # What is blocked is kept for the whole quantity and shrinks with what is filled.
        row.blocked_inr = needed * changed.quantity / (changed.quantity - changed.filled)
        row.change_terms(changed, now_ns)
        self._report(row)
        self._match(row, now_ns)
        return Answer(outcome=Outcome.ACKED, order_id=order.order_id)

    def cancel(self, order: CancelOrder, now_ns: int) -> Answer:
        """Cancel an open order."""
        self._see(now_ns)
        row = self._accounts[order.account].orders.get(order.order_id)
        if row is None:
            return _refused(rejections.UNKNOWN_ORDER)
        if not row.is_open or row.is_external:
            return _refused(rejections.CANNOT_CANCEL)
        self._end(row, BookStatus.CANCELLED, "", now_ns)
        return Answer(outcome=Outcome.ACKED, order_id=order.order_id)

    def trade(
        self, account: str, symbol: str, exchange: str, side: Side, quantity: int, product: str, now_ns: int
    ) -> Answer:
        """The owner's own manual trade: a MARKET order without tag; the answer says whether it was refused."""
        return self.place(_market_order(account, leg_id(exchange, symbol, product), side, quantity), now_ns)

    def convert(self, account: str, leg: LegId, to: LegId, units: int, now_ns: int) -> None:
        """Change the product of a position without an order, as an account's owner does at his broker."""
        self._see(now_ns)
        self._accounts[account].ledger.convert(leg, to, units)

    def record(self, account: str, report: OrderReport, now_ns: int) -> None:
        """Book a row that happened elsewhere, or its update, as it is: no checks, no matching, no `on_update`.

        The highest `filled` and the first terminal status are kept, a repeated or lesser update changes nothing. The
        ledger follows what is newly filled, so that all fills together have the row's average price.
        """
        self._see(now_ns)
        owner = self._accounts[account]
        report = msgspec.structs.replace(
            report, placed_ns=report.placed_ns or now_ns, updated_ns=report.updated_ns or now_ns
        )
        row = owner.orders.get(report.order_id)
        before = 0 if row is None else row.report.filled
        if row is None:
            row = BookOrder(account=account, report=report, is_external=True)
            owner.add(row)
        row.report = merged(row.report, report)
        units = row.report.filled - before
        if units > 0:
            self._funds.book_record(owner, row, units)

    # What an account holds

    def orders(self, account: str) -> tuple[OrderReport, ...]:
        """All orders of the day in the order of acceptance, refused ones (with a row) included."""
        return tuple(row.report for row in self._accounts[account].orders.values())

    def positions(self, account: str) -> tuple[Position, ...]:
        """All positions, carried ones and those closed today (net 0) included."""
        return self._accounts[account].ledger.positions()

    def holdings(self, account: str) -> Mapping[LegId, Holding]:
        """All positions with what they cost; not to be changed."""
        return self._accounts[account].ledger.holdings

    def funds(self, account: str) -> Funds:
        """What may be used for a new order, and what is blocked."""
        return self._funds.funds(self._accounts[account])

    def available_inr(self, account: str) -> Decimal:
        """What may be used for a new order."""
        return self.funds(account).available_inr

    def basket_margin(self, basket: Basket) -> Decimal:
        """What orders would block together beside what an account holds, in rupees."""
        return self._funds.basket_inr(self._accounts[basket.account], basket)

    def pnl(self, account: str) -> AccountPnl:
        """Profit and loss of the day."""
        return self._accounts[account].ledger.pnl(self._quotes.mark_inr)

    # What happens by the clock

    def next_due_ns(self) -> int | None:
        """When `run_due` has something to do next, `None` when no session is left."""
        for due in self._dues:
            if self._ran_until_ns is None or due.at_ns > self._ran_until_ns:
                return due.at_ns
        return None

    def run_due(self, now_ns: int) -> None:
        """Square off intraday positions and cancel day orders, as far as it is time; late is done now."""
        self._see(now_ns)
        since = self._ran_until_ns if self._ran_until_ns is not None else now_ns
        self._ran_until_ns = max(since, now_ns)
        for due in self._dues:
            if since < due.at_ns <= now_ns:
                if due.kind is DueKind.SQUARE_OFF:
                    self._square_off(now_ns)
                else:
                    self._cancel_all(now_ns, "Order cancelled at the close of the market.")

    def start_day(self, sessions: Sequence[TradingSession], instruments: Sequence[Instrument], now_ns: int) -> None:
        """Begin a new day: new instrument file, empty books, expired contracts settled, the rest overnight."""
        self.run_due(now_ns)
        self._cancel_all(now_ns, "Order cancelled at the close of the market.")
        today = _iso_day(now_ns)
        for owner in self._accounts.values():
            for leg, holding in owner.ledger.holdings.items():
                known = self._instruments.get(instrument_of(leg))
                if holding.net_units and known is not None and known.expiry is not None and known.expiry < today:
                    owner.ledger.settle(leg, self._quotes.last_inr(known.id))
            owner.ledger.start_day()
            owner.orders.clear()
        self._sessions, self._dues = tuple(sessions), dues(sessions)
        held = self._referred()
        self._listed.clear()
        self._instruments.clear()
        self._instruments.update((instrument.id, instrument) for instrument in held)
        self._quotes.forget_instruments()
        self._quotes.know(held)
        self.add_instruments(instruments)

    # Restart

    def to_bytes(self) -> bytes:
        """Everything but quotes, settings and the day's instrument file, as JSON."""
        return encode(
            ExchangeState(
                version=STATE_VERSION,
                accepted=self._accepted,
                ran_until_ns=self._ran_until_ns,
                accounts=self._accounts,
                instruments=self._referred(),
            )
        )

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        *,
        paper: Paper,
        sessions: Sequence[TradingSession],
        instruments: Sequence[Instrument],
        charges: ChargeRates | None,
        on_update: OnUpdate,
    ) -> "Exchange":
        """The exchange as `to_bytes` left it. Raises `StateRefused` when the data are damaged."""
        state = decode(data)
        exchange = cls(paper=paper, sessions=sessions, instruments=(), charges=charges, on_update=on_update)
        exchange._instruments.update((instrument.id, instrument) for instrument in state.instruments)
        exchange._quotes.know(state.instruments)
        exchange.add_instruments(instruments)
        exchange._accepted = state.accepted
        exchange._ran_until_ns = state.ran_until_ns
        exchange._accounts = state.accounts
        rows = [row for owner in state.accounts.values() for row in owner.open_orders()]
        for row in sorted(rows, key=lambda row: (row.report.placed_ns, row.report.order_id)):
            row.taken_number = 0  # quotes are numbered anew
            exchange._resting.setdefault(row.report.instrument, {})[row.report.order_id] = row
        return exchange

    # Inside

    def _see(self, now_ns: int) -> None:
        """The first time that is seen: what was due before it concerns nobody here."""
        if self._ran_until_ns is None:
            self._ran_until_ns = now_ns - 1

    def _listed_instrument(self, key: InstrumentId, now_ns: int) -> Instrument | None:
        instrument = self._instruments.get(key) if key in self._listed else None
        if instrument is None or (instrument.expiry is not None and instrument.expiry < _iso_day(now_ns)):
            return None
        return instrument

    def _new_row(self, order: PlaceOrder, now_ns: int) -> BookOrder:
        """A row with the next id: the date in India, the account, and its number of orders, which never starts anew."""
        number = self._accepted[order.account] = self._accepted.get(order.account, 0) + 1
        day, account = _iso_day(now_ns)[2:].replace("-", ""), list(self._accounts).index(order.account) + 1
        waits = needs_trigger(order.order_type)
        report = OrderReport(
            order_id=f"PAPER_{day}{account:02d}{number:07d}",
            exchange=order.exchange,
            symbol=order.symbol,
            product=order.product,
            side=order.side,
            order_type=order.order_type,
            quantity=order.quantity,
            status=BookStatus.TRIGGER_PENDING if waits else BookStatus.OPEN,
            price_inr=order.price_inr,
            trigger_price_inr=order.trigger_price_inr,
            tag=order.tag,
            placed_ns=now_ns,
            updated_ns=now_ns,
            validity=order.validity,
        )
        return BookOrder(account=order.account, report=report)

    def _accept(self, row: BookOrder, now_ns: int, *, needed_inr: Decimal) -> None:
        """Put a new row into the book: refused for its margin, or working and matched at once."""
        owner = self._accounts[row.account]
        available = self.available_inr(row.account) if needed_inr else needed_inr
        if needed_inr > available:
            text = rejections.insufficient_funds(needed_inr, available)
            row.set_status(BookStatus.REJECTED, text, now_ns)
            owner.add(row)
            self._report(row)
            return
        row.blocked_inr = needed_inr
        owner.add(row)
        self._resting.setdefault(row.report.instrument, {})[row.report.order_id] = row
        self._report(row)
        self._match(row, now_ns)

    def _modify_refusal(
        self, owner: PaperAccount, row: BookOrder, changed: OrderReport, instrument: Instrument | None, now_ns: int
    ) -> str:
        if not row.is_open or row.is_external:
            return rejections.CANNOT_MODIFY
        if row.modifications >= rejections.MODIFICATIONS_MAX:
            return rejections.TOO_MANY_MODIFICATIONS
        if instrument is None:
            return rejections.UNKNOWN_INSTRUMENT
        if not is_open(self._sessions, now_ns):
            return rejections.MARKET_CLOSED
        if changed.quantity <= changed.filled:
            return rejections.CANNOT_MODIFY
        net = owner.ledger.net_units(changed.leg)
        same_quantity = changed.quantity == row.report.quantity
        closes_all = self._is_exit(owner, changed) and changed.quantity - changed.filled == abs(net)
        return rejections.bad_terms(
            _as_order(row.account, changed), instrument, is_odd_remainder=same_quantity or closes_all
        )

    def _is_exit(self, owner: PaperAccount, report: OrderReport) -> bool:
        return _reduces(report.side, report.quantity - report.filled, owner.ledger.net_units(report.leg))

    def _match(self, row: BookOrder, now_ns: int) -> None:
        """Match one working order with the newest quote of its instrument and report what came of it."""
        report = row.report
        instrument = self._instruments[report.instrument]
        number = self._quotes.number(instrument.id)
        if not row.is_open or (self._rules.partial_fills and number and number == row.taken_number):
            return
        result = match(row.resting(instrument.tick_inr), self._quotes.newest(instrument.id), self._rules, now_ns)
        if result.triggered:
            row.triggered = True
            row.set_status(BookStatus.OPEN, "", now_ns)
        if result.fills:
            row.taken_number = number
            units, value = row.fill(result.fills, now_ns)
            self._funds.book_fill(self._accounts[row.account], row, units, value)
        if result.cancelled:
            self._end(row, BookStatus.CANCELLED, result.waiting, now_ns)
            return
        text = f"waiting: {result.waiting}" if result.waiting else ""
        if row.report.status_text != text:
            row.set_status(row.report.status, text, now_ns)
        if row.report is not report:
            self._drop_if_done(row)
            self._report(row)

    def _end(self, row: BookOrder, status: BookStatus, text: str, now_ns: int) -> None:
        row.set_status(status, text, now_ns)
        self._drop_if_done(row)
        self._report(row)

    def _drop_if_done(self, row: BookOrder) -> None:
        if not row.is_open:
            order_id = row.report.order_id
            self._accounts[row.account].working.pop(order_id, None)
            self._resting.get(row.report.instrument, {}).pop(order_id, None)

    def _report(self, row: BookOrder) -> None:
        self._on_update(row.account, row.report)

    def _square_off(self, now_ns: int) -> None:
        self._cancel_all(now_ns, "Order cancelled at the intraday square-off.", product=INTRADAY)
        for account, owner in self._accounts.items():
            for leg, holding in tuple(owner.ledger.holdings.items()):
                product = split_leg(leg)[2]
                if product != INTRADAY or not holding.net_units or instrument_of(leg) not in self._instruments:
                    continue
                side = Side.SELL if holding.net_units > 0 else Side.BUY
                order = _market_order(account, leg, side, abs(holding.net_units))
                self._accept(self._new_row(order, now_ns), now_ns, needed_inr=Decimal(0))

    def _cancel_all(self, now_ns: int, text: str, product: str | None = None) -> None:
        for owner in self._accounts.values():
            for row in owner.open_orders():
                if product is None or row.report.product == product:
                    self._end(row, BookStatus.CANCELLED, text, now_ns)

    def _referred(self) -> tuple[Instrument, ...]:
        """Instruments that a position or a row of the book refers to."""
        keys: dict[InstrumentId, None] = {}
        for owner in self._accounts.values():
            keys.update((instrument_of(leg), None) for leg in owner.ledger.holdings)
            keys.update((row.report.instrument, None) for row in owner.orders.values())
        return tuple(self._instruments[key] for key in keys if key in self._instruments)


def _refused(reason: str) -> Answer:
    return Answer(outcome=Outcome.REJECTED, reason=reason)


def _reduces(side: Side, units: int, net_units: int) -> bool:
    """Whether an order only reduces a position."""
    return sign(net_units) == -side.sign and units <= abs(net_units)


def _iso_day(now_ns: int) -> str:
    return date.fromordinal(_EPOCH_ORDINAL + ist_day_number(now_ns)).isoformat()


def _market_order(account: str, leg: LegId, side: Side, quantity: int) -> PlaceOrder:
    exchange, symbol, product = split_leg(leg)
    return PlaceOrder(
        account=account,
        tag="",
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=side,
        quantity=quantity,
        order_type=OrderType.MARKET,
    )


def _with_changes(report: OrderReport, order: ModifyOrder) -> OrderReport:
    """The row as it would be after the modification."""
    return msgspec.structs.replace(
        report,
        order_type=order.order_type or report.order_type,
        quantity=report.quantity if order.quantity is None else order.quantity,
        price_inr=report.price_inr if order.price_inr is None else order.price_inr,
        trigger_price_inr=report.trigger_price_inr if order.trigger_price_inr is None else order.trigger_price_inr,
    )


def _as_order(account: str, report: OrderReport) -> PlaceOrder:
    """A row as an order, to check its terms."""
    return PlaceOrder(
        account=account,
        tag=report.tag,
        exchange=report.exchange,
        symbol=report.symbol,
        product=report.product,
        side=report.side,
        quantity=report.quantity,
        order_type=report.order_type,
        price_inr=report.price_inr,
        trigger_price_inr=report.trigger_price_inr,
        validity=report.validity,
    )
