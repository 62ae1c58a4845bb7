"""The brokers that pass the contract, each with somebody who plays the market and the network around it.

Zerodha and Angel One are the real adapters with the official SDKs against loopback servers over TCP; paper is the paper
account itself.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient
from brokers.angel_one.login import Keeper
from brokers.angel_one.order_stream import OrderStream
from brokers.angel_one.symbols import Symbols
from brokers.transport import Transport
from brokers.zerodha.broker import ZerodhaBroker
from brokers.zerodha.client import KiteClient
from brokers.zerodha.ticker import KiteStream, Listener
from config.credentials import Credentials, Secret
from config.schema import Paper
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.model import NS_PER_S, Instrument, LegId, OrderReport, Quote, Side
from engine.ports import Broker
from paper.broker import PaperBroker
from paper.exchange import Exchange
from paper.faults import AFTER_USUAL_NS, Fault, FaultKind, FaultOn, FaultyBroker
from paper.sandbox.faults import Fault as WireFault
from paper.sandbox.faults import Kind
from paper.sandbox.sandbox import Plan, SandboxThread
from tests.contract.angel_desk import Account
from tests.contract.angel_server import AngelServer
from tests.unit.paper.builders import CALL, FUT, NOW, PUT, SESSIONS, future, option, share

ACCOUNT = "ZC0001"
CAPITAL = Decimal(1_000_000)
ODD = "M&M26NOV3000CE"
SHARE = "BAJAJ-AUTO"
INSTRUMENTS = (
    option(),
    option(PUT),
    option(ODD, strike=3000, underlying="M&M"),
    future(),
    share(SHARE),
)
SHORT_S = 0.4
"How long an answer is waited for: so that one that never comes costs little."
PATIENCE_S = 30.0
"How long something that comes over a socket is waited for; it usually takes milliseconds."


class Desk(Protocol):
    """A broker under test."""

    @property
    def broker(self) -> Broker: ...

    def quote(self, quote: Quote) -> None: ...

    def own_trade(self, symbol: str, side: Side, quantity: int) -> None: ...

    def at_exchange(self, work: Callable[[Exchange, int], object]) -> None:
        """Have something done at the broker's exchange, at its time."""
        ...

    def fault(self, on: str, kind: str, times: int = 1) -> None: ...

    def later(self) -> None:
        """Let what is accepted late be accepted."""
        ...

    def wait_pushed(self, found: Callable[[Sequence[OrderReport]], bool]) -> bool:
        """Whether the account's updates come to fulfil something."""
        ...

    def cut_off(self) -> None:
        """From now on the server refuses every connection."""
        ...


class PaperDesk:
    """The paper account, with faults in front of it."""

    def __init__(self, paper: Paper, overnight: Mapping[LegId, int]) -> None:
        self.clock = VirtualClock(NOW)
        self.agenda = Agenda()
        self.pushed: list[OrderReport] = []
        self.exchange = Exchange(
            paper=paper,
            sessions=SESSIONS,
            instruments=INSTRUMENTS,
            charges=None,
            on_update=lambda _account, report: self.pushed.append(report),
        )
        self.exchange.add_account(ACCOUNT, CAPITAL, overnight)
        self.broker = FaultyBroker(PaperBroker(self.exchange, ACCOUNT, self.clock), self.agenda, self.clock.now_ns)

    def quote(self, quote: Quote) -> None:
        self.clock.advance(self.clock.now_ns() + NS_PER_S)
        self.exchange.update_quotes([quote], self.clock.now_ns())

    def own_trade(self, symbol: str, side: Side, quantity: int) -> None:
        self.exchange.trade(ACCOUNT, symbol, "NFO", side, quantity, "NRML", self.clock.now_ns())

    def at_exchange(self, work: Callable[[Exchange, int], object]) -> None:
        work(self.exchange, self.clock.now_ns())

    def fault(self, on: str, kind: str, times: int = 1) -> None:
        wanted = _PAPER_FAULTS.get(kind, kind)
        self.broker.arm(Fault(FaultOn(on), FaultKind(wanted), times, AFTER_USUAL_NS, NS_PER_S))

    def later(self) -> None:
        self.clock.advance(self.clock.now_ns() + AFTER_USUAL_NS)
        while self.agenda.next_due_ns is not None:
            self.agenda.run_next()

    def wait_pushed(self, found: Callable[[Sequence[OrderReport]], bool]) -> bool:
        return found(self.pushed)

    def cut_off(self) -> None:
        self.fault("place", "not_sent", 100)


