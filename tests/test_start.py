"""The start as the operator of the command line meets it: what the other mode left open, the steps, the way to answer."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.schema import Mode
from engine.core.state import State
from engine.core.state_child import ChildLeg
from engine.model import LegId
from state.store import JOURNAL_NAME, mode_directory
from tests.scenarios.files import ROOT
from tests.unit.paper.builders import CALL
from tests.unit.state.test_leftover import leave

RUNNER = ROOT / "runner.py"
DISARMED = 4
LEG = LegId(f"NFO:{CALL}:NRML")
CONFIG = """\
demo: {speed: 1}
master: {id: M, broker: paper, capital_inr: 3500000}
children: [{id: C1, broker: paper, capital_inr: 1050000}]
"""


def open_lots(state: State) -> None:
    """A child holds three lots."""
    state.children["C1"].legs[LEG] = ChildLeg(leg=LEG, allocation_units=195, sign=1, target_units=195)


def prepared(directory: Path, mode: Mode = Mode.LIVE, *, is_open: bool = True) -> list[str]:
    """A data directory in which a mode's last session left something; the command to start beside it."""
    (directory / "demo.yaml").write_text(CONFIG, encoding="utf-8")
    data = directory / "state" / "data" / "demo"
    leave(data, mode, open_lots if is_open else lambda _state: None, ends=True)
    return [sys.executable, str(RUNNER), "run", "--headless", "--config", "demo.yaml"]


def test_start_without_a_terminal_stops_at_what_the_other_mode_left_open(tmp_path: Path) -> None:
    command = prepared(tmp_path)
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == DISARMED
    for part in ("live state of 2026-11-02", "C1 +195", CALL, "type PAPER"):
        assert part in done.stderr
    assert not (mode_directory(tmp_path / "state" / "data" / "demo", Mode.PAPER) / JOURNAL_NAME).exists()


@pytest.mark.parametrize("word", ["PAPER", "paper", ""])
def test_start_in_a_terminal_wants_the_word(tmp_path: Path, word: str) -> None:
    command = prepared(tmp_path)
    outside, inside = pty.openpty()
    process = subprocess.Popen(command, cwd=tmp_path, stdin=inside, stdout=inside, stderr=inside)
    os.close(inside)
    seen = ""
    typed = False
    try:
        while True:
            try:
                seen += os.read(outside, 4096).decode()
            except OSError:  # the other end is closed: the process has ended
                break
            if "Anything else stops" in seen and not typed:
                typed = True
                os.write(outside, f"{word}\n".encode())
            if "left open in the other mode" in seen:
                process.send_signal(signal.SIGTERM)
        assert process.wait(30) == (0 if word == "PAPER" else DISARMED)
    finally:
        process.kill()
        os.close(outside)
    assert typed
    assert "C1 +195" in seen
    assert ("started in PAPER" in seen) is (word == "PAPER")


def first_lines(command: list[str], directory: Path, until: str) -> tuple[list[str], int]:
    """The lines of a headless run up to a text, and its exit code after an orderly stop."""
    process = subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if until in line:
            break
    process.send_signal(signal.SIGTERM)
    process.stdout.read()
    process.stdout.close()
    return lines, process.wait(30)


@pytest.mark.parametrize("is_open", [True, False])
def test_what_is_closed_or_of_the_same_mode_is_no_matter(tmp_path: Path, is_open: bool) -> None:
    command = prepared(tmp_path, Mode.PAPER if is_open else Mode.LIVE, is_open=is_open)
    lines, code = first_lines(command, tmp_path, "armed")
    assert code == 0
    assert not any("other mode" in line for line in lines)


def test_steps_of_a_start_are_told_in_order(tmp_path: Path) -> None:
    command = prepared(tmp_path, is_open=False)
    lines, _ = first_lines(command, tmp_path, "differences")
    steps = (
        "lock:",
        "configuration:",
        "state check:",
        "started in PAPER",
        "state:",
        "are read",
        "armed",
        "unknown orders",
    )
    places = [next(i for i, line in enumerate(lines) if step in line) for step in steps]
    assert places == sorted(places)


def test_unclean_headless_start_says_how_to_answer_and_ends_with_its_own_code(tmp_path: Path) -> None:
    command = prepared(tmp_path, is_open=False)
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "armed" in line:
            break
    process.kill()
    process.wait(30)
    process.stdout.close()
    lines, code = first_lines(command, tmp_path, "--take-over")
    assert code == DISARMED
    assert any("exits only until you answer" in line for line in lines)
