"""Work on threads of its own: all at once, and waited for only so long."""

import threading
from functools import partial

from engine.aside import side_by_side
from tests.unit.engine.fakes import WAIT_S


def test_works_are_done_at_once() -> None:
    all_there = threading.Barrier(3)
    works = [partial(all_there.wait, WAIT_S)] * 3
    assert side_by_side("works", works, WAIT_S)
    assert not all_there.broken


def test_nothing_to_do_is_done() -> None:
    assert side_by_side("works", [], 0.0)


def test_work_that_hangs_is_left_behind_and_delays_no_other() -> None:
    go_on, done = threading.Event(), threading.Event()
    try:
        assert not side_by_side("works", [partial(go_on.wait, WAIT_S), done.set], 0.0)
        assert done.wait(WAIT_S)
    finally:
        go_on.set()
