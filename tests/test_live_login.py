"""A child whose token dies in the middle of a session: it is stopped and says so, the others go on, and a login mends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paper.sandbox.sandbox import SandboxThread
from tests.test_live import CHILDREN, LOT, MASTER, Live, enter, equal, leave, symbols

DEAD, *OTHERS = CHILDREN


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    thread = SandboxThread(equal())
    with thread:
        made = Live(thread, tmp_path)
        yield made
        made.program.kill()


def says(live: Live, *parts: str) -> bool:
    return any(all(part in line for part in parts) for line in live.lines)


def die(live: Live) -> None:
    """The child's token is over, as after a login of his elsewhere."""
    account = live.sandbox.desk.accounts[DEAD]
    live.thread.call(lambda: setattr(account, "access_token", ""))
    live.wait("the login is asked for", lambda: says(live, DEAD, "LOGIN REQUIRED"))
    assert not any(says(live, other, "LOGIN REQUIRED") for other in (MASTER, *OTHERS))


def log_in(live: Live) -> None:
    """The operator's login in another terminal."""
    live.log_in(DEAD, DEAD)
    live.wait("the login is heard", lambda: says(live, f"{DEAD}: ", "logged in"))


def others_hold(live: Live, legs: dict[str, int]) -> bool:
    held = live.positions()
    return all(held[child] == legs for child in OTHERS)


def test_entries_of_the_others_go_on_and_the_child_takes_part_again_after_a_login(live: Live) -> None:
    live.start()
    live.armed()
    hedges, shorts = symbols(live)[:2], symbols(live)[2:]
    for hedge in hedges:
        live.trade(hedge, "BUY", 10)
    bought = dict.fromkeys(hedges, 3)
    live.wait("the hedges", lambda: live.positions() == dict.fromkeys(CHILDREN, bought))
    die(live)
    for short in shorts:
        live.trade(short, "SELL", 10)
    condor = bought | dict.fromkeys(shorts, -3)
    live.wait("the condor of the others", lambda: others_hold(live, condor))
    assert live.positions()[DEAD] == bought
    log_in(live)
    leave(live)
    live.wait("everybody flat", lambda: live.positions() == {child: {} for child in CHILDREN})
    # What it missed it never sent: two hedges in, and the same two out.
    assert [(side, lots) for _, side, lots in live.orders(DEAD)] == [("BUY", 3)] * 2 + [("SELL", 3)] * 2
    again = enter(live)
    live.wait("the next condor", lambda: live.positions() == dict.fromkeys(CHILDREN, again))
    assert live.stop() == 0


def test_exit_that_the_child_could_not_send_is_sent_after_the_login(live: Live) -> None:
    live.start()
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    die(live)
    leave(live)
    live.wait("the others flat", lambda: others_hold(live, {}))
    assert live.positions()[DEAD] == condor
    log_in(live)
    live.wait("everybody flat", lambda: live.positions() == {child: {} for child in CHILDREN})
    bought = dict.fromkeys(condor, 0)
    account = live.sandbox.desk.accounts[DEAD]
    for row in live.thread.call(lambda: live.sandbox.desk.orders(account)):
        sign = 1 if row["transaction_type"] == "BUY" else -1
        bought[row["tradingsymbol"]] += sign * row["filled_quantity"] // LOT
    assert set(bought.values()) == {0}
    assert len(live.orders(DEAD)) == 2 * len(condor)
    assert live.stop() == 0
