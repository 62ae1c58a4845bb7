"""The doctor at the loopback SmartAPI: what is well says so, what is not says what to do, and no order is ever sent."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.angel_one.checkup import Checkup
from brokers.angel_one.login import Keeper
from brokers.desk import BY_ITSELF, Desk
from brokers.doctor import examine
from brokers.transport import Transport
from config.load import load_settings_text
from config.schema import AngelOneUrls, Settings
from engine.findings import Finding, Level
from engine.model import Side
from tests.contract.angel_desk import Account
from tests.contract.angel_server import AngelServer
from tests.contract.desks import INSTRUMENTS, angel_credentials
from tests.unit.brokers.raw_server import answer, refused_port, says, serving
from tests.unit.paper.builders import quote

DAY = date(2026, 11, 2)
USER = "A123"
OF_THE_HOUR = "in the last hour; changes and cancels count too, and the book does not tell them"


@pytest.fixture
def server() -> Iterator[AngelServer]:
    with AngelServer([(USER, Decimal(1_000_000))], INSTRUMENTS) as made:
        yield made


def found(server: AngelServer, directory: Path, **changes: str) -> list[Finding]:
    """What the whole doctor finds of the account."""
    return [f for f in examined(server, directory, **changes) if f.account == "AM0001"]


def written(server: AngelServer, directory: Path, **changes: str) -> Settings:
    """Configuration and credentials as people write them."""
    file = directory / "credentials.txt"
    values = {name: secret.reveal() for name, secret in angel_credentials(server.desk.accounts[USER]).items()}
    file.touch(mode=0o600)
    file.write_text("".join(f"{name} = {value}\n" for name, value in (values | changes).items()))
    text = (
        f"mode: live\nmaster: {{id: AM0001, broker: angel_one, credentials: {file}}}\nchildren:\n"
        f'  - {{id: P1, broker: paper, capital_inr: 1000000}}\nbrokers:\n  angel_one: {{root_url: "{server.root_url}"}}\n'
    )
    return load_settings_text(text, "config.yaml")


def examined(server: AngelServer, directory: Path, **changes: str) -> list[Finding]:
    """What the whole doctor finds."""
    return list(examine(written(server, directory, **changes), DAY, directory, server.clock.now_ns))


def bad(findings: list[Finding]) -> list[str]:
    assert all(finding.todo for finding in findings if finding.level is Level.BAD)
    return [finding.check for finding in findings if finding.level is Level.BAD]


@pytest.mark.parametrize(
    ("files", "level", "text"),
    [
        ([], Level.NOTE, "angel_one: none kept yet; today's is read at the start"),
        (["zerodha-2026-11-02.csv"], Level.NOTE, "angel_one: none kept yet; today's is read at the start"),
        (
            ["angel_one-2026-10-30.json"],
            Level.NOTE,
            "angel_one: the kept file is of 2026-10-30; today's is read at the start",
        ),
        (["angel_one-2026-10-30.json", "angel_one-2026-11-02.json"], Level.GOOD, "angel_one: the kept file is of 2026-11-02"),
    ],
)  # fmt: skip
def test_kept_file_of_the_accounts_own_broker_counts(
    server: AngelServer, tmp_path: Path, files: list[str], level: Level, text: str
) -> None:
    for name in files:
        (tmp_path / name).touch()
    (kept,) = [f for f in examined(server, tmp_path) if f.check == "instruments"]
    assert (kept.level, kept.text) == (level, text)


def test_login_says_nothing_of_a_session_that_nobody_asked_for(server: AngelServer, tmp_path: Path) -> None:
    desk = Desk(written(server, tmp_path, password="0000"), tmp_path, server.clock.now_ns)
    assert desk.why_no_login("AM0001") == f"{BY_ITSELF}; `doctor` tries it"


def test_healthy_account_has_nothing_bad(server: AngelServer, tmp_path: Path) -> None:
    findings = found(server, tmp_path)
    assert bad(findings) == []
    assert {finding.check: finding.text for finding in findings} == {
        "credentials": f"{tmp_path}/credentials.txt is private and complete",
        "session": "logged in with PIN and code",
        "holder": "the session is that of the username",
        "segments": "NFO, BFO",
        "margin": "net is ₹10,00,000.00",
        "orders": "0 today; Angel has no limit of the day",
        "hour": f"0 of 1000 {OF_THE_HOUR}",
        "address": "Angel looks at the address of orders only, so it cannot be checked without one",
    }


@pytest.mark.parametrize(("orders", "level"), [(800, Level.GOOD), (801, Level.NOTE)])
def test_hour_that_is_nearly_used_up_is_told_and_over_when_it_is_over(
    server: AngelServer, tmp_path: Path, orders: int, level: Level
) -> None:
    def place() -> None:
        for _ in range(orders):
            server.exchange.trade(USER, INSTRUMENTS[0].symbol, "NFO", Side.BUY, 65, "NRML", server.clock.now_ns())

    server.quote(quote(at_ns=server.clock.now_ns()))
    server.call(place)
    (hour,) = [f for f in found(server, tmp_path) if f.check == "hour"]
    assert (hour.level, hour.text) == (level, f"{orders} of 1000 {OF_THE_HOUR}")
    assert ("or wait" in hour.todo) is (level is Level.NOTE)
    server.clock.move(3600)
    (after,) = [f for f in found(server, tmp_path) if f.check == "hour"]
    assert (after.level, after.text, after.todo) == (Level.GOOD, f"0 of 1000 {OF_THE_HOUR}", "")


def test_wrong_pin_is_found_and_tried_once(server: AngelServer, tmp_path: Path) -> None:
    findings = found(server, tmp_path, password="987654321")
    assert bad(findings) == ["session"]
    assert server.logins(USER) == 1
    assert "987654321" not in str(findings)
    assert "AB1000" in str(findings)


def test_doctor_looks_again_without_another_try(server: AngelServer, tmp_path: Path) -> None:
    for _ in range(5):
        assert bad(found(server, tmp_path, password="987654321")) == ["session"]
        server.clock.move(60)
    assert server.logins(USER) == 1


def test_doctor_takes_the_session_of_a_running_account_and_leaves_it(server: AngelServer, tmp_path: Path) -> None:
    transport = Transport(server.root_url)
    keeper = Keeper(angel_credentials(server.desk.accounts[USER]), transport, server.clock.now_ns)
    session = keeper.session()
    assert {f.check: f.text for f in found(server, tmp_path)}["session"] == "the session of this program holds"
    assert bad(found(server, tmp_path)) == []
    assert keeper.session() is session
    assert server.logins(USER) == 1
    transport.close()


def test_session_that_is_over_is_found_out_and_followed_by_another_code(server: AngelServer, tmp_path: Path) -> None:
    assert bad(found(server, tmp_path)) == []
    server.end_sessions()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        server.clock.move(seconds)

    assert bad(looked(server, sleep)) == []
    assert server.logins(USER) == 2
    assert len(slept) == 1


def looked(server: AngelServer, sleep: Callable[[float], None], **changes: str) -> list[Finding]:
    """What the checkup of the account alone finds."""
    credentials = angel_credentials(server.desk.accounts[USER], **changes)
    urls = AngelOneUrls(root_url=server.root_url)
    return list(Checkup("AM0001", credentials, urls, None, server.clock.now_ns, sleep).findings())


def test_code_that_another_program_used_is_waited_out(server: AngelServer) -> None:
    server.fault("login", "wrong_code")
    assert bad(looked(server, server.clock.move)) == []


def test_wrong_codes_are_tried_twice_however_often_the_doctor_looks(server: AngelServer) -> None:
    for _ in range(4):
        assert bad(looked(server, server.clock.move, totp_token="B" * 32)) == ["session"]
        server.clock.move(60)
    assert server.desk.accounts[USER].wrong_logins == 2


def test_secret_that_makes_no_codes_is_found(server: AngelServer, tmp_path: Path) -> None:
    assert bad(found(server, tmp_path, totp_token="0189")) == ["session"]
    assert server.logins(USER) == 0


@pytest.mark.parametrize(("on", "check"), [("profile", "holder"), ("margins", "margin"), ("orders", "orders")])
@pytest.mark.parametrize("kind", ["server_error", "rate_limited", "unavailable", "dropped_before"])
def test_read_that_fails_is_found(server: AngelServer, tmp_path: Path, on: str, check: str, kind: str) -> None:
    server.fault(on, kind)
    assert bad(found(server, tmp_path)) == [check]


def test_session_of_another_client_is_found(server: AngelServer, tmp_path: Path) -> None:
    account = server.desk.accounts[USER]
    server.desk.profile = lambda _account: {"clientcode": "B999", "exchanges": ["NSE"]}  # type: ignore[method-assign, assignment]
    findings = found(server, tmp_path)
    assert bad(findings) == ["holder"]
    assert [f.text for f in findings if f.check == "segments"] == ["not activated: NFO, BFO"]
    assert account.logins == 1


def test_account_without_money_is_found(server: AngelServer, tmp_path: Path) -> None:
    server.exchange.set_available(USER, Decimal(0))
    assert bad(found(server, tmp_path)) == ["margin"]


def test_doctor_sends_no_order(server: AngelServer, tmp_path: Path) -> None:
    found(server, tmp_path)
    assert set(server.requests) == {"profile", "margins", "orders"}
    assert not any("refresh" in path for path in server.paths)


def clock_findings(url: str, now_s: int) -> list[Finding]:
    """The clock alone, as it is looked at where the server is Angel's own."""
    values = angel_credentials(Account(user="A1", api_key="k", pin="1", totp_secret="A" * 32))
    checkup = Checkup("AM0001", values, AngelOneUrls(root_url=url), None, lambda: now_s * 10**9)
    checkup._is_sandbox = False
    return [f for f in checkup.findings() if f.check in ("clock", "connection")]


@pytest.mark.parametrize(
    ("date_header", "level"),
    [
        ("Mon, 02 Nov 2026 04:00:02 GMT", Level.GOOD),
        ("Mon, 02 Nov 2026 04:00:03 GMT", Level.BAD),
        ("Mon, 02 Nov 2026 03:59:00 GMT", Level.BAD),
        ("yesterday", Level.NOTE),
    ],
)
def test_clock_is_compared_with_angels(date_header: str, level: Level) -> None:
    with serving(says(answer(json.dumps({"status": False}).encode(), more=(f"Date: {date_header}",)))) as raw:
        (finding,) = clock_findings(raw.url, 1_793_592_000)
    assert finding.level is level


def test_server_that_cannot_be_reached_is_found() -> None:
    (finding,) = clock_findings(f"http://127.0.0.1:{refused_port()}", 1_793_592_000)
    assert (finding.check, finding.level) == ("connection", Level.BAD)
