"""Addresses of this machine: a sandbox lives there, and its trading day need not be today."""

import http.client
import ipaddress
from typing import Final
from urllib.parse import urlsplit

TIME_HEADER: Final = "X-Sandbox-Time-Ns"
TIMEOUT_S: Final = 3.0


def is_loopback(url: str | None) -> bool:
    """Whether an address is this machine's own, in numbers: a name could be anybody's."""
    host = urlsplit(url or "").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
