"""Just enough of Kite for `bench.latency`, in a process of its own: it stamps when an order's last byte has arrived.

One asyncio loop on bare protocols, because it shares the machine with what it measures: about a tenth of the cost of a
web framework. Every request is answered after `ANSWER_S`, every order is filled at once. All four contestants get the
same. It must not do anything between the bytes and the stamp.
"""

import asyncio
import base64
import hashlib
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qsl

from config.rules import ist
from engine.model import NS_PER_S, DepthLevel, Quote, instrument_id
from paper.sandbox import ticks
from paper.sandbox.market_rows import Range
from paper.sandbox.rows import stamp

DAY: Final = date(2026, 11, 2)
START_NS: Final = ist(DAY, "10:00:00")
EXCHANGE, SYMBOL, TOKEN, LOT = "NFO", "NIFTY26NOV24500CE", 8_960_002, 65
PRICE: Final = Decimal("100.05")
ANSWER_S: Final = 0.020
PATIENCE_S: Final = 10.0
MASTER: Final = 0
WEBSOCKET_ID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ROW: Final = (
    b'{"order_id":"%s","status":"COMPLETE","order_timestamp":"%s","exchange_timestamp":"%s",'
    b'"exchange_update_timestamp":"%s","variety":"regular","exchange":"NFO","tradingsymbol":"NIFTY26NOV24500CE",'
    b'"order_type":"MARKET","transaction_type":"%s","validity":"DAY","product":"NRML","quantity":%d,'
    b'"filled_quantity":%d,"price":0,"trigger_price":0,"average_price":100.05,"tag":"%s"}'
)
UPDATE: Final = b'{"type":"order","id":"","data":%s}'
POSITION: Final = (
    b'{"tradingsymbol":"NIFTY26NOV24500CE","exchange":"NFO","product":"NRML","quantity":%d,"average_price":100.05}'
)
MARGINS: Final = b'{"equity":{"enabled":true,"net":%d},"commodity":{"enabled":true,"net":0}}'


def key_of(number: int) -> str:
    """The api key of an account; 0 is the master."""
    return f"key{number:04d}"


def user_of(number: int) -> str:
    """Its client."""
    return f"ZC{number:04d}"


def token_of(number: int) -> str:
    """Its access token."""
    return f"token{number:04d}"


@dataclass(slots=True)
class Account:
    """One account's book."""

    user_id: str
    orders: list[bytes] = field(default_factory=list)
    "Rows of the book, as JSON."
    units: int = 0
    tickers: list["Connection"] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """One order of the master, and the children's that follow."""

    wanted: int
    left_ns: int
    arrived_ns: list[int]
    told: "Connection"


class Kite:
    """The accounts, and what is being measured."""

    def __init__(self, children: int) -> None:
        self.accounts = {f"token {key_of(n)}:{token_of(n)}": Account(user_of(n)) for n in range(children + 1)}
        self.master = self.accounts[f"token {key_of(MASTER)}:{token_of(MASTER)}"]
        self.round: Round | None = None
        self.cost_ns: list[int] = []
        "What the handling of an order took, without the answer."
        self._numbers = 26_110_200_000_000
        self._second, self._now = 0, b""
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """The trading day's clock."""
        return START_NS + time.monotonic_ns() - self._began_ns

    def begin(self, told: "Connection", side: str, lots: int, wanted: int) -> None:
        """The master trades: his ticker hears of it."""
        _, row = self._fill(self.master, side, lots * LOT, "")
        frame = _frame(1, UPDATE % row)
        self.round = Round(wanted, 0, [], told)
        ticker = self.master.tickers[-1]
        self.round.left_ns = time.monotonic_ns()
        ticker.write(frame)

    def arrived(self, at_ns: int) -> None:
        """A child's order is here."""
        if self.round is not None:
            self.round.arrived_ns.append(at_ns)
            if len(self.round.arrived_ns) == self.round.wanted:
                asyncio.get_running_loop().call_later(2 * ANSWER_S, self.end)

    def placed(self, account: Account, body: bytes) -> tuple[bytes, bytes]:
        """Fill a child's order: its answer, and the frame that tells of it."""
        form = dict(parse_qsl(body.decode()))
        number, row = self._fill(account, form["transaction_type"], int(form["quantity"]), form["tag"])
        return b'{"status":"success","data":{"order_id":"%d"}}' % number, _frame(1, UPDATE % row)

    def end(self) -> None:
        """Tell how the round went."""
        if self.round is not None:
            found, self.round = self.round, None
            told = {"left_ns": found.left_ns, "arrived_ns": found.arrived_ns, "cost_ns": self.cost_ns}
            self.cost_ns = []
            found.told.answer(json.dumps(told).encode())

    def _fill(self, account: Account, side: str, units: int, tag: str) -> tuple[int, bytes]:
        self._numbers += 1
        now_ns = self.now_ns()
        if now_ns // NS_PER_S != self._second:
            self._second, self._now = now_ns // NS_PER_S, stamp(now_ns).encode()
        account.units += units if side == "BUY" else -units
        names = (b"%d" % self._numbers, self._now, self._now, self._now, side.encode(), units, units, tag.encode())
        row = ROW % names
        account.orders.append(row)
        return self._numbers, row

    def read(self, account: Account, path: str) -> bytes:
        """The answer to a read."""
        if path == "/orders":
            data = b"[%s]" % b",".join(account.orders)
        elif path == "/portfolio/positions":
            data = b'{"net":[%s],"day":[]}' % (POSITION % account.units if account.orders else b"")
        elif path == "/user/profile":
            data = b'{"user_id":"%s"}' % account.user_id.encode()
        else:
            data = MARGINS % (10_000_000 if account is self.master else 3_000_000)
        return b'{"status":"success","data":%s}' % data

    def quote(self) -> bytes:
        """A frame with the instrument's quote."""
        level = (DepthLevel(price_inr=PRICE, units=100 * LOT),)
        quote = Quote(
            instrument=instrument_id(EXCHANGE, SYMBOL),
            at_ns=self.now_ns(),
            last_inr=PRICE,
            bid_inr=PRICE,
            ask_inr=PRICE,
            bids=level,
            asks=level,
        )
        return _frame(2, ticks.frame([ticks.packet(quote, Range(PRICE, PRICE, PRICE), TOKEN, "full")]))


