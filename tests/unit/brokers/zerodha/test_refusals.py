"""Which errors of Kite prove that an order does not exist. The safe direction is UNKNOWN, and only UNKNOWN."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.zerodha.refusals import outcome_of
from engine.events import Outcome
from tests.unit.brokers.zerodha.payloads import mock_rows, needs_mocks

O = Outcome  # noqa: E741
INPUT, ORDER, MARGIN, HOLDING = "InputException", "OrderException", "MarginException", "HoldingException"
USER, TOKEN, PERMISSION = "UserException", "TokenException", "PermissionException"
NETWORK, DATA, GENERAL = "NetworkException", "DataException", "GeneralException"
TIMED_OUT = "Order request timed out. Please check the order book and confirm before placing again."
FUNDS = (
    "Insufficient funds. Required margin is 1200.50 but available margin is 800.25. "
    "Check the orderbook for open orders."
)
NO_IPS = "No IPs configured for this app. Add allowed IPs on the Kite developer console."
NO_PROTECTION = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
FREEZE = (
    "The order quantity 1000 (40 lots) is higher than the maximum quantity of 900 (36 lots) allowed by the exchanges."
)

CASES = [
    ("rate limit, as observed", 429, NETWORK, "Too many requests", O.RATE_LIMITED),
    ("rate limit under another name", 429, GENERAL, "Too many requests", O.RATE_LIMITED),
    ("rate limit of the gateway in front: a web page", 429, "", "", O.RATE_LIMITED),
    ("cap of the minute or the day", 429, NETWORK, "Maximum allowed order requests exceeded.", O.RATE_LIMITED),
    ("the same cap as a 400", 400, INPUT, "Maximum allowed order requests exceeded.", O.RATE_LIMITED),
    ("the same cap, unclassified", 400, GENERAL, "Maximum allowed order requests exceeded.", O.RATE_LIMITED),
    ("the same words of a server that fails", 503, NETWORK, "Too many requests", O.UNKNOWN),
    ("a 429 that speaks of a time-out", 429, NETWORK, TIMED_OUT, O.UNKNOWN),
    ("25 modifications are used up: this change is refused", 400, INPUT, "Maximum allowed order modifications exceeded.", O.REJECTED),
    ("placed 8 s after this 400 (forum 35732)", 400, INPUT, TIMED_OUT, O.UNKNOWN),
    ("the same under another name", 400, ORDER, TIMED_OUT, O.UNKNOWN),
    ("the same, unclassified", 400, GENERAL, TIMED_OUT, O.UNKNOWN),
    ("the same in other words", 400, ORDER, "Request Timeout", O.UNKNOWN),
    ("the same in other words", 400, ORDER, "The request timed-out", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "Order status unknown. Please check the order book.", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "Check the orderbook before placing again.", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "Please check your order book before placing again.", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "Check orderbook and retry.", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "Order could not be confirmed. It may have been placed.", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "Your order may have been placed", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "We couldn't confirm the order", O.UNKNOWN),
    ("Kite does not know either", 400, ORDER, "The order's status is not known", O.UNKNOWN),
    ("order system in doubt", 400, ORDER, "OMS is not responding", O.UNKNOWN),
    ("order system in doubt", 400, ORDER, "The OMS didn't respond", O.UNKNOWN),
    ("order system in doubt", 400, ORDER, "Trading system is temporarily unavailable", O.UNKNOWN),
    ("order system in doubt", 400, ORDER, "The order system is down", O.UNKNOWN),
    ("order system in doubt", 400, ORDER, "Couldn't connect to the OMS", O.UNKNOWN),
    ("exchange in doubt", 400, ORDER, "Connection to exchange lost", O.UNKNOWN),
    ("the first of two may exist", 400, ORDER, "Request already being processed. Try later.", O.UNKNOWN),
    ("order system in doubt, as a 400", 400, INPUT, "Request failed (kitetrade-oms)", O.UNKNOWN),
    ("something between here and there", 400, ORDER, "Bad gateway", O.UNKNOWN),
    ("no reason at all", 400, ORDER, "Something went wrong. Please try again.", O.UNKNOWN),
    ("no reason at all", 400, ORDER, "Internal server error", O.UNKNOWN),
    ("order system not reached, perhaps", 400, ORDER, "Unable to communicate with the OMS", O.UNKNOWN),
    ("order system in doubt (staff, 2019)", 503, NETWORK, "Request failed (kitetrade-oms)", O.UNKNOWN),
    ("order system down", 502, NETWORK, "Couldn't connect to the OMS", O.UNKNOWN),
    ("gateway time-out", 504, NETWORK, "Gateway timed out", O.UNKNOWN),
    ("about the way to the order system, whatever the status", 400, NETWORK, "Failed", O.UNKNOWN),
    ("an answer of the order system that Kite did not understand", 502, DATA, "Couldn't parse", O.UNKNOWN),
    ("the same as a 400", 400, DATA, "Couldn't parse", O.UNKNOWN),
    ("documented as unclassified", 500, GENERAL, "Something unexpected happened", O.UNKNOWN),
    ("documented as unclassified, as a 400", 400, GENERAL, "Failed", O.UNKNOWN),
    ("an order failure of the server", 500, ORDER, "Order placement failed", O.UNKNOWN),
    ("even what is wrong with the order, said by a server that fails", 500, INPUT, "Invalid `quantity`", O.UNKNOWN),
    ("even want of margin", 502, MARGIN, FUNDS, O.UNKNOWN),
    ("even the session", 500, TOKEN, "Incorrect `api_key` or `access_token`.", O.UNKNOWN),
    ("even the address", 503, PERMISSION, NO_IPS, O.UNKNOWN),
    ("web page of a gateway", 502, "", "", O.UNKNOWN),
    ("web page of a gateway", 504, "", "", O.UNKNOWN),
    ("web page that forbids: nobody knows who says so", 403, "", "", O.UNKNOWN),
    ("a 400 without Kite's words", 400, "", "", O.UNKNOWN),
    ("words without a name", 400, "", "Invalid `quantity`", O.UNKNOWN),
    ("a name that is not documented", 400, "QuantumException", "No", O.UNKNOWN),
    ("a time-out by status", 408, INPUT, "No", O.UNKNOWN),
    ("a conflict: two of them?", 409, INPUT, "No", O.UNKNOWN),
    ("not documented", 422, INPUT, "No", O.UNKNOWN),
    ("not documented", 499, ORDER, "No", O.UNKNOWN),
    ("a redirect", 302, "", "", O.UNKNOWN),
    ("success that says error", 200, INPUT, "Invalid `quantity`", O.UNKNOWN),
    ("success that says error", 200, TOKEN, "Incorrect `api_key` or `access_token`.", O.UNKNOWN),
    ("success that says error", 200, PERMISSION, NO_IPS, O.UNKNOWN),
    ("success that says error", 200, NETWORK, "Too many requests", O.UNKNOWN),
    ("a status that is none", 0, INPUT, "Invalid `quantity`", O.UNKNOWN),
    ("missing or bad field", 400, INPUT, "Missing or empty field `tradingsymbol`", O.REJECTED),
    ("over the freeze quantity", 400, INPUT, FREEZE, O.REJECTED),
    ("autoslice below the freeze quantity", 400, INPUT, "Quantity should be greater than or equal to 3510 for order slicing.", O.REJECTED),
    ("market order without protection", 400, INPUT, NO_PROTECTION, O.REJECTED),
    ("too little money; its words speak of the orderbook too", 400, MARGIN, FUNDS, O.REJECTED),
    ("the same under another name", 400, INPUT, FUNDS, O.REJECTED),
    ("too few shares", 400, HOLDING, "Insufficient stock holding", O.REJECTED),
    ("holdings that are not released at the depository", 428, HOLDING, "Authorise your holdings", O.REJECTED),
    ("no market order where nothing is traded", 400, INPUT, "The market order was rejected since there are no trades in this instrument. Try placing a LIMIT order.", O.REJECTED),
    ("instrument suspended", 400, ORDER, "Trading in this instrument is temporarily suspended by the exchange.", O.REJECTED),
    ("exchange closed", 400, ORDER, "Markets are closed right now. Use GTT for placing long standing orders.", O.REJECTED),
    ("a trigger on the wrong side", 400, INPUT, "Trigger price for stoploss buy orders should be below the limit price.", O.REJECTED),
    ("order system refuses at once", 400, ORDER, "Stop limit order price range check failed", O.REJECTED),
    ("cancel or change of an order that is over", 400, ORDER, "Order cannot be cancelled as it is being processed. Try later.", O.REJECTED),
    ("the same", 400, INPUT, "Order cannot be cancelled as it is being processed. Try later.", O.REJECTED),
    ("an order that is not there", 404, INPUT, "Couldn't find that `order_id`.", O.REJECTED),
    ("the same, unclassified: the book tells", 400, GENERAL, "Couldn't find that `order_id`.", O.UNKNOWN),
    ("account blocked", 403, USER, "User is blocked for trading", O.REJECTED),
    ("app without the right", 403, PERMISSION, "Insufficient permission for that call.", O.REJECTED),
    ("gone", 410, INPUT, "This endpoint is gone", O.REJECTED),
    ("session over", 403, TOKEN, "Incorrect `api_key` or `access_token`.", O.NEEDS_LOGIN),
    ("session over, as a 400", 400, TOKEN, "Token is invalid or has expired.", O.NEEDS_LOGIN),
    ("session over, in the words of a time-out", 403, TOKEN, "Your session has timed out.", O.NEEDS_LOGIN),
    ("session over, without words", 403, TOKEN, "", O.NEEDS_LOGIN),
    ("no address is entered", 403, PERMISSION, NO_IPS, O.IP_REFUSED),
    ("no address is entered, under another name", 400, INPUT, NO_IPS, O.IP_REFUSED),
    ("no address is entered, under the session's name", 403, TOKEN, NO_IPS, O.IP_REFUSED),
    ("wrong address", 403, PERMISSION, "IP not allowed to place orders for this app", O.IP_REFUSED),
    ("wrong address", 403, PERMISSION, "IP (192.0.2.7) is not allowed", O.IP_REFUSED),
    ("wrong address", 400, INPUT, "IP (192.0.2.7) is not allowed to place orders for this app. Update allowed IPs on the Kite developer console.", O.IP_REFUSED),
    ("wrong address of the new kind", 403, GENERAL, "IP 2001:db8:4:900::1 is not allowed to place orders for this app", O.IP_REFUSED),
    ("wrong address, nameless", 403, "", "IP address is not allowed to place orders for this app.", O.IP_REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "status", "error_type", "message", "outcome"), CASES)
def test_error_means(reason: str, status: int, error_type: str, message: str, outcome: Outcome) -> None:
    assert outcome_of(status, error_type, message) is outcome, reason


def test_every_outcome_of_an_error_is_in_the_table() -> None:
    assert {case[-1] for case in CASES} == set(Outcome) - {Outcome.ACKED, Outcome.NOT_SENT}


@needs_mocks
def test_official_words_of_a_refusal_for_want_of_margin_are_no_doubt() -> None:
    """The vendor's own example of a rejected order speaks of the orderbook."""
    texts = [row["status_message"] for row in mock_rows("orders.json") if row["status"] == "REJECTED"]
    assert texts
    assert all(outcome_of(400, MARGIN, text) is Outcome.REJECTED for text in texts)


