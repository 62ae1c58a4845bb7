"""Logins through the official client and ticker: how a token begins and the ways in which it ends."""

import queue
from collections.abc import Iterator

import pytest
from kiteconnect import KiteConnect, KiteTicker
from kiteconnect.exceptions import TokenException

from brokers.zerodha.ticker import in_reactor
from tests.unit.paper.builders import ns
from tests.unit.paper.sandbox.stand import OTHER, PATIENCE_S, Stand, hang_up, stand


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        yield made


def logged_in(desk: Stand) -> KiteConnect:
    kite = desk.kite()
    session = kite.generate_session(desk.me.request_token, desk.me.api_secret)
    kite.set_access_token(session["access_token"])
    return kite


def refusal_of_the_ticker(desk: Stand, token: str) -> str:
    """Why the ticker's handshake fails, '' when it does not."""
    told: queue.Queue[str] = queue.Queue()
    ticker = KiteTicker(desk.me.api_key, token, root=desk.sandbox.ticker_url)
    ticker.on_connect = lambda _ws, _response: told.put("")
    ticker.on_error = lambda _ws, _code, reason: told.put(str(reason))
    in_reactor(ticker.connect, True)
    try:
        return told.get(timeout=PATIENCE_S)
    finally:
        hang_up(ticker)


def test_login_gives_a_token_and_says_who_it_is(desk: Stand) -> None:
    kite = desk.kite()
    session = kite.generate_session(desk.me.request_token, desk.me.api_secret)
    assert (session["user_id"], session["api_key"], session["refresh_token"]) == ("ZC0001", desk.me.api_key, "")
    assert session["login_time"].isoformat() == "2026-11-02T09:30:00"
    assert logged_in(desk).profile()["user_id"] == "ZC0001"


def test_request_token_works_once(desk: Stand) -> None:
    given, kite = desk.me.request_token, desk.kite()
    kite.generate_session(given, desk.me.api_secret)
    with pytest.raises(TokenException, match="Token is invalid or has expired"):
        kite.generate_session(given, desk.me.api_secret)


def test_wrong_secret_starts_no_session_and_ends_none(desk: Stand) -> None:
    with pytest.raises(TokenException, match="checksum"):
        desk.kite().generate_session(desk.me.request_token, "wrong")
    assert desk.kite().profile()["user_id"] == "ZC0001"


def test_token_dies_at_six_of_the_next_day_everywhere(desk: Stand) -> None:
    kite = logged_in(desk)
    desk.to("05:59:59", day=3)
    assert kite.profile()["user_id"] == "ZC0001"
    assert refusal_of_the_ticker(desk, kite.access_token) == ""
    desk.to("06:00", day=3)
    for read in (kite.profile, kite.orders, kite.margins):
        with pytest.raises(TokenException, match=r"^Incorrect `api_key` or `access_token`.$") as caught:
            read()
        assert caught.value.code == 403
    assert "403" in refusal_of_the_ticker(desk, kite.access_token)


def test_token_of_the_small_hours_lives_through_that_day() -> None:
    with stand(at_ns=ns("02:00")) as desk:
        kite = desk.kite()
        desk.to("15:00")
        assert kite.profile()["user_id"] == "ZC0001"


def test_new_login_works_and_the_older_token_is_dead(desk: Stand) -> None:
    first, second = logged_in(desk), logged_in(desk)
    assert second.profile()["user_id"] == "ZC0001"
    with pytest.raises(TokenException):
        first.profile()
    assert "403" in refusal_of_the_ticker(desk, first.access_token)
    assert refusal_of_the_ticker(desk, second.access_token) == ""


def test_logout_kills_the_token_and_calls_the_hook(desk: Stand) -> None:
    kite = logged_in(desk)
    assert kite.invalidate_access_token() is True
    ended: list[bool] = []
    kite.set_session_expiry_hook(lambda: ended.append(True))
    with pytest.raises(TokenException):
        kite.profile()
    assert ended == [True]


def test_logout_with_the_key_of_another_ends_nothing(desk: Stand) -> None:
    stranger = desk.kite(OTHER)
    assert stranger.invalidate_access_token(desk.me.access_token) is True
    assert desk.kite().profile()["user_id"] == "ZC0001"


def test_refresh_tokens_are_not_given_out(desk: Stand) -> None:
    kite = desk.kite()
    with pytest.raises(TokenException):
        kite.renew_access_token("refresh", desk.me.api_secret)
    assert kite.invalidate_refresh_token("refresh") is True
    assert kite.profile()["user_id"] == "ZC0001"


def test_token_of_one_key_is_none_of_another(desk: Stand) -> None:
    kite = desk.kite()
    kite.set_access_token(desk.sandbox.desk.accounts[OTHER].access_token)
    with pytest.raises(TokenException):
        kite.orders()
