"""What a single value of the configuration may be: the range and unit of every number, the form of every text.

Only tables and the smallest checks stand here; what two values must be together is in `config.checks`. Every number of
the schema has an entry (a test compares them), so a new key cannot go without a range.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from config import schema
from config.schema import Section

REAL_BROKERS: Final = ("zerodha", "angel_one")
PAPER_BROKER: Final = "paper"
EXCHANGES: Final = ("NSE", "BSE", "NFO", "BFO", "MCX", "CDS", "BCD")
PRODUCTS: Final = ("NRML", "MIS", "CNC", "MTF")
ORDER_TYPES: Final = ("MARKET", "LIMIT", "SL", "SL-M")
SIDES: Final = ("BUY", "SELL")

Field = tuple[type[Section], str]


class Limit(msgspec.Struct, frozen=True):
    """The range of a number, both ends included unless `above_low`."""

    low: Decimal
    high: Decimal
    unit: str = ""
    above_low: bool = False

    def problem(self, number: int | Decimal | Fraction) -> str | None:
        """What is wrong with a number; `None` when it is inside."""
        too_low = number <= self.low if self.above_low else number < self.low
        if not too_low and number <= self.high:
            return None
        unit = f" {self.unit}" if self.unit else ""
        if self.above_low:
            return f"must be above {self.low:f} and at most {self.high:f}{unit}"
        return f"must be between {self.low:f} and {self.high:f}{unit}"


def _between(low: str, high: str, unit: str) -> Limit:
    return Limit(Decimal(low), Decimal(high), unit)


def _above(low: str, high: str, unit: str) -> Limit:
    return Limit(Decimal(low), Decimal(high), unit, above_low=True)


_PERCENT: Final = _above("0", "100", "percent")
_MONEY: Final = _above("0", "1000000000000", "INR")
_RATIO: Final = _above("0", "5", "")
_LOTS: Final = _between("1", "100000", "lots")

_GATES: Final = {
    "max_daily_loss_inr": _MONEY,
    "max_orders_per_minute": _between("1", "400", "orders"),
    "max_orders_per_day": _between("1", "5000", "orders"),
    "max_lots_per_order": _LOTS,
    "max_lots_per_instrument": _LOTS,
    "max_open_lots": _LOTS,
    "max_position_pct": _PERCENT,
    "price_band_pct": _PERCENT,
}

LIMITS: Final[dict[Field, Limit]] = {
    (schema.Confirm, "timeout_s"): _between("5", "600", "s"),
    (schema.Copy, "limit_buffer_ticks"): _between("0", "1000", "ticks"),
    (schema.Copy, "chase_after_s"): _between("0.1", "600", "s"),
    (schema.Copy, "catch_up_s"): _between("0.1", "600", "s"),
    (schema.Copy, "max_slippage_pct"): _PERCENT,
    (schema.Copy, "slippage_ticks"): _between("0", "1000", "ticks"),
    (schema.Timing, "poll_interval_s"): _between("0.2", "60", "s"),
    (schema.Timing, "aggregation_ms"): _between("0", "1000", "ms"),
    (schema.Timing, "margin_hold_s"): _between("0", "600", "s"),
    (schema.Timing, "margin_jump_pct"): _PERCENT,
    (schema.Timing, "margin_stale_s"): _between("1", "3600", "s"),
    (schema.Timing, "max_signal_age_s"): _between("1", "600", "s"),
    (schema.RatioSettings, "max_ratio"): _RATIO,
    **{(schema.Risk, name): limit for name, limit in _GATES.items()},
    (schema.Risk, "leg_wait_s"): _between("0", "60", "s"),
    (schema.Risk, "physical_settlement_warn_days"): _between("0", "30", "days"),
    **{(schema.ChildRisk, name): limit for name, limit in _GATES.items()},
    (schema.ChildRisk, "max_slippage_pct"): _PERCENT,
    (schema.Paper, "latency_ms"): _between("0", "60000", "ms"),
    (schema.Paper, "slippage_ticks"): _between("0", "1000", "ticks"),
    (schema.Paper, "quote_stale_s"): _between("0.5", "86400", "s"),
    (schema.Sizing, "ratio"): _RATIO,
    (schema.Sizing, "lots"): _between("1", "1000", "lots"),
    (schema.Sizing, "pct"): _PERCENT,
    (schema.Account, "capital_inr"): _MONEY,
    (schema.Account, "paper_capital_inr"): _MONEY,
    (schema.Child, "capital_inr"): _MONEY,
    (schema.Child, "paper_capital_inr"): _MONEY,
    (schema.Child, "max_capital_inr"): _MONEY,
    (schema.Child, "max_ratio"): _RATIO,
    (schema.StateFiles, "keep_days"): _between("1", "3650", "days"),
    (schema.Demo, "seed"): _between("0", "4294967295", ""),
    (schema.Demo, "speed"): _above("0", "1000", "times"),
}

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,20}")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_GLOB: Final = re.compile(r"[A-Z0-9:*?!&_. \[\]-]{1,80}")


def account_id_problem(text: str) -> str | None:
    """Account ids become file names and parts of keys."""
    return None if _ID.fullmatch(text) else "must be 1 to 20 characters of A-Z, a-z, 0-9, _ and -"


def time_problem(text: str) -> str | None:
    """A time of day, IST."""
    return None if _TIME.fullmatch(text) else 'must be a time of day in quotes, "HH:MM" (IST)'


def glob_problem(text: str) -> str | None:
    """A pattern over `EXCHANGE:SYMBOL`; one that can never match is refused."""
    if not _GLOB.fullmatch(text) or text.count("[") != text.count("]"):
        return "must be a pattern in capitals over EXCHANGE:SYMBOL, such as NFO:NIFTY*"
    exchange, colon, symbol = text.partition(":")
    if not colon:
        return None if text.startswith("*") else f"matches nothing without an exchange; write NFO:{text} or *:{text}"
    if exchange.isalpha() and exchange not in EXCHANGES:
        return f"names no exchange; write one of {', '.join(EXCHANGES)} or * before the colon"
    return None if symbol and exchange else "needs a pattern on both sides of the colon, such as NFO:NIFTY*"


def words_problem(*known: str) -> Callable[[str], str | None]:
    """The check that a text is one of some words."""

    def problem(text: str) -> str | None:
        return None if text in known else f"must be one of {', '.join(known)}"

    return problem


def name_problem(text: str) -> str | None:
    """A name for people."""
    good = 1 <= len(text) <= 40 and text == text.strip() and text.isprintable()
    return None if good else "must be 1 to 40 characters without spaces around them"


def path_problem(text: str) -> str | None:
    """A file path, relative to the program's directory or absolute."""
    good = 1 <= len(text) <= 400 and text == text.strip() and text.isprintable() and not text.endswith("/")
    return None if good else "must be the path of a credentials file, such as config/credentials_zm0001.txt"


