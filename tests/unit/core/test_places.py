"""A child that holds something stays where it holds it."""

import pytest

from config.schema import Mode
from engine.core.places import moved, place_of
from tests.unit.core.builders import CALL_LEG, Desk, child, settings
from tests.unit.paper.builders import CALL


def test_place_is_live_only_with_the_mode_the_child_and_a_broker() -> None:
    real = child(broker="zerodha", live=True)
    assert place_of(real, Mode.LIVE) == "live at zerodha"
    assert place_of(real, Mode.PAPER) == "on paper at zerodha"
    assert place_of(child(broker="zerodha"), Mode.LIVE) == "on paper at zerodha"
    assert place_of(child(broker="paper", live=True), Mode.LIVE) == "on paper at paper"


def holding() -> Desk:
    desk = Desk(settings(child(broker="zerodha", live=True), mode=Mode.LIVE))
    desk.buy(10)
    desk.run(3)
    assert desk.leg(leg=CALL_LEG).allocation_units
    return desk


@pytest.mark.parametrize(
    ("what", "changes", "says"),
    [
        ("no longer live", {"live": False}, "live at zerodha and would trade on paper at zerodha"),
        ("another broker", {"broker": "angel_one"}, "would trade live at angel_one"),
    ],
)
def test_child_that_holds_lots_is_not_moved(what: str, changes: dict[str, object], says: str) -> None:
    desk = holding()
    settings_now = child(**({"broker": "zerodha", "live": True} | changes))  # type: ignore[arg-type]
    (text,) = moved(desk.core.state, [settings_now], Mode.LIVE)
    assert text.startswith("C1 ")
    assert says in text


def test_child_that_stays_or_holds_nothing_may_start() -> None:
    desk = holding()
    assert moved(desk.core.state, [child(broker="zerodha", live=True)], Mode.LIVE) == []
    desk.sell(10)
    desk.run(5)
    assert moved(desk.core.state, [child(broker="zerodha")], Mode.LIVE) == []


def test_state_that_does_not_know_the_place_is_believed() -> None:
    desk = holding()
    desk.core.state.children["C1"].traded_at = ""
    assert moved(desk.core.state, [child(broker="zerodha")], Mode.LIVE) == []


def test_own_instrument_file_does_not_outlive_the_process() -> None:
    desk = Desk()
    desk.load((), account="C1", unusable={})
    desk.restart()
    desk.run(5)
    desk.quote(CALL, "100")
    desk.buy(10)
    desk.run(3)
    assert desk.lots() == 3
