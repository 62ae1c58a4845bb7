"""A disk that is full while trades are copied: nothing is sent that is not on it, and nothing is forgotten or doubled.

The limit on the size of files stands in for the disk: the same calls fail at the same places, with EFBIG for ENOSPC.
"""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
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


# Exits under way

LEGS, OUT_S, RESUMED_S = 12, 40, 90
SYMBOLS = tuple(f"NIFTY26NOV{24000 + 50 * number}CE" for number in range(LEGS))


def leaving(path: Path, *, disturbed: bool, fault: str = "") -> Path:
    """The master buys twelve legs and sells all of them at once: eight exits fit into the second, the others queue.

    An account's exits arrive one every 600 ms, so that most of them wait in the lane for a while.
    """
    steps = [f"{{at: 0s, quote: {{{symbol}: {{bid: 100.00, ask: 100.10, last: 100.05}}}}}}" for symbol in SYMBOLS]
    orders = [("BUY", number + 2, "100.10") for number in range(LEGS)] + [("SELL", OUT_S, "100.00")] * LEGS
    for number, (side, at_s, price) in enumerate(orders):
        steps.append(
            f"{{at: {at_s}s, master_order: {{id: M{number}, symbol: {SYMBOLS[number % LEGS]}, side: {side},"
            f" quantity: 650, status: COMPLETE, filled: 650, average_price: {price}, placed_at: {at_s - 0.1:.1f}s}}}}"
        )
    if fault:
        steps.insert(-LEGS, f"{{at: 39s, child_fault: {{child: C1, on: place, kind: {fault}, times: 2}}}}")
    if disturbed:
        steps.append(f"{{at: {DOWN_S}s, crash: true}}")
        steps.append(f"{{at: {SEEN_S}s, check: {{positions: {{}}}}}}")
        steps.append(f"{{at: {RESUMED_S}s, operator: {{command: resume}}}}")
    listed = "".join(f"  - {{symbol: {symbol}, lot: {LOT}, tick: 0.05, freeze: 3510}}\n" for symbol in SYMBOLS)
    path.write_text(
        f"name: a full disk while leaving\ninstruments:\n{listed}master: {{available: 10000000}}\n"
        "children: [{id: C1, available: 3000000}]\n"
        "settings: {confirm: {when: never}, paper: {latency_ms: 300}}\n"
        "steps:\n" + "".join(f"  - {step}\n" for step in steps) + "end: 140s\n"
    )
    return path


class Left:
    """What became of the exits of a day whose disk was full from a moment on."""

    def __init__(self, root: Path, full_at_s: float, fault: str = "") -> None:
        scenario = leaving(root / "scenario.yaml", disturbed=True, fault=fault)
        lines = Child("copy_until_full_at", root, scenario, full_at_s).finish()
        (self.failed,) = (line for line in lines if line.startswith("failed "))
        (queued,) = (line for line in lines if line.startswith("queued"))
        self.queued = set(queued.split()[1:])
        "Tags that the disk has in the core's queue."
        found = json.loads(lines[-1])
        self.result, self.state = found["result"], found["state"]
        self.orders: list[dict[str, Any]] = self.result["orders"]["C1"]
        exits = [order for order in self.orders if order["side"] == "SELL"]
        self.early = [order for order in exits if order["at_s"] < DOWN_S]
        self.late = [order for order in exits if order["at_s"] >= DOWN_S]
        with closing(sqlite3.connect(mode_directory(root, Mode.PAPER) / JOURNAL_NAME)) as connection:
            rows = connection.execute("SELECT tag, session FROM v_orders").fetchall()
        self.durable = {tag for tag, _ in rows}
        self.durable_before = {tag for tag, session in rows if session == 1}


def never_full(root: Path, fault: str = "") -> dict[str, Any]:
    """What the same day comes to on a disk that is never full."""
    scenario = leaving(root / "scenario.yaml", disturbed=False, fault=fault)
    found: dict[str, Any] = json.loads(Child("copy_until_full_at", root, scenario, "never").finish()[-1])
    assert found["result"]["violations"] == []
    assert {name: units for name, (units, _) in found["state"]["traded"].items()} == {
        f"C1 NFO:{symbol}:NRML {side}": 3 * LOT for symbol in SYMBOLS for side in ("BUY", "SELL")
    }
    state: dict[str, Any] = found["state"]
    return state


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return never_full(tmp_path_factory.mktemp("undisturbed"))


# When the disk is full; how many exits had left for the lane; how many were on the disk in the queue.
MOMENTS = [
    pytest.param(39.95, 0, 0, id="before the sale"),
    pytest.param(40.50, 8, 0, id="while the first exits are on their way"),
    pytest.param(41.10, 8, 4, id="when the rest of the decisions is durable"),
    pytest.param(42.00, 9, 3, id="while the window lets the rest go one by one"),
    pytest.param(44.00, 12, 0, id="when all are in the lane"),
]


@pytest.mark.rule("R7.20")
@pytest.mark.parametrize(("full_at_s", "sent", "queued"), MOMENTS)
def test_exits_that_are_durable_when_the_disk_fills_go_out_once_and_the_rest_after_the_restart(
    full_at_s: float, sent: int, queued: int, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    left = Left(tmp_path, full_at_s)
    assert (len(left.early), len(left.queued)) == (sent, queued)
    # Handed over and durable: all of it arrives, the last ones long after the failure. Not durable: none of it does.
    assert {order["tag"] for order in left.orders if order["at_s"] < DOWN_S} == left.durable_before
    assert {order["tag"] for order in left.orders} == left.durable
    # What was decided and durable goes at the restart, without an answer; what was not is decided anew.
    waited = [order for order in left.late if order["tag"] in left.queued]
    assert len(waited) == queued
    assert all(DOWN_S < order["at_s"] < SEEN_S for order in waited)
    assert all(order["at_s"] > RESUMED_S for order in left.late if order not in waited)
    # Exactly once.
    assert [order["symbol"] for order in left.early + left.late] == list(SYMBOLS)
    assert {(order["status"], order["filled"]) for order in left.orders} == {("COMPLETE", 3 * LOT)}
    assert len({order["tag"] for order in left.orders}) == len(left.orders) == 2 * LEGS
    assert left.state == undisturbed, "nothing is doubled, nothing is lost"
    assert [text for text in left.result["violations"] if not text.startswith("the engine stopped")] == []


@pytest.mark.rule("R7.20")
@pytest.mark.parametrize("full_at_s", [41.30, 42.50])
def test_exits_that_were_refused_before_the_disk_filled_are_tried_again_after_the_restart(
    full_at_s: float, tmp_path: Path
) -> None:
    (tmp_path / "never").mkdir()
    left = Left(tmp_path, full_at_s, fault="rejected")
    refused = [order["symbol"] for order in left.early if order["status"] == "REJECTED"]
    assert refused == list(SYMBOLS[:2])
    assert left.result["checks"][0]["positions"] == {"C1": {}}, "without an answer of the operator"
    filled = [order["symbol"] for order in left.early + left.late if order["status"] == "COMPLETE"]
    assert sorted(filled) == list(SYMBOLS)
    assert left.state == never_full(tmp_path / "never", fault="rejected")


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
