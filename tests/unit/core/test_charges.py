"""Charges to the paisa, checked against contract-note arithmetic."""

from decimal import Decimal

import pytest

from config.rates import ChargeSegment
from engine.core.charges import NO_CHARGES, Charges, order_charges, segment_of
from engine.model import Instrument, Side
from tests.unit.paper.builders import future, option, rates, share


@pytest.mark.parametrize(
    ("description", "instrument", "product", "segment"),
    [
        ("option", option(), "NRML", ChargeSegment.OPTIONS),
        ("intraday option", option(), "MIS", ChargeSegment.OPTIONS),
        ("future", future(), "NRML", ChargeSegment.FUTURES),
        ("share delivered", share(), "CNC", ChargeSegment.EQUITY_DELIVERY),
        ("share on margin is delivered", share(), "MTF", ChargeSegment.EQUITY_DELIVERY),
        ("share intraday", share(), "MIS", ChargeSegment.EQUITY_INTRADAY),
    ],
)
def test_segment(description: str, instrument: Instrument, product: str, segment: ChargeSegment) -> None:
    assert segment_of(instrument, product) is segment, description


def charged(*amounts: str) -> Charges:
    brokerage, stt, exchange, sebi, stamp, gst, total = (Decimal(amount) for amount in amounts)
    return Charges(brokerage=brokerage, stt=stt, exchange=exchange, sebi=sebi, stamp=stamp, gst=gst, total=total)


@pytest.mark.parametrize(
    ("description", "segment", "side", "units", "price", "expected"),
    [
        # 65,000 premium: STT 97.50, exchange 23.0945 -> 23.09, SEBI 0.065 -> 0.07 (half up), GST 18 % of 43.16 = 7.7688.
        ("option sold", ChargeSegment.OPTIONS, Side.SELL, 650, "100", charged("20.00", "97.50", "23.09", "0.07", "0", "7.77", "148.43")),
        # The same bought: no STT, stamp 1.95.
        ("option bought", ChargeSegment.OPTIONS, Side.BUY, 650, "100", charged("20.00", "0.00", "23.09", "0.07", "1.95", "7.77", "52.88")),
        # 15.92 lakh: brokerage capped at 20.
        ("future sold", ChargeSegment.FUTURES, Side.SELL, 65, "24500", charged("20.00", "796.25", "29.14", "1.59", "0", "9.13", "856.11")),
        # 19,500: 0.03 % is below the cap.
        ("brokerage below its cap", ChargeSegment.FUTURES, Side.BUY, 65, "300", charged("5.85", "0.00", "0.36", "0.02", "0.39", "1.12", "7.74")),
        ("share delivered", ChargeSegment.EQUITY_DELIVERY, Side.BUY, 10, "1500", charged("0.00", "15.00", "0.46", "0.02", "2.25", "0.09", "17.82")),
    ],
)  # fmt: skip
def test_components(
    description: str, segment: ChargeSegment, side: Side, units: int, price: str, expected: Charges
) -> None:
    assert order_charges(rates(), segment, side, units, Decimal(price)) == expected, description


@pytest.mark.parametrize("units", [0, -65])
def test_order_that_was_not_executed_costs_nothing(units: int) -> None:
    assert order_charges(rates(), ChargeSegment.OPTIONS, Side.SELL, units, Decimal(100)) == NO_CHARGES


def test_segment_without_rates_is_an_error_not_free() -> None:
    with pytest.raises(KeyError):
        order_charges(rates(), ChargeSegment.EQUITY_INTRADAY, Side.BUY, 1, Decimal(1))
