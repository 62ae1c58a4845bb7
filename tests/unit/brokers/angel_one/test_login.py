"""The login with PIN and code: what is sent, what is kept, and above all when it is not tried again."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyotp
import pytest

from brokers.angel_one.login import Keeper, next_midnight_ns
from brokers.transport import Transport
from config.credentials import Credentials, Secret
from engine.errors import NeedsLogin
from tests.unit.brokers.angel_one.payloads import LOGGED_IN, failure, gateway_failure, needs_samples, sample, success
from tests.unit.brokers.raw_server import RawServer, Talk, answer, refused_port, says, serving
from tests.unit.paper.builders import NOW, ns

PIN, TOTP, KEY = "4711", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "canarykey"
S = 1_000_000_000
YES = says(answer(success(LOGGED_IN)))


def credentials(**changes: str) -> Credentials:
    values = {"api_key": KEY, "username": "A123", "password": PIN, "totp_token": TOTP} | changes
    return Credentials(path=Path("c.txt"), broker="angel_one", values={k: Secret(v) for k, v in values.items()})


class Time:
    def __init__(self, now_ns: int = NOW) -> None:
        self.now_ns = now_ns
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ns += round(seconds * S)


@contextmanager
def keeper(*talks: Talk, time: Time | None = None, **changes: str) -> Iterator[tuple[Keeper, RawServer, Time]]:
    clock = time or Time()
    with serving(*talks) as server:
        transport = Transport(server.url)
        try:
            yield Keeper(credentials(**changes), transport, lambda: clock.now_ns, clock.sleep), server, clock
        finally:
            transport.close()


def why(made: Keeper) -> str:
    with pytest.raises(NeedsLogin) as failure_:
        made.session()
    return str(failure_.value)


def test_login_sends_code_and_pin_and_keeps_the_tokens() -> None:
    with keeper(YES) as (made, server, _):
        session = made.session()
    (request,) = server.requests
    assert request.line == "POST /rest/auth/angelbroking/user/v1/loginByPassword HTTP/1.1"
    assert json.loads(request.body) == {"clientcode": "A123", "password": PIN, "totp": pyotp.TOTP(TOTP).at(NOW // S)}
    assert request.headers["x-privatekey"] == KEY
    assert "authorization" not in request.headers
    assert (session.jwt.reveal(), session.feed.reveal()) == (LOGGED_IN["jwtToken"], LOGGED_IN["feedToken"])
    assert session.until_ns == ns("00:00", 3)


def test_session_is_asked_for_once() -> None:
    with keeper(YES) as (made, server, _):
        assert made.session() is made.session()
    assert len(server.requests) == 1


@needs_samples
def test_official_answer_is_a_session() -> None:
    with keeper(says(answer(sample("angel/login_response.json")))) as (made, _, _clock):
        assert made.session().jwt.reveal().startswith("eyJ")


def test_session_ends_at_midnight_in_india() -> None:
    with keeper(YES) as (made, server, clock):
        first = made.session()
        clock.now_ns = first.until_ns - 1
        assert made.session() is first
        clock.now_ns = first.until_ns
        assert made.session() is not first
    assert len(server.requests) == 2


@pytest.mark.parametrize(("now", "end"), [("00:00", 3), ("23:59", 3), ("05:30", 3), ("05:29", 3)])
def test_midnight_is_indias(now: str, end: int) -> None:
    assert next_midnight_ns(ns(now)) == ns("00:00", end)


DEFINITE = [
    failure("AB1000", "Invalid login or password"),
    failure("AB1050", "Invalid totp"),
    failure("AB1006", "Client is blocked for trading"),
    failure("AB1007", "Login Id or password is invalid"),
    failure("AB9999", "A code that nobody knows"),
    gateway_failure("AG8001", "Invalid Token"),
    json.dumps({"status": "false", "message": "Invalid", "errorcode": "AB1007", "data": "null"}).encode(),
]


@pytest.mark.parametrize("body", DEFINITE)
def test_definite_refusal_is_never_tried_again_with_the_same_credentials(body: bytes) -> None:
    with keeper(says(answer(body))) as (made, server, clock):
        text = why(made)
        for _ in range(5):
            clock.now_ns += 3600 * S
            assert why(made) == text
        made.change(credentials())
        clock.now_ns += 3600 * S
        assert why(made) == text
    assert len(server.requests) == 1
    assert "refuses the login" in text


def test_other_credentials_lift_a_refusal() -> None:
    with keeper(says(answer(DEFINITE[0])), YES) as (made, server, clock):
        why(made)
        made.change(credentials(password="0815"))
        assert "waits" in why(made)  # a second has to pass between two logins
        clock.now_ns += S
        assert made.session()
    assert json.loads(server.requests[1].body)["password"] == "0815"


PASSING = [
    answer(failure("AB1004", "Something Went Wrong, Please Try After Sometime")),
    answer(failure("AB2001", "Internal Error, Please Try After Sometime")),
    answer(b"Access denied because of exceeding access rate", "403 Forbidden", "text/plain"),
    answer(b"<html>Request Rejected</html>", kind="text/html"),
    answer(b""),
    answer(b"null"),
    answer(success(None)),
    answer(success({"jwtToken": "", "feedToken": "f"})),
    answer(success({"jwtToken": "a\nb", "feedToken": "f"})),
    answer(json.dumps({"status": False}).encode()),
]


@pytest.mark.parametrize("data", PASSING)
def test_answer_that_says_nothing_of_the_credentials_is_tried_again_later(data: bytes) -> None:
    with keeper(says(data), YES) as (made, server, clock):
        assert "no usable answer" in why(made)
        assert "waits" in why(made)
        assert len(server.requests) == 1
        clock.now_ns += 30 * S
        assert made.session()
    assert len(server.requests) == 2


def test_network_failure_is_tried_again_with_longer_and_longer_pauses() -> None:
    clock = Time()
    transport = Transport(f"http://127.0.0.1:{refused_port()}")
    made = Keeper(credentials(), transport, lambda: clock.now_ns, clock.sleep)
    tries = []
    for second in range(3600):
        clock.now_ns = NOW + second * S
        if "waits" not in why(made):
            tries.append(second)
    pauses = [later - sooner for sooner, later in itertools.pairwise(tries)]
    assert tries[0] == 0
    assert all(pause >= 28 for pause in pauses)
    assert max(pauses) >= 600
    assert len(tries) < 20


def test_code_is_not_used_twice() -> None:
    with keeper(YES, time=Time(NOW - NOW % (30 * S))) as (made, server, clock):
        first = made.session()
        made.proven(first)
        made.lost(first)
        clock.now_ns += 20 * S
        assert "waits" in why(made)
        clock.now_ns += 10 * S
        assert made.session() is not first
    codes = [json.loads(request.body)["totp"] for request in server.requests]
    assert len(set(codes)) == 2


def test_code_that_is_about_to_end_is_not_sent() -> None:
    start = NOW - NOW % (30 * S) + 29 * S
    with keeper(YES, time=Time(start)) as (made, server, clock):
        made.session()
    assert clock.slept == [1.0]
    assert json.loads(server.requests[0].body)["totp"] == pyotp.TOTP(TOTP).at(start // S + 1)


def test_new_session_that_is_refused_at_once_is_not_followed_by_the_next_one_at_once() -> None:
    with keeper(YES) as (made, server, clock):
        for _ in range(120):
            try:
                made.lost(made.session())
            except NeedsLogin as reason:
                assert "refused at once" in str(reason)
            clock.now_ns += 30 * S
    assert 5 < len(server.requests) < 16  # an hour of it


def test_session_that_worked_is_followed_at_once() -> None:
    with keeper(YES) as (made, server, clock):
        for _ in range(20):
            session = made.session()
            made.proven(session)
            made.lost(session)
            clock.now_ns += 30 * S
    assert len(server.requests) == 20


def test_late_news_of_an_old_session_do_not_end_the_new_one() -> None:
    with keeper(YES) as (made, server, clock):
        old = made.session()
        made.proven(old)
        made.lost(old)
        clock.now_ns += 30 * S
        new = made.session()
        made.lost(old)
        assert made.session() is new
    assert len(server.requests) == 2


@pytest.mark.parametrize("secret", ["not base32!", "1", "äöü", "JBSWY3DP"])
def test_secret_that_makes_no_codes_is_said_and_nothing_is_sent(secret: str) -> None:
    with keeper(YES, totp_token=secret) as (made, server, _):
        text = why(made)
    assert "totp_token" in text
    assert secret not in text or secret == "1"
    assert not server.requests


def test_secret_with_spaces_and_small_letters_is_understood() -> None:
    with keeper(YES, totp_token="jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp") as (made, server, _):
        made.session()
    assert json.loads(server.requests[0].body)["totp"] == pyotp.TOTP(TOTP).at(NOW // S)


@pytest.mark.parametrize("shape", [failure, gateway_failure])
def test_refusal_does_not_repeat_secrets(shape: Callable[[str, str], bytes]) -> None:
    code = pyotp.TOTP(TOTP).at(NOW // S)
    with keeper(says(answer(shape("AB1000", f"{PIN} {TOTP} {code} {KEY} A123 is wrong")))) as (made, _, _clock):
        text = why(made)
        shown = text + repr(made) + repr(made.current)
    for secret in (PIN, TOTP, code, KEY):
        assert secret not in shown


def test_session_shows_nothing_of_itself() -> None:
    with keeper(YES) as (made, _, _clock):
        text = f"{made.session()!r} {made.session()} {made!r}"
    for token in LOGGED_IN.values():
        assert token not in text
