"""What an error of SmartAPI means for an order. Only what surely was not taken counts as refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one.refusals import outcome_of, outcome_of_text
from engine.events import Outcome


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("AG7002", "Access denied: Unregistered IP address. Register your IP before retrying.", Outcome.IP_REFUSED),
        ("AG8001", "Invalid Token", Outcome.NEEDS_LOGIN),
        ("AG8002", "Token Expired", Outcome.NEEDS_LOGIN),
        ("AG8003", "Token missing", Outcome.NEEDS_LOGIN),
        ("AB8050", "Invalid Refresh Token", Outcome.NEEDS_LOGIN),
        ("AB8051", "Refresh Token Expired", Outcome.NEEDS_LOGIN),
        ("AB1010", "AMX Session Expired", Outcome.NEEDS_LOGIN),
        ("AB1011", "Client not login", Outcome.NEEDS_LOGIN),
        ("", "Access denied because of exceeding access rate", Outcome.UNKNOWN),
        ("AB1021", "Too many requests", Outcome.RATE_LIMITED),
        ("AB1004", "Something Went Wrong: too many requests to OMS", Outcome.UNKNOWN),
        ("AB2001", "Too many requests", Outcome.UNKNOWN),
        ("AB1021", "Too many requests: the order may be placed", Outcome.UNKNOWN),
        ("AB1012", "Internal server error", Outcome.UNKNOWN),
        ("AB4008", "Something went wrong, order may be placed", Outcome.UNKNOWN),
        ("", "Unable to fetch order status, insufficient response from OMS", Outcome.UNKNOWN),
        ("AB1019", "Access denied because of exceeding access rate", Outcome.RATE_LIMITED),
        ("AB4008", "Too many requests", Outcome.UNKNOWN),
        ("AB1004", "Something Went Wrong, Please Try After Sometime", Outcome.UNKNOWN),
        ("AB1007", "AMX Error", Outcome.UNKNOWN),
        ("AB2000", "Error not specified", Outcome.UNKNOWN),
        ("AB2001", "Internal Error, Please Try After Sometime", Outcome.UNKNOWN),
        ("AB9999", "the request timed out", Outcome.UNKNOWN),
        ("AB4008", "Please try after some time", Outcome.UNKNOWN),
        ("", "", Outcome.UNKNOWN),
        ("", "<html>Request Rejected</html>", Outcome.UNKNOWN),
        ("AB1006", "Client is blocked for trading", Outcome.REJECTED),
        ("AB1008", "Invalid Order Variety", Outcome.REJECTED),
        ("AB1009", "Symbol Not Found", Outcome.REJECTED),
        ("AB1012", "Invalid Product Type", Outcome.REJECTED),
        ("AB2002", "ROBO order is block", Outcome.REJECTED),
        ("AB4008", "Order price is out of range", Outcome.REJECTED),
        ("AB4008", "ordertag length should be less than 20 characters", Outcome.REJECTED),
        ("AB1013", "Order not found", Outcome.UNKNOWN),
        ("AB1005", "User Type must be USER", Outcome.UNKNOWN),
        ("AB1018", "Failed to Cancel Order", Outcome.UNKNOWN),
        ("AB4036", "cautionary listings", Outcome.UNKNOWN),
        ("AB9999", "A code that nobody knows", Outcome.UNKNOWN),
        ("ab1008", "Invalid Order Variety", Outcome.UNKNOWN),
        ("", "Something that nobody has heard of", Outcome.UNKNOWN),
        ("AB9999", "Quantity should be in multiples of lot size 65", Outcome.REJECTED),
        ("AB9999", "The price is not a multiple of the tick size", Outcome.REJECTED),
        ("AB9999", "Order quantity exceeds the freeze quantity", Outcome.REJECTED),
        ("AB9999", "Quantity is above Freeze Qty", Outcome.REJECTED),
        ("", "Insufficient Funds", Outcome.REJECTED),
        ("AB9999", "RMS: Margin Exceeds, required 1000", Outcome.REJECTED),
        ("AB9999", "Margin shortfall of 12.50", Outcome.REJECTED),
        ("AB9999", "Your price is out of the LPP range", Outcome.REJECTED),
        ("AB9999", "Price is not within the price range", Outcome.REJECTED),
        ("AB9999", "Limit price should be within the circuit limits", Outcome.REJECTED),
        ("AB9999", "There is a lot of load", Outcome.UNKNOWN),
        ("AB9999", "The circuit breaker of the gateway is open", Outcome.UNKNOWN),
        ("AB9999", "The session freezes with the next tick", Outcome.UNKNOWN),
        ("AB9999", "The allotment of the ticket is frozen", Outcome.UNKNOWN),
        ("AB9999", "Margin of the order could not be read", Outcome.UNKNOWN),
        ("AB1004", "Insufficient Funds", Outcome.UNKNOWN),
        ("AB1007", "Insufficient Funds", Outcome.UNKNOWN),
        ("AB9999", "Insufficient Funds: request timed out", Outcome.UNKNOWN),
    ],
)
def test_error_means_what_it_means_for_an_order(code: str, message: str, expected: Outcome) -> None:
    assert outcome_of(code, message) is expected


@pytest.mark.parametrize("code", ["", "AB1004", "AB2001", "AB4008"])
def test_words_of_the_rate_limit_are_enough_for_a_read(code: str) -> None:
    message = "Access denied because of exceeding access rate"
    assert outcome_of(code, message, is_read=True) is Outcome.RATE_LIMITED


@pytest.mark.parametrize("status", [200, 403, 429, 400, 500, 503])
def test_plain_words_of_the_rate_limit_stop_a_write_at_the_gate_alone(status: int) -> None:
    text = "Access denied because of exceeding access rate"
    assert outcome_of_text(status, text, is_read=True) is Outcome.RATE_LIMITED
    assert outcome_of_text(status, text) is (Outcome.RATE_LIMITED if status in (403, 429) else Outcome.UNKNOWN)


@given(st.text(max_size=8), st.text(max_size=40))
def test_no_error_is_ever_a_success(code: str, message: str) -> None:
    assert outcome_of(code, message) not in (Outcome.ACKED, Outcome.NOT_SENT)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("AB1013", Outcome.REJECTED), ("AB1008", Outcome.REJECTED), ("AB9999", Outcome.UNKNOWN)],
)
def test_order_that_is_not_there_is_an_answer_to_a_change_alone(code: str, expected: Outcome) -> None:
    assert outcome_of(code, "Order not found", is_change=True) is expected


@given(st.sampled_from(["", "AB1008", "AB1013", "AG8001", "AG7002"]), st.text(max_size=40))
def test_text_that_is_no_json_is_never_a_definite_refusal(before: str, text: str) -> None:
    for words in (f"{before} {text}", f"<style>margin: 0</style> {text}", f"insufficient lot freeze {text}"):
        assert outcome_of_text(403, words) in (Outcome.UNKNOWN, Outcome.RATE_LIMITED)
