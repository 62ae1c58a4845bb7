"""Where the cursor is in lists whose newest row stands first."""

import pytest

from engine.commands import Severity
from engine.snapshot import NoticeLine
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.widgets.live_table import LiveTable


def notices(*numbers: int) -> tuple[NoticeLine, ...]:
    return tuple(NoticeLine(number=n, at_ns=s.NOW, severity=Severity.INFO, text=f"event {n}") for n in numbers)


def cursor(desk: Desk, panel: str = "events") -> str:
    return desk.app.overview.query_one(f"#{panel}", LiveTable).cursor_key


def test_it_stays_on_the_newest_until_it_is_moved_and_again_from_the_first_row_on() -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(notices=notices(1, 2, 3))
        await desk.press("4")
        assert cursor(desk) == "3"
        await desk.press("down")
        await desk.publish(notices=notices(1, 2, 3, 4))
        assert cursor(desk) == "2"
        await desk.press("home")
        await desk.publish(notices=notices(1, 2, 3, 4, 5))
        assert cursor(desk) == "5"
        await desk.press("s")
        await desk.publish(notices=notices(1, 2, 3, 4, 5, 6))
        assert cursor(desk) == "5"  # in another order the first row is no news

    drive(s.condor(notices=notices(1)), script)


@pytest.mark.parametrize("new", [1, 3])
def test_copies_too(new: int) -> None:
    copies = s.copies()

    async def script(desk: Desk) -> None:
        await desk.press("2")
        assert cursor(desk, "copies") == str(copies[new].id)
        await desk.publish(copies=copies)
        assert cursor(desk, "copies") == str(copies[0].id)

    drive(s.condor(copies=copies[new:]), script)
