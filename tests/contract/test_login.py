"""The morning login at Zerodha, with the official client's own exchange of tokens, against the sandbox."""

import queue
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.zerodha.client import KiteClient
from brokers.zerodha.login import HOST, PORT, REDIRECT, SILENT_S, Catcher, Login, LoginFailed, request_token_of
from config.credentials import Credentials, load_credentials
from config.schema import BrokerUrls
from paper.sandbox.configuration import write_configuration
from paper.sandbox.sandbox import Plan, Sandbox, SandboxThread
from tests.contract.desks import PATIENCE_S, StillMarket


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    accounts = [("ZM0001", Decimal(1)), ("ZC0001", Decimal(1))]
    with SandboxThread(Plan(day=date(2026, 11, 2), accounts=accounts, market=StillMarket())) as made:
        yield made


@pytest.fixture
def credentials(sandbox: Sandbox, tmp_path: Path) -> Credentials:
    write_configuration(tmp_path, sandbox)
    return load_credentials(tmp_path / "credentials_zc0001.txt")


@pytest.fixture
def login(sandbox: Sandbox, credentials: Credentials) -> Iterator[Login]:
    made = Login(credentials, BrokerUrls(root_url=sandbox.root_url, ticker_url=sandbox.ticker_url))
    yield made
    made.close()


def test_token_names_its_holder(login: Login, credentials: Credentials) -> None:
    assert login.holder(credentials["access_token"]) == "ZC0001"
    assert login.holder(None) == ""


def test_dead_token_is_nobodys(login: Login, sandbox: Sandbox, credentials: Credentials) -> None:
    sandbox.desk.accounts["ZC0001"].access_token = "another"
    assert login.holder(credentials["access_token"]) == ""


def test_request_token_becomes_an_access_token_once(login: Login, sandbox: Sandbox) -> None:
    given = sandbox.desk.accounts["ZC0001"].request_token
    token = login.exchange(f"http://127.0.0.1:8766/?action=login&status=success&request_token={given}")
    assert login.holder(token) == "ZC0001"
    with pytest.raises(LoginFailed, match="works once"):
        login.exchange(given)


def test_login_of_another_user_is_refused(login: Login, sandbox: Sandbox) -> None:
    account = sandbox.desk.accounts["ZC0001"]
    account.user_id = "ZM0001"
    with pytest.raises(LoginFailed, match="another user"):
        login.exchange(account.request_token)


def test_wrong_secret_is_refused_without_repeating_it(login: Login, sandbox: Sandbox) -> None:
    account = sandbox.desk.accounts["ZC0001"]
    account.api_secret = "changed"
    with pytest.raises(LoginFailed) as failure:
        login.exchange(account.request_token)
    assert "secretzc0001" not in str(failure.value)


@pytest.mark.parametrize("login_time", ["9" * 19, "1e999", 5, None, "yesterday", ["2026-11-02"]])
@pytest.mark.parametrize("data", [{"access_token": "T", "user_id": "ZC0001"}, {}, [], None, "T"])
def test_answer_that_is_not_as_documented_is_a_sentence(
    login: Login, monkeypatch: pytest.MonkeyPatch, data: object, login_time: object
) -> None:
    """The official client reads a time out of the answer, with whatever its parser raises."""
    answer = {**data, "login_time": login_time} if isinstance(data, dict) else data
    monkeypatch.setattr(KiteClient, "_request", lambda *_args, **_more: answer)
    try:
        login.exchange("abcdef")
    except LoginFailed as failure:
        assert "T" not in str(failure).replace("Token", "")


@pytest.mark.parametrize("given", ["", "  ", "not a token!", "http://127.0.0.1:8766/?status=success", "a b"])
def test_what_holds_no_token_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(LoginFailed) as failure:
        request_token_of(given)
    assert not given.strip() or given not in str(failure.value)


@pytest.mark.parametrize(
    "given",
    [
        "abcd1234",
        " abcd1234\n",
        "https://127.0.0.1/?request_token=abcd1234&action=login&status=success",
        "request_token=abcd1234&status=success",
    ],
)
def test_token_is_found_in_what_people_paste(given: str) -> None:
    assert request_token_of(given) == "abcd1234"


def test_login_page_of_the_sandbox_leads_back_to_the_catcher(login: Login) -> None:
    caught: queue.Queue[str] = queue.Queue()
    catcher = Catcher(caught.put)
    try:
        page = urllib.request.urlopen(login.url, timeout=PATIENCE_S).read().decode()
    finally:
        catcher.close()
    assert "has the login" in page
    assert login.holder(login.exchange(caught.get(timeout=PATIENCE_S))) == "ZC0001"


def test_browsers_spare_connection_holds_up_neither_the_login_nor_its_end() -> None:
    """Chrome opens one beside that of the page, and says nothing on it."""
    caught: queue.Queue[str] = queue.Queue()
    catcher = Catcher(caught.put)
    with socket.create_connection((HOST, PORT)), ThreadPoolExecutor(2) as pool:
        asking = pool.submit(urllib.request.urlopen, f"{REDIRECT}?request_token=abcd1234", timeout=SILENT_S / 2)
        assert "has the login" in asking.result().read().decode()
        assert caught.get(timeout=PATIENCE_S) == "abcd1234"
        pool.submit(catcher.close).result(SILENT_S / 2)


def test_address_of_the_real_login_page_is_kites(credentials: Credentials) -> None:
    made = Login(credentials, BrokerUrls())
    assert made.url == "https://kite.zerodha.com/connect/login?api_key=keyzc0001&v=3"
    made.close()
