"""When the terminal's bell rings: something new that the operator should look at."""

from engine.commands import Severity
from engine.snapshot import Snapshot


class Bell:
    """Knows what was there at the last look. Rings at most once a look, and never for what it finds at the first."""

    def __init__(self) -> None:
        self._prompts: frozenset[str] | None = None
        self._newest = 0

    def rings(self, snapshot: Snapshot) -> bool:
        """Take in a snapshot: whether it has an alarm or a prompt that the last one had not."""
        prompts = frozenset(prompt.id for prompt in snapshot.prompts)
        newest = max((notice.number for notice in snapshot.notices), default=0)
        if newest < self._newest:
            self._newest = 0  # the numbers began anew with another engine
        is_first, asks = self._prompts is None, bool(prompts - (self._prompts or frozenset()))
        is_alarmed = any(n.severity is Severity.ALARM and n.number > self._newest for n in snapshot.notices)
        self._prompts, self._newest = prompts, newest
        return not is_first and (asks or is_alarmed)
