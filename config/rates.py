"""What a trade costs: the shape of the dated charge tables. The numbers are data (`config/market/charges.yaml`)."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class ChargeSegment(StrEnum):
    """Segments that are charged differently."""

    OPTIONS = "options"
    FUTURES = "futures"
    EQUITY_DELIVERY = "equity_delivery"
    EQUITY_INTRADAY = "equity_intraday"


class SegmentRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates of one segment; percentages of turnover (premium turnover for options)."""

    brokerage_pct: Decimal
    brokerage_max_inr: Decimal
    "Per executed order; with `brokerage_pct` zero it is flat."
    stt_buy_pct: Decimal
    stt_sell_pct: Decimal
    exchange_pct: Decimal
    sebi_pct: Decimal
    stamp_buy_pct: Decimal


class ChargeRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rates in force on one day."""

    since: str
    "ISO date from which they hold."
    source: str
    gst_pct: Decimal
    "On brokerage, exchange and SEBI charges."
    segments: dict[ChargeSegment, SegmentRates]
