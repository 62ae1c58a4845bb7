"""Every scenario file through the real engine and the paper exchange, on a virtual clock.

It ends as it expects, breaks no invariant, and leaves a disk from which the next process knows exactly the same.
"""

from pathlib import Path

import pytest

from paper.scenario_file import load_scenario
from paper.verdict import result_of
from tests.scenarios.files import scenario_files
from tests.unit.state.recovery import RecordedRun


@pytest.mark.parametrize("path", scenario_files(), ids=lambda path: path.stem)
def test_scenario_ends_as_expected_and_is_found_again_on_the_disk(path: Path, tmp_path: Path) -> None:
    run = RecordedRun(load_scenario(path), tmp_path)
    result = result_of(run.simulation)
    assert (result["failed"], result["violations"]) == ([], [])
    assert run.rebuilt() == run.live
    assert run.rebuilt_from_the_journal_alone() == run.live


def test_there_are_scenarios() -> None:
    """Guards the test above: an empty directory would make it pass."""
    assert scenario_files()
