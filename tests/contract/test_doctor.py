"""The doctor at the sandbox: what is well says so, what is not says what to do, and no order is ever sent."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.doctor import examine
from config.load import load_settings
from engine.findings import Finding, Level
from paper.sandbox.configuration import write_configuration
from paper.sandbox.faults import Fault, Kind
from paper.sandbox.sandbox import Plan, Sandbox, SandboxThread
from tests.contract.desks import PATIENCE_S, StillMarket

ROOT = Path(__file__).resolve().parent.parent.parent
DAY = date(2026, 11, 2)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    accounts = [("ZM0001", Decimal(3_500_000)), ("ZC0001", Decimal(1_000_000))]
    with SandboxThread(Plan(day=DAY, accounts=accounts, market=StillMarket())) as made:
        yield made


def found(sandbox: Sandbox, directory: Path, day: date = DAY) -> list[Finding]:
    path = directory / "config.yaml"
    if not path.exists():
        write_configuration(directory, sandbox)
    return list(examine(load_settings(path), day, directory / "instruments", lambda: 0))


def bad(findings: list[Finding]) -> list[tuple[str, str]]:
    assert all(finding.todo for finding in findings if finding.level is Level.BAD)
    return [(finding.account, finding.check) for finding in findings if finding.level is Level.BAD]


def test_healthy_accounts_have_nothing_bad(sandbox: Sandbox, tmp_path: Path) -> None:
    findings = found(sandbox, tmp_path)
    assert bad(findings) == []
    texts = {(finding.account, finding.check): finding.text for finding in findings}
    assert texts["ZM0001", "margin"] == "equity.net is ₹35,00,000.00"
    assert texts["ZC0001", "session"] == "logged in as the user of the credentials file"


def test_session_that_is_over_says_how_to_log_in(sandbox: Sandbox, tmp_path: Path) -> None:
    write_configuration(tmp_path, sandbox)
    sandbox.desk.accounts["ZC0001"].access_token = ""
    findings = found(sandbox, tmp_path)
    (session,) = [f for f in findings if f.level is Level.BAD]
    assert (session.account, session.check) == ("ZC0001", "session")
    assert "login ZC0001" in session.todo


def test_token_of_another_user_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    write_configuration(tmp_path, sandbox)
    file = tmp_path / "credentials_zc0001.txt"
    file.write_text(file.read_text().replace("user_id = ZC0001", "user_id = ZC0009"))
    assert bad(found(sandbox, tmp_path)) == [("ZC0001", "session")]


def test_file_that_others_can_read_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    write_configuration(tmp_path, sandbox)
    (tmp_path / "credentials_zm0001.txt").chmod(0o644)
    assert bad(found(sandbox, tmp_path)) == [("ZM0001", "credentials")]


@pytest.mark.parametrize(("on", "check"), [("margins", "margin"), ("orders", "orders")])
def test_read_that_fails_is_found(sandbox: Sandbox, tmp_path: Path, on: str, check: str) -> None:
    sandbox.server.script.arm([Fault(on, Kind.SERVER_ERROR, "ZM0001")])
    assert bad(found(sandbox, tmp_path)) == [("ZM0001", check)]


def test_account_without_money_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    account = sandbox.desk.accounts["ZC0001"]
    sandbox.exchange.set_available(account.user_id, Decimal(0))
    assert bad(found(sandbox, tmp_path)) == [("ZC0001", "margin")]


def test_day_that_the_calendar_does_not_know_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    assert ("", "calendar") in bad(found(sandbox, tmp_path, date(2031, 1, 6)))


def test_doctor_sends_no_order(sandbox: Sandbox, tmp_path: Path) -> None:
    found(sandbox, tmp_path)
    assert [sandbox.desk.orders(account) for account in sandbox.desk.accounts.values()] == [[], []]


def test_command_prints_findings_and_fails_on_a_bad_one(sandbox: Sandbox, tmp_path: Path) -> None:
    config = write_configuration(tmp_path, sandbox)
    sandbox.desk.accounts["ZC0001"].access_token = ""
    command = [sys.executable, str(ROOT / "runner.py"), "doctor", "--json", "--config", str(config)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    document = json.loads(done.stdout)
    assert (done.returncode, document["good"]) == (1, False)
    levels = {(row["account"], row["check"]): row["level"] for row in document["findings"]}
    assert (levels["ZM0001", "session"], levels["ZC0001", "session"]) == ("good", "bad")
    for secret in ("secretzc0001", "tokenzc0001", "keyzc0001"):
        assert secret not in done.stdout + done.stderr
