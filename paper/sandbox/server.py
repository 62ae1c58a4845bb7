"""The sandbox's HTTP server: requests to the desk, its answers as Kite writes them, faults by script.

One asyncio loop does everything, so the exchange is never touched by two requests at once.
"""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from aiohttp import web

from paper.sandbox import market_rows
from paper.sandbox.account import Account
from paper.sandbox.answers import Answers
from paper.sandbox.desk import Desk
from paper.sandbox.errors import GENERAL, NETWORK, NO_ROUTE, KiteError, refused
from paper.sandbox.faults import Fault, PushFault, Script, entry_of
from paper.sandbox.forms import Form
from paper.sandbox.rows import Json
from paper.sandbox.stream import Stream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_MOST: Final = 1 << 20


class Server:
    """Routes.

    Args:
        desk: Who answers.
        stream: The ticker's connections.
        now_ns: The server's clock.
        advance: Brings the market up to now, so that no request meets prices of before it.
        delay_s: What a request takes there and back, as a network would have it.
    """

    def __init__(
        self,
        desk: Desk,
        stream: Stream,
        now_ns: Callable[[], int],
        advance: Callable[[], None],
        delay_s: float = 0.0,
    ) -> None:
        self._desk, self._stream, self._now_ns, self._advance = desk, stream, now_ns, advance
        self._delay_s = delay_s
        self._answers = Answers(now_ns)
        self.script = Script()

    def app(self) -> web.Application:
        """The application."""
        desk, held, triggers = self._desk, self._desk.portfolio, self._desk.triggers
        app = web.Application(client_max_size=BODY_MOST, middlewares=[self._answers.routed])
        app.add_routes(
            [
                web.get("/", self._root),
                web.get("/ws", self._stream.connect),
                web.get("/connect/login", self._login),
                web.post("/session/token", self._start_session),
                web.delete("/session/token", self._end_session),
                web.post("/session/refresh_token", self._renew_session),
                web.get("/user/profile", self._reading("any", lambda account, _r: desk.profile(account))),
                web.get("/user/margins", self._reading("margins", lambda account, _r: held.margins(account))),
                web.get("/user/margins/{segment}", self._reading("margins", self._segment)),
                web.get("/orders", self._reading("orders", lambda account, _r: desk.orders(account))),
                web.get("/orders/{id}", self._reading("orders", lambda a, r: desk.history(a, r.match_info["id"]))),
                web.get(
                    "/orders/{id}/trades",
                    self._reading("orders", lambda a, r: desk.order_trades(a, r.match_info["id"])),
                ),
                web.get("/trades", self._reading("orders", lambda account, _r: account.trades)),
                web.get("/portfolio/positions", self._reading("positions", lambda a, _r: held.positions(a))),
                web.put(
                    "/portfolio/positions", self._filling(lambda a, _r, form: held.convert(a, form, self._now_ns()))
                ),
                web.get("/portfolio/holdings", self._reading("positions", lambda a, _r: held.holdings(a))),
                web.get("/quote", self._quotes("quote")),
                web.get("/quote/ohlc", self._quotes("ohlc")),
                web.get("/quote/ltp", self._quotes("ltp")),
                web.get("/instruments", self._instruments),
                web.get("/instruments/{exchange}", self._instruments),
                web.get("/instruments/historical/{token}/{interval}", self._reading("candles", self._historical)),
                web.post("/margins/basket", self._basket),
                web.post("/margins/orders", self._order_margins),
                web.post("/charges/orders", self._contract_note),
                web.post("/orders/{variety}", self._place),
                web.put("/orders/{variety}/{id}", self._modify),
                web.delete("/orders/{variety}/{id}", self._cancel),
                web.get("/gtt/triggers", self._reading("any", lambda a, _r: triggers.all(a))),
                web.get("/gtt/triggers/{id}", self._reading("any", lambda a, r: triggers.one(a, r.match_info["id"]))),
                web.post("/gtt/triggers", self._filling(lambda a, _r, form: triggers.place(a, form))),
                web.put(
                    "/gtt/triggers/{id}", self._filling(lambda a, r, form: triggers.modify(a, r.match_info["id"], form))
                ),
                web.delete(
                    "/gtt/triggers/{id}", self._reading("any", lambda a, r: triggers.delete(a, r.match_info["id"]))
                ),
                web.post("/sandbox/faults", self._arm),
                web.get("/sandbox/books", self._books),
            ]
        )
        return app

    def arm(self, faults: Sequence[Fault | PushFault]) -> None:
        """Let these happen from now on."""
        self.script.arm([fault for fault in faults if isinstance(fault, Fault)])
        for fault in faults:
            if isinstance(fault, PushFault):
                self._stream.arm(fault)

    # Writes

    async def _place(self, request: web.Request) -> web.StreamResponse:
        form, variety = await _form(request), request.match_info["variety"]
        return await self._answer(request, "place", lambda a: self._desk.placing.place(a, variety, form))

    async def _modify(self, request: web.Request) -> web.StreamResponse:
        form, order_id = await _form(request), request.match_info["id"]
        return await self._answer(request, "modify", lambda a: self._desk.placing.modify(a, order_id, form))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        order_id = request.match_info["id"]
        return await self._answer(request, "cancel", lambda a: self._desk.placing.cancel(a, order_id))

    def _filling(self, work: Callable[[Account, web.Request, Form], object]) -> Handler:
        """A write that is no order's; it has the limit of reads."""

        async def handle(request: web.Request) -> web.StreamResponse:
            form = await _form(request)
            return await self._limited(request, "any", lambda account, r: work(account, r, form))

        return handle

    # Reads

    def _reading(self, on: str, work: Callable[[Account, web.Request], object]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._limited(request, on, work)

        return handle

    async def _limited(
        self, request: web.Request, on: str, work: Callable[[Account, web.Request], object]
    ) -> web.StreamResponse:
        """Everything but orders has a limit of its own."""

        def limited(account: Account) -> object:
            if text := account.limits.takes_read(self._now_ns(), on):
                raise KiteError(429, NETWORK, text)
            return work(account, request)

        return await self._answer(request, on, limited)

    def _quotes(self, kind: str) -> Handler:
        return self._reading("quotes", lambda _a, r: self._desk.quotes(r.query.getall("i", []), kind))

    def _historical(self, _account: Account, request: web.Request) -> object:
        asked = request.match_info
        return self._desk.historical(asked["token"], asked["interval"], dict(request.query))

    def _segment(self, account: Account, request: web.Request) -> object:
        found = self._desk.portfolio.margins(account)
        if (segment := request.match_info["segment"]) not in found:
            raise KiteError(404, GENERAL, NO_ROUTE)
        return found[segment]

    async def _basket(self, request: web.Request) -> web.StreamResponse:
        body, held = await request.text(), self._desk.portfolio
        with_positions = request.query.get("consider_positions", "").lower() == "true"
        return await self._limited(
            request,
            "margins",
            lambda account, r: _compact(
                held.basket_margins(account, _orders(body), with_positions=with_positions), r.query.get("mode")
            ),
        )

    async def _order_margins(self, request: web.Request) -> web.StreamResponse:
        body, held = await request.text(), self._desk.portfolio
        return await self._limited(request, "margins", lambda _a, _r: held.order_margins(_orders(body)))

    async def _contract_note(self, request: web.Request) -> web.StreamResponse:
        body, held = await request.text(), self._desk.portfolio
        return await self._limited(request, "margins", lambda _a, _r: held.contract_note(_orders(body)))

    # Without an account

    async def _root(self, _request: web.Request) -> web.Response:
        return web.json_response({"sandbox": "Kite Connect"}, headers=self._answers.headers())

    async def _login(self, request: web.Request) -> web.Response:
        """The login page: the owner of the app is logged in at once and sent back with a request token."""
        for account in self._desk.accounts.values():
            if account.api_key == request.query.get("api_key"):
                back = request.query.get("redirect_url", "http://127.0.0.1")
                raise web.HTTPFound(f"{back}?request_token={account.request_token}&action=login&status=success")
        return self._answers.error(refused("Invalid `api_key`."))

    async def _start_session(self, request: web.Request) -> web.Response:
        form = await _form(request)
        return self._answers.attempt(lambda: self._desk.sessions.start(form))

    async def _end_session(self, request: web.Request) -> web.Response:
        return self._answers.attempt(lambda: self._desk.sessions.end(dict(request.query)))

    async def _renew_session(self, _request: web.Request) -> web.Response:
        return self._answers.attempt(self._desk.sessions.renew)

    async def _instruments(self, request: web.Request) -> web.Response:
        only = request.match_info.get("exchange", "")
        text = market_rows.instruments_csv(self._desk.exchange, self._desk.tokens, only)
        headers = self._answers.headers() | {"Content-Type": "text/csv"}
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(text=text, headers=headers)
        return web.Response(body=gzip.compress(text.encode()), headers=headers | {"Content-Encoding": "gzip"})

    # For whoever drives the sandbox

    async def _arm(self, request: web.Request) -> web.Response:
        """Let something go wrong: a list of faults, or of the ticker's."""
        try:
            faults = [entry_of(entry) for entry in await request.json()]
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self.arm(faults)
        return web.json_response({"armed": len(faults)})

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
        return self._answers.data(found)

    async def _answer(self, request: web.Request, on: str, work: Callable[[Account], object]) -> web.StreamResponse:
        """Carry out a request and answer it, with what the script lets go wrong."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s / 2)
        try:
            account = self._desk.account_of(request.headers.get("Authorization", ""))
        except KiteError as error:
            return self._answers.error(error)

        def carry_out() -> web.Response:
            self._advance()
            return self._answers.attempt(lambda: work(account))

        fault = self.script.take(account.user_id, on)
        if fault is None:
            response: web.StreamResponse = carry_out()
        else:
            response = await self._answers.go_wrong(fault, request, account, carry_out)
        if self._delay_s:
            await asyncio.sleep(self._delay_s / 2)
        return response


async def _form(request: web.Request) -> dict[str, str]:
    return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}


def _orders(body: str) -> list[Mapping[str, object]]:
    """The orders of a margin request."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise refused("Invalid JSON payload.")
    return found


def _compact(basket: Json, mode: str | None) -> Json:
    """A basket without what its orders need one by one, where that is asked for."""
    return basket | {"orders": []} if mode == "compact" else basket
