"""How many master events the core decides in a second, for ten children on one core."""

import cProfile
import pstats
import time
from datetime import date
from decimal import Decimal

from config.rules import ist
from config.schema import Account, Child, Confirm, ConfirmWhen, Risk, Settings
from engine.commands import CancelOrder, PlaceOrder, ReadAccount
from engine.core.replicator import Replicator
from engine.events import (
    AccountRead,
    Event,
    InstrumentsLoaded,
    OrderUpdated,
    Outcome,
    QuotesUpdated,
    Request,
    RequestAnswered,
    TimePassed,
)
from engine.model import (
    NS_PER_MS,
    NS_PER_S,
    BookStatus,
    Instrument,
    Kind,
    OrderReport,
    OrderType,
    Quote,
    Side,
    instrument_id,
)
from engine.opening import opening

CHILDREN = 10
LEGS = 8
EVENTS = 40_000
DAY = date(2026, 11, 2)
LOT = 65
GAP_NS = 20 * NS_PER_MS
BETWEEN_NS = 300 * NS_PER_MS
"Long enough for the window of a leg to close, so that every order is copied."


def _instruments() -> tuple[Instrument, ...]:
    return tuple(
        Instrument(
            exchange="NFO",
            symbol=f"NIFTY26NOV{24000 + 50 * i}CE",
            lot_units=LOT,
            tick_inr=Decimal("0.05"),
            freeze_units=3510,
            underlying="NIFTY",
            kind=Kind.CALL,
            expiry="2026-11-24",
            strike_inr=Decimal(24000 + 50 * i),
        )
        for i in range(LEGS)
    )


def _settings() -> Settings:
    children = tuple(
        Child(id=f"C{i}", broker="paper", capital_inr=Decimal(300_000 + 10_000 * i)) for i in range(CHILDREN)
    )
    return Settings(
        master=Account(id="M", broker="paper", capital_inr=Decimal(1_000_000)),
        children=children,
        confirm=Confirm(when=ConfirmWhen.NEVER),
        risk=Risk(max_orders_per_minute=None),
    )


def _report(order: int, symbol: str, side: Side, quantity: int, filled: int, at_ns: int) -> OrderReport:
    return OrderReport(
        order_id=str(order),
        exchange="NFO",
        symbol=symbol,
        product="NRML",
        side=side,
        order_type=OrderType.MARKET,
        quantity=quantity,
        filled=filled,
        average_price_inr=Decimal("100.05"),
        status=BookStatus.COMPLETE if filled == quantity else BookStatus.OPEN,
        placed_ns=at_ns,
        updated_ns=at_ns,
    )


class Day:
    """A core with a broker that fills everything at once, outside of what is measured."""

    def __init__(self) -> None:
        self.now_ns = ist(DAY, "10:00:00")
        self.core = Replicator()
        self.orders = self.commands = 0
        self.core_s = self.answers_s = 0.0
        self.handle(opening(_settings(), DAY, self.now_ns, unclean=False))
        instruments = _instruments()
        self.handle(InstrumentsLoaded(at_ns=self.now_ns, instruments=instruments))
        quotes = tuple(
            Quote(
                instrument=instrument_id(i.exchange, i.symbol),
                at_ns=self.now_ns,
                bid_inr=Decimal("100.00"),
                ask_inr=Decimal("100.10"),
                last_inr=Decimal("100.05"),
            )
            for i in instruments
        )
        self.handle(QuotesUpdated(at_ns=self.now_ns, quotes=quotes))
        for _ in range(5):
            self.pass_time(NS_PER_S)

    def pass_time(self, ns: int) -> None:
        """Move on, waking the core whenever it asks to be."""
        until_ns = self.now_ns + ns
        while (due_ns := self.core.next_due_ns) is not None and due_ns <= until_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.handle(TimePassed(at_ns=self.now_ns))
        self.now_ns = until_ns

    def handle(self, event: Event) -> None:
        """One event, timed; then the broker's answers, timed too: they are events of the core."""
        started = time.perf_counter()
        commands = self.core.handle(event)
        spent_s = time.perf_counter() - started
        if isinstance(event, RequestAnswered) or (isinstance(event, OrderUpdated) and event.account != "M"):
            self.answers_s += spent_s
        else:
            self.core_s += spent_s
        for command in commands:
            self.commands += 1
            if isinstance(command, PlaceOrder):
                self.orders += 1
                self._fill(command)
            elif isinstance(command, ReadAccount):
                self.handle(
                    AccountRead(
                        at_ns=self.now_ns,
                        account=command.account,
                        began_ns=self.now_ns,
                        orders=() if command.orders else None,
                        available_inr=Decimal(1_000_000) if command.account == "M" else Decimal(400_000),
                        positions=None if self.core.state.master.synced and command.account == "M" else (),
                    )
                )
            elif isinstance(command, CancelOrder):
                raise TypeError(command)

    def _fill(self, order: PlaceOrder) -> None:
        self.handle(
            RequestAnswered(
                at_ns=self.now_ns,
                account=order.account,
                request=Request.PLACE,
                tag=order.tag,
                outcome=Outcome.ACKED,
                order_id=f"B{order.tag}",
            )
        )
        report = OrderReport(
            order_id=f"B{order.tag}",
            exchange=order.exchange,
            symbol=order.symbol,
            product=order.product,
            side=order.side,
            order_type=order.order_type,
            quantity=order.quantity,
            filled=order.quantity,
            average_price_inr=Decimal("100.05"),
            status=BookStatus.COMPLETE,
            tag=order.tag,
            updated_ns=self.now_ns,
        )
        self.handle(OrderUpdated(at_ns=self.now_ns, account=order.account, report=report))


def run(events: int = EVENTS, seen: int = 1) -> Day:
    """Master orders of ten lots in ten partial fills each, bought and sold back, over eight legs in turn.

    `seen`: how often each update arrives; twice is the rule, as a push and as a row of the polled book.
    """
    day = Day()
    sent, order = 0, 0
    start_s = day.core_s
    while sent < events:
        symbol = f"NIFTY26NOV{24000 + 50 * (order // 2 % LEGS)}CE"
        side = Side.BUY if order % 2 == 0 else Side.SELL
        order += 1
        for part in range(1, 11):
            report = _report(order, symbol, side, 10 * LOT, part * LOT, day.now_ns)
            for _ in range(seen):
                day.handle(OrderUpdated(at_ns=day.now_ns, account="M", report=report))
                sent += 1
            day.pass_time(GAP_NS)
        day.pass_time(BETWEEN_NS)
    day.core_s -= start_s
    return day


def main() -> None:
    """Print the figure and its profile."""
    for seen in (1, 2):
        _print(run(seen=seen), seen)
    profile = cProfile.Profile()
    profile.enable()
    run(EVENTS // 8)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(14)


def _print(day: Day, seen: int) -> None:
    how = "once" if seen == 1 else "pushed and polled"
    alone = EVENTS / day.core_s
    together = EVENTS / (day.core_s + day.answers_s)
    print(
        f"core, each update {how}: {alone:,.0f} master events a second decided for {CHILDREN} children; with the "
        f"brokers' answers to {day.orders:,} child orders {together:,.0f} "
        f"({day.core_s:.2f} s and {day.answers_s:.2f} s of one core)"
    )


if __name__ == "__main__":
    main()
