"""A disk that is full while trades are copied: nothing is sent that is not on it, and nothing is forgotten or doubled.

The limit on the size of files stands in for the disk: the same calls fail at the same places, with EFBIG for ENOSPC.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.schema import Mode
from state.store import JOURNAL_NAME, mode_directory
from tests.unit.state.children import REPOSITORY, Child

CALL = "NIFTY26NOV24500CE"
LOT, EVERY_S, ORDERS = 65, 2, 20
DOWN_S, SEEN_S = 75, 85
"When the process is started again (every signal is too old by then), and when the books have been read since."
WRONG, DISARMED = 1, 4


def scenario(path: Path) -> Path:
    """The master buys ten lots every two seconds; later the operator starts again, and then the master leaves."""
    steps = [f"{{at: 0s, quote: {{{CALL}: {{bid: 100.00, ask: 100.10, last: 100.05}}}}}}"]
    for number in range(1, ORDERS + 1):
        at_s = number * EVERY_S
        steps.append(
            f"{{at: {at_s}s, master_order: {{id: M{number}, symbol: {CALL}, side: BUY, quantity: 650, status: COMPLETE,"
            f" filled: 650, average_price: 100.10, placed_at: {at_s - 0.1:.1f}s}}}}"
        )
    steps += [
        f"{{at: {DOWN_S - 1}s, check: {{positions: {{}}}}}}",
        f"{{at: {DOWN_S}s, crash: true}}",
        f"{{at: {DOWN_S + 1}s, operator: {{command: resume}}}}",
        f"{{at: {SEEN_S}s, check: {{positions: {{}}}}}}",
        f"{{at: 90s, master_order: {{id: X, symbol: {CALL}, side: SELL, quantity: {650 * ORDERS}, status: COMPLETE,"
        f" filled: {650 * ORDERS}, average_price: 100.00, placed_at: 89.9s}}}}",
    ]
    path.write_text(
        f"name: a full disk\ninstruments: [{{symbol: {CALL}, lot: {LOT}, tick: 0.05, freeze: 3510}}]\n"
        "master: {available: 10000000}\nchildren: [{id: C1, available: 3000000}]\n"
        "settings: {confirm: {when: never}}\nsteps:\n" + "".join(f"  - {step}\n" for step in steps) + "end: 130s\n"
    )
    return path


def copied(tmp_path: Path, bytes_max: int) -> tuple[float, str, dict[str, Any]]:
    """When and how the engine stopped, and the result of the whole."""
    lines = Child("copy_until_full", tmp_path, scenario(tmp_path / "scenario.yaml"), bytes_max).finish()
    failed = [line.split(" ", 2) for line in lines if line.startswith("failed ")]
    assert len(failed) == 1, "told once"
    result = json.loads(lines[-1])
    return float(failed[0][1]), failed[0][2], result


@pytest.mark.parametrize("bytes_max", [120_000, 200_000, 300_001, 400_000])
def test_full_disk_stops_sending_and_the_next_start_finds_everything(bytes_max: int, tmp_path: Path) -> None:
    at_s, told, result = copied(tmp_path, bytes_max)
    assert 0 <= at_s < DOWN_S
    assert "any more: The journal cannot be written: " in told, "the reason stands where a narrow screen shows it"
    assert str(mode_directory(tmp_path, Mode.PAPER) / JOURNAL_NAME) in told
    assert "Put the disk right and start again" in told
    before, after = (check["positions"]["C1"].get(CALL, 0) for check in result["checks"])
    orders = result["orders"]["C1"]
    entries = [order for order in orders if order["side"] == "BUY"]
    # What was handed over before the failure was filled after it, and nothing was sent until the next start.
    assert before == sum(order["filled"] for order in entries if order["at_s"] < DOWN_S)
    assert all(order["at_s"] <= at_s + 1 for order in entries)
    assert {order["status"] for order in orders} <= {"COMPLETE"}
    assert after == before, "nothing bought twice, nothing caught up, nothing sold"
    assert len({order["tag"] for order in orders}) == len(orders)
    assert result["positions"]["C1"] == {}, "the exit knew of all of it"
    assert result["allocations"]["C1"] == {}
    assert result["held"] == []
    assert [text for text in result["violations"] if not text.startswith("the engine stopped")] == []


def test_later_failure_comes_after_more_copies(tmp_path: Path) -> None:
    """Guards the test above: with a limit that is never met, or met at once, it would prove little."""
    bought = []
    for number, bytes_max in enumerate((120_000, 400_000)):
        (tmp_path / str(number)).mkdir()
        _, _, result = copied(tmp_path / str(number), bytes_max)
        bought.append(result["checks"][0]["positions"]["C1"].get(CALL, 0))
    assert bought[0] < bought[1] < 195 * ORDERS * 10


# The program itself

LIMITED = (
    "import os, resource, sys; most = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (most, most));"
    " os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)
"Becomes another program after it has limited the size of files."


def headless(directory: Path, bytes_max: int) -> subprocess.Popen[str]:
    """A demo that may not let files grow."""
    return subprocess.Popen(
        [sys.executable, "-c", LIMITED, str(bytes_max), str(REPOSITORY / "runner.py"), "run", "--demo", "--headless"],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_program_that_meets_a_full_disk_says_so_and_ends_in_an_orderly_way(tmp_path: Path) -> None:
    process = headless(tmp_path, 60_000)
    assert process.stdout is not None
    alarms = (line for line in process.stdout if "the engine stopped" in line)
    assert "Nothing more is sent" in next(alarms)
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == WRONG
    assert errors == ""
    assert "Traceback" not in rest


def test_program_that_finds_a_full_disk_does_not_start(tmp_path: Path) -> None:
    process = headless(tmp_path, 8_000)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == DISARMED
    assert "cannot be opened for writing" in errors
    assert "Nothing was started" in errors
    assert "Traceback" not in errors + output
