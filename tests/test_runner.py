"""The command line from outside: exit codes, what goes to which stream, signals, two instances. Each in its own directory."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

import pytest

from tests.scenarios.files import ROOT

RUNNER = ROOT / "runner.py"
DONE, WRONG, USAGE, LOCKED, DISARMED = 0, 1, 2, 3, 4
INTERRUPTED = 130
TIMEOUT_S = 60
LINES_MOST = 100
GOOD = """\
name: one entry
instruments: [{symbol: NIFTY26NOV24500CE, lot: 65, tick: 0.05, freeze: 3510}]
master: {available: 1000000}
children: [{id: C1, available: 300000}]
settings: {confirm: {when: never}}
steps:
  - {at: 0s, quote: {NIFTY26NOV24500CE: {bid: 100.00, ask: 100.10, last: 100.05}}}
  - {at: 5s, master_order: {id: M1, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 650, status: COMPLETE, filled: 650, average_price: 100.10, placed_at: 4.9s}}
end: 20s
expect: {positions: {C1: {NIFTY26NOV24500CE: 195}}}
"""
CONFIG = """\
confirm: {when: never}
copy: {max_slippage_pct: 3.0}
demo: {speed: SPEED}
master: {id: M, broker: paper, capital_inr: 3500000}
children: [{id: C1, broker: paper, capital_inr: 1050000}]
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(RUNNER), *arguments]


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def written(directory: Path, name: str, text: str) -> str:
    (directory / name).write_text(text, encoding="utf-8")
    return name


def demo_config(directory: Path, speed: int = 1) -> str:
    return written(directory, f"demo{speed}.yaml", CONFIG.replace("SPEED", str(speed)))


class Engine:
    """A headless demo in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self._lines: IO[str] = process.stdout
        self.seen: list[str] = []

    def wait_for(self, text: str) -> str:
        """The next line with a text; the process ending before it, or many others coming first, is a failure."""
        for line in islice(self._lines, LINES_MOST):
            self.seen.append(line)
            if text in line:
                return line
        assert len(self.seen) < LINES_MOST, f"no {text!r} in {self.seen[-LINES_MOST:]}"
        raise AssertionError(f"ended with {self.process.wait(TIMEOUT_S)} without {text!r}: {self.seen}")

    def signalled(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, with the rest of its lines read."""
        self.seen += self._lines.readlines()
        return self.process.wait(TIMEOUT_S)


