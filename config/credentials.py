"""Credentials files: `key = value` lines in a file that only its owner can read.

Nothing here may put a value into a message, a repr or a log: values live in `Secret`, messages name file, line and
what is missing. A line that is not understood is not repeated, because it may be a secret without its key.
"""

import difflib
import os
import re
import shlex
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from msgspec.structs import replace

from config.errors import ConfigError, one_error
from config.files import replace_private
from config.schema import Account, Settings

REQUIRED: Final = {
    "zerodha": ("api_key", "api_secret", "user_id"),
    "angel_one": ("api_key", "username", "password", "totp_token"),
}
CLIENT: Final = {"zerodha": "user_id", "angel_one": "username"}
"""The key that names the client of the broker."""
OPTIONAL: Final = {"zerodha": ("access_token",), "angel_one": ()}
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a key, not a secret
BYTES_MAX: Final = 65_536

_LINE: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._+/=-]{1,4096}")
_HIDDEN: Final = "***"


AccountT = TypeVar("AccountT", bound=Account)


class Secret:
    """A text that shows as `***` everywhere; `reveal` is the only way to it. Cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._value

    def __str__(self) -> str:
        return _HIDDEN

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


class Credentials(Mapping[str, Secret]):
    """What one credentials file holds.

    Args:
        path: The file.
        broker: The broker that its keys belong to.
        values: The secrets by key.
    """

    __slots__ = ("_values", "broker", "path")

    def __init__(self, *, path: Path, broker: str, values: Mapping[str, Secret]) -> None:
        self.path, self.broker, self._values = path, broker, dict(values)

    @property
    def client(self) -> tuple[str, Secret]:
        """Whose account it is: the broker, and the client's name there in capitals."""
        return self.broker, Secret(self._values[CLIENT[self.broker]].reveal().upper())

    def is_of(self, client: str) -> bool:
        """Whether these are the credentials of a client, as its broker names it, in whatever case."""
        return self.client[1].reveal() == client.upper()

    def __getitem__(self, key: str) -> Secret:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Credentials({self.broker}, {', '.join(self._values)})"


def broker_of(keys: Collection[str]) -> str | None:
    """The broker that keys belong to: the one whose keys they match best; `None` when they fit none or both alike."""
    marks = {
        broker: sum(key in {*required, *OPTIONAL[broker]} - {"api_key"} for key in keys)
        for broker, required in REQUIRED.items()
    }
    best = max(marks.values())
    found = [broker for broker, count in marks.items() if count == best]
    return found[0] if best and len(found) == 1 else None


def load_credentials(path: Path, broker: str | None = None) -> Credentials:
    """Read a credentials file.

    Args:
        path: The file; its mode must let only the owner in (0600).
        broker: The broker of the account's configuration; `None` finds it from the keys.

    Raises:
        ConfigError: The file cannot be read, others can read it, or its keys are not one broker's.
    """
    file = str(path)
    lines = _private_text(path).split("\n")
    values, numbers, faults = _parsed(lines, file)
    of_keys = broker_of(numbers)
    broker = broker or of_keys
    if broker is None:
        wanted = "; ".join(f"{name}: {', '.join(keys)}" for name, keys in REQUIRED.items())
        raise one_error([ConfigError(file, None, "", f"has the keys of no broker; needed are {wanted}"), *faults])
    faults += _key_faults(file, broker, of_keys, numbers)
    if faults:
        raise one_error(faults)
    return Credentials(path=path, broker=broker, values=values)


def with_brokers(settings: Settings) -> Settings:
    """The configuration with the broker of every account, found from its credentials where it is not written.

    Raises:
        ConfigError: Credentials that say it cannot be read.
    """

    def found(account: AccountT) -> AccountT:
        if account.broker is not None:
            return account
        return replace(account, broker=load_credentials(Path(account.credentials or "")).broker)

    return replace(settings, master=found(settings.master), children=tuple(map(found, settings.children)))


