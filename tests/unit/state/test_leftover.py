"""What one mode left open is found by a start in the other one, whatever the day."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.schema import Mode
from engine.core.lifecycle import OrderState
from engine.core.state import State, Strategy
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.errors import StateRefused
from engine.events import TimePassed
from engine.model import Side, leg_id
from engine.snapshot import StrategyState
from state.codec import encode
from state.leftover import find_leftover
from state.session import Session
from state.store import JOURNAL_NAME, mode_directory
from tests.unit.engine.fakes import S, started
from tests.unit.paper.builders import CALL, NOW

LEG = leg_id("NFO", CALL, "NRML")
FRIDAY, MONDAY = "2026-10-30", "2026-11-02"


def leave(
    root: Path,
    mode: Mode = Mode.PAPER,
    change: Callable[[State], None] = lambda state: None,
    *,
    day: str = MONDAY,
    ends: bool = False,
) -> Session:
    """A session of a mode whose state was brought about by hand and is in its checkpoint."""
    session = Session(root, mode, sync=False)
    session.start(day, NOW, "1")
    event = replace(started(), mode=mode, day=day)
    session.append(event, session.replicator.handle(event))
    change(session.replicator.state)
    session.checkpoint(encode(session.replicator.state))
    if ends:
        session.end(NOW + S)
    return session


def order(tag: str, state: OrderState, *, filled: int = 0) -> ChildOrder:
    return ChildOrder(
        tag=tag,
        account="C1",
        leg=LEG,
        side=Side.BUY,
        units=130,
        entry=True,
        decision=1,
        state=state,
        filled=filled,
    )


def holding(state: State) -> None:
    state.children["C1"].legs[LEG] = ChildLeg(leg=LEG, allocation_units=-195)


def with_order(status: OrderState) -> Callable[[State], None]:
    def change(state: State) -> None:
        state.orders["T1"] = order("T1", status, filled=65)

    return change


def with_strategy(status: StrategyState) -> Callable[[State], None]:
    def change(state: State) -> None:
        state.strategies["NIFTY"] = Strategy(scope="NIFTY", state=status)

    return change


@pytest.mark.parametrize("mode", list(Mode))
def test_no_state_leaves_nothing_and_nothing_is_made(mode: Mode, tmp_path: Path) -> None:
    assert find_leftover(tmp_path / "data", mode) is None
    assert list(tmp_path.iterdir()) == []


def test_session_in_which_nothing_happened_leaves_nothing(tmp_path: Path) -> None:
    session = Session(tmp_path, Mode.LIVE, sync=False)
    session.start(MONDAY, NOW, "1")
    session.crash()
    assert find_leftover(tmp_path, Mode.LIVE) is None


@pytest.mark.parametrize("ends", [False, True], ids=["died", "ended well"])
def test_flat_session_leaves_nothing(ends: bool, tmp_path: Path) -> None:
    leave(tmp_path, ends=ends).crash()
    assert find_leftover(tmp_path, Mode.PAPER) is None


@pytest.mark.parametrize("ends", [False, True], ids=["died", "ended well"])
@pytest.mark.parametrize("mode", list(Mode))
def test_holding_is_found_in_its_own_mode_only(mode: Mode, ends: bool, tmp_path: Path) -> None:
    leave(tmp_path, mode, holding, ends=ends).crash()
    other = Mode.LIVE if mode is Mode.PAPER else Mode.PAPER
    leave(tmp_path, other, ends=ends).crash()
    found = find_leftover(tmp_path, mode)
    assert found is not None
    assert (found.mode, found.day, found.at_ns) == (mode, MONDAY, NOW)
    assert found.allocations == {"C1": {LEG: -195}}
    assert (found.strategies, found.queued, found.working, found.unknown, found.held) == ({}, (), (), (), ())
    assert find_leftover(tmp_path, other) is None
    assert str(found) == f"{mode.value} state of {MONDAY}: holdings C1 -195 {CALL}"


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (OrderState.QUEUED, "queued"),
        (OrderState.SENT, "unknown"),
        (OrderState.UNKNOWN, "unknown"),
        (OrderState.WORKING, "working"),
        (OrderState.HELD, "held"),
        (OrderState.FILLED, None),
        (OrderState.CANCELLED, None),
        (OrderState.REJECTED, None),
        (OrderState.ABSENT, None),
        (OrderState.WITHDRAWN, None),
    ],
)
def test_order_that_is_not_finished_is_found(status: OrderState, part: str | None, tmp_path: Path) -> None:
    leave(tmp_path, change=with_order(status)).crash()
    found = find_leftover(tmp_path, Mode.PAPER)
    if part is None:
        assert found is None
        return
    assert found is not None
    parts = {name: getattr(found, name) for name in ("queued", "working", "unknown", "held")}
    ((left,),) = [orders for orders in parts.values() if orders]
    assert parts[part] == (left,)
    assert (left.account, left.tag, left.leg, left.side, left.units, left.filled) == (
        "C1",
        "T1",
        LEG,
        Side.BUY,
        130,
        65,
    )
    assert f"1 {part}: C1 T1" in str(found)


def test_every_state_of_an_order_has_its_case_above() -> None:
    cases = test_order_that_is_not_finished_is_found.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {row[0] for row in cases} == set(OrderState)


@pytest.mark.parametrize("status", list(StrategyState))
def test_strategy_that_has_not_ended_is_found(status: StrategyState, tmp_path: Path) -> None:
    leave(tmp_path, change=with_strategy(status)).crash()
    found = find_leftover(tmp_path, Mode.PAPER)
    if status is StrategyState.FLAT:
        assert found is None
    else:
        assert found is not None
        assert found.strategies == {"NIFTY": status}


def test_child_without_holdings_is_not_named(tmp_path: Path) -> None:
    def change(state: State) -> None:
        holding(state)
        state.children["C9"] = Child(id="C9", legs={LEG: ChildLeg(leg=LEG)})

    leave(tmp_path, change=change).crash()
    found = find_leftover(tmp_path, Mode.PAPER)
    assert found is not None
    assert list(found.allocations) == ["C1"]


def test_newest_day_counts(tmp_path: Path) -> None:
    leave(tmp_path, Mode.LIVE, holding, day=FRIDAY, ends=True)
    found = find_leftover(tmp_path, Mode.LIVE)
    assert found is not None
    assert found.day == FRIDAY

    def closed(state: State) -> None:
        state.children["C1"].legs.clear()

    leave(tmp_path, Mode.LIVE, closed, day=MONDAY, ends=True)
    assert find_leftover(tmp_path, Mode.LIVE) is None


def test_what_the_journal_says_after_the_checkpoint_counts(tmp_path: Path) -> None:
    session = leave(tmp_path, Mode.LIVE, holding)
    session.append(TimePassed(at_ns=NOW + 9 * S), ())
    session.commit()
    session.crash()
    found = find_leftover(tmp_path, Mode.LIVE)
    assert found is not None
    assert found.at_ns == NOW + 9 * S


def test_running_writer_is_not_disturbed_and_only_what_is_durable_is_seen(tmp_path: Path) -> None:
    session = leave(tmp_path, Mode.LIVE, holding)
    session.append(TimePassed(at_ns=NOW + 9 * S), ())
    found = find_leftover(tmp_path, Mode.LIVE)
    assert found is not None
    assert found.at_ns == NOW
    session.commit()
    again = find_leftover(tmp_path, Mode.LIVE)
    assert again is not None
    assert again.at_ns == NOW + 9 * S
    session.end(NOW + 10 * S)


@pytest.mark.parametrize("damage", [b"garbage" * 1000, None], ids=["garbage", "missing"])
def test_damage_is_refused_with_instructions(damage: bytes | None, tmp_path: Path) -> None:
    leave(tmp_path, Mode.LIVE, holding).crash()
    path = mode_directory(tmp_path, Mode.LIVE) / JOURNAL_NAME
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(StateRefused, match="backup"):
        find_leftover(tmp_path, Mode.LIVE)
    assert find_leftover(tmp_path, Mode.PAPER) is None
