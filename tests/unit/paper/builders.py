"""Values that the tests of the paper exchange share: instruments, quotes, orders, rates, a clock, an exchange."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from config.rates import ChargeRates, ChargeSegment, SegmentRates
from config.schema import LimitFill, Paper
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.events import Outcome
from engine.model import (
    DepthLevel,
    Instrument,
    InstrumentId,
    Kind,
    OrderReport,
    OrderType,
    Quote,
    Side,
    TradingSession,
    Validity,
    instrument_id,
)
from engine.ports import Answer
from paper.exchange import Exchange

IST = timezone(timedelta(hours=5, minutes=30))
CALL = "NIFTY26NOV24500CE"
PUT = "NIFTY26NOV24500PE"
FUT = "NIFTY26NOVFUT"


def ns(time: str, day: int = 2) -> int:
    """Nanoseconds of `HH:MM[:SS]` IST on a day of November 2026 (the 2nd is a Monday)."""
    hour, minute, second = (*map(int, time.split(":")), 0)[:3]
    at = datetime(2026, 11, day, hour, minute, second, tzinfo=IST) - datetime(1970, 1, 1, tzinfo=UTC)
    return int(at.total_seconds()) * 1_000_000_000


NOW = ns("09:30")
SESSIONS = tuple(TradingSession(open_ns=ns("09:15", day), close_ns=ns("15:40", day)) for day in (2, 3))


def option(
    symbol: str = CALL, *, strike: int = 24500, expiry: str = "2026-11-24", underlying: str = "NIFTY"
) -> Instrument:
    return Instrument(
        exchange="NFO",
        symbol=symbol,
        lot_units=65,
        tick_inr=Decimal("0.05"),
        freeze_units=3510,
        underlying=underlying,
        kind=Kind.CALL if symbol.endswith("CE") else Kind.PUT,
        expiry=expiry,
        strike_inr=Decimal(strike),
    )


def future(symbol: str = FUT, *, expiry: str = "2026-11-24", underlying: str = "NIFTY") -> Instrument:
    return Instrument(
        exchange="NFO",
        symbol=symbol,
        lot_units=65,
        tick_inr=Decimal("0.10"),
        freeze_units=3510,
        underlying=underlying,
        kind=Kind.FUTURE,
        expiry=expiry,
    )


def share(symbol: str = "INFY") -> Instrument:
    return Instrument(
        exchange="NSE",
        symbol=symbol,
        lot_units=1,
        tick_inr=Decimal("0.05"),
        freeze_units=None,
        underlying=symbol,
        kind=Kind.EQUITY,
    )


def money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def levels(*rows: tuple[str, int]) -> tuple[DepthLevel, ...]:
    return tuple(DepthLevel(price_inr=Decimal(price), units=units) for price, units in rows)


def quote(
    bid: str | None = "100.00",
    ask: str | None = "100.10",
    last: str | None = "100.05",
    *,
    symbol: str = CALL,
    at_ns: int = NOW,
    stale_at_ns: int | None = None,
    bid_units: int | None = None,
    ask_units: int | None = None,
    bids: tuple[DepthLevel, ...] = (),
    asks: tuple[DepthLevel, ...] = (),
    exchange: str = "NFO",
) -> Quote:
    return Quote(
        instrument=instrument_id(exchange, symbol),
        at_ns=at_ns,
        last_inr=money(last),
        bid_inr=money(bid),
        ask_inr=money(ask),
        bid_units=bid_units,
        ask_units=ask_units,
        bids=bids,
        asks=asks,
        stale_at_ns=stale_at_ns,
    )


def order(
    side: Side = Side.BUY,
    quantity: int = 65,
    order_type: OrderType = OrderType.MARKET,
    *,
    price: str | None = None,
    trigger: str | None = None,
    symbol: str = CALL,
    product: str = "NRML",
    account: str = "C1",
    tag: str = "T1",
    validity: Validity = Validity.DAY,
    exchange: str = "NFO",
) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        tag=tag,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=side,
        quantity=quantity,
        order_type=order_type,
        price_inr=money(price),
        trigger_price_inr=money(trigger),
        validity=validity,
    )


def rates() -> ChargeRates:
    """Zerodha's rates of 1 April 2026."""
    zero = Decimal(0)
    flat = {"sebi_pct": Decimal("0.0001")}
    return ChargeRates(
        since="2026-04-01",
        source="zerodha.com/charges",
        gst_pct=Decimal(18),
        segments={
            ChargeSegment.OPTIONS: SegmentRates(
                brokerage_pct=zero,
                brokerage_max_inr=Decimal(20),
                stt_buy_pct=zero,
                stt_sell_pct=Decimal("0.15"),
                exchange_pct=Decimal("0.03553"),
                stamp_buy_pct=Decimal("0.003"),
                **flat,
            ),
            ChargeSegment.FUTURES: SegmentRates(
                brokerage_pct=Decimal("0.03"),
                brokerage_max_inr=Decimal(20),
                stt_buy_pct=zero,
                stt_sell_pct=Decimal("0.05"),
                exchange_pct=Decimal("0.00183"),
                stamp_buy_pct=Decimal("0.002"),
                **flat,
            ),
            ChargeSegment.EQUITY_DELIVERY: SegmentRates(
                brokerage_pct=zero,
                brokerage_max_inr=zero,
                stt_buy_pct=Decimal("0.1"),
                stt_sell_pct=Decimal("0.1"),
                exchange_pct=Decimal("0.00307"),
                stamp_buy_pct=Decimal("0.015"),
                **flat,
            ),
        },
    )


