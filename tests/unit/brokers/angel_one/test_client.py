"""The official client without what it does to a process; every one of its methods through the lean transport."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from brokers.angel_one.client import TEXT_MOST, AngelClient, Session
from brokers.errors import Refusal
from brokers.transport import NoAnswer, Transport
from config.credentials import Secret
from engine.events import Outcome
from tests.unit.brokers.angel_one.payloads import failure, success
from tests.unit.brokers.raw_server import RawServer, Talk, answer, says, serving

ROOT = Path(__file__).parents[4]
KEY, JWT, FEED, REFRESH = "canarykey0001", "canaryjwt0001.two", "canaryfeed0001", "canaryrefresh0001"
SESSION = Session(jwt=Secret(JWT), feed=Secret(FEED), refresh=Secret(REFRESH), until_ns=0)


@contextmanager
def client(*talks: Talk) -> Iterator[tuple[AngelClient, RawServer]]:
    with serving(*talks) as server:
        transport = Transport(server.url)
        made = AngelClient(Secret(KEY), transport)
        made.take(SESSION)
        try:
            yield made, server
        finally:
            transport.close()


@pytest.mark.parametrize(
    ("name", "arguments", "method", "path"),
    [
        ("orderBook", (), "GET", "/rest/secure/angelbroking/order/v1/getOrderBook?%7B%7D"),
        ("tradeBook", (), "GET", "/rest/secure/angelbroking/order/v1/getTradeBook?%7B%7D"),
        ("position", (), "GET", "/rest/secure/angelbroking/order/v1/getPosition?%7B%7D"),
        ("rmsLimit", (), "GET", "/rest/secure/angelbroking/user/v1/getRMS?%7B%7D"),
        ("getProfile", ("r",), "GET", "/rest/secure/angelbroking/user/v1/getProfile?%7B%22refreshToken%22%3A%20%22r%22%7D"),
        ("placeOrderFullResponse", ({"a": 1},), "POST", "/rest/secure/angelbroking/order/v1/placeOrder"),
        ("modifyOrder", ({"a": 1},), "POST", "/rest/secure/angelbroking/order/v1/modifyOrder"),
        ("cancelOrder", ("1", "NORMAL"), "POST", "/rest/secure/angelbroking/order/v1/cancelOrder"),
        ("individual_order_details", ("34req/x",), "GET", "/rest/secure/angelbroking/order/v1/details/34req%2Fx"),
        ("getMarketData", ("FULL", {"NSE": ["1"]}), "POST", "/rest/secure/angelbroking/market/v1/quote"),
    ],
)  # fmt: skip
def test_official_method_is_one_request_with_the_documented_headers(
    name: str, arguments: tuple[Any, ...], method: str, path: str
) -> None:
    with client(says(answer(success(None)))) as (made, server):
        assert getattr(made, name)(*arguments)["status"] is True
    (request,) = server.requests
    assert (request.method, request.target) == (method, path)
    wanted = {
        "content-type": "application/json", "accept": "application/json", "x-privatekey": KEY, "x-usertype": "USER",
        "x-sourceid": "WEB", "authorization": f"Bearer {JWT}",
    }  # fmt: skip
    assert {name: request.headers[name] for name in wanted} == wanted
    assert {"x-clientlocalip", "x-clientpublicip", "x-macaddress"} <= set(request.headers)


def test_failure_is_returned_and_not_raised() -> None:
    with client(says(answer(failure("AB1013", "Order not found")))) as (made, _):
        assert made.orderBook()["errorcode"] == "AB1013"


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (answer(b""), Outcome.UNKNOWN),
        (answer(b"[]"), Outcome.UNKNOWN),
        (answer(b"<html>x</html>", "502 Bad Gateway"), Outcome.UNKNOWN),
        (answer(b"Access denied because of exceeding access rate", "403 Forbidden"), Outcome.RATE_LIMITED),
        (answer(b"{" * 100_000), Outcome.UNKNOWN),
    ],
)
def test_answer_that_is_no_envelope_is_a_refusal_of_its_meaning(data: bytes, outcome: Outcome) -> None:
    with client(says(data)) as (made, _), pytest.raises(Refusal) as refusal:
        made.orderBook()
    assert refusal.value.outcome is outcome
    assert "html" not in str(refusal.value)


def test_connection_that_dies_is_no_answer() -> None:
    with client(lambda *_: False) as (made, _), pytest.raises(NoAnswer):
        made.orderBook()


def test_words_are_cut_and_never_hold_a_secret() -> None:
    text = f"{KEY} {JWT} {FEED} {REFRESH} " + "x" * 1000
    with client(says(answer(failure(JWT, text)))) as (made, _):
        made.hide(Secret("canarypin"))
        from brokers.angel_one import wire

        words = made.words(wire.envelope_of(made.orderBook()))
    assert "canary" not in words
    assert len(words) < 2 * TEXT_MOST + 20


def test_secret_across_the_cut_of_a_text_is_not_shown_in_part() -> None:
    body = f"exceeding access rate {'y' * (TEXT_MOST - 30)}{JWT}".encode()
    with client(says(answer(body, "403 Forbidden"))) as (made, _), pytest.raises(Refusal) as refusal:
        made.orderBook()
    assert "canary" not in str(refusal.value)


def test_client_shows_nothing_of_itself() -> None:
    with client() as (made, _):
        assert repr(made) == str(made) == "AngelClient()"


QUIET = """
import json, os, socket, sys
def refuse(*_arguments, **_options):
    raise AssertionError("network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from pathlib import Path
from brokers.angel_one.line import AngelLine
from brokers.angel_one.checkup import Checkup
from config.credentials import Credentials, Secret
from config.schema import AngelOneUrls
names = ("api_key", "username", "password", "totp_token")
given = Credentials(path=Path("c"), broker="angel_one", values={n: Secret("A" * 32) for n in names})
line = AngelLine("A1", given, AngelOneUrls(), lambda: 0, 1)
Checkup("A1", given, AngelOneUrls(), None, lambda: 0)
line.close()
import logzero, requests
print(json.dumps({"files": os.listdir("."), "handlers": len(logzero.logger.handlers), "get": requests.get.__module__}))
"""


def test_importing_and_constructing_does_no_network_and_leaves_no_trace(tmp_path: Path) -> None:
    command = [sys.executable, "-c", QUIET]
    environment = {
        "PYTHONPATH": str(ROOT),
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(done.stdout)
    assert found["files"] == []
    assert found["get"] == "requests.api"
    assert done.stderr == ""
