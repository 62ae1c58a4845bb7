"""The sandbox's ticker: quotes as binary packets, order updates as text frames, a heartbeat when there is nothing.

Nothing is kept for somebody who is not connected, as at Kite: after a reconnect the book must be read.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from aiohttp import WSMsgType, web

from engine.model import InstrumentId, Quote
from paper.sandbox import ticks
from paper.sandbox.desk import Desk
from paper.sandbox.errors import KiteError
from paper.sandbox.faults import PushFault
from paper.sandbox.rows import Json

HEARTBEAT_S: Final = 1.0
WAITING_MOST: Final = 10_000
"""Frames that wait for a slow reader; then it gets no more."""
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(slots=True, eq=False)
class _Line:
    """One connection."""

    account: str
    socket: web.WebSocketResponse
    modes: dict[int, str] = field(default_factory=dict)
    frozen: bool = False
    waiting: "asyncio.Queue[bytes | str | None]" = field(default_factory=lambda: asyncio.Queue(WAITING_MOST))
    "What is to be sent, in order; `None` ends the connection."


class Stream:
    """All connections.

    Args:
        desk: Who knows accounts and tokens; set before the first connection.
        newest: The newest quote of an instrument.
    """

    def __init__(self, newest: Callable[[InstrumentId], Quote | None]) -> None:
        self.desk: Desk | None = None
        self._newest = newest
        self._lines: set[_Line] = set()
        self._faults: dict[tuple[str, str], int] = {}
        "How many more of an account's frames each fault hits."
        self._held_back: dict[str, str] = {}

    def arm(self, fault: PushFault) -> None:
        """Let something go wrong with an account's pushes."""
        lines = [line for line in self._lines if fault.account in ("", line.account)]
        if fault.kind == "freeze":
            for line in lines:
                line.frozen = True
        elif fault.kind == "disconnect":
            for line in lines:
                _put(line, None)
        else:
            self._faults[fault.account, fault.kind] = fault.times

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """A ticker connects; its key and token stand in the address."""
        if self.desk is None:
            return web.Response(status=503)
        try:
            account = self.desk.account_of(
                f"token {request.query.get('api_key', '')}:{request.query.get('access_token', '')}"
            )
        except KiteError:
            return web.Response(status=403)
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        line = _Line(account.user_id, socket)
        self._lines.add(line)
        _put(line, ticks.HEARTBEAT)
        writer = asyncio.get_running_loop().create_task(_write(line))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._subscribe(line, message.data)
        finally:
            self._lines.discard(line)
            writer.cancel()
        return socket

    def quotes(self, quotes: Sequence[Quote]) -> None:
        """New quotes for whoever subscribed to them."""
        if self.desk is None:
            return
        by_id, ranges = self.desk.tokens.by_id, self.desk.ranges
        for line in self._lines:
            wanted = [
                ticks.packet(quote, ranges.of(quote), token, line.modes[token])
                for quote in quotes
                if (token := by_id.get(quote.instrument, 0)) in line.modes
            ]
            if wanted:
                _put(line, ticks.frame(wanted))

    def order(self, account: str, row: Json) -> None:
        """An order update for an account's listeners."""
        frame = _frame(row)
        if self._hits(account, "push_gap"):
            return
        frames = [frame]
        if self._hits(account, "push_reorder"):
            self._held_back[account] = frame
            return
        if (late := self._held_back.pop(account, None)) is not None:
            frames.append(late)
        if row["status"] == "CANCELLED" or self._hits(account, "push_repeat"):
            frames.append(frame)  # Kite says it twice
        if row["status"] == "COMPLETE" and row["filled_quantity"] > 1 and self._hits(account, "push_late_partial"):
            frames.append(_frame(_partial(row)))
        for line in self._lines:
            if line.account == account:
                for one in frames:
                    _put(line, one)

    async def beat(self) -> None:
        """Heartbeats, for ever."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for line in self._lines:
                _put(line, ticks.HEARTBEAT)

    def _subscribe(self, line: _Line, data: str | bytes) -> None:
        try:
            message = msgspec.json.decode(data)
            action, value = message["a"], message["v"]
            if action == "mode":
                mode, tokens = value
                line.modes.update(dict.fromkeys(map(int, tokens), mode if mode in ticks.MODES else "quote"))
            elif action == "subscribe":
                line.modes.update({int(token): line.modes.get(int(token), "quote") for token in value})
            elif action == "unsubscribe":
                for token in value:
                    line.modes.pop(int(token), None)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            _put(line, '{"type": "error", "data": "Invalid message"}')
            return
        self._first(line)

    def _first(self, line: _Line) -> None:
        """The newest quotes of everything subscribed, at once."""
        if self.desk is None:
            return
        ranges = self.desk.ranges
        known = [(token, self.desk.tokens.by_token.get(token)) for token in line.modes]
        quotes = [(token, self._newest(key)) for token, key in known if key is not None]
        packets = [
            ticks.packet(quote, ranges.of(quote), token, line.modes[token])
            for token, quote in quotes
            if quote is not None
        ]
        if packets:
            _put(line, ticks.frame(packets))

    def _hits(self, account: str, kind: str) -> bool:
        for key in ((account, kind), ("", kind)):
            if self._faults.get(key, 0) > 0:
                self._faults[key] -= 1
                return True
        return False


def _frame(row: Json) -> str:
    return _ENCODER.encode({"type": "order", "id": "", "data": row}).decode()


def _partial(row: Json) -> Json:
    """The update of half of a complete order, which came first and is delivered last."""
    filled = row["filled_quantity"] // 2
    rest = row["quantity"] - filled
    return row | {
        "status": "UPDATE",
        "filled_quantity": filled,
        "pending_quantity": rest,
        "unfilled_quantity": rest,
    }


async def _write(line: _Line) -> None:
    """Send what waits, for as long as the connection lives."""
    while (data := await line.waiting.get()) is not None:
        if line.frozen:
            continue
        try:
            if isinstance(data, str):
                await line.socket.send_str(data)
            else:
                await line.socket.send_bytes(data)
        except (ConnectionError, RuntimeError):
            return
    await line.socket.close(code=1001)


def _put(line: _Line, data: bytes | str | None) -> None:
    if not line.waiting.full():
        line.waiting.put_nowait(data)
    else:
        line.frozen = True  # a reader that takes nothing gets nothing any more
