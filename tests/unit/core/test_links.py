"""The connection that pushes order updates comes and goes: what was not heard is read, and people are told once."""

import pytest

from engine.events import LinkChanged
from tests.unit.core.builders import Desk

HEARD_AGAIN = "order updates are heard again"


def link(desk: Desk, account: str = "C1", *, connected: bool, why: str = "the connection ended (1006)") -> None:
    desk.handle(LinkChanged(at_ns=desk.now_ns, account=account, connected=connected, why="" if connected else why))


def about_links(desk: Desk) -> list[str]:
    return [text for text in desk.notices() if "order updates" in text]


def test_book_and_positions_are_read_at_once_when_the_connection_is_back() -> None:
    desk = Desk()
    desk.run("0.5")
    link(desk, connected=False)
    before = len(desk.reads())
    link(desk, connected=True)
    (read,) = desk.reads()[before:]
    assert (read.orders, read.positions) == (True, True)


def test_loss_and_return_are_told_once_each() -> None:
    desk = Desk()
    for _ in range(3):
        link(desk, connected=False)
    for _ in range(2):
        link(desk, connected=True)
    lost, again = about_links(desk)
    assert (lost, again) == (
        "order updates are not heard, the book is polled: the connection ended (1006)",
        HEARD_AGAIN,
    )


def test_first_connection_of_a_process_is_no_news() -> None:
    desk = Desk()
    link(desk, connected=False)
    desk.restart()
    link(desk, connected=True)
    assert HEARD_AGAIN not in about_links(desk)


@pytest.mark.parametrize("account", ["M", "nobody"])
def test_loss_of_an_account_that_is_no_child_is_told_as_well(account: str) -> None:
    desk = Desk()
    link(desk, account, connected=False)
    link(desk, account, connected=True)
    assert len(about_links(desk)) == 2
