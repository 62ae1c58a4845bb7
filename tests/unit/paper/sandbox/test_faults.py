"""Every fault of the script once through the official client as it is: what it raises, and what was done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from kiteconnect import exceptions as kite_exceptions

from config.errors import ConfigError
from paper.sandbox.faults import Fault, Kind, PushFault, fault_of, load_script
from tests.unit.paper.sandbox.stand import Stand, buy, history, row, stand

TIMEOUT_S = 0.4
NOTHING, ONE = 0, 1

# kind, what is raised (`None`: nothing), its code, words in it, orders in the book afterwards
TABLE: list[tuple[Kind, type[Exception] | None, int | None, str, int]] = [
    (Kind.ACCEPTED_THEN_TIMEOUT, requests.exceptions.ReadTimeout, None, "timed out", ONE),
    (Kind.TIMEOUT_NOT_ACCEPTED, requests.exceptions.ReadTimeout, None, "timed out", NOTHING),
    (Kind.ACCEPTED_LATE, requests.exceptions.ReadTimeout, None, "timed out", ONE),
    (Kind.TIMED_OUT_400, kite_exceptions.OrderException, 400, "check the order book", ONE),
    (Kind.SERVER_ERROR, kite_exceptions.GeneralException, 500, "unexpected", NOTHING),
    (Kind.UNAVAILABLE, kite_exceptions.NetworkException, 503, "kitetrade-oms", ONE),
    (Kind.HTML, kite_exceptions.DataException, 502, "text/html", ONE),
    (Kind.TRUNCATED, requests.exceptions.ChunkedEncodingError, None, "", ONE),
    (Kind.NO_ID, KeyError, None, "order_id", ONE),
    (Kind.DROPPED_BEFORE, requests.exceptions.ConnectionError, None, "", NOTHING),
    (Kind.DROPPED_AFTER, requests.exceptions.ConnectionError, None, "", ONE),
    (Kind.RATE_LIMITED, kite_exceptions.NetworkException, 429, "Too many requests", NOTHING),
    (Kind.REJECTED, kite_exceptions.InputException, 400, "refused", NOTHING),
    # MarginException has no class of its own in the client.
    (Kind.RMS_REFUSED, kite_exceptions.GeneralException, 400, "Insufficient funds", NOTHING),
    (Kind.REJECTED_ROW, None, None, "", ONE),
    (Kind.TOKEN_EXPIRED, kite_exceptions.TokenException, 403, "access_token", NOTHING),
    (Kind.IP_REFUSED, kite_exceptions.PermissionException, 403, "not allowed to place orders", NOTHING),
    (Kind.SLOW, None, None, "", ONE),
    (Kind.UNSORTED, None, None, "", ONE),
]


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        made.quote("100.00", "100.10")
        yield made


def test_table_has_every_kind() -> None:
    assert [line[0] for line in TABLE] == list(Kind)


@pytest.mark.parametrize(("kind", "raised", "code", "words", "orders"), TABLE, ids=[line[0].value for line in TABLE])
def test_order_that_goes_wrong(
    desk: Stand, kind: Kind, raised: type[Exception] | None, code: int | None, words: str, orders: int
) -> None:
    # What is answered after a while has to be answered within the client's patience, what never is must not wait for it.
    kite = desk.kite(timeout_s=TIMEOUT_S if raised is requests.exceptions.ReadTimeout else 5)
    desk.fault("place", kind, after_s=0.5 if kind is Kind.ACCEPTED_LATE else 0.1)
    if raised is None:
        buy(kite, tag="mine")
    else:
        with pytest.raises(raised, match=words or None) as caught:
            buy(kite, tag="mine")
        if code is not None:
            assert caught.value.code == code  # type: ignore[attr-defined]
    if kind is Kind.ACCEPTED_LATE:
        wait_for_order(desk)
    book = desk.sandbox.desk.orders(desk.me)
    assert [one["tag"] for one in book] == ["mine"] * orders
    assert desk.sandbox.server.script.hits == {kind.value: 1}


def wait_for_order(desk: Stand) -> None:
    """It comes a moment after the client gave up; reads of the client take the time."""
    kite = desk.kite()
    for _ in range(2000):
        if kite.orders():
            return


def test_next_request_goes_well(desk: Stand) -> None:
    kite = desk.kite()
    desk.fault("place", Kind.SERVER_ERROR)
    with pytest.raises(kite_exceptions.GeneralException):
        buy(kite)
    assert row(kite, buy(kite))["status"] == "COMPLETE"


def test_order_that_is_rejected_after_its_id_tells_why_in_the_book(desk: Stand) -> None:
    kite = desk.kite()
    desk.fault("place", Kind.REJECTED_ROW)
    refused, taken = buy(kite), buy(kite)
    shown = row(kite, refused)
    assert shown["status"] == history(kite, refused)[-1] == "REJECTED"
    assert shown["status_message"].startswith("Insufficient funds. Required margin is 95417.84")
    assert shown["status_message_raw"].startswith("RMS:Margin Exceeds,Required:95417.84, Available:74251.80 for entity")
    assert row(kite, taken)["status"] == "COMPLETE"


def test_dead_token_stays_dead_until_a_login(desk: Stand) -> None:
    kite = desk.kite()
    desk.fault("orders", Kind.TOKEN_EXPIRED)
    for _ in range(2):
        with pytest.raises(kite_exceptions.TokenException):
            kite.orders()
    kite.set_access_token(kite.generate_session(desk.me.request_token, desk.me.api_secret)["access_token"])
    assert kite.orders() == []


@pytest.mark.parametrize(
    ("on", "read"),
    [
        ("orders", lambda kite: kite.orders()),
        ("orders", lambda kite: kite.trades()),
        ("positions", lambda kite: kite.positions()),
        ("margins", lambda kite: kite.margins()),
        ("margins", lambda kite: kite.basket_order_margins([])),
        ("quotes", lambda kite: kite.ltp("NFO:X")),
        ("modify", lambda kite: kite.modify_order("regular", "1")),
        ("cancel", lambda kite: kite.cancel_order("regular", "1")),
        ("any", lambda kite: kite.profile()),
    ],
)
def test_request_that_is_named_is_hit_and_no_other(desk: Stand, on: str, read: Any) -> None:
    kite = desk.kite()
    desk.fault(on, Kind.UNAVAILABLE)
    if on != "any":
        kite.profile()
    with pytest.raises(kite_exceptions.NetworkException) as caught:
        read(kite)
    assert caught.value.code == 503


def test_account_that_is_not_named_is_not_hit(desk: Stand) -> None:
    desk.fault("orders", Kind.SERVER_ERROR)
    assert desk.kite("ZC0002").orders() == []
    assert desk.sandbox.server.script.hits == {}


def test_faults_are_armed_over_http_too(desk: Stand) -> None:
    url = f"{desk.sandbox.root_url}/sandbox/faults"
    answer = requests.post(url, json=[{"on": "orders", "kind": "html", "times": 2}], timeout=5)
    assert answer.json() == {"armed": 1}
    for _ in range(2):
        with pytest.raises(kite_exceptions.DataException):
            desk.kite().orders()
    assert desk.kite().orders() == []


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"on": "orders", "kind": "nothing"}, "`kind` is one of"),
        ({"on": "lunch", "kind": "html"}, "`on` is one of"),
        ({"on": "orders", "kind": "html", "times": 0}, "`times`"),
        ({"on": "orders", "kind": "html", "when": 1}, "unknown key when"),
        ({"push": "push_nothing"}, "`push` is one of"),
        ({"push": "push_gap", "times": 0}, "`times`"),
        ({"push": "push_gap", "on": "orders"}, "unknown key on"),
    ],
)
def test_wrong_word_is_answered_with_those_that_there_are(desk: Stand, entry: Any, words: str) -> None:
    good = {"on": "orders", "kind": "html"}
    answer = requests.post(f"{desk.sandbox.root_url}/sandbox/faults", json=[good, entry], timeout=5)
    assert answer.status_code == 400
    assert desk.kite().orders() == []  # and the good one beside it is not armed either
    assert words in answer.json()["error"]


def test_entry_of_a_script_is_a_fault() -> None:
    found = fault_of({"on": "place", "kind": "slow", "account": "ZC0001", "times": 2, "after_s": 3})
    assert found == Fault("place", Kind.SLOW, "ZC0001", 2, 3.0)


def test_script_file_has_faults_of_requests_and_of_updates(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text("- {on: place, kind: html, account: ZC0001}\n- {push: push_late_partial, times: 2}\n")
    assert load_script(file) == [Fault("place", Kind.HTML, "ZC0001"), PushFault("push_late_partial", "", 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "must be a list"),
        ("- {on: place, kind: nothing}", "`kind` is one of"),
        ("- {push: nothing}", "`push` is one of"),
        ("- {push: freeze}", "POST it"),
    ],
)
def test_script_file_that_cannot_be_done_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(f"{text}\n")
    with pytest.raises(ConfigError, match=f"script.yaml.*{words}"):
        load_script(file)
