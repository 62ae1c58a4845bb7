"""Everything that an adapter says to anybody, and that no secret is in it."""

import logging
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from engine.ports import Answer


class Overheard:
    """What is said: by answers and links, on both outputs, in logs and in files.

    Args:
        directory: Where the test runs.
        capfd: The outputs.
        caplog: The logs.
    """

    def __init__(self, directory: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._directory, self._capfd, self._caplog = directory, capfd, caplog
        self.texts: list[str] = []
        self.raised: list[object] = []
        "What ended a thread."
        self._loggers: list[str] = []

    def listen(self, *loggers: str) -> None:
        """Hear these, too, which do not pass on what they log."""
        self._loggers += loggers
        for name in loggers:
            logging.getLogger(name).addHandler(self._caplog.handler)

    def end(self) -> None:
        """Hear them no longer."""
        for name in self._loggers:
            logging.getLogger(name).removeHandler(self._caplog.handler)

    def answer(self, answer: Answer) -> None:
        """A broker answered a write."""
        self.texts += [repr(answer), answer.reason]

    def assert_hidden(self, secrets: Collection[str], mark: str) -> None:
        """None of the secrets was said, although the server repeated some; `mark` is in lines worth a look."""
        output = self._capfd.readouterr()
        shown = "\n".join([*self.texts, output.out, output.err, self._caplog.text])
        found = sorted(secret for secret in secrets if secret in shown)
        assert found == [], [line for line in shown.splitlines() if mark in line][:5]
        assert "***" in shown
        assert self.raised == []
        assert list(self._directory.iterdir()) == []


@pytest.fixture
def overheard(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Overheard]:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    made = Overheard(tmp_path, capfd, caplog)
    monkeypatch.setattr(threading, "excepthook", made.raised.append)
    yield made
    made.end()