_PAPER_FAULTS = {
    "html": "lost_answer_connection",
    "truncated": "lost_answer_connection",
    "no_id": "lost_answer_connection",
    "unavailable": "lost_answer_connection",
    "timed_out_400": "lost_answer_connection",
    "dropped_after": "lost_answer_connection",
    "dropped_before": "timeout_not_accepted",
}
"What the wire can do in several ways is one thing to a paper account."


class StillMarket:
    """A market in which nothing moves by itself."""

    def instruments(self) -> Sequence[Instrument]:
        return INSTRUMENTS

    def advance(self, now_ns: int) -> Sequence[Quote]:
        return ()


class ZerodhaDesk:
    """The adapter of Zerodha against the sandbox."""

    def __init__(self, thread: SandboxThread, read_timeout_s: float = SHORT_S) -> None:
        self._thread = thread
        sandbox = thread.sandbox
        assert sandbox is not None
        self.sandbox = sandbox
        account = sandbox.desk.accounts[ACCOUNT]
        self.key, self.token = Secret(account.api_key), Secret(account.access_token)
        self.transport = Transport(sandbox.root_url, read_timeout_s=read_timeout_s)
        self.broker = ZerodhaBroker(ACCOUNT, KiteClient(self.key, self.token, self.transport), counts_shares=True)
        self.pushed: list[OrderReport] = []
        self._news = threading.Condition()
        self._linked = threading.Event()
        self._stream: KiteStream | None = None

    def listen(self) -> None:
        listener = Listener(on_order=self._order, on_link=lambda on, _why: self._linked.set() if on else None)
        url = self.sandbox.ticker_url
        self._stream = KiteStream(self.key, self.token, listener, self.sandbox.clock.now_ns, url=url)
        self._stream.start()
        assert self._linked.wait(PATIENCE_S)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self.transport.close()

    def quote(self, quote: Quote) -> None:
        fresh = Quote(
            **{f: getattr(quote, f) for f in quote.__struct_fields__} | {"at_ns": self.sandbox.clock.now_ns()}
        )
        self._thread.call(lambda: self.sandbox.quote([fresh]))

    def own_trade(self, symbol: str, side: Side, quantity: int) -> None:
        exchange, now_ns = self.sandbox.exchange, self.sandbox.clock.now_ns
        self._thread.call(lambda: exchange.trade(ACCOUNT, symbol, "NFO", side, quantity, "NRML", now_ns()))

    def at_exchange(self, work: Callable[[Exchange, int], object]) -> None:
        self._thread.call(lambda: work(self.sandbox.exchange, self.sandbox.clock.now_ns()))

    def fault(self, on: str, kind: str, times: int = 1) -> None:
        wanted = Kind(_WIRE_FAULTS.get(kind, kind))
        self._thread.call(lambda: self.sandbox.server.script.arm([WireFault(on, wanted, ACCOUNT, times, 0.6)]))

    def later(self) -> None:
        """The sandbox accepts it by itself, a little after the client gave up."""
        before = len(self.broker.orders())
        for _ in range(int(PATIENCE_S / 0.05)):
            if len(self.broker.orders()) > before:
                return
            threading.Event().wait(0.05)

    def wait_pushed(self, found: Callable[[Sequence[OrderReport]], bool]) -> bool:
        with self._news:
            return self._news.wait_for(lambda: found(self.pushed), PATIENCE_S)

    def cut_off(self) -> None:
        self._thread.__exit__()

    def _order(self, report: OrderReport) -> None:
        with self._news:
            self.pushed.append(report)
            self._news.notify_all()


_WIRE_FAULTS = {"lost_answer_connection": "dropped_after"}


