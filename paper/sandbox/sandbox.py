"""A whole sandbox: market, exchange, desk, ticker and server on one asyncio loop, in this thread or in one of its own.

Its clock is real time moved onto a trading day, so that it is open whenever it is started, or onto a recorded day.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

from aiohttp import web

from config.rules import charge_rates, ist, to_ist
from config.schema import Paper
from engine.clock import EngineClock, ScaledClock
from engine.model import LegId, OrderReport, Quote
from engine.opening import sessions_of
from paper.exchange import Exchange
from paper.recorded import RecordedDay
from paper.sandbox.desk import Desk
from paper.sandbox.market import Market, Stage, replayed, simulated
from paper.sandbox.rows import Json
from paper.sandbox.server import Server
from paper.sandbox.stream import Stream
from paper.trading_day import ist_day_number

T = TypeVar("T")
HOST: Final = "127.0.0.1"
STEP_S: Final = 0.25
LINE_MOST: Final = 1 << 17
"""A request for a thousand quotes names them all in its address."""
START_TIME: Final = "10:00:00"
CAPITAL_INR: Final = Decimal(1_000_000)
MASTER_CAPITAL_INR: Final = Decimal(3_500_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sandbox is made of."""

    day: date
    accounts: Sequence[tuple[str, Decimal]]
    "User ids with what they have."
    port: int = 0
    "0 for any free one."
    seed: int = 7
    delay_s: float = 0.0
    "What a request takes there and back."
    enforces_limits: bool = True
    paper: Paper = field(default_factory=lambda: Paper(margins=True))
    "How the exchange matches."
    market: Market | None = None
    "`None`: the recorded day, or the simulated option market."
    recorded: RecordedDay | None = None
    "A recorded day, which `day` then is."
    speed: float = 1.0
    "Times real time."
    start_time: str = START_TIME
    "Time of the day at which the clock starts, IST; a recorded day has its own."
    clock: EngineClock | None = None
    "A clock that somebody else moves; `None` for one that runs."
    overnight: Mapping[str, Mapping[LegId, int]] = field(default_factory=dict)
    "Signed units by account that are there before the day."


class Sandbox:
    """One broker on the loopback interface."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        stage = _stage(plan)
        self.clock: EngineClock = plan.clock or ScaledClock(stage.start_ns, plan.speed)
        self._market, self._sessions = stage.market, stage.sessions
        self.desk = Desk(self.clock.now_ns, self._framed)
        self.exchange = Exchange(
            paper=plan.paper,
            sessions=stage.sessions,
            instruments=self._market.instruments(),
            charges=charge_rates(plan.day),
            on_update=self._updated,
        )
        self.desk.open(self.exchange, stage.sessions, charge_rates(plan.day))
        for user_id, capital in plan.accounts:
            carried = plan.overnight.get(user_id)
            self.desk.add_account(user_id, capital, enforces_limits=plan.enforces_limits, overnight=carried)
        self.stream = Stream(self.exchange.newest)
        self.stream.desk = self.desk
        self.server = Server(self.desk, self.stream, self.clock.now_ns, self.advance, plan.delay_s)
        self.port = 0
        self._day_number = ist_day_number(self.clock.now_ns())
        self.advance()

    @property
    def root_url(self) -> str:
        """Where REST is."""
        return f"http://{HOST}:{self.port}"

    @property
    def ticker_url(self) -> str:
        """Where the ticker is."""
        return f"ws://{HOST}:{self.port}/ws"

    async def serve(
        self, ready: threading.Event | asyncio.Event | None = None, until: asyncio.Event | None = None
    ) -> None:
        """Serve until `until`, or for ever."""
        runner = web.AppRunner(
            self.server.app(), access_log=None, shutdown_timeout=0.1, max_line_size=LINE_MOST, max_field_size=LINE_MOST
        )
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.plan.port)
        await site.start()
        self.port = runner.addresses[0][1]
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._run_market()), loop.create_task(self.stream.beat())]
        if ready is not None:
            ready.set()
        try:
            await (until or asyncio.Event()).wait()
        finally:
            for task in tasks:
                task.cancel()
            await runner.cleanup()

    async def _run_market(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            self.advance()

    def quote(self, quotes: Sequence[Quote]) -> None:
        """New market data by hand."""
        self._take(quotes, self.clock.now_ns())

    def advance(self) -> None:
        """Bring the market up to now; what happened since the last time happens at its own time, in its order."""
        now_ns = self.clock.now_ns()
        while quotes := self._market.advance(now_ns):
            at_ns = min(now_ns, max(quote.at_ns for quote in quotes))
            self._run_due(at_ns)
            self._take(quotes, at_ns)
        self._run_due(now_ns)

    def _take(self, quotes: Sequence[Quote], at_ns: int) -> None:
        self.desk.saw(quotes)
        self.exchange.update_quotes(quotes, at_ns)
        self.desk.run_due(at_ns)
        self.stream.quotes(quotes)

    def _run_due(self, at_ns: int) -> None:
        if (day_number := ist_day_number(at_ns)) > self._day_number:
            self._day_number = day_number
            if self.plan.recorded is None:  # nothing follows a recorded day
                self._sessions = sessions_of(to_ist(at_ns).date())
            self.exchange.start_day(self._sessions, self._market.instruments(), at_ns)
            self.desk.start_day(self._sessions)
        self.exchange.run_due(at_ns)
        self.desk.run_due(at_ns)

    def _updated(self, account: str, report: OrderReport) -> None:
        self.desk.updated(account, report)

    def _framed(self, account: str, row: Json) -> None:
        self.stream.order(account, row)


def _stage(plan: Plan) -> Stage:
    if plan.recorded is not None:
        return replayed(plan.recorded)
    start_ns = ist(plan.day, plan.start_time)
    if plan.market is None:
        return simulated(plan.day, start_ns, plan.seed)
    return Stage(plan.market, start_ns, sessions_of(plan.day))


class SandboxThread:
    """A sandbox on a thread of its own, for tests and benchmarks: `with SandboxThread(plan) as sandbox`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until: asyncio.Event | None = None
        self.sandbox: Sandbox | None = None
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def __enter__(self) -> Sandbox:
        self._thread.start()
        if not self._ready.wait(10) or self.sandbox is None:
            raise RuntimeError("the sandbox did not start")
        return self.sandbox

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._until is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._until.set)
        self._thread.join(5)

    def call(self, work: Callable[[], T]) -> T:
        """Have something done on the sandbox's thread, and wait for it."""
        if self._loop is None:
            raise RuntimeError("the sandbox does not run")

        async def done() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    def _run(self) -> None:
        async def serve() -> None:
            self.sandbox = Sandbox(self._plan)
            self._loop, self._until = asyncio.get_running_loop(), asyncio.Event()
            await self.sandbox.serve(self._ready, self._until)

        asyncio.run(serve())
