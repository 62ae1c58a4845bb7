"""The error of everything that people write: configuration, credentials, scenarios, recorded data.

It lives here because the configuration is the lowest layer; `engine.errors` draws the whole tree and gives both names
again. It must not hold a value of a credentials file, only names and lines.
"""

from pathlib import PurePath


class LockstepError(Exception):
    """Base of all errors of the program. `str(error)` is a sentence for people."""


class ConfigError(LockstepError):
    """The configuration (or a scenario, or recorded data) cannot be used; it must be corrected.

    `str(error)` is the first fault and says how many more there are; `all_messages` gives each of them.

    Args:
        file: The file that has the fault.
        line: Its line, from 1; `None` when the fault is in no single line.
        key: The dotted key, '' when no key is at fault.
        text: What is wrong and what would be right.
        others: Further faults of the same file.
    """

    def __init__(
        self, file: PurePath | str, line: int | None, key: str, text: str, others: "tuple[ConfigError, ...]" = ()
    ) -> None:
        self.file, self.line, self.key, self.text = str(file), line, key, text
        self.others = others
        more = f" (+{len(others)} more)" if others else ""
        super().__init__(self.message + more)

    @property
    def message(self) -> str:
        """This fault alone: `file:line: key: text`."""
        where = f"{self.file}:{self.line}" if self.line is not None else self.file
        return f"{where}: {self.key}: {self.text}" if self.key else f"{where}: {self.text}"


def all_messages(error: ConfigError) -> list[str]:
    """Every fault of the file, one line each, the first one first."""
    return [error.message, *(other.message for other in error.others)]


def one_error(faults: "list[ConfigError]") -> ConfigError:
    """All faults of one file as one error, in the order of their lines.

    Args:
        faults: At least one fault, none with `others` of its own; of two at one key and line the first counts.
    """
    once: dict[tuple[int | None, str], ConfigError] = {}
    for fault in faults:
        once.setdefault((fault.line, fault.key), fault)
    first, *rest = sorted(once.values(), key=lambda fault: (fault.line is None, fault.line or 0))
    return ConfigError(first.file, first.line, first.key, first.text, tuple(rest))
