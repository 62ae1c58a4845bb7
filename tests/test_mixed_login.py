"""A child at Angel One whose login is another one since: it stops, is not locked, and goes on with the corrected file."""

from pathlib import Path

import pyotp
import pytest

from engine.model import Side
from tests.test_mixed import Twin
from tests.test_mixed import twin as twin  # noqa: PLC0414  a fixture

pytestmark = pytest.mark.slow
"""It waits for the codes of two half minutes."""

MASTER, HERE, THERE = "ZM0001", "ZC0001", "AC0001"
NEW_PIN = "8642"


def says(twin: Twin, *parts: str) -> bool:
    return any(all(part in line for part in parts) for line in twin.program.lines)


def test_others_go_on_while_a_login_is_refused_and_the_corrected_file_is_taken_at_once(twin: Twin) -> None:
    config = twin.configure(MASTER, (HERE, THERE))
    file = Path(config.parent / f"{THERE}.txt")
    twin.program.start(config)
    twin.program.armed(twin.sandbox.clock.now_ns)
    hedge, second = (leg.symbol for leg in twin.legs())
    twin.trade(MASTER, hedge, Side.BUY, 10)
    twin.program.wait("the copies", lambda: twin.lots(HERE) == twin.lots(THERE) == {hedge: 3})
    account = twin.angel.desk.accounts[THERE]
    old_pin, account.pin = account.pin, NEW_PIN
    twin.angel.end_sessions()
    twin.program.wait("the login is asked for", lambda: says(twin, THERE, "LOGIN REQUIRED"))
    assert not says(twin, HERE, "LOGIN REQUIRED")
    twin.trade(MASTER, second, Side.BUY, 10)
    twin.program.wait("the other child", lambda: twin.lots(HERE) == {hedge: 3, second: 3})
    assert twin.lots(THERE) == {hedge: 3}
    twin.program.wait("a login with the next code, that is refused", lambda: account.wrong_logins == 1)
    old_secret, account.totp_secret = account.totp_secret, pyotp.random_base32()  # whose codes are all new
    text = file.read_text().replace(f"password = {old_pin}", f"password = {NEW_PIN}")
    file.write_text(text.replace(old_secret, account.totp_secret))
    twin.program.wait("the login is heard", lambda: says(twin, f"{THERE}: ", "logged in"))
    twin.trade(MASTER, second, Side.SELL, 10)
    twin.trade(MASTER, hedge, Side.SELL, 10)
    twin.program.wait("everybody flat", lambda: twin.lots(HERE) == twin.lots(THERE) == {})
    twin.trade(MASTER, hedge, Side.BUY, 10)
    twin.program.wait("the next copies", lambda: twin.lots(HERE) == twin.lots(THERE) == {hedge: 3})
    assert account.wrong_logins == 1  # what was refused for sure is never tried again
    assert twin.program.stop() == 0
