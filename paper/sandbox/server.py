"""The sandbox's HTTP server: requests to the desk, its answers as Kite writes them, faults by script.

One asyncio loop does everything, so the exchange is never touched by two requests at once.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from paper.sandbox import rows
from paper.sandbox.desk import NETWORK, PERMISSION, TOKEN, WRONG_TOKEN, Account, Desk, KiteError
from paper.sandbox.faults import ACCEPTS, Fault, Kind, Script, fault_of
from paper.sandbox.stream import Stream

HANG_S: Final = 60.0
"""How long a request that is never answered is kept."""
TIMED_OUT: Final = "Order request timed out. Please check the order book and confirm before placing again."
TIME_HEADER: Final = "X-Sandbox-Time-Ns"
"""The sandbox's clock: its trading day need not be today."""
DESK: Final = web.AppKey("desk", Desk)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
Work = Callable[[], object]


class Server:
    """Routes and faults.

    Args:
        desk: Who answers.
        stream: The ticker's connections.
        now_ns: The server's clock.
        delay_s: Before every answer, as a network would have it.
    """

    def __init__(self, desk: Desk, stream: Stream, now_ns: Callable[[], int], delay_s: float = 0.0) -> None:
        self._desk, self._stream, self._now_ns, self._delay_s = desk, stream, now_ns, delay_s
        self.script = Script()
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=1 << 20)
        app[DESK] = self._desk
        app.add_routes(
            [
                web.get("/", self._root),
                web.get("/ws", self._stream.connect),
                web.get("/connect/login", self._login),
                web.post("/session/token", self._start_session),
                web.delete("/session/token", self._end_session),
                web.get("/user/profile", self._reading("any", lambda account, _r: self._desk.profile(account))),
                web.get("/user/margins", self._reading("margins", lambda account, _r: self._desk.margins(account))),
                web.get("/user/margins/{segment}", self._reading("margins", self._segment)),
                web.get("/orders", self._reading("orders", lambda account, _r: self._desk.orders(account))),
                web.get("/orders/{id}", self._reading("orders", self._history)),
                web.get("/orders/{id}/trades", self._reading("orders", self._order_trades)),
                web.get("/trades", self._reading("orders", lambda account, _r: account.trades)),
                web.get("/portfolio/positions", self._reading("positions", lambda a, _r: self._desk.positions(a))),
                web.get("/portfolio/holdings", self._reading("positions", lambda _a, _r: [])),
                web.get("/quote", self._quotes("quote")),
                web.get("/quote/ohlc", self._quotes("ohlc")),
                web.get("/quote/ltp", self._quotes("ltp")),
                web.get("/instruments", self._instruments),
                web.get("/instruments/{exchange}", self._instruments),
                web.post("/margins/basket", self._basket),
                web.post("/margins/orders", self._order_margins),
                web.post("/orders/{variety}", self._place),
                web.put("/orders/{variety}/{id}", self._modify),
                web.delete("/orders/{variety}/{id}", self._cancel),
                web.post("/sandbox/faults", self._arm),
                web.get("/sandbox/books", self._books),
            ]
        )
        return app

    # Writes

    async def _place(self, request: web.Request) -> web.StreamResponse:
        form = await _form(request)
        return await self._write(request, "place", lambda a: self._desk.place(a, request.match_info["variety"], form))

    async def _modify(self, request: web.Request) -> web.StreamResponse:
        form = await _form(request)
        return await self._write(request, "modify", lambda a: self._desk.modify(a, request.match_info["id"], form))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        return await self._write(request, "cancel", lambda a: self._desk.cancel(a, request.match_info["id"]))

    async def _write(self, request: web.Request, on: str, work: Callable[[Account], object]) -> web.StreamResponse:
        return await self._answer(request, on, work)

    # Reads

    def _reading(
        self, on: str, work: Callable[[Account, web.Request], object], *, quote: bool = False
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            def limited(account: Account) -> object:
                if text := account.limits.takes_read(self._now_ns(), quote=quote):
                    raise KiteError(429, NETWORK, text)
                return work(account, request)

            return await self._answer(request, on, limited)

        return handle

    def _quotes(self, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        return self._reading("quotes", lambda _a, r: self._desk.quotes(r.query.getall("i", []), kind), quote=True)

    def _segment(self, account: Account, request: web.Request) -> object:
        found = self._desk.margins(account)
        if (segment := request.match_info["segment"]) not in found:
            raise KiteError(404, "GeneralException", "Route not found")
        return found[segment]

    def _history(self, account: Account, request: web.Request) -> object:
        return self._desk.history(account, request.match_info["id"])

    def _order_trades(self, account: Account, request: web.Request) -> object:
        return self._desk.order_trades(account, request.match_info["id"])

    async def _basket(self, request: web.Request) -> web.StreamResponse:
        orders = await request.json()
        return await self._answer(request, "margins", lambda a: self._desk.basket_margins(a, orders))

    async def _order_margins(self, request: web.Request) -> web.StreamResponse:
        orders = await request.json()
        return await self._answer(
            request, "margins", lambda a: [self._desk.basket_margins(a, [order])["final"] for order in orders]
        )

    # Without an account

    async def _root(self, _request: web.Request) -> web.Response:
        return web.json_response({"sandbox": "Kite Connect"}, headers=self._headers())

    async def _login(self, request: web.Request) -> web.Response:
        """The login page: the owner of the app is logged in at once and sent back with a request token."""
        for account in self._desk.accounts.values():
            if account.api_key == request.query.get("api_key"):
                back = request.query.get("redirect_url", "http://127.0.0.1")
                raise web.HTTPFound(f"{back}?request_token={account.request_token}&action=login&status=success")
        return self._error(KiteError(400, "InputException", "Invalid `api_key`."))

    async def _start_session(self, request: web.Request) -> web.Response:
        form = await _form(request)
        try:
            return self._json(self._desk.start_session(form))
        except KiteError as error:
            return self._error(error)

    async def _end_session(self, request: web.Request) -> web.Response:
        return self._json(self._desk.end_session(dict(request.query)))

    async def _instruments(self, request: web.Request) -> web.Response:
        text = rows.instruments_csv(self._desk.exchange, self._desk.tokens, request.match_info.get("exchange", ""))
        headers = self._headers() | {"Content-Type": "text/csv"}
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(text=text, headers=headers)
        return web.Response(body=gzip.compress(text.encode()), headers=headers | {"Content-Encoding": "gzip"})

    # For whoever drives the sandbox

    async def _arm(self, request: web.Request) -> web.Response:
        """Let something go wrong: a list of faults, or of the ticker's."""
        try:
            entries = await request.json()
            pushes = [entry for entry in entries if "push" in entry]
            self.script.arm([fault_of(entry) for entry in entries if "push" not in entry])
            for entry in pushes:
                self._stream.arm(entry)
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"armed": len(entries)})

    async def _books(self, _request: web.Request) -> web.Response:
        """Everybody's book and net positions: the truth that a test compares with."""
        found = {
            user: {
                "orders": self._desk.orders(account),
                "positions": {
                    row["tradingsymbol"]: row["quantity"]
                    for row in self._desk.positions(account)["net"]
                    if row["quantity"]
                },
            }
            for user, account in self._desk.accounts.items()
        }
        return self._json(found)

    # Answers

    async def _answer(self, request: web.Request, on: str, work: Callable[[Account], object]) -> web.StreamResponse:
        """Carry out a request and answer it, with what the script lets go wrong."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s / 2)
        try:
            account = self._desk.account_of(request.headers.get("Authorization", ""))
        except KiteError as error:
            return self._error(error)
        fault = self.script.take(account.user_id, on)

        def carry_out() -> web.Response:
            try:
                return self._json(work(account))
            except KiteError as error:
                return self._error(error)

        response = carry_out() if fault is None else await self._go_wrong(fault, request, account, carry_out)
        if self._delay_s:
            await asyncio.sleep(self._delay_s / 2)
        return response

    async def _go_wrong(
        self, fault: Fault, request: web.Request, account: Account, carry_out: Callable[[], web.Response]
    ) -> web.StreamResponse:
        kind = fault.kind
        done = carry_out() if kind in ACCEPTS else None
        if kind is Kind.ACCEPTED_LATE:
            self._later(fault.after_s, carry_out)
        if kind in (Kind.ACCEPTED_THEN_TIMEOUT, Kind.TIMEOUT_NOT_ACCEPTED, Kind.ACCEPTED_LATE):
            await asyncio.sleep(HANG_S)
            return _drop(request)
        if kind in (Kind.DROPPED_BEFORE, Kind.DROPPED_AFTER):
            return _drop(request)
        if kind is Kind.TRUNCATED and done is not None:
            return await self._truncated(request, done)
        if kind is Kind.HTML:
            return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html", status=502)
        if kind is Kind.NO_ID:
            return self._json({})
        if kind is Kind.SLOW:
            await asyncio.sleep(fault.after_s)
            return carry_out()
        if kind is Kind.TOKEN_EXPIRED:
            account.access_token = ""
        return self._error(_ERRORS[kind])

    def _later(self, after_s: float, work: Work) -> None:
        async def wait() -> None:
            await asyncio.sleep(after_s)
            work()

        task = asyncio.get_running_loop().create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _truncated(self, request: web.Request, whole: web.Response) -> web.StreamResponse:
        body = bytes(whole.body) if isinstance(whole.body, bytes) else b""
        response = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return _drop(request)

    def _headers(self) -> dict[str, str]:
        return {TIME_HEADER: str(self._now_ns())}

    def _json(self, data: object) -> web.Response:
        body = _ENCODER.encode({"status": "success", "data": data})
        return web.Response(body=body, content_type="application/json", headers=self._headers())

    def _error(self, error: KiteError) -> web.Response:
        body = {"status": "error", "message": str(error), "data": None, "error_type": error.error_type}
        return web.json_response(body, status=error.status, headers=self._headers())


_ERRORS: Final[Mapping[Kind, KiteError]] = {
    Kind.TIMED_OUT_400: KiteError(400, "OrderException", TIMED_OUT),
    Kind.SERVER_ERROR: KiteError(500, "GeneralException", "Something unexpected happened. Please try again."),
    Kind.UNAVAILABLE: KiteError(503, NETWORK, "Request failed (kitetrade-oms)."),
    Kind.RATE_LIMITED: KiteError(429, NETWORK, "Too many requests"),
    Kind.REJECTED: KiteError(400, "InputException", "The order was refused by the sandbox's script."),
    Kind.TOKEN_EXPIRED: KiteError(403, TOKEN, WRONG_TOKEN),
    Kind.IP_REFUSED: KiteError(403, PERMISSION, "IP (127.0.0.1) is not allowed to place orders for this app."),
}


async def _form(request: web.Request) -> dict[str, str]:
    return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}


def _drop(request: web.Request) -> web.StreamResponse:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
