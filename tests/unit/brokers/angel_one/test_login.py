"""The login with PIN and code: what is sent, what is kept, and above all when it is not tried again."""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pyotp
import pytest

from brokers.angel_one.login import Keeper, NextCode, next_midnight_ns
from brokers.angel_one.logins import Logins
from brokers.transport import Transport
from config.credentials import Credentials, Secret
from engine.errors import NeedsLogin
from tests.unit.brokers.angel_one.payloads import LOGGED_IN, failure, gateway_failure, needs_samples, sample, success
from tests.unit.brokers.raw_server import RawServer, Request, Talk, answer, refused_port, says, serving
from tests.unit.paper.builders import NOW, ns

PIN, TOTP, KEY = "4711", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "canarykey"
S = 1_000_000_000
YES = says(answer(success(LOGGED_IN)))


def credentials(**changes: str) -> Credentials:
    values = {"api_key": KEY, "username": "A123", "password": PIN, "totp_token": TOTP} | changes
    return Credentials(path=Path("c.txt"), broker="angel_one", values={k: Secret(v) for k, v in values.items()})


class Time:
    def __init__(self, now_ns: int = NOW + 5 * S) -> None:
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
            logins = Logins()
            yield Keeper(credentials(**changes), transport, lambda: clock.now_ns, clock.sleep, logins), server, clock
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


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
def test_definite_refusal_is_one_whatever_the_status_is(status: str) -> None:
    with keeper(says(answer(DEFINITE[0], status))) as (made, server, clock):
        text = why(made)
        clock.now_ns += 3600 * S
        assert why(made) == text
    assert "refuses the login" in text
    assert len(server.requests) == 1


def test_session_of_a_broken_server_is_not_believed() -> None:
    with keeper(says(answer(success(LOGGED_IN), "502 Bad Gateway")), YES) as (made, _, clock):
        assert "no usable answer" in why(made)
        clock.now_ns += 30 * S
        assert made.session()


def test_other_credentials_lift_a_refusal() -> None:
    with keeper(says(answer(DEFINITE[0])), YES) as (made, server, clock):
        why(made)
        made.change(credentials(password="0815"))
        assert "waits" in why(made)  # a second has to pass between two logins
        clock.now_ns += 30 * S
        assert made.session()
    assert json.loads(server.requests[1].body)["password"] == "0815"


def test_code_that_was_used_stays_used_when_something_else_changes() -> None:
    with keeper(YES, time=Time(NOW - NOW % (30 * S))) as (made, server, clock):
        made.session()
        for changes in ({"api_key": "another"}, {"password": "0815"}, {}):
            made.change(credentials(**changes))
            clock.now_ns += 2 * S
            assert "code of this half minute is used" in why(made)
        made.change(credentials(totp_token="B" * 32))
        clock.now_ns += 2 * S
        assert made.session()
    codes = [json.loads(request.body)["totp"] for request in server.requests]
    assert codes == [pyotp.TOTP(TOTP).at(NOW // S), pyotp.TOTP("B" * 32).at(NOW // S)]


def test_code_is_not_used_twice_by_a_clock_that_is_set_back() -> None:
    with keeper(YES) as (made, server, clock):
        for seconds in (0, 30, 60, 30, 0, 60):
            clock.now_ns = NOW + (5 + seconds) * S
            with suppress(NeedsLogin):
                made.proven(made.session())
                made.lost(made.session())
    codes = [json.loads(request.body)["totp"] for request in server.requests]
    assert len(codes) == len(set(codes)) == 3


DOUBTFUL = [
    failure("AB1050", "Invalid totp"),
    gateway_failure("AB1050", "Invalid totp"),
    failure("", "Something that nobody has heard of"),
    json.dumps({"status": False, "message": "No"}).encode(),
]


@pytest.mark.parametrize("body", DOUBTFUL)
def test_refusal_that_may_have_another_cause_is_tried_once_more_with_another_code(body: bytes) -> None:
    with keeper(says(answer(body))) as (made, server, clock):
        assert "once more" in why(made)
        assert "waits" in why(made)
        clock.now_ns += 30 * S
        text = why(made)
        for _ in range(5):
            clock.now_ns += 30 * S
            assert why(made) == text
        assert "refuses the login" in text
        assert "not tried again" in text
        made.change(credentials())
        clock.now_ns += 3600 * S
        assert why(made) == text
    codes = [json.loads(request.body)["totp"] for request in server.requests]
    assert len(codes) == len(set(codes)) == 2


def test_code_that_another_program_used_is_followed_by_the_next_one() -> None:
    with keeper(says(answer(DOUBTFUL[0])), YES, time=Time(NOW - NOW % (30 * S) + 10 * S)) as (made, server, clock):
        with pytest.raises(NextCode) as caught:
            made.session()
        assert caught.value.wait_s == 22
        clock.sleep(caught.value.wait_s)
        session = made.session()
        made.proven(session)
        for _ in range(3):  # the doubt is over: the next one begins anew
            made.lost(session)
            clock.now_ns += 30 * S
            session = made.session()
            made.proven(session)
    assert len(server.requests) == 5


# --- several keepers of one account -----------------------------------------------------------------------------------


@contextmanager
def keepers(*talks: Talk, **changes: str) -> Iterator[tuple[Keeper, Keeper, RawServer, Time]]:
    """Two of one process; `changes` are those of the second one's credentials."""
    clock, logins = Time(), Logins()
    with serving(*talks) as server:
        transports = [Transport(server.url) for _ in range(2)]
        try:
            first, second = (
                Keeper(made, transport, lambda: clock.now_ns, clock.sleep, logins)
                for made, transport in zip((credentials(), credentials(**changes)), transports, strict=True)
            )
            yield first, second, server, clock
        finally:
            for transport in transports:
                transport.close()


def test_second_keeper_takes_the_session_that_there_is() -> None:
    with keepers(YES) as (first, second, server, clock):
        session = first.session()
        assert second.current is session
        assert second.session() is session
        second.proven(session)
        second.lost(session)
        assert first.current is None
        clock.now_ns += 30 * S
        assert second.session() is first.session() is not session
    assert len(server.requests) == 2


def test_many_threads_log_in_once() -> None:
    with keepers(YES) as (first, second, server, _), ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda made: made.session(), [first, second] * 8))
    assert len({id(session) for session in found}) == len(server.requests) == 1


