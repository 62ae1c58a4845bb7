"""A loopback SmartAPI on the paper exchange: REST, order stream, market stream and scrip master, on one asyncio loop.

Shapes are those of the documents and of live answers: `null` for empty lists, numbers as texts, two forms of refusals,
plain text for the rate limit. It must not import the adapter that is tested against it.
"""

import asyncio
import gzip
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from aiohttp import WSMsgType, web

from config.rules import charge_rates, ist
from config.schema import Paper
from engine.clock import ScaledClock
from engine.model import NS_PER_S, Instrument, LegId, Quote
from engine.opening import sessions_of
from paper.exchange import Exchange
from tests.contract import angel_faults, angel_rows
from tests.contract.angel_desk import Account, AngelError, Desk
from tests.contract.angel_faults import Fault, Script

T = TypeVar("T")
Work = Callable[[Account, Mapping[str, Any]], object]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HOST = "127.0.0.1"
HANG_S = 60.0
BEAT_S = 10.0
STREAMS_MOST = 3
SCRIPS = "/OpenAPI_File/files/OpenAPIScripMaster.json"
AUTH, ORDER, PORTFOLIO = "/rest/auth/angelbroking", "/rest/secure/angelbroking/order/v1", "/rest/secure/angelbroking"
ENCODER = msgspec.json.Encoder(decimal_format="number")


