"""Real processes that are killed at any moment, on real files: the next one goes on where they stopped.

What a replay comes to does not depend on how often it was killed: the same orders at the same prices, the same tags,
positions, allocations and results. Only times may differ a little: whose answer died with a process is found in the book.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.recorded_day import ORDERS, write_day
from tests.scenarios.files import ROOT

RUNNER = ROOT / "runner.py"
DONE, WRONG, LOCKED, DISARMED = 0, 1, 3, 4
TIMEOUT_S = 120
GLANCE_S = 0.0005
KILLS, SLOW_KILLS = 8, 500
KILLS_OF_A_RUN = 25

Json = dict[str, object]


def replay(directory: Path, *arguments: str) -> list[str]:
    command = [sys.executable, str(RUNNER), "replay", "2026-11-02", "--config", "accounts.yaml"]
    return [*command, "--speed", "max", "--headless", "--json", *arguments]


def undisturbed(directory: Path) -> Json:
    """What the day comes to when nobody is killed."""
    write_day(directory)
    result = subprocess.run(
        replay(directory), cwd=directory, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert result.returncode == DONE, result.stderr
    return without_times(json.loads(result.stdout))


def without_times(document: Json) -> Json:
    """A result without the times of its orders."""
    orders = document["orders"]
    assert isinstance(orders, dict)
    for rows in orders.values():
        for row in rows:
            del row["at_s"]
    return document


@dataclass(kw_only=True)
class Tally:
    """What was done to how many processes."""

    runs: int = 0
    processes: int = 0
    continued: int = 0
    "Processes that went on in the market of the one before."
    stages: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        return self.stages.total()

    def __str__(self) -> str:
        stages = ", ".join(f"{count} {stage}" for stage, count in self.stages.most_common())
        return f"{self.kills} kills in {self.runs} runs, {self.processes} processes, {self.continued} went on: {stages}"


class Victim:
    """One replay of a day that is killed and started again until it ends."""

    def __init__(self, directory: Path, random: Random, tally: Tally) -> None:
        self.directory, self.random, self.tally = directory, random, tally
        self.paper = directory / "state" / "data" / "replay" / "paper"
        self.moments: list[str] = []

    def run(self, kills: int) -> Json:
        """The final result after at most so many kills."""
        self.tally.runs += 1
        for _ in range(kills):
            result = self._once(self._moment())
            if result is not None:
                return result
        result = self._once(None)
        assert result is not None
        return result

    def _once(self, moment: Callable[[subprocess.Popen[str]], bool] | None) -> Json | None:
        """One process: its result, or `None` when it was killed before it ended."""
        self.tally.processes += 1
        before = self._newest_session()
        output = self.directory / "output.json"
        with output.open("w") as out, (self.directory / "lines.txt").open("a") as lines:
            process = subprocess.Popen(
                replay(self.directory),
                cwd=self.directory,
                stdout=out,
                stderr=lines,
                stdin=subprocess.DEVNULL,
                text=True,
            )
            if moment is not None and moment(process):
                process.send_signal(signal.SIGKILL)
            code = process.wait(TIMEOUT_S)
        if code == -signal.SIGKILL:
            self.tally.stages[self._stage(before)] += 1
            return None
        assert code == DONE, (code, self.moments, (self.directory / "lines.txt").read_text()[-3000:])
        return without_times(json.loads(output.read_text(encoding="utf-8")))

    def _moment(self) -> Callable[[subprocess.Popen[str]], bool]:
        """When to kill: at the n-th change of the journal's log, a little after it, at any time, or in a session."""
        if self.tally.processes % 3 == 2:  # whatever the machine's speed: some get as far as their first events
            before = self._newest_session()
            self.moments.append("its first events")
            return lambda process: self._has_begun(process, before)
        changes = self.random.choice((1, 1, 2, 3, self.random.randint(4, 40), self.random.randint(10, 150)))
        after_s = self.random.choice((0.0, 0.0, self.random.uniform(0, 0.02)))
        kind = self.random.choice(("change", "change", "time"))
        if kind == "time":
            after_s = self.random.uniform(0.1, 1.3)
            self.moments.append(f"{after_s:.3f} s")
            return lambda process: not ended(process, after_s)
        self.moments.append(f"change {changes} + {after_s:.3f} s")
        return lambda process: self._changed(process, changes) and not ended(process, after_s)

    def _changed(self, process: subprocess.Popen[str], changes: int) -> bool:
        """Wait for so many changes of the log, as far as they can be seen; false when the process ended before."""
        log = self.paper / "journal.sqlite3-wal"
        seen, count = stamp(log), 0
        while count < changes:
            if ended(process, GLANCE_S):
                return False
            now = stamp(log)
            if now != seen:
                seen, count = now, count + 1
        return True

    def _has_begun(self, process: subprocess.Popen[str], before: int) -> bool:
        """Wait for the first events of a new session; false when the process ended before."""
        while not any(number > before and entries for number, _, entries, _ in self._sessions()):
            if ended(process, GLANCE_S):
                return False
        return True

    def _newest_session(self) -> int:
        return max((number for number, *_ in self._sessions()), default=0)

    def _sessions(self) -> list[tuple[int, int | None, int, int]]:
        """(number, end, entries, reads) of every session in the journal."""
        path = self.paper / "journal.sqlite3"
        if not path.exists():
            return []
        query = (
            "SELECT s.id, s.ended_ns, count(e.seq), coalesce(sum(e.event_kind = 'AccountRead'), 0)"
            " FROM sessions s LEFT JOIN entries e ON e.session = s.id GROUP BY s.id"
        )
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # killed before its tables were there
            return []
        finally:
            connection.close()

    def _stage(self, before: int) -> str:
        sessions = self._sessions()
        if not sessions or sessions[-1][0] <= before:
            return "during recovery of the one before" if before else "before the first commit"
        _, end, entries, reads = sessions[-1]
        if end is not None:
            return "after the orderly end"
        if not entries:
            return "before the first event"
        return "while trading" if reads > 4 else "before the books were read"


