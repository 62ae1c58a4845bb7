"""Answers as Kite writes them, and answers that go wrong by script. It must not know what was asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import msgspec
from aiohttp import web

from paper.sandbox.account import Account
from paper.sandbox.errors import (
    GENERAL,
    INPUT,
    MARGIN,
    NETWORK,
    NO_ROUTE,
    ORDER,
    PERMISSION,
    TIMED_OUT,
    TOKEN,
    WRONG_ADDRESS,
    WRONG_TOKEN,
    KiteError,
)
from paper.sandbox.faults import ACCEPTS, Fault, Kind
from paper.sandbox.limits import TOO_MANY

HANG_S: Final = 60.0
"""How long a request that is never answered is kept."""
TIME_HEADER: Final = "X-Sandbox-Time-Ns"
"""The sandbox's clock: its trading day need not be today."""
NO_FUNDS: Final = (
    "Insufficient funds. Required margin is 95417.84 but available margin is 74251.80. "
    "Check the orderbook for open orders."
)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
Handler = Callable[[], web.Response]

ERRORS: Final[Mapping[Kind, KiteError]] = {
    Kind.TIMED_OUT_400: KiteError(400, ORDER, TIMED_OUT),
    Kind.SERVER_ERROR: KiteError(500, GENERAL, "Something unexpected happened. Please try again."),
    Kind.UNAVAILABLE: KiteError(503, NETWORK, "Request failed (kitetrade-oms)."),
    Kind.RATE_LIMITED: KiteError(429, NETWORK, TOO_MANY),
    Kind.REJECTED: KiteError(400, INPUT, "The order was refused by the sandbox's script."),
    Kind.RMS_REFUSED: KiteError(400, MARGIN, NO_FUNDS),
    Kind.TOKEN_EXPIRED: KiteError(403, TOKEN, WRONG_TOKEN),
    Kind.IP_REFUSED: KiteError(403, PERMISSION, WRONG_ADDRESS),
}


class Answers:
    """Writes answers.

    Args:
        now_ns: The server's clock, which every answer tells.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._tasks: set[asyncio.Task[None]] = set()

    def headers(self) -> dict[str, str]:
        """What every answer carries."""
        return {TIME_HEADER: str(self._now_ns())}

    def data(self, data: object) -> web.Response:
        """A success."""
        body = _ENCODER.encode({"status": "success", "data": data})
        return web.Response(body=body, content_type="application/json", headers=self.headers())

    def error(self, error: KiteError) -> web.Response:
        """A refusal."""
        body = {"status": "error", "message": str(error), "data": None, "error_type": error.error_type}
        return web.json_response(body, status=error.status, headers=self.headers())

    def attempt(self, work: Callable[[], object]) -> web.Response:
        """What comes of some work."""
        try:
            return self.data(work())
        except KiteError as error:
            return self.error(error)

    async def go_wrong(
        self, fault: Fault, request: web.Request, account: Account, carry_out: Handler
    ) -> web.StreamResponse:
        """An answer as the script wants it."""
        kind = fault.kind
        if kind in (Kind.UNSORTED, Kind.REJECTED_ROW):
            with _marked(account, kind):
                return carry_out()
        done = carry_out() if kind in ACCEPTS else None
        if kind is Kind.ACCEPTED_LATE:
            self._later(fault.after_s, carry_out)
        if kind in (Kind.ACCEPTED_THEN_TIMEOUT, Kind.TIMEOUT_NOT_ACCEPTED, Kind.ACCEPTED_LATE):
            await asyncio.sleep(HANG_S)
            return _drop(request)
        if kind in (Kind.DROPPED_BEFORE, Kind.DROPPED_AFTER):
            return _drop(request)
        if kind is Kind.TRUNCATED and done is not None:
            return await _truncated(request, done)
        if kind is Kind.HTML:
            return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html", status=502)
        if kind is Kind.NO_ID:
            return self.data({})
        if kind is Kind.SLOW:
            await asyncio.sleep(fault.after_s)
            return carry_out()
        if kind is Kind.TOKEN_EXPIRED:
            account.access_token = ""
        return self.error(ERRORS[kind])

    @web.middleware
    async def routed(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """What is not there is refused in Kite's form."""
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            return self.error(KiteError(error.status, GENERAL, NO_ROUTE))

    def _later(self, after_s: float, work: Handler) -> None:
        async def wait() -> None:
            await asyncio.sleep(after_s)
            work()

        task = asyncio.get_running_loop().create_task(wait())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextmanager
def _marked(account: Account, kind: Kind) -> Iterator[None]:
    account.is_unsorted, account.rejects = kind is Kind.UNSORTED, kind is Kind.REJECTED_ROW
    try:
        yield
    finally:
        account.is_unsorted = account.rejects = False


async def _truncated(request: web.Request, whole: web.Response) -> web.StreamResponse:
    body = bytes(whole.body) if isinstance(whole.body, bytes) else b""
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return _drop(request)


def _drop(request: web.Request) -> web.StreamResponse:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
