"""A day on which everything is refused to somebody: the journal says of each decision what was done and why."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config.schema import Mode
from paper.scenario_file import load_scenario
from paper.simulate import Simulation
from paper.verdict import result_of
from state.session import Session
from tests.scenarios.files import OWN

NO_ENTRIES = "not copied: left: a leg could not be had; no entries until the next strategy or a resync"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("day")
    simulation = Simulation(
        load_scenario(OWN / "r6-03_a_bad_day.yaml"), lambda: Session(root, Mode.PAPER, sync=False), None
    )
    simulation.run()
    found = result_of(simulation)
    assert not found["failed"]
    assert not found["violations"]
    return next(root.rglob("journal.sqlite3"))


def told(journal: Path, child: str) -> list[tuple[str, str, str]]:
    """(time of day, leg, sentence) of what a child's owner should know, in order."""
    with closing(sqlite3.connect(journal)) as connection:
        return connection.execute(
            "SELECT substr(at_ist, 12, 8), substr(symbol, 11), text FROM v_notices"
            " WHERE severity <> 'info' AND account = ? ORDER BY seq",
            (child,),
        ).fetchall()


def test_a_refused_hedge_is_explained_with_what_follows_from_it(journal: Path) -> None:
    assert told(journal, "C1") == [
        ("09:30:10", "23500PE", "not copied: refused: rejected by the broker's risk management"),
        ("09:30:10", "23500PE", "BUY 195 refused: rejected by the broker's risk management; resync to try again"),
        ("09:30:10", "", "a leg could not be had: the strategy is left, shorts first; resync to enter it again"),
        ("09:30:15", "24500CE", NO_ENTRIES),
        ("09:30:20", "24000PE", NO_ENTRIES),
    ]


def test_a_margin_that_is_short_on_the_third_leg_is_explained_in_rupees(journal: Path) -> None:
    assert told(journal, "C2") == [
        (
            "09:30:15",
            "",
            "the margin is enough for 2 of 3 lots: ₹1,72,869.00 are needed (by our estimate), ₹1,54,307.26 available",
        ),
        ("09:30:15", "24500CE", "copied in part: not enough margin"),
        ("09:30:20", "24000PE", "copied in part: not enough margin"),
    ]


def test_a_daily_loss_is_explained_once_and_so_is_the_exit(journal: Path) -> None:
    assert told(journal, "C3") == [
        ("09:30:40", "", "daily loss limit of ₹5,000.00 reached: -₹8,015.34; no further entries"),
        ("09:30:40", "", "exited completely: daily loss limit"),
    ]
