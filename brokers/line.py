"""The way to one account at a real broker, as the program composes it: requests, updates, quotes, login."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from brokers.catalogue import Listing
from brokers.markets import Market
from config.credentials import REQUIRED, Credentials
from config.schema import Brokers
from engine.model import Basket, OrderReport, Quote
from engine.ports import Broker

OnOrder = Callable[[OrderReport], None]
OnQuotes = Callable[[Sequence[Quote]], None]
OnLink = Callable[[bool, str], None]


def is_whole(credentials: Credentials, broker: str) -> bool:
    """Whether these are all that an account at this broker needs: a file that is being written holds half of them."""
    return credentials.broker == broker and all(credentials.get(key) for key in REQUIRED[broker])


class Line(Protocol):
    """One account. Every method may be called from any thread."""

    @property
    def broker(self) -> Broker:
        """Its requests."""
        ...

    @property
    def alive_ns(self) -> int:
        """When the broker's push connection was last heard, 0 for never."""
        ...

    @property
    def linked_ns(self) -> int:
        """When the broker's push connection that there is was made, 0 while there is none."""
        ...

    def dump(self) -> str:
        """The broker's instrument dump of the day. Raises `ReadFailed`."""
        ...

    def listen(self, on_order: OnOrder, on_quotes: OnQuotes, on_link: OnLink) -> None:
        """Connect for updates and quotes, and stay connected."""
        ...

    def basket_margin(self, basket: Basket) -> Decimal:
        """What a basket would block beside what the account holds, by the broker. Raises `ReadFailed`."""
        ...

    def use(self, market: Market) -> None:
        """Name instruments by these files of the day from now on; what is subscribed is told anew under its numbers."""
        ...

    def subscribe(self, listings: Sequence[Listing]) -> None:
        """Hear quotes of these."""
        ...

    def log_in(self, credentials: Credentials) -> None:
        """Go on with the session of these credentials; with what is not whole, or another broker's, as before."""
        ...

    def close(self) -> None:
        """End every connection."""
        ...


def open_line(
    account: str,
    credentials: Credentials,
    brokers: Brokers,
    now_ns: Callable[[], int],
    stale_after_ns: int,
    on_login: Callable[[], None],
    *,
    counts_shares: bool = False,
) -> Line:
    """The line of an account at the broker of its credentials, whose SDK is imported now.

    Args:
        account: Its id in the configuration.
        credentials: Its credentials.
        brokers: Where the brokers are, for a sandbox.
        now_ns: The engine's clock.
        stale_after_ns: How long a quote holds.
        on_login: Told when an account that needed a login has got it by itself.
        counts_shares: Whether shares of earlier days count with the positions: equity delivery is followed.
    """
    if credentials.broker == "zerodha":
        from brokers.zerodha.line import ZerodhaLine

        return ZerodhaLine(account, credentials, brokers.zerodha, now_ns, stale_after_ns, counts_shares=counts_shares)
    from brokers.angel_one.line import AngelLine

    return AngelLine(
        account,
        credentials,
        brokers.angel_one,
        now_ns,
        stale_after_ns,
        on_login=on_login,
        counts_shares=counts_shares,
    )
