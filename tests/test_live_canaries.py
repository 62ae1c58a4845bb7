"""No secret of a Zerodha account is on the screen, in a file or in what a command prints, whatever the session meets."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paper.sandbox.faults import Fault, Kind
from paper.sandbox.sandbox import SandboxThread
from tests.test_live import CHILDREN, MASTER, PATIENCE_S, Live, enter, equal, leave
from tests.test_lost_terminal import Shown

NAMES = dict(zip((MASTER, *CHILDREN), ("boss", "first", "second", "third"), strict=True))
"What the configuration calls the accounts: their names at the broker are secrets here."
DEAD = CHILDREN[0]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    thread = SandboxThread(equal())
    with thread:
        made = Live(thread, tmp_path)
        text = made.config.read_text()
        for user, name in NAMES.items():
            text = text.replace(f"id: {user},", f"id: {name},")
        made.config.write_text(text)
        made.program = Shown(tmp_path)
        yield made
        made.program.kill()
        made.program.hang_up()


def secrets_of(live: Live) -> set[str]:
    """Everything that is secret now; tokens change."""
    accounts = live.sandbox.desk.accounts.values()
    found = {text for a in accounts for text in (a.user_id, a.api_key, a.api_secret, a.access_token, a.request_token)}
    return found - {""}


def printed(live: Live, *arguments: str, given: str = "") -> str:
    """What a command prints, wherever."""
    done = subprocess.run(
        live.program.command(*arguments),
        check=False,
        cwd=live.directory,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.stdout


def test_no_secret_is_on_the_screen_in_a_file_or_printed(live: Live) -> None:
    shown = live.program
    assert isinstance(shown, Shown)
    secrets = secrets_of(live)
    account = live.sandbox.desk.accounts[DEAD]
    config = ("--config", str(live.config))
    said = [printed(live, "doctor", *config)]
    live.start()
    live.armed()
    faults = [Fault("place", kind, CHILDREN[1]) for kind in (Kind.TIMED_OUT_400, Kind.REJECTED, Kind.IP_REFUSED)]
    live.thread.call(lambda: live.sandbox.server.script.arm([*faults, Fault("place", Kind.TOKEN_EXPIRED, DEAD)]))
    condor = enter(live)
    live.wait("the third child", lambda: live.positions()[CHILDREN[2]] == condor)
    live.wait("the login is asked for", lambda: any("first" in line and "LOGIN" in line for line in live.lines))
    shown.press(b"a", what="the doctor", found=lambda: b"the token is over" in shown.seen)
    said += [printed(live, command, *more) for command, more in (("doctor", config), ("status", ()), ("limits", ()))]
    said.append(printed(live, "login", "first", *config, given="CANARYWRONG\n"))
    said.append(printed(live, "login", "first", *config, given=f"{account.request_token}\n"))
    secrets |= secrets_of(live)
    live.wait("the login is heard", lambda: any("first: " in line and "logged in" in line for line in live.lines))
    leave(live)
    live.wait("flat", lambda: live.positions()[CHILDREN[2]] == {})
    assert live.stop() in (0, 4)
    shown.hang_up()
    # The address of the login page must name the app's key; nothing else that is printed does.
    text = "\n".join(said).replace(f"api_key={account.api_key}&", "")
    assert all(word in text for word in ("boss", "first", "logged in until"))
    assert [secret for secret in secrets | {"CANARYWRONG"} if secret in text] == []
    assert b"boss" in shown.seen and b"first" in shown.seen
    assert [secret for secret in secrets if secret.encode() in shown.seen] == []
    files = [path for path in live.directory.rglob("*") if path.is_file() and "config" not in path.parts[-2:]]
    assert {".sqlite3", ".log"} <= {path.suffix for path in files}
    for path in files:
        content = path.read_bytes()
        assert [secret for secret in secrets if secret.encode() in content] == [], path