NAMES = st.sampled_from([INPUT, ORDER, MARGIN, HOLDING, USER, TOKEN, PERMISSION, NETWORK, DATA, GENERAL, ""]) | st.text(
    max_size=20
)
WORDS = st.sampled_from([case[3] for case in CASES]) | st.text(max_size=60)


@given(st.integers(0, 999), NAMES, WORDS, WORDS)
def test_definite_outcomes_only_come_from_statuses_that_stand_before_the_order_system(
    status: int, error_type: str, one: str, other: str
) -> None:
    found = outcome_of(status, error_type, f"{one} {other}")
    assert found not in (Outcome.ACKED, Outcome.NOT_SENT)
    if status not in (400, 403, 404, 405, 410, 428, 429):
        assert found is Outcome.UNKNOWN


@given(st.sampled_from([400, 403, 404, 405, 410, 428, 429]), NAMES, st.text(max_size=30), st.text(max_size=30))
def test_words_of_doubt_outweigh_all_but_the_session_and_the_address(
    status: int, error_type: str, before: str, after: str
) -> None:
    message = f"{before} {TIMED_OUT.upper()} {after}"
    address = re.search(r"\bip", message, re.IGNORECASE) is not None
    if error_type != TOKEN and not address:
        assert outcome_of(status, error_type, message) is Outcome.UNKNOWN


@given(st.sampled_from([400, 403, 404, 405, 410, 428]), st.text(max_size=20), st.text(max_size=30))
def test_name_that_is_not_documented_is_never_a_refusal(status: int, error_type: str, message: str) -> None:
    if not error_type.endswith("Exception"):
        assert outcome_of(status, error_type, message) in (Outcome.UNKNOWN, Outcome.IP_REFUSED, Outcome.RATE_LIMITED)