def save_access_token(path: Path, token: Secret | str) -> None:
    """Put an access token into a credentials file, atomically; comments and all other lines stay.

    Args:
        path: An existing credentials file.
        token: The new token.

    Raises:
        ConfigError: The file cannot be read or replaced (it is then unchanged), or this is no token.
    """
    text = token.reveal() if isinstance(token, Secret) else token
    if not _TOKEN.fullmatch(text):
        raise ConfigError(path, None, ACCESS_TOKEN, "the new token has characters that no token has; log in again")
    lines = _private_text(path).split("\n")
    new, where = f"{ACCESS_TOKEN} = {text}", _line_of(lines, ACCESS_TOKEN)
    if where is not None:
        lines[where] = new + ("\r" if lines[where].endswith("\r") else "")
    else:
        # The last item is what follows the last line end; an unfinished last line gets its end first.
        lines[-1:] = [new, ""] if lines[-1] == "" else [lines[-1], new, ""]
    try:
        replace_private(path.resolve(), "\n".join(lines).encode())
    except OSError as error:
        raise ConfigError(path, None, ACCESS_TOKEN, f"cannot be saved: {error.strerror}") from None


def _private_text(path: Path) -> str:
    """The text of a file that only its owner can read. Mode and text are of the same open file."""
    file = str(path)
    try:
        # Not blocking, so that a named pipe does not hang the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            _refuse_open_file(path, mode)
            data = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise ConfigError(file, None, "", "does not exist; write key = value lines into it, with mode 0600") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name cannot be used"
        raise ConfigError(file, None, "", f"cannot be read: {reason}") from None
    if len(data) > BYTES_MAX:
        raise ConfigError(file, None, "", f"is longer than {BYTES_MAX} bytes; this is no credentials file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # The error itself carries the whole file.
        line = data.count(b"\n", 0, error.start) + 1
    raise ConfigError(file, line, "", "is not UTF-8 text; save it as UTF-8")


def _refuse_open_file(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ConfigError(path, None, "", "is no plain file; give the credentials file")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = (
            f"can be read or changed by others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {shlex.quote(str(path))}"
        )
        raise ConfigError(path, None, "", text)


def _parsed(lines: list[str], file: str) -> tuple[dict[str, Secret], dict[str, int], list[ConfigError]]:
    values: dict[str, Secret] = {}
    numbers: dict[str, int] = {}
    faults: list[ConfigError] = []
    known = {key for names in (*REQUIRED.values(), *OPTIONAL.values()) for key in names}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip("\ufeff \t").startswith("#"):
            continue
        match = _LINE.fullmatch(line.removeprefix("\ufeff"))
        name = match[1].lower() if match is not None else ""
        if match is None:
            faults.append(ConfigError(file, number, "", "is no key = value line"))
        elif name not in known:
            faults.append(ConfigError(file, number, "", f"unknown key; {_nearest(name, known)}"))
        elif name in numbers:
            faults.append(ConfigError(file, number, name, f"stands twice, first on line {numbers[name]}; keep one"))
        else:
            numbers[name] = number
            value = _unquoted(match[2])
            values[name] = Secret(value)
            if not value or not value.isprintable():
                faults.append(ConfigError(file, number, name, "has no value that can be used; write it after the ="))
    return values, numbers, faults


def _key_faults(file: str, broker: str, of_keys: str | None, numbers: Mapping[str, int]) -> list[ConfigError]:
    if broker not in REQUIRED:
        return [ConfigError(file, None, "", f"broker {broker} has no credentials; known are {', '.join(REQUIRED)}")]
    allowed = (*REQUIRED[broker], *OPTIONAL[broker])
    hint = f"; the keys are those of {of_keys}" if of_keys not in {None, broker} else ""
    missing = [ConfigError(file, None, key, f"is missing{hint}") for key in REQUIRED[broker] if key not in numbers]
    foreign = [
        ConfigError(file, number, key, f"is no key of {broker}; its keys are {', '.join(allowed)}{hint}")
        for key, number in numbers.items()
        if key not in allowed
    ]
    return missing + foreign


def _nearest(name: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(known))}"


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _line_of(lines: list[str], key: str) -> int | None:
    for index, line in enumerate(lines):
        match = _LINE.fullmatch(line.removeprefix("\ufeff"))
        if match is not None and match[1].lower() == key:
            return index
    return None