@pytest.mark.parametrize("changes", [{"api_key": "another"}, {"password": "0815"}, {"totp_token": TOTP.lower()}])
def test_code_is_not_used_by_two_keepers(changes: dict[str, str]) -> None:
    with keepers(YES, **changes) as (first, second, server, clock):
        session = first.session()
        if "totp_token" not in changes:  # spaces and small letters make no other secret, and no other account
            assert "code of this half minute is used" in why(second)
            clock.now_ns += 30 * S
            assert second.session() is not session
        assert first.session() is session
        second.session()
    codes = [json.loads(request.body)["totp"] for request in server.requests]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("body", [DEFINITE[0], DEFINITE[1]])
def test_refusal_is_one_for_all_keepers_with_these_credentials(body: bytes) -> None:
    with keepers(says(answer(body))) as (first, second, server, clock):
        text = why(first)
        clock.now_ns += 3600 * S
        assert why(second) == text
    assert len(server.requests) == 1


def test_refusal_is_not_that_of_another_pin_of_the_account() -> None:
    with keepers(says(answer(DEFINITE[0])), YES, password="0815") as (first, second, _server, clock):
        text = why(first)
        clock.now_ns += 30 * S
        assert second.session()
        assert why(first) == text


def test_tries_in_doubt_are_counted_over_all_keepers() -> None:
    with keepers(says(answer(DOUBTFUL[0]))) as (first, second, server, clock):
        for made in (first, second) * 4:
            why(made)
            clock.now_ns += 30 * S
    assert len(server.requests) == 2


@pytest.mark.parametrize(("server", "changes"), [("b:1", {}), ("a:1", {"username": "B9"}), ("a:1", {"api_key": "x"})])
def test_what_is_known_is_known_of_one_account_at_one_server(server: str, changes: dict[str, str]) -> None:
    logins = Logins()
    assert logins.of("a:1", credentials()).standing is logins.of("a:1", credentials()).standing
    assert logins.of("a:1", credentials()).standing is not logins.of(server, credentials(**changes)).standing


def test_change_does_not_wait_for_a_login_under_way() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(server: RawServer, request: Request, sock: socket.socket) -> bool:
        asked.set()
        assert go_on.wait(10)
        return YES(server, request, sock)

    with keeper(slow) as (made, _, _clock), ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(made.session)
        assert asked.wait(10)
        made.change(credentials(password="0815"))
        assert made.current is None
        go_on.set()
        under_way.result()
        assert made.current is None  # that session is of the old credentials


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
    made = Keeper(credentials(), transport, lambda: clock.now_ns, clock.sleep, Logins())
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
        assert "waits" in why(made)  # it begins now, and may not have begun at Angel
        clock.now_ns += 2 * S
        assert made.session() is not first
    codes = [json.loads(request.body)["totp"] for request in server.requests]
    assert len(set(codes)) == 2


def test_code_that_is_about_to_end_is_not_sent() -> None:
    start = NOW - NOW % (30 * S) + 29 * S
    with keeper(YES, time=Time(start)) as (made, server, clock):
        made.session()
    assert clock.slept == [3.0]
    assert json.loads(server.requests[0].body)["totp"] == pyotp.TOTP(TOTP).at(start // S + 1)


@pytest.mark.parametrize("ahead_s", [0.0, 0.01, 1.9])
def test_clock_that_is_ahead_of_angels_makes_no_wrong_code_of_one_that_was_waited_for(ahead_s: float) -> None:
    """A code that holds at the server since some of its time ago is the right one; one that begins later is wrong."""
    with keeper(YES, time=Time(NOW - NOW % (30 * S) + 10 * S)) as (made, server, clock):
        for _ in range(3):
            while made.current is None:
                try:
                    made.session()
                except NextCode as code:
                    clock.sleep(code.wait_s)
            session = made.session()
            at_angel_ns = clock.now_ns - round(ahead_s * S)
            assert json.loads(server.requests[-1].body)["totp"] == pyotp.TOTP(TOTP).at(at_angel_ns // S)
            made.proven(session)
            made.lost(session)


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
