"""A sandbox under the official client over TCP, whose clock and prices stand still until a test moves them."""

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from kiteconnect import KiteConnect, KiteTicker
from msgspec.structs import replace

from brokers.zerodha.ticker import in_reactor, reactor
from config.schema import Paper
from engine.clock import VirtualClock
from engine.model import Instrument, LegId, Quote, instrument_id
from paper.sandbox.account import Account
from paper.sandbox.faults import Fault, Kind, PushFault
from paper.sandbox.sandbox import Plan, SandboxThread
from tests.unit.paper.builders import CALL, FUT, NOW, PUT, future, ns, option, quote, share

ME, OTHER = "ZC0001", "ZC0002"
LOT = 65
CAPITAL = Decimal(10_000_000)
PATIENCE_S = 30.0
BSE_FUTURE = "SENSEX26NOVFUT"
LAST_DAY = "NIFTY26N0224500CE"
"It expires on the day on which the tests begin."
INSTRUMENTS = (
    option(),
    option(PUT),
    future(),
    share(),
    option(LAST_DAY, expiry="2026-11-02"),
    replace(future(BSE_FUTURE, expiry="2026-11-26", underlying="SENSEX"), exchange="BFO"),
)
Json = dict[str, Any]


class StillMarket:
    def instruments(self) -> Sequence[Instrument]:
        return INSTRUMENTS

    def advance(self, now_ns: int) -> Sequence[Quote]:
        return ()


class Stand:
    """The sandbox with what a test does to it from behind."""

    def __init__(self, thread: SandboxThread, clock: VirtualClock) -> None:
        assert thread.sandbox is not None
        self._thread, self.clock, self.sandbox = thread, clock, thread.sandbox

    @property
    def me(self) -> Account:
        return self.sandbox.desk.accounts[ME]

    def kite(self, user_id: str = ME, timeout_s: float = 5.0) -> KiteConnect:
        account = self.sandbox.desk.accounts[user_id]
        made = KiteConnect(account.api_key, account.access_token, root=self.sandbox.root_url, timeout=timeout_s)
        made.reqsession.trust_env = False
        return made

    def quote(self, bid: str, ask: str, symbol: str = CALL, volume: int = 0, interest: int = 0, **more: Any) -> None:
        fresh = replace(
            quote(bid, ask, bid, symbol=symbol, **more),
            at_ns=self.clock.now_ns(),
            volume_units=volume,
            open_interest_units=interest,
        )
        if symbol == "INFY":
            fresh = replace(fresh, instrument=instrument_id("NSE", symbol))
        self._thread.call(lambda: self.sandbox.quote([fresh]))

    def to(self, time: str, day: int = 2) -> None:
        """Move the clock to a time of a day of November 2026."""
        self.clock.advance(ns(time, day))
        self._thread.call(self.sandbox.advance)

    def later(self, seconds: float) -> None:
        self.clock.advance(self.clock.now_ns() + int(seconds * 1_000_000_000))
        self._thread.call(self.sandbox.advance)

    def fault(self, on: str, kind: Kind, times: int = 1, after_s: float = 0.3) -> None:
        self._thread.call(lambda: self.sandbox.server.script.arm([Fault(on, kind, ME, times, after_s)]))

    def push_fault(self, kind: str, times: int = 1) -> None:
        self._thread.call(lambda: self.sandbox.stream.arm(PushFault(kind, ME, times)))


@contextmanager
def stand(
    *,
    at_ns: int = NOW,
    limits: bool = False,
    partial_fills: bool = False,
    capital: Decimal = CAPITAL,
    overnight: Mapping[LegId, int] | None = None,
) -> Iterator[Stand]:
    clock = VirtualClock(at_ns)
    plan = Plan(
        day=date(2026, 11, 2),
        accounts=[(ME, capital), (OTHER, capital)],
        enforces_limits=limits,
        paper=Paper(margins=True, partial_fills=partial_fills),
        market=StillMarket(),
        clock=clock,
        overnight={ME: overnight or {}},
    )
    thread = SandboxThread(plan)
    with thread:
        yield Stand(thread, clock)


def hang_up(ticker: KiteTicker) -> None:
    """End a ticker's connection, made or half made, for good; a handshake that ends in between asks for another one."""

    def end() -> None:
        ticker.stop_retry()
        if ticker.ws is not None:
            ticker.ws.dropConnection(abort=True)
        reactor.callLater(0, ticker.stop_retry)

    in_reactor(end)


class Updates:
    """What the official ticker hears of an account's orders."""

    def __init__(self, stand: Stand, on_ticks: Callable[[list[Json]], None] | None = None) -> None:
        account = stand.me
        self._heard: queue.Queue[Json] = queue.Queue()
        connected: queue.Queue[bool] = queue.Queue()
        self.ticks: queue.Queue[list[Json]] = queue.Queue()
        self.ticker = KiteTicker(account.api_key, account.access_token, root=stand.sandbox.ticker_url)
        self.ticker.on_connect = lambda _ws, _response: connected.put(True)
        self.ticker.on_order_update = lambda _ws, row: self._heard.put(row)
        self.ticker.on_ticks = lambda _ws, ticks: self.ticks.put(ticks)
        self.ticker.on_error = self.ticker.on_close = lambda *_: None
        in_reactor(self.ticker.connect, True)
        connected.get(timeout=PATIENCE_S)

    def next(self) -> Json:
        return self._heard.get(timeout=PATIENCE_S)

    def statuses(self, count: int) -> list[tuple[str, int]]:
        """(status, filled) of the next so many."""
        return [(row["status"], row["filled_quantity"]) for row in (self.next() for _ in range(count))]

    @property
    def waiting(self) -> int:
        return self._heard.qsize()

    def close(self) -> None:
        hang_up(self.ticker)


@contextmanager
def updates(stand: Stand) -> Iterator[Updates]:
    heard = Updates(stand)
    try:
        yield heard
    finally:
        heard.close()


def buy(
    kite: KiteConnect, price: str | None = "100.10", units: int = LOT, *, variety: str = "regular", **more: Any
) -> str:
    """A limit order for calls, or (`price` is `None`) a market order."""
    terms: Json = (
        {"order_type": "LIMIT", "price": price} if price else {"order_type": "MARKET", "market_protection": -1}
    )
    placed = kite.place_order(variety, "NFO", CALL, "BUY", units, "NRML", **(terms | more))
    assert isinstance(placed, str)
    return placed


def history(kite: KiteConnect, order_id: str) -> list[str]:
    return [row["status"] for row in kite.order_history(order_id)]


def row(kite: KiteConnect, order_id: str) -> Json:
    return next(row for row in kite.orders() if row["order_id"] == order_id)


__all__ = ["CALL", "FUT", "LOT", "ME", "OTHER", "PUT", "Stand", "buy", "history", "row", "stand", "updates"]