class Connection(asyncio.Protocol):
    """One connection: requests, or a ticker after its handshake."""

    def __init__(self, kite: Kite) -> None:
        self._kite, self._data = kite, b""
        self._account: Account | None = None
        self.subscribed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._account is not None:
            self._account.tickers.remove(self)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def answer(self, body: bytes) -> None:
        """Answer a request."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.write(head + body)

    def data_received(self, data: bytes) -> None:
        at_ns = time.monotonic_ns()
        if self._account is not None:
            self._heard(data)
            return
        self._data += data
        while (end := self._data.find(b"\r\n\r\n") + 4) >= 4:
            end += _body_length(self._data[:end])
            if len(self._data) < end:
                return
            request, self._data = self._data[:end], self._data[end:]
            loop = asyncio.get_running_loop()
            if request.startswith(b"POST /orders"):
                self._kite.arrived(at_ns)
            if request.startswith((b"POST /bench", b"GET /?")):
                self._request(request)
            else:  # everything but the stamp has time until the answer
                loop.call_later(ANSWER_S, self._request, request)
            if request.startswith(b"POST /orders"):
                self._kite.cost_ns.append(time.monotonic_ns() - at_ns)

    def _request(self, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        method, target, _ = line.split(" ")
        if target == "/bench/round":
            self._kite.begin(self, **json.loads(body))
            asyncio.get_running_loop().call_later(PATIENCE_S, self._give_up, self._kite.round)
        elif "upgrade" in headers.get("connection", "").lower():
            self._shake_hands(target, headers)
        elif method == "POST":
            account = self._kite.accounts[headers["authorization"]]
            answer, frame = self._kite.placed(account, body)
            self.answer(answer)
            for ticker in account.tickers:
                ticker.write(frame)
        else:
            self.answer(self._kite.read(self._kite.accounts[headers["authorization"]], target))

    def _give_up(self, given: Round | None) -> None:
        if self._kite.round is given:
            self._kite.end()

    def _shake_hands(self, target: str, headers: dict[str, str]) -> None:
        query = dict(parse_qsl(target.partition("?")[2]))
        account = self._kite.accounts[f"token {query['api_key']}:{query['access_token']}"]
        proof = hashlib.sha1(headers["sec-websocket-key"].encode() + WEBSOCKET_ID).digest()
        lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
        text = "\r\n".join((*lines, f"Sec-WebSocket-Accept: {base64.b64encode(proof).decode()}", "", ""))
        self.write(text.encode())
        self._account = account
        account.tickers.append(self)
        self.beat()

    def _heard(self, data: bytes) -> None:
        """Frames of a ticker's client; a subscription is the only thing that any of them asks for."""
        if not self.subscribed and _unmasked(data).find(b'"mode"') >= 0:
            self.subscribed = True
            self.beat()

    def beat(self) -> None:
        """What a ticker hears about once a second."""
        self.write(self._kite.quote() if self.subscribed else _frame(2, ticks.HEARTBEAT))


def _body_length(head: bytes) -> int:
    place = head.lower().find(b"\r\ncontent-length:")
    return int(head[place + 17 : head.index(b"\r\n", place + 2)]) if place >= 0 else 0


def _frame(kind: int, payload: bytes) -> bytes:
    length = len(payload)
    head = bytes((0x80 | kind, length)) if length < 126 else bytes((0x80 | kind, 126)) + length.to_bytes(2, "big")
    return head + payload


def _unmasked(data: bytes) -> bytes:
    """The payloads of short masked frames."""
    found = b""
    while len(data) > 6:
        length = data[1] & 0x7F
        mask, payload = data[2:6], data[6 : 6 + length]
        found += bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        data = data[6 + length :]
    return found


async def _serve(children: int) -> None:
    kite = Kite(children)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(kite), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = loop.run_in_executor(None, sys.stdin.read)
    while not ended.done():
        await asyncio.wait({ended}, timeout=1.0)
        for account in kite.accounts.values():
            for ticker in account.tickers:
                ticker.beat()
    await ended


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