def url_problem(*schemes: str, path_allowed: bool) -> Callable[[str], str | None]:
    """The check of an address; tokens go there, so that unencrypted ones are for this machine and private nets only."""

    def problem(text: str) -> str | None:
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return f"must be an address such as {schemes[0]}://127.0.0.1:8765"
        if parts.scheme not in schemes or not host or parts.username is not None or parts.query or parts.fragment:
            return f"must be an address such as {schemes[0]}://127.0.0.1:8765, without user, password and query"
        if not path_allowed and parts.path not in {"", "/"}:
            return "must have no path: Kite's client drops it; tell servers apart by their port"
        if parts.scheme in {"http", "ws"} and not _is_near(host):
            return f"sends tokens unencrypted to another machine; write {schemes[-1]}://"
        return None

    return problem


def _is_near(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host


FORMS: Final[dict[Field, Callable[[str], str | None]]] = {
    **{
        (kind, name): check
        for kind in (schema.Account, schema.Child)
        for name, check in (
            ("id", account_id_problem),
            ("broker", words_problem(*REAL_BROKERS, PAPER_BROKER)),
            ("credentials", path_problem),
            ("name", name_problem),
        )
    },
    **{
        (kind, name): check
        for kind in (schema.Filters, schema.ChildFilters)
        for name, check in (
            ("allow", glob_problem),
            ("deny", glob_problem),
            ("exchanges", words_problem(*EXCHANGES)),
            ("products", words_problem(*PRODUCTS)),
            ("order_types", words_problem(*ORDER_TYPES)),
            ("sides", words_problem(*SIDES)),
            ("from_time", time_problem),
            ("to_time", time_problem),
        )
    },
    (schema.Risk, "expiry_cutoff"): time_problem,
    (schema.ChildRisk, "expiry_cutoff"): time_problem,
    **{
        (kind, name): check
        for kind in (schema.BrokerUrls, schema.AngelOneUrls)
        for name, check in (
            ("root_url", url_problem("http", "https", path_allowed=False)),
            ("ticker_url", url_problem("ws", "wss", path_allowed=True)),
        )
    },
    (schema.AngelOneUrls, "order_stream_url"): url_problem("ws", "wss", path_allowed=True),
    (schema.AngelOneUrls, "scrip_url"): url_problem("http", "https", path_allowed=True),
}
