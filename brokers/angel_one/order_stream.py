"""Angel's order updates of one account, by a client of our own.

An update is a hint, a wake-up: the order book stays the truth, and whether orders of Angel's own app come here is not
documented. Frames: SmartAPI "WebSocket Order Status". The code beside the order is not believed (the documents' own
rejected order has the code of a connection), its status word is.
"""

from collections.abc import Callable, Mapping
from typing import Final

from brokers.angel_one import wire
from brokers.angel_one.client import Session
from brokers.angel_one.link import RETRY_FIRST_S, Link
from brokers.errors import Malformed
from engine.model import OrderReport

ORDER_STREAM_URL: Final = "wss://tns.angelone.in/smart-order-update"


class OrderStream:
    """One account's stream. Every method may be called from any thread; callbacks come on its own one.

    Args:
        session: The session that holds; raises `NeedsLogin` where there is none. Asked before each connection.
        on_order: An order of the account changed; its symbol is Angel's own.
        on_link: Connected or not, and why not.
        on_over: The server does not take this session.
        now_ns: The engine's clock.
        url: The server.
    """

    def __init__(
        self,
        session: Callable[[], Session],
        on_order: Callable[[OrderReport], None],
        on_link: Callable[[bool, str], None],
        on_over: Callable[[Session], None],
        now_ns: Callable[[], int],
        *,
        url: str = ORDER_STREAM_URL,
        retry_first_s: float = RETRY_FIRST_S,
    ) -> None:
        self._on_order = on_order
        self._link = Link(
            url,
            session=session,
            headers=lambda used: {"Authorization": f"Bearer {used.jwt.reveal()}"},
            on_data=self._heard,
            on_link=on_link,
            on_over=on_over,
            now_ns=now_ns,
            retry_first_s=retry_first_s,
        )
        self.start, self.close, self.reconnect = self._link.start, self._link.close, self._link.reconnect

    @property
    def alive_ns(self) -> int:
        """When the server was last heard, 0 for never."""
        return self._link.alive_ns

    @property
    def linked_ns(self) -> int:
        """When the connection that there is was made, 0 while there is none."""
        return self._link.linked_ns

    def _heard(self, data: bytes, _is_binary: bool) -> None:
        report = order_of(data)
        if report is not None:
            self._on_order(report)


def order_of(frame: bytes) -> OrderReport | None:
    """The order of a frame; `None` for the first frame, for signs of life and for what cannot be understood."""
    try:
        data = wire.decode(frame)
        order = data.get("orderData") if isinstance(data, Mapping) else None
        return wire.report_of(wire.Row(order))
    except Malformed:
        return None
