"""Who Lockstep is measured beside: the stock SDK in a loop and in a thread pool, and bytes on warm sockets (the floor).

Each runs in a process of its own (`python -m bench.rivals NAME PORT CHILDREN`), says `ready`, and ends with its input.
"""

import os
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlencode

from bench.kite import EXCHANGE, LOT, SYMBOL, key_of, token_of

ORDER_UPDATE: Final = b'"type":"order"'
LOTS: Final = 3


def order(side: str) -> dict[str, Any]:
    """A child's order as everybody sends it."""
    return {
        "variety": "regular",
        "exchange": EXCHANGE,
        "tradingsymbol": SYMBOL,
        "transaction_type": side,
        "quantity": LOTS * LOT,
        "product": "NRML",
        "order_type": "MARKET",
        "validity": "DAY",
        "tag": "LS1B2C3D4E5F6G7",
        "market_protection": -1,
    }


# The stock SDK


def stock(port: int, children: int, *, pooled: bool) -> None:
    """Its client for each child and its ticker for the master, as its documents show them."""
    from kiteconnect import KiteConnect, KiteTicker

    clients = []
    for number in range(1, children + 1):
        client = KiteConnect(key_of(number), token_of(number), root=f"http://127.0.0.1:{port}")
        client.reqsession.trust_env = False
        client.margins()  # warm
        clients.append(client)
    pool = ThreadPoolExecutor(children) if pooled else None
    if pool is not None:
        _start_all(pool, children)

    def heard(_ticker: object, update: dict[str, Any]) -> None:
        side = update["transaction_type"]
        if pool is None:
            for client in clients:
                client.place_order(**order(side))
        else:
            for client in clients:
                pool.submit(client.place_order, **order(side))

    ready = threading.Event()
    ticker = KiteTicker(key_of(0), token_of(0), root=f"ws://127.0.0.1:{port}")
    ticker.on_order_update = heard
    ticker.on_connect = lambda _ticker, _response: ready.set()
    ticker.connect(threaded=True)
    ready.wait()
    _stay()


def _start_all(pool: ThreadPoolExecutor, children: int) -> None:
    """A pool makes its threads one by one as work comes: let all of them exist before it counts."""
    together = threading.Barrier(children)
    for future in [pool.submit(together.wait) for _ in range(children)]:
        future.result()


# The floor


def floor(port: int, children: int) -> None:
    """One thread that writes finished bytes into warm sockets when the master's frame is there, and nothing else.

    A thread for each socket was slower at every number of children: they take turns in the interpreter.
    """
    ticker = socket.create_connection(("127.0.0.1", port))
    ticker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ticker.sendall(
        f"GET /?api_key={key_of(0)}&access_token={token_of(0)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "\r\n".encode()
    )
    warm = []
    for _ in range(children):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        warm.append(sock)
    requests = {side: [_bytes(number, port, side) for number in range(1, children + 1)] for side in ("BUY", "SELL")}
    selector = selectors.DefaultSelector()
    for sock in (ticker, *warm):
        selector.register(sock, selectors.EVENT_READ)
    threading.Thread(target=_stay, daemon=True).start()
    while True:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            data = key.fileobj.recv(65_536)
            if key.fileobj is ticker and ORDER_UPDATE in data:
                side = "BUY" if b'"BUY"' in data else "SELL"
                for sock, request in zip(warm, requests[side], strict=True):
                    sock.send(request)
            elif not data:
                return


def _bytes(number: int, port: int, side: str) -> bytes:
    body = urlencode(order(side)).encode()
    return (
        f"POST /orders/regular HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Kite-Version: 3\r\n"
        f"User-Agent: Kiteconnect-python/5.2.2\r\nAuthorization: token {key_of(number)}:{token_of(number)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _stay() -> None:
    """Until the bench closes the input; then at once, whatever threads are left."""
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


RIVALS: Final[dict[str, Callable[[int, int], None]]] = {
    "floor": floor,
    "loop": lambda port, children: stock(port, children, pooled=False),
    "pool": lambda port, children: stock(port, children, pooled=True),
}

if __name__ == "__main__":
    RIVALS[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
