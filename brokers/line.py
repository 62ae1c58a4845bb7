"""The way to one account at a real broker, as the program composes it: requests, updates, quotes, login."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from brokers.catalogue import Listing
from config.credentials import Credentials
from engine.model import OrderReport, Quote
from engine.ports import Broker

OnOrder = Callable[[OrderReport], None]
OnQuotes = Callable[[Sequence[Quote]], None]
OnLink = Callable[[bool, str], None]


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

    def dump(self) -> str:
        """The broker's instrument dump of the day. Raises `ReadFailed`."""
        ...

    def listen(self, on_order: OnOrder, on_quotes: OnQuotes, on_link: OnLink) -> None:
        """Connect for updates and quotes, and stay connected."""
        ...

    def subscribe(self, listings: Sequence[Listing]) -> None:
        """Hear quotes of these."""
        ...

    def log_in(self, credentials: Credentials) -> None:
        """Go on with the session of these credentials."""
        ...

    def close(self) -> None:
        """End every connection."""
        ...


OpenLine = Callable[[str, Credentials, Mapping[str, str]], Line]
