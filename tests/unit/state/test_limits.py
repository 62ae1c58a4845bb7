"""`limits`: a table for people and a document for scripts, read from beside the session."""

from pathlib import Path

from state.limits import newest_limits
from tests.unit.state.test_status import leave_session


def test_no_session_has_no_limits(tmp_path: Path) -> None:
    assert newest_limits([tmp_path]) is None


def test_table_and_document_say_the_same(tmp_path: Path) -> None:
    leave_session(tmp_path, stopped=True)
    found = newest_limits([tmp_path])
    assert found is not None
    lines = found.text().splitlines()
    assert lines[0].startswith("last session of 2026-11-02, paper, as of ")
    switches = [line.split() for line in lines if line.startswith("  kill switch")]
    assert switches == [["kill", "switch", "-", "off", "-"] for _ in {row.account for row in found.rows}]
    assert any(line.split() == ["entries", "a", "minute", "120", "0", "-"] for line in lines)
    rows = found.document["limits"]
    assert isinstance(rows, list)
    assert set(rows[0]) == {"account", "name", "bound", "now", "stopped"}
    assert len(rows) == len(found.rows)
