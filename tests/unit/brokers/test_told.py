"""Rows of an order book are told without the credentials that a broker's risk management repeats in them."""

import pytest

from brokers.angel_one.client import AngelClient
from brokers.transport import Transport
from brokers.zerodha.client import KiteClient
from config.credentials import Secret
from engine.model import BookStatus, OrderReport, OrderType, Side

NAME = "CANARYNAME"


def client(broker: str) -> KiteClient | AngelClient:
    transport, key = Transport("http://127.0.0.1:1"), Secret("CANARYKEY")
    made = KiteClient(key, None, transport) if broker == "zerodha" else AngelClient(key, transport)
    made.hide(Secret(NAME))
    return made


@pytest.mark.parametrize("broker", ["zerodha", "angel_one"])
def test_words_of_a_row_repeat_no_credential(broker: str) -> None:
    row = OrderReport(
        order_id="1",
        exchange="NFO",
        symbol="NIFTY26NOV24500CE",
        product="NRML",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=65,
        filled=0,
        average_price_inr=None,
        status=BookStatus.REJECTED,
        status_text=f"RMS:Margin Exceeds,Required:100, Available:50 for entity account-{NAME} across exchange",
    )
    told = client(broker).told(row)
    assert NAME not in told.status_text
    assert "account-*** across" in told.status_text
    assert client(broker).told(told) == told