class AngelDesk:
    """The adapter of Angel One against the loopback SmartAPI, logged in with PIN and code."""

    def __init__(self, server: AngelServer, read_timeout_s: float = SHORT_S) -> None:
        self.server = server
        self.transport = Transport(server.root_url, read_timeout_s=read_timeout_s)
        keeper = Keeper(angel_credentials(server.desk.accounts[ACCOUNT]), self.transport, server.clock.now_ns)
        session = keeper.session()
        client = AngelClient(Secret(server.desk.accounts[ACCOUNT].api_key), self.transport)
        client.take(session)
        scrips = self.transport.request("GET", server.scrip_url.removeprefix(server.root_url), {}).body
        clock = VirtualClock(NOW)

        def sleep(seconds: float) -> None:  # reads keep a second apart: here a second costs nothing
            clock.advance(clock.now_ns() + round(seconds * NS_PER_S))

        symbols = Symbols(scrips, date(2026, 11, 2))
        self.broker = AngelBroker(ACCOUNT, client, symbols, clock.now_ns, sleep, counts_shares=True)
        self.pushed: list[OrderReport] = []
        self._news = threading.Condition()
        linked = threading.Event()
        self._stream = OrderStream(
            lambda: session,
            lambda report: self._order(self.broker.named(report)),
            lambda on, _why: linked.set() if on else None,
            lambda _session: None,
            server.clock.now_ns,
            url=server.order_stream_url,
        )
        self._stream.start()
        assert linked.wait(PATIENCE_S)

    def close(self) -> None:
        self._stream.close()
        self.transport.close()

    def quote(self, quote: Quote) -> None:
        self.server.quote(msgspec.structs.replace(quote, at_ns=self.server.clock.now_ns()))

    def own_trade(self, symbol: str, side: Side, quantity: int) -> None:
        exchange, now_ns = self.server.exchange, self.server.clock.now_ns
        self.server.call(lambda: exchange.trade(ACCOUNT, symbol, "NFO", side, quantity, "NRML", now_ns()))

    def at_exchange(self, work: Callable[[Exchange, int], object]) -> None:
        self.server.call(lambda: work(self.server.exchange, self.server.clock.now_ns()))

    def fault(self, on: str, kind: str, times: int = 1) -> None:
        self.server.fault(on, _WIRE_FAULTS.get(kind, kind), times)

    def later(self) -> None:
        """The server accepts it by itself, a little after the client gave up."""
        before = len(self.broker.orders())
        for _ in range(int(PATIENCE_S / 0.05)):
            if len(self.broker.orders()) > before:
                return
            threading.Event().wait(0.05)

    def wait_pushed(self, found: Callable[[Sequence[OrderReport]], bool]) -> bool:
        with self._news:
            return self._news.wait_for(lambda: found(self.pushed), PATIENCE_S)

    def cut_off(self) -> None:
        self.server.__exit__()

    def _order(self, report: OrderReport) -> None:
        with self._news:
            self.pushed.append(report)
            self._news.notify_all()


def angel_credentials(account: Account, **changes: str) -> Credentials:
    """The credentials of an account of the loopback SmartAPI."""
    values = {
        "api_key": account.api_key,
        "username": account.user,
        "password": account.pin,
        "totp_token": account.totp_secret,
    }
    secrets = {name: Secret(value) for name, value in (values | changes).items()}
    return Credentials(path=Path("credentials_angel.txt"), broker="angel_one", values=secrets)


@contextmanager
def angel_desk(paper: Paper, overnight: Mapping[LegId, int], read_timeout_s: float = SHORT_S) -> Iterator[Desk]:
    with AngelServer([(ACCOUNT, CAPITAL)], INSTRUMENTS, paper=paper, overnight=overnight) as server:
        desk = AngelDesk(server, read_timeout_s)
        try:
            yield desk
        finally:
            desk.close()


@contextmanager
def paper_desk(paper: Paper, overnight: Mapping[LegId, int], read_timeout_s: float = SHORT_S) -> Iterator[Desk]:
    yield PaperDesk(paper, overnight)


@contextmanager
def zerodha_desk(paper: Paper, overnight: Mapping[LegId, int], read_timeout_s: float = SHORT_S) -> Iterator[Desk]:
    plan = Plan(
        day=date(2026, 11, 2),
        accounts=[(ACCOUNT, CAPITAL)],
        enforces_limits=False,
        paper=paper,
        market=StillMarket(),
        overnight={ACCOUNT: overnight},
    )
    thread = SandboxThread(plan)
    with thread:
        desk = ZerodhaDesk(thread, read_timeout_s)
        try:
            desk.listen()
            yield desk
        finally:
            desk.close()


DESKS = {"paper": paper_desk, "zerodha": zerodha_desk, "angel": angel_desk}
__all__ = ["ACCOUNT", "CALL", "CAPITAL", "DESKS", "FUT", "ODD", "PUT", "SHARE", "Desk", "angel_credentials"]
