"""The program as a process, with an operator who speaks to it through a pipe.

`python -m tests.operated run --headless ...` is `runner.py` with one thing more: what is written to the pipe `operator`
in its directory, an event on each line, goes the way of what is typed in the dashboard.
"""

import os
import sys
import threading
from pathlib import Path

import msgspec

import engine.loop
import runner
from engine.events import Operator
from tests.test_live import ROOT, Live, Program

PIPE = "operator"


class OperatedProgram(Program):
    """The program with a pipe for the operator."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        os.mkfifo(directory / PIPE)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.operated", *arguments]


def operate(live: Live, *events: Operator) -> None:
    """The operator of a running program orders something; it counts from when it is taken up."""
    with (live.directory / PIPE).open("wb") as pipe:
        pipe.writelines(msgspec.json.encode(event) + b"\n" for event in events)


class _Loop(engine.loop.EngineLoop):
    """A loop that hears the pipe."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while True:
            with Path(PIPE).open("rb") as pipe:
                for line in pipe:
                    self.post(msgspec.json.decode(line, type=Operator))


if __name__ == "__main__":
    engine.loop.EngineLoop = _Loop  # type: ignore[misc]
    sys.exit(runner.main())
