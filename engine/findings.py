"""What a check of accounts and configuration found: one line each, with what to do about it."""

from enum import StrEnum

from engine.model import Value


class Level(StrEnum):
    """How a check ended."""

    GOOD = "good"
    NOTE = "note"
    "Cannot be checked, or should be known."
    BAD = "bad"


class Finding(Value, frozen=True, kw_only=True):
    """One check."""

    account: str
    "'' for what concerns everybody."
    check: str
    level: Level
    text: str
    todo: str = ""
    "What to do, '' where nothing is to be done."
