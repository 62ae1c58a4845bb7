"""What an executed order costs: brokerage, taxes and fees from a dated table of rates. Pure.

It must not know where the rates come from (`config/market/charges.yaml`) and must not guess missing ones.

Rounding: every component is rounded half up to the paisa, for each order, and the total is the sum of the rounded
components. A contract note rounds STT and stamp duty to the whole rupee, once a day for all trades of the account; a
single order cannot know its share of that, so a day's sum here can differ from the note by up to a rupee for each.
"""

from decimal import ROUND_HALF_UP, Decimal

from config.rates import ChargeRates, ChargeSegment
from engine.model import DELIVERY_PRODUCTS, Instrument, Kind, Side, Value

_PAISA = Decimal("0.01")
_PERCENT = Decimal("0.01")


class Charges(Value, frozen=True):
    """Charges of one order in rupees, each to the paisa, none negative."""

    brokerage: Decimal = Decimal(0)
    stt: Decimal = Decimal(0)
    exchange: Decimal = Decimal(0)
    sebi: Decimal = Decimal(0)
    stamp: Decimal = Decimal(0)
    gst: Decimal = Decimal(0)
    total: Decimal = Decimal(0)


NO_CHARGES = Charges()
"""What an order costs that was not executed."""


def segment_of(instrument: Instrument, product: str) -> ChargeSegment:
    """The segment by which an order in `instrument` with `product` (Kite's names) is charged."""
    if instrument.is_option:
        return ChargeSegment.OPTIONS
    if instrument.kind is Kind.FUTURE:
        return ChargeSegment.FUTURES
    return ChargeSegment.EQUITY_DELIVERY if product in DELIVERY_PRODUCTS else ChargeSegment.EQUITY_INTRADAY


def order_charges(
    rates: ChargeRates, segment: ChargeSegment, side: Side, units: int, average_price_inr: Decimal
) -> Charges:
    """Charges of one order.

    Args:
        rates: Rates in force on the day.
        segment: As `segment_of` says.
        side: Which way it traded: STT and stamp duty differ.
        units: Executed units, not negative; brokerage is due for an executed order only, so 0 costs nothing.
        average_price_inr: Average price of the executed units.

    Raises:
        KeyError: `rates` has no such segment; show the charges as unknown.
    """
    rate = rates.segments[segment]
    if units <= 0:
        return NO_CHARGES
    turnover = units * average_price_inr
    brokerage = rate.brokerage_max_inr
    if rate.brokerage_pct:
        brokerage = min(brokerage, _share(turnover, rate.brokerage_pct))
    brokerage = _paisa(brokerage)
    stt = _paisa(_share(turnover, rate.stt_buy_pct if side is Side.BUY else rate.stt_sell_pct))
    exchange = _paisa(_share(turnover, rate.exchange_pct))
    sebi = _paisa(_share(turnover, rate.sebi_pct))
    stamp = _paisa(_share(turnover, rate.stamp_buy_pct)) if side is Side.BUY else Decimal(0)
    gst = _paisa(_share(brokerage + exchange + sebi, rates.gst_pct))
    return Charges(
        brokerage=brokerage,
        stt=stt,
        exchange=exchange,
        sebi=sebi,
        stamp=stamp,
        gst=gst,
        total=brokerage + stt + exchange + sebi + stamp + gst,
    )


def _share(amount: Decimal, pct: Decimal) -> Decimal:
    return amount * pct * _PERCENT


def _paisa(amount: Decimal) -> Decimal:
    return amount.quantize(_PAISA, rounding=ROUND_HALF_UP)
