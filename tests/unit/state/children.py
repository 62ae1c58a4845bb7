"""Starting the programs of `processes` and reading what they say."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 60


class Child:
    """One process. All of its output is read through one buffer, so no line can get lost between two ways of reading."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "tests.unit.state.processes", *map(str, arguments)]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid

    def line(self) -> str:
        """The next line, waiting for it."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def finish(self) -> list[str]:
        """Let it end in its own way; the rest of its lines."""
        lines = self._rest()
        assert self._process.returncode == 0
        return lines

    def kill(self) -> list[str]:
        """Kill it as the system would when memory is short; the rest of its whole lines."""
        self._process.kill()
        return self._rest()

    def _rest(self) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        lines = self._process.stdout.readlines()
        self._process.stdout.close()
        self._process.wait(PATIENCE_S)
        return [line.rstrip("\n") for line in lines if line.endswith("\n")]
