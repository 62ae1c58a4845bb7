"""That the operator read the rules before the first LIVE start: one small file, kept. It must not know the rules."""

from pathlib import Path

import msgspec

from engine.errors import JournalFailed
from state.files import make_directory, write_durably

NAME = "acknowledged.json"


class _File(msgspec.Struct):
    rules: int
    at_ns: int


def is_acknowledged(root: Path, rules: int) -> bool:
    """Whether this edition of the rules was acknowledged; a file that cannot be read says no."""
    try:
        return msgspec.json.decode((root / NAME).read_bytes(), type=_File).rules >= rules
    except (OSError, msgspec.MsgspecError):
        return False


def keep_acknowledged(root: Path, rules: int, now_ns: int) -> None:
    """Keep that it was. Raises `JournalFailed` when the disk does not take it."""
    try:
        make_directory(root)
        write_durably(root / NAME, msgspec.json.encode(_File(rules, now_ns)))
    except OSError as error:
        raise JournalFailed(f"{root / NAME} cannot be written: {error.strerror}. Nothing was started.") from error