def ended(process: subprocess.Popen[str], within_s: float) -> bool:
    """Whether a process ends by itself within some real time."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def stamp(path: Path) -> tuple[int, int] | None:
    """Changes with every write to a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def torment(root: Path, kills: int, seed: int) -> Tally:
    """Kill replays until so many kills were delivered; every one must come to what the undisturbed one comes to."""
    (root / "calm").mkdir()
    wanted = undisturbed(root / "calm")
    random, tally = Random(seed), Tally()
    while tally.kills < kills:
        directory = root / f"run{tally.runs}"
        directory.mkdir()
        write_day(directory)
        victim = Victim(directory, random, tally)
        most = min(random.randint(3, KILLS_OF_A_RUN), kills - tally.kills)
        result = victim.run(most)
        assert result == wanted, (directory, victim.moments)
        tally.continued += (directory / "lines.txt").read_text(encoding="utf-8").count("goes on where it stopped")
    return tally


def test_undisturbed_day_is_copied_whole(tmp_path: Path) -> None:
    result = undisturbed(tmp_path)
    assert (result["violations"], result["held"], result["positions"]) == ([], [], {"C1": {}, "C2": {}, "C3": {}})
    assert result["master"] == {"orders": ORDERS, "positions": {}}
    orders = result["orders"]
    assert isinstance(orders, dict)
    assert [len(rows) for rows in orders.values()] == [22, 14, 23]


def test_killed_replay_comes_to_the_same_end(tmp_path: Path) -> None:
    tally = torment(tmp_path, KILLS, seed=1)
    assert tally.kills == KILLS
    assert tally.continued


@pytest.mark.slow
def test_five_hundred_kills_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tally = torment(tmp_path, SLOW_KILLS, seed=int(os.environ.get("LOCKSTEP_KILL_SEED", "2")))
    with capsys.disabled():
        print(f"\n{tally}")
    assert tally.kills >= SLOW_KILLS
    assert tally.continued >= SLOW_KILLS // 4
    assert tally.stages["during recovery of the one before"] >= SLOW_KILLS // 20