class MovedClock(ScaledClock):
    """Real time on a trading day, that can be moved on."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(start_ns, 1.0)
        self._ahead_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self._ahead_ns

    def move(self, seconds: float) -> None:
        self._ahead_ns += round(seconds * NS_PER_S)


class AngelServer:
    """One broker on the loopback interface, on a thread of its own: `with AngelServer(...) as server`.

    Args:
        accounts: Client codes with what they have.
        instruments: What is listed.
        paper: How the exchange matches.
        enforces_limits: Whether a second read within a second is refused.
        overnight: What every account has from before, signed units by leg.
    """

    def __init__(
        self,
        accounts: Sequence[tuple[str, Decimal]],
        instruments: Sequence[Instrument],
        *,
        day: date = date(2026, 11, 2),
        paper: Paper | None = None,
        enforces_limits: bool = False,
        overnight: Mapping[LegId, int] | None = None,
    ) -> None:
        self.clock = MovedClock(ist(day, "10:00:00"))
        self.desk = Desk(self.clock.now_ns, self._framed)
        self.exchange = Exchange(
            paper=paper or Paper(margins=True),
            sessions=sessions_of(day),
            instruments=instruments,
            charges=charge_rates(day),
            on_update=self.desk.updated,
        )
        self.desk.open(self.exchange)
        for user, capital in accounts:
            self.desk.add_account(user, capital, overnight)
        self.script = Script()
        self.is_mute = False
        "Whether the streams answer no ping and say nothing more."
        self.requests: list[str] = []
        self.paths: list[str] = []
        "What was asked for, with everything that stood in the address."
        self.handshakes: list[str] = []
        self.port = 0
        self._enforces_limits = enforces_limits
        self._reads: dict[tuple[str, str], int] = {}
        self._orders: dict[web.WebSocketResponse, str] = {}
        self._quotes: dict[web.WebSocketResponse, set[tuple[int, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = 0
        self._ready, self._until = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="smartapi", daemon=True)

    # Addresses

    @property
    def root_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def order_stream_url(self) -> str:
        return f"ws://{HOST}:{self.port}/smart-order-update"

    @property
    def ticker_url(self) -> str:
        return f"ws://{HOST}:{self.port}/smart-stream"

    @property
    def scrip_url(self) -> str:
        return f"{self.root_url}{SCRIPS}"

    # For whoever drives it

    def __enter__(self) -> "AngelServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._until.set)
        self._thread.join(5)

    def call(self, work: Callable[[], T]) -> T:
        """Have something done on the server's thread, and wait for it."""

        async def done() -> T:
            return work()

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)

    def fault(self, on: str, kind: str, times: int = 1, after_s: float = 0.6) -> None:
        """Let something go wrong."""
        self.call(lambda: self.script.arm(Fault(on, kind, times, after_s)))

    def quote(self, quote: Quote) -> None:
        """New market data."""
        self.call(lambda: self._quote(quote))

    def end_sessions(self) -> None:
        """All tokens are over."""
        for account in self.desk.accounts.values():
            account.jwt = account.feed = ""

    def drop_streams(self) -> None:
        """End all connections of both streams."""

        def drop() -> None:
            for socket in (*self._orders, *self._quotes):
                self._spawn(socket.close())

        self.call(drop)

    def subscribed(self) -> list[set[tuple[int, str]]]:
        """What each connection of the market stream asked for."""
        return self.call(lambda: [set(keys) for keys in self._quotes.values()])

    def logins(self, user: str) -> int:
        """How often the account's login was asked for."""
        return self.desk.accounts[user].logins

    # The server

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._until.wait()
        await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        desk = self.desk
        app.add_routes(
            [
                web.get("/", self._root),
                web.post(f"{AUTH}/user/v1/loginByPassword", self._log_in),
                web.get(f"{PORTFOLIO}/user/v1/getProfile", self._asked("profile", lambda a, _b: desk.profile(a))),
                web.get(f"{PORTFOLIO}/user/v1/getRMS", self._asked("margins", self._rms)),
                web.post(f"{ORDER}/placeOrder", self._asked("place", desk.place)),
                web.post(f"{ORDER}/modifyOrder", self._asked("modify", desk.modify)),
                web.post(f"{ORDER}/cancelOrder", self._asked("cancel", desk.cancel)),
                web.get(f"{ORDER}/getOrderBook", self._asked("orders", lambda a, _b: desk.orders(a) or None)),
                web.get(f"{ORDER}/getTradeBook", self._asked("trades", lambda a, _b: a.trades or None)),
                web.get(f"{ORDER}/getPosition", self._asked("positions", lambda a, _b: desk.positions(a) or None)),
                web.get(f"{PORTFOLIO}/portfolio/v1/getHolding", self._asked("holdings", self._holdings)),
                web.get(f"{ORDER}/details/{{id}}", self._asked("details", lambda a, b: desk.details(a, b["id"]))),
                web.post(f"{PORTFOLIO}/market/v1/quote", self._asked("quotes", desk.quotes)),
                web.post(f"{PORTFOLIO}/margin/v1/batch", self._asked("basket", desk.basket_margin)),
                web.get(SCRIPS, self._scrips),
                web.get("/smart-order-update", self._order_stream),
                web.get("/smart-stream", self._quote_stream),
            ]
        )
        return app

    def _rms(self, account: Account, _body: Mapping[str, Any]) -> object:
        return angel_rows.rms(self.exchange.funds(account.user))

    def _holdings(self, account: Account, _body: Mapping[str, Any]) -> object:
        return self.desk.holdings(account) or None

    async def _root(self, _request: web.Request) -> web.Response:
        return web.Response(text="SmartAPI")

    async def _scrips(self, request: web.Request) -> web.Response:
        body = json.dumps(list(self.desk.scrips.values())).encode()
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=body, content_type="application/json")
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(body), headers=headers, content_type="application/json")

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        body, key = await request.json(), request.headers.get("X-PrivateKey", "")
        fault = self.script.take("login")
        return await self._end(request, fault, lambda: self.desk.log_in(key, body))

    def _asked(self, on: str, work: Work) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.json() if request.method == "POST" else dict(request.match_info)
            self.requests.append(on)
            self.paths.append(request.path_qs)
            try:
                account = self.desk.account_of(
                    request.headers.get("Authorization", ""), request.headers.get("X-PrivateKey", "")
                )
            except AngelError as error:
                return _refusal(error)
            if self._is_too_early(account, on):
                return _plain("rate_limited")
            fault = self.script.take(on)
            if fault is not None and fault.kind == "token_expired":
                account.jwt = ""
            return await self._end(request, fault, lambda: work(account, body))

        return handle

    def _is_too_early(self, account: Account, on: str) -> bool:
        """One read of a book a second (SmartAPI "Rate Limit")."""
        now_ns, before_ns = self.clock.now_ns(), self._reads.get((account.user, on), 0)
        if not self._enforces_limits or on not in ("orders", "trades", "positions", "holdings"):
            return False
        self._reads[account.user, on] = now_ns
        return now_ns - before_ns < NS_PER_S

    async def _end(self, request: web.Request, fault: Fault | None, work: Callable[[], object]) -> web.StreamResponse:
        """Carry out a request and answer it, with what the script lets go wrong."""

        def carry_out() -> web.Response:
            try:
                return _success(work())
            except AngelError as error:
                return _refusal(error)

        if fault is None:
            return carry_out()
        kind = fault.kind
        done = carry_out() if kind in angel_faults.ACCEPTS else None
        if kind == "accepted_late":
            self._later(fault.after_s, carry_out)
        if kind in angel_faults.SILENT:
            await asyncio.sleep(HANG_S)
        if kind in angel_faults.SILENT | angel_faults.DROPPED:
            return _drop(request)
        if kind == "truncated" and done is not None:
            return await _truncated(request, bytes(done.body))  # type: ignore[arg-type]
        if kind == "no_id":
            return _success(None)
        if kind == "status_text":
            return web.json_response(
                {"status": "true", "message": "SUCCESS", "errorcode": "", "data": {"orderid": "1"}}
            )
        if kind in angel_faults.PLAIN:
            return _plain(kind)
        if kind in angel_faults.GATEWAY:
            return _refusal(AngelError(*angel_faults.GATEWAY[kind], is_gateway=True))
        status, code, words = angel_faults.WORDS[kind]
        return web.json_response({"status": False, "message": words, "errorcode": code, "data": None}, status=status)

    # Streams

    async def _order_stream(self, request: web.Request) -> web.StreamResponse:
        user = self._shakes_hands(request, None)
        if user is None:
            return web.Response(status=401)
        if sum(1 for known in self._orders.values() if known == user) >= STREAMS_MOST:
            return web.Response(status=429)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._orders[socket] = user
        await socket.send_bytes(b"\0")
        await socket.send_str(ENCODER.encode(angel_rows.first_frame(user)).decode())
        try:
            await self._listen(socket)
        finally:
            del self._orders[socket]
        return socket

    async def _quote_stream(self, request: web.Request) -> web.StreamResponse:
        user = self._shakes_hands(request, request.headers.get("x-api-key", ""))
        account = self.desk.accounts.get(user or "")
        tokens = (request.headers.get("x-client-code"), request.headers.get("x-feed-token"))
        if account is None or tokens != (account.user, account.feed):
            return web.Response(status=401)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._quotes[socket] = set()
        try:
            await self._listen(socket)
        finally:
            del self._quotes[socket]
        return socket

    def _shakes_hands(self, request: web.Request, key: str | None) -> str | None:
        self.handshakes.append(request.path)
        try:
            return self.desk.account_of(request.headers.get("Authorization", ""), key).user
        except AngelError:
            return None

    async def _listen(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT or self.is_mute:
                continue
            if message.data == "ping":
                await socket.send_str("pong")
            elif socket in self._quotes:
                wanted = json.loads(message.data)
                assert wanted["action"] in (0, 1)
                assert wanted["params"]["mode"] == 3
                for entry in wanted["params"]["tokenList"]:
                    keys = {(entry["exchangeType"], token) for token in entry["tokens"]}
                    if wanted["action"] == 0:
                        self._quotes[socket] -= keys
                        continue
                    self._quotes[socket] |= keys
                    self._first(socket, keys)

    def _first(self, socket: web.WebSocketResponse, keys: set[tuple[int, str]]) -> None:
        for name, scrip in self.desk.scrips.items():
            quote = self.exchange.newest(name)
            key = (angel_rows.SEGMENTS[scrip["exch_seg"]], scrip["token"])
            if quote is not None and key in keys:
                self._spawn(socket.send_bytes(angel_rows.packet(quote, *key, 1)))

    def _quote(self, quote: Quote) -> None:
        self.exchange.update_quotes([quote], self.clock.now_ns())
        scrip = self.desk.scrips[quote.instrument]
        key = (angel_rows.SEGMENTS[scrip["exch_seg"]], scrip["token"])
        self._numbers += 1
        for socket, keys in self._quotes.items():
            if key in keys and not self.is_mute:
                self._spawn(socket.send_bytes(angel_rows.packet(quote, *key, self._numbers)))

    def _framed(self, user: str, frame: Mapping[str, Any]) -> None:
        text = ENCODER.encode(frame).decode()
        for socket, known in self._orders.items():
            if known == user and not self.is_mute:
                self._spawn(socket.send_str(text))

    def _later(self, after_s: float, work: Callable[[], object]) -> None:
        async def wait() -> None:
            await asyncio.sleep(after_s)
            work()

        self._spawn(wait())

    def _spawn(self, work: Awaitable[object]) -> None:
        async def run() -> None:
            try:
                await work
            except (ConnectionError, RuntimeError):
                return  # the other side is gone

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _success(data: object) -> web.Response:
    body = ENCODER.encode({"status": True, "message": "SUCCESS", "errorcode": "", "data": data})
    return web.Response(body=body, content_type="application/json")


def _refusal(error: AngelError) -> web.Response:
    if error.is_gateway:
        return web.json_response({"success": False, "message": str(error), "errorCode": error.code, "data": ""})
    return web.json_response({"status": False, "message": str(error), "errorcode": error.code, "data": None})


def _plain(kind: str) -> web.Response:
    status, text, content = angel_faults.PLAIN[kind]
    return web.Response(status=status, text=text, content_type=content)


async def _truncated(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return _drop(request)


def _drop(request: web.Request) -> web.StreamResponse:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
