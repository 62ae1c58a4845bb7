"""Doctor and login inside the dashboard, with accounts that answer as they are told."""

import threading
from collections.abc import Iterator

import msgspec
import pytest

from engine.commands import Severity
from engine.errors import LockstepError
from engine.findings import Finding, Level
from engine.snapshot import Attention
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, WIDE, Desk, drive
from tui.bridge import LoginTalk

PATIENCE_S = 30
GOOD = Finding(
    account="ZM0001", check="session", level=Level.GOOD, text="logged in as the user of the credentials file"
)
BAD = Finding(account="ZC0001", check="session", level=Level.BAD, text="the token is over", todo="log in again")


class Talk:
    url = "https://kite.zerodha.com/connect/login?api_key=K&v=3"
    redirect = "http://127.0.0.1:8766/"

    def __init__(self, accounts: "Accounts") -> None:
        self._accounts = accounts
        self.closed = threading.Event()

    def caught(self) -> str | None:
        caught, self._accounts.caught = self._accounts.caught, None
        return caught

    def finish(self, given: str) -> str:
        self._accounts.given.append(given)
        if given == "wrong":
            raise LockstepError("Kite refuses the login: a token works once")
        self._accounts.finished.set()
        return "ZC0001: logged in until 06:00 tomorrow"

    def close(self) -> None:
        self.closed.set()


class Accounts:
    """Two accounts at a broker."""

    accounts = ("ZM0001", "ZC0001")

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings or (GOOD, BAD)
        self.given: list[str] = []
        self.caught: str | None = None
        self.finished = threading.Event()
        self.rounds = 0
        self.talks: list[Talk] = []
        self.refusal = ""

    def examine(self) -> Iterator[Finding]:
        self.rounds += 1
        yield from self.findings

    def why_no_login(self, account: str) -> str:
        return ""

    def log_in(self, account: str) -> LoginTalk:
        if self.refusal:
            raise LockstepError(self.refusal)
        self.talks.append(Talk(self))
        return self.talks[-1]


async def until(desk: Desk, text: str) -> str:
    """Look until the text is on the screen."""
    for _ in range(int(PATIENCE_S / 0.05)):
        await desk.look()
        if text in desk.text:
            return desk.text
        await desk.pilot.pause(0.05)
    raise AssertionError(f"never seen: {text}\n{desk.text}")


def test_findings_are_listed_with_what_to_do() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("a")
        text = await until(desk, "1 of 2 checks want something done")
        assert "✗ ZC0001" in text
        assert "→ log in again" in text
        assert "✓ ZM0001" in text
        await desk.press("escape")
        assert desk.top == "Overview"

    drive(s.flat(), script, accounts=Accounts())


def test_enter_on_a_login_that_is_needed_proposes_that_account() -> None:
    accounts = Accounts()
    item = Attention(severity=Severity.ALARM, text="login required", key="a", account="ZC0001")

    async def script(desk: Desk) -> None:
        await desk.press("3", "enter")
        await until(desk, "the token is over")
        await desk.press("enter")
        assert "LOGIN ZC0001" in desk.text

    drive(s.condor(attention=(item,)), script, accounts=accounts)


@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_accounts_that_begin_alike_are_told_apart_and_their_text_is_not_cut(size: tuple[int, int]) -> None:
    ids = ("GRANDFATHER-HDFC", "GRANDFATHER-AXIS")
    found = [msgspec.structs.replace(BAD, account=account, text="x " * 90) for account in ids]

    async def script(desk: Desk) -> None:
        await desk.press("a")
        text = await until(desk, "2 of 2 checks want something done")
        shown = [row.split("✗ ")[1].split()[0] for row in text.splitlines() if "✗ " in row]
        assert len(set(shown)) == 2
        assert [name[-4:] for name in shown] == ["HDFC", "AXIS"]
        words = [row.split("✗ ")[-1].count(" x") for row in text.splitlines() if "x x" in row]
        assert sum(words) == 180
        assert min(words[:1]) >= 20  # a long account takes no more than leaves room for the text

    drive(s.flat(), script, size=size, accounts=Accounts(*found))