@dataclass
class World:
    """An exchange with one account, its updates collected, and short ways to act on it."""

    margins: bool = False
    partial_fills: bool = False
    slippage_ticks: int = 0
    limit_fill: LimitFill = LimitFill.LIMIT
    charges: ChargeRates | None = None
    capital: Decimal = Decimal(1_000_000)
    instruments: tuple[Instrument, ...] = (option(), option(PUT), future())
    updates: list[tuple[str, OrderReport]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = NOW
        self.exchange = Exchange(
            paper=self.paper(),
            sessions=SESSIONS,
            instruments=self.instruments,
            charges=self.charges,
            on_update=self.collect,
        )
        self.exchange.add_account("C1", self.capital)

    def paper(self) -> Paper:
        return Paper(
            margins=self.margins,
            partial_fills=self.partial_fills,
            slippage_ticks=self.slippage_ticks,
            limit_fill=self.limit_fill,
        )

    def collect(self, account: str, report: OrderReport) -> None:
        self.updates.append((account, report))

    def restarted(self) -> "World":
        """The same exchange, taken up from what it had written."""
        other = World(margins=self.margins, partial_fills=self.partial_fills, charges=self.charges)
        other.now = self.now
        other.exchange = Exchange.from_bytes(
            self.exchange.to_bytes(),
            paper=self.paper(),
            sessions=SESSIONS,
            instruments=self.instruments,
            charges=self.charges,
            on_update=other.collect,
        )
        return other

    def quotes(self, *quotes: Quote) -> None:
        self.exchange.update_quotes(quotes, self.now)

    def place(self, what: PlaceOrder) -> Answer:
        return self.exchange.place(what, self.now)

    def accepted(self, what: PlaceOrder) -> str:
        """Place an order that must be accepted; its id."""
        answer = self.place(what)
        assert answer.outcome is Outcome.ACKED, answer.reason
        return answer.order_id

    def modify(
        self,
        order_id: str,
        *,
        order_type: OrderType | None = None,
        quantity: int | None = None,
        price_inr: Decimal | None = None,
        trigger_price_inr: Decimal | None = None,
    ) -> Answer:
        command = ModifyOrder(
            account="C1",
            tag="T1",
            order_id=order_id,
            order_type=order_type,
            quantity=quantity,
            price_inr=price_inr,
            trigger_price_inr=trigger_price_inr,
        )
        return self.exchange.modify(command, self.now)

    def cancel(self, order_id: str) -> Answer:
        return self.exchange.cancel(CancelOrder(account="C1", tag="T1", order_id=order_id), self.now)

    def row(self, order_id: str, account: str = "C1") -> OrderReport:
        return next(row for row in self.exchange.orders(account) if row.order_id == order_id)

    def net(self, symbol: str = CALL, product: str = "NRML", account: str = "C1") -> int:
        rows = self.exchange.positions(account)
        return sum(row.net_units for row in rows if (row.symbol, row.product) == (symbol, product))


def nfo(symbol: str) -> InstrumentId:
    return instrument_id("NFO", symbol)
