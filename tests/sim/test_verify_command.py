"""`verify` says at once which seed broke a rule; its summary and stories come at the end."""

import contextlib
import io

import runner
from paper.verify import campaign, report
from tests.sim.planted import BUGS

WRONG = 1


def test_broken_seed_is_told_before_the_summary_and_again_after_it() -> None:
    told = io.StringIO()  # both streams in one, to see in which order they were written
    with (
        BUGS["window_decided_twice"](),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
    ):
        code = runner.main(["verify", "--first-seed", "1", "--seeds", "1", "--faults", "child_pushes"])
        line = report.broken_line(campaign.run_seed(1, runner._open_for_trial, ["child_pushes"]))
    lines = told.getvalue().splitlines()
    assert code == WRONG
    assert lines[0] == line
    assert lines[1].startswith("seeds ")
    assert lines.count(line) == 2