def test_doctor_proposes_nobody_while_the_wanted_account_is_not_looked_at() -> None:
    item = Attention(severity=Severity.ALARM, text="login required", key="a", account="ZC0002")

    async def script(desk: Desk) -> None:
        await desk.press("3", "enter")
        await until(desk, "1 of 2 checks")
        await desk.press("enter")
        assert desk.top == "Doctor"
        await desk.press("down", "enter")
        assert "LOGIN ZM0001" in desk.text

    drive(s.condor(attention=(item,)), script, accounts=Accounts())


def test_doctor_looks_again_only_when_it_has_ended() -> None:
    accounts = Accounts(GOOD)

    async def script(desk: Desk) -> None:
        await desk.press("a")
        await until(desk, "nothing to be done")
        await desk.press("a")
        await until(desk, "nothing to be done")

    drive(s.flat(), script, accounts=accounts)
    assert accounts.rounds == 2


def test_doctor_that_fails_says_so() -> None:
    class Failing(Accounts):
        def examine(self) -> Iterator[Finding]:
            yield GOOD
            raise LockstepError("the configuration went away")

    async def script(desk: Desk) -> None:
        await desk.press("a")
        assert "✓ ZM0001" in await until(desk, "the configuration went away")

    drive(s.flat(), script, accounts=Failing())


def test_accounts_on_paper_have_nothing_to_connect() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("a")
        assert desk.top == "Overview"

    drive(s.flat(), script)


def test_pasted_address_logs_in_and_the_doctor_looks_again() -> None:
    accounts = Accounts()

    async def script(desk: Desk) -> None:
        await desk.press("a")
        await until(desk, "checks want something done")
        await desk.press("down", "enter")
        text = await until(desk, "paste the address")
        assert "api_key=K" in text
        await desk.press(*"CANARY", "enter")
        assert "CANARY" not in desk.text
        await until(desk, "checks want something done")
        assert accounts.rounds == 2

    drive(s.flat(), script, accounts=accounts)
    assert accounts.given == ["CANARY"]
    assert accounts.talks[0].closed.wait(PATIENCE_S)


def test_login_that_the_browser_brings_back_needs_no_pasting() -> None:
    accounts = Accounts()

    async def script(desk: Desk) -> None:
        await desk.press("a")
        await until(desk, "checks want something done")
        await desk.press("enter")
        await until(desk, "paste the address")
        accounts.caught = "caught"
        await until(desk, "ACCOUNTS")

    drive(s.flat(), script, accounts=accounts)
    assert accounts.given == ["caught"]


def test_refused_login_is_told_and_can_be_tried_again() -> None:
    accounts = Accounts()

    async def script(desk: Desk) -> None:
        await desk.press("a")
        await until(desk, "checks want something done")
        await desk.press("enter")
        await until(desk, "paste the address")
        await desk.press(*"wrong", "enter")
        await until(desk, "a token works once")
        await desk.press(*"right", "enter")
        await until(desk, "ACCOUNTS")

    drive(s.flat(), script, accounts=accounts)
    assert accounts.given == ["wrong", "right"]


def test_account_that_needs_no_login_says_why() -> None:
    accounts = Accounts()
    accounts.refusal = "ZM0001 logs in by itself"

    async def script(desk: Desk) -> None:
        await desk.press("a")
        await until(desk, "checks want something done")
        await desk.press("enter")
        await until(desk, "logs in by itself")
        await desk.press("escape")
        assert desk.top == "Doctor"

    drive(s.flat(), script, accounts=accounts)


def test_left_login_stops_listening() -> None:
    accounts = Accounts()

    async def script(desk: Desk) -> None:
        await desk.press("a")
        await until(desk, "checks want something done")
        await desk.press("enter")
        await until(desk, "paste the address")
        await desk.press("escape")

    drive(s.flat(), script, accounts=accounts)
    assert accounts.talks[0].closed.wait(PATIENCE_S)
