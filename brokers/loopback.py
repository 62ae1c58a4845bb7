"""Addresses of this machine: a sandbox lives there, and its trading day need not be today."""

import http.client
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from config.limits import PAPER_BROKER
from config.schema import Settings
from engine.clock import EngineClock, ShiftedClock, SystemClock

TIME_HEADER: Final = "X-Sandbox-Time-Ns"
TIMEOUT_S: Final = 3.0


def is_loopback(url: str | None) -> bool:
    """Whether an address is this machine's own, in numbers: a name could be anybody's."""
    host = urlsplit(url or "").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sandbox_of(settings: Settings) -> bool | None:
    """Whether the accounts are at a sandbox on this machine; `None` where only a part of the addresses is.

    Every account's broker must be known (`config.credentials.with_brokers`). A broker that is reached at its own
    addresses must not be given the tokens of a sandbox, and the reverse.
    """
    accounts = [a for a in (settings.master, *settings.children) if a.broker != PAPER_BROKER]
    found = {is_loopback(url) for broker in {a.broker or "" for a in accounts} for url in _urls(settings, broker)}
    return found.pop() if len(found) == 1 else None


def sandbox_clock(settings: Settings) -> EngineClock:
    """This machine's clock, or that of the sandbox."""
    root_url = settings.brokers.zerodha.root_url
    is_there = any(account.broker == "zerodha" for account in (settings.master, *settings.children))
    if root_url is None or not is_there or not sandbox_of(settings):
        return SystemClock()
    shown_ns = sandbox_time_ns(root_url)
    return SystemClock() if shown_ns is None else ShiftedClock(shown_ns)


def sandbox_time_ns(root_url: str) -> int | None:
    """The clock of a sandbox, ns UTC; `None` when nobody says what time it is there."""
    parts = urlsplit(root_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/")
        text = connection.getresponse().getheader(TIME_HEADER) or ""
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return int(text) if text.isdecimal() else None


def _urls(settings: Settings, broker: str) -> list[str | None]:
    urls = getattr(settings.brokers, broker)
    return [getattr(urls, name) for name in urls.__struct_fields__]
