"""What an error of SmartAPI means for an order. Only what surely was not taken counts as refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one.refusals import outcome_of
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
        ("", "Access denied because of exceeding access rate", Outcome.RATE_LIMITED),
        ("AB1019", "Access denied because of exceeding access rate", Outcome.RATE_LIMITED),
        ("AB4008", "Too many requests", Outcome.RATE_LIMITED),
        ("AB1004", "Something Went Wrong, Please Try After Sometime", Outcome.UNKNOWN),
        ("AB1007", "AMX Error", Outcome.UNKNOWN),
        ("AB2000", "Error not specified", Outcome.UNKNOWN),
        ("AB2001", "Internal Error, Please Try After Sometime", Outcome.UNKNOWN),
        ("AB9999", "the request timed out", Outcome.UNKNOWN),
        ("AB4008", "Please try after some time", Outcome.UNKNOWN),
        ("", "", Outcome.UNKNOWN),
        ("", "<html>Request Rejected</html>", Outcome.UNKNOWN),
        ("AB1008", "Invalid Order Variety", Outcome.REJECTED),
        ("AB1009", "Symbol Not Found", Outcome.REJECTED),
        ("AB1012", "Invalid Product Type", Outcome.REJECTED),
        ("AB1013", "Order not found", Outcome.REJECTED),
        ("AB4008", "Order price is out of range", Outcome.REJECTED),
        ("AB4036", "cautionary listings", Outcome.REJECTED),
    ],
)
def test_error_means_what_it_means_for_an_order(code: str, message: str, expected: Outcome) -> None:
    assert outcome_of(code, message) is expected


@given(st.text(max_size=8), st.text(max_size=40))
def test_no_error_is_ever_a_success(code: str, message: str) -> None:
    assert outcome_of(code, message) not in (Outcome.ACKED, Outcome.NOT_SENT)