@contextmanager
def engine(directory: Path, *arguments: str) -> Iterator[Engine]:
    process = subprocess.Popen(
        command("run", "--headless", *arguments),
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Engine(process)
    finally:
        process.kill()
        process.wait(TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()


# Usage


def test_help_names_every_command(tmp_path: Path) -> None:
    result = run(tmp_path, "--help")
    assert result.returncode == DONE
    for name in ("run", "replay", "simulate", "status", "--take-over", "--until-flat", "--headless"):
        assert name in result.stdout


def test_version(tmp_path: Path) -> None:
    result = run(tmp_path, "--version")
    assert (result.returncode, result.stdout.split()[0]) == (DONE, "Lockstep")


@pytest.mark.parametrize(
    "arguments",
    [("trade",), ("--lives",), ("simulate",), ("replay",), ("--paper", "--live"), ("replay", ".", "--speed", "0")],
    ids=" ".join,
)
def test_bad_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(tmp_path, *arguments)
    assert result.returncode == USAGE
    assert "usage:" in result.stderr
    assert result.stdout == ""


def test_nothing_is_left_behind_by_looking(tmp_path: Path) -> None:
    run(tmp_path, "--help")
    run(tmp_path, "status")
    assert list(tmp_path.iterdir()) == []


# Live


@pytest.mark.parametrize(
    "arguments",
    [("--live",), ("run", "--live"), ("--live", "--headless"), ("run", "--demo", "--live", "--headless")],
    ids=" ".join,
)
def test_live_is_refused_and_nothing_starts(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(tmp_path, *arguments)
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert "LIVE" in result.stderr
    assert not (tmp_path / "state").exists()


def test_option_before_the_command_is_not_forgotten(tmp_path: Path) -> None:
    """Who writes `--live run` must not get a paper session without a word."""
    result = run(tmp_path, "--live", "run", "--headless", "--config", "none.yaml")
    assert result.returncode == USAGE
    assert "LIVE" in result.stderr or "usage:" in result.stderr


def test_real_account_is_refused_with_file_and_key(tmp_path: Path) -> None:
    text = CONFIG.replace("SPEED", "1").replace(
        "{id: C1, broker: paper, capital_inr: 1050000}", "{id: C1, broker: zerodha, credentials: c.txt}"
    )
    result = run(tmp_path, "run", "--headless", "--config", written(tmp_path, "real.yaml", text))
    assert result.returncode == USAGE
    assert result.stderr.startswith("real.yaml")
    assert "C1" in result.stderr


# Configuration


def test_missing_configuration(tmp_path: Path) -> None:
    result = run(tmp_path, "run", "--headless", "--config", "none.yaml")
    assert result.returncode == USAGE
    assert "none.yaml" in result.stderr


def test_every_fault_of_a_configuration_is_told_with_its_line(tmp_path: Path) -> None:
    text = CONFIG.replace("SPEED", "0").replace("confirm:", "confrim:")
    result = run(tmp_path, "run", "--headless", "--config", written(tmp_path, "bad.yaml", text))
    assert result.returncode == USAGE
    assert {line.split(" ")[0] for line in result.stderr.splitlines()} == {"bad.yaml:1:", "bad.yaml:3:"}
    assert "Traceback" not in result.stderr


def test_configuration_of_the_directory_is_used_without_being_named(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    written(tmp_path / "config", "config.yaml", "nonsense: true\n")
    result = run(tmp_path, "--headless")
    assert result.returncode == USAGE
    assert "config/config.yaml:1" in result.stderr


# simulate


def test_scenario_as_expected(tmp_path: Path) -> None:
    result = run(tmp_path, "simulate", written(tmp_path, "good.yaml", GOOD))
    assert (result.returncode, result.stderr) == (DONE, "")
    assert result.stdout.splitlines()[-1] == "all as expected"


def test_scenario_not_as_expected(tmp_path: Path) -> None:
    result = run(tmp_path, "simulate", written(tmp_path, "bad.yaml", GOOD.replace("195}", "260}")))
    assert result.returncode == WRONG
    assert "positions of C1" in result.stdout
    assert result.stdout.splitlines()[-1] == "NOT as expected"


def test_json_is_one_document_and_the_trace_goes_elsewhere(tmp_path: Path) -> None:
    result = run(tmp_path, "simulate", written(tmp_path, "good.yaml", GOOD), "--json", "--trace")
    document = json.loads(result.stdout)
    assert result.returncode == DONE
    assert document["positions"] == {"C1": {"NIFTY26NOV24500CE": 195}}
    assert (document["failed"], document["violations"]) == ([], [])
    assert "master BUY 650" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("end: 20s", "ends: 20s", "bad.yaml:9: ends:"),
        ("side: BUY", "side: LONG", "bad.yaml:8: steps[1].master_order.side:"),
        ("end: 20s", "end: 20s\nend: 30s", "bad.yaml:10: end:"),
    ],
)
def test_scenario_that_cannot_be_read(old: str, new: str, where: str, tmp_path: Path) -> None:
    result = run(tmp_path, "simulate", written(tmp_path, "bad.yaml", GOOD.replace(old, new)), "--json")
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert where in result.stderr


def test_missing_scenario(tmp_path: Path) -> None:
    result = run(tmp_path, "simulate", "none.yaml")
    assert result.returncode == USAGE
    assert "none.yaml" in result.stderr


def test_simulation_leaves_no_state_behind(tmp_path: Path) -> None:
    written(tmp_path, "good.yaml", GOOD)
    run(tmp_path, "simulate", "good.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["good.yaml"]


# replay


@pytest.mark.parametrize("name", ["none", "2026-11-02", "empty"])
def test_replay_of_nothing(name: str, tmp_path: Path) -> None:
    if name != "none":
        (tmp_path / name).mkdir()
    result = run(tmp_path, "replay", name, "--headless", "--speed", "max")
    assert result.returncode == USAGE
    assert name in result.stderr
    assert "Traceback" not in result.stderr


def test_replay_prints_one_json_document(tmp_path: Path) -> None:
    day = tmp_path / "2026-11-02"
    day.mkdir()
    times = [f"09:{minute:02d}:{second:02d}" for minute in range(30, 33) for second in range(0, 60, 2)]
    quotes = "".join(f"{time},NIFTY26NOV24500CE,100.05,100.00,6500,100.10,6500,1,1\n" for time in times)
    written(day, "quotes.csv", "time,symbol,last,bid,bid_qty,ask,ask_qty,volume_lots,oi_lots\n" + quotes)
    orders = "09:31:01,1,NIFTY26NOV24500CE,BUY,650,100.10,NRML\n09:32:01,2,NIFTY26NOV24500CE,SELL,650,100.00,NRML\n"
    written(day, "master_orders.csv", "time,order_id,symbol,side,quantity,price,product\n" + orders)
    result = run(
        tmp_path, "replay", "2026-11-02", "--headless", "--speed", "max", "--json", "--config", demo_config(tmp_path)
    )
    assert result.returncode == DONE, result.stderr
    document = json.loads(result.stdout)
    assert document["positions"] == {"C1": {}}
    assert [order["quantity"] for order in document["orders"]["C1"]] == [195, 195]
    assert "master BUY 650" in result.stderr


# status


def test_status_before_any_session(tmp_path: Path) -> None:
    result = run(tmp_path, "status")
    assert (result.returncode, result.stdout) == (WRONG, "")
    assert "no session" in result.stderr


def test_status_of_damaged_state_is_no_traceback(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "data" / "demo" / "paper"
    directory.mkdir(parents=True)
    (directory / "journal.sqlite3").write_bytes(b"damaged" * 1000)
    result = run(tmp_path, "status")
    assert result.returncode not in (DONE, USAGE)
    assert "journal.sqlite3" in result.stderr
    assert "Traceback" not in result.stderr


# The headless demo


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_signal_is_an_orderly_stop_and_the_status_is_left(number: signal.Signals, tmp_path: Path) -> None:
    with engine(tmp_path, "--demo") as demo:
        demo.wait_for("armed")
        running = run(tmp_path, "status", "--json")
        assert demo.signalled(number) == DONE
        assert "stopped in an orderly way" in "".join(demo.seen)
    last = run(tmp_path, "status", "--json")
    assert (json.loads(running.stdout)["session"], json.loads(last.stdout)["session"]) == ("running", "last")
    assert run(tmp_path, "status").stdout.startswith("last session of ")


def test_log_has_what_was_printed(tmp_path: Path) -> None:
    with engine(tmp_path, "--demo") as demo:
        demo.wait_for("armed")
        demo.signalled(signal.SIGTERM)
    (log,) = (tmp_path / "logs").iterdir()
    assert log.read_text(encoding="utf-8").splitlines() == [line.rstrip("\n") for line in demo.seen]


def test_until_flat_ends_by_itself_with_everybody_out(tmp_path: Path) -> None:
    with engine(tmp_path, "--config", demo_config(tmp_path, 200), "--until-flat") as demo:
        demo.wait_for("strategy started")
        assert demo.ended() == DONE
    status = json.loads(run(tmp_path, "status", "--json").stdout)
    assert (status["strategy"], status["children"]) == ("FLAT", {"C1": {}})


def test_lines_that_cannot_be_written_do_not_stop_the_copying(tmp_path: Path) -> None:
    """A closed pipe, or a full disk under `> log`, costs lines and never orders."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        process = subprocess.run(
            command("run", "--headless", "--until-flat", "--config", demo_config(tmp_path, 200)),
            cwd=tmp_path,
            stdout=closed,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    assert "Traceback" not in process.stderr
    assert process.returncode == DONE
    assert json.loads(run(tmp_path, "status", "--json").stdout)["strategy"] == "FLAT"


def test_killed_session_is_seen_as_the_last_one_and_frees_the_lock(tmp_path: Path) -> None:
    with engine(tmp_path, "--demo") as demo:
        demo.wait_for("armed")
        demo.process.kill()
        assert demo.ended() == -signal.SIGKILL
    assert json.loads(run(tmp_path, "status", "--json").stdout)["session"] == "last"
    with engine(tmp_path, "--demo") as demo:
        demo.wait_for("goes on where it stopped")
        assert demo.signalled(signal.SIGTERM) == DISARMED


# Two instances


def test_second_instance_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with engine(tmp_path, "--demo") as first:
        first.wait_for("armed")
        second = run(tmp_path, "run", "--headless", "--demo")
        assert (second.returncode, second.stdout) == (LOCKED, "")
        assert str(first.process.pid) in second.stderr
        assert "--take-over" in second.stderr
        assert json.loads(run(tmp_path, "status", "--json").stdout)["session"] == "running"
        assert first.signalled(signal.SIGTERM) == DONE


def test_take_over_ends_the_other_one_in_an_orderly_way_and_runs(tmp_path: Path) -> None:
    with engine(tmp_path, "--demo") as first:
        first.wait_for("armed")
        with engine(tmp_path, "--demo", "--take-over") as second:
            second.wait_for("armed")
            assert first.ended() == DONE
            assert "stopped in an orderly way" in "".join(first.seen)
            assert second.signalled(signal.SIGTERM) == DONE


def test_take_over_with_nobody_there_just_runs(tmp_path: Path) -> None:
    with engine(tmp_path, "--demo", "--take-over") as only:
        only.wait_for("armed")
        assert only.signalled(signal.SIGTERM) == DONE


def test_instances_in_two_directories_do_not_meet(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with engine(tmp_path / "a", "--demo") as first, engine(tmp_path / "b", "--demo") as second:
        first.wait_for("armed")
        second.wait_for("armed")
        assert (first.signalled(signal.SIGTERM), second.signalled(signal.SIGTERM)) == (DONE, DONE)


def test_program_runs_from_anywhere(tmp_path: Path) -> None:
    """What it writes lies below the directory it was started in; what it needs is found beside it."""
    with engine(tmp_path, "--demo") as demo:
        demo.wait_for("armed")
        demo.signalled(signal.SIGTERM)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "state"]


def test_interrupted_verify_ends_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches the whole group, the workers too; they are gone when the command is."""
    process = subprocess.Popen(
        command("verify", "--seeds", "100000"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not workers.read_text(encoding="ascii"):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, out, err) == (INTERRUPTED, "", "interrupted\n")
