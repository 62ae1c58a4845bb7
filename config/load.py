"""The only reader of YAML: the configuration file as `Settings`, and the same strictness for scenarios and data.

Every fault is a `ConfigError` with file, line, key and what would be right; one error carries all faults of the file.
It must not read credentials files and must not open anything but the one file that it is given.
"""

import stat
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from config import checks
from config.document import Located, parse_document, parse_with_faults
from config.errors import ConfigError, all_messages, one_error
from config.fields import as_decimal, as_mapping, shown
from config.limits import PAPER_BROKER, Limit
from config.schema import Account, Child, Settings
from config.sections import SectionReader

__all__ = [
    "ConfigError",
    "Located",
    "all_messages",
    "build_child",
    "build_settings",
    "load_document",
    "load_settings",
    "load_settings_text",
    "parse_document",
    "read_text",
]

BYTES_MAX: Final = 16_000_000
AVAILABLE: Final = "available"
_AVAILABLE_LIMIT: Final = Limit(Decimal(-1_000_000_000_000), Decimal(1_000_000_000_000), "INR")
_EXAMPLE: Final = "config/config.example.yaml shows every key"


def load_settings(path: Path) -> Settings:
    """Read the configuration file.

    Raises:
        ConfigError: The file cannot be read or has faults; show `all_messages` and stop.
    """
    return load_settings_text(read_text(path), str(path))


def load_document(path: Path) -> Located:
    """Read a YAML file strictly, without a schema. Raises `ConfigError`."""
    return parse_document(read_text(path), str(path))


def load_settings_text(text: str, file: str) -> Settings:
    """Read a configuration.

    Args:
        text: The YAML text.
        file: Its name for messages.

    Raises:
        ConfigError: It has faults.
    """
    root, faults = parse_with_faults(text, file)
    if root.is_null and not faults:
        raise ConfigError(file, None, "", f"is empty; {_EXAMPLE}")
    if root.entries is None:
        raise one_error([*faults, root.fault(f"must be a mapping, not {shown(root)}; {_EXAMPLE}")])
    reader = SectionReader()
    settings = reader.read(root, Settings)
    faults += reader.faults + checks.account_set_faults(root) + _section_faults(reader)
    for node, section in reader.built:
        if isinstance(section, Account):
            faults += checks.account_faults(node, section)
    if settings is None or faults:
        raise one_error(faults)
    return settings


def build_settings(node: Located | None, *, master: Account, children: tuple[Child, ...], file: str = "") -> Settings:
    """Settings from a part of a configuration, with accounts that come from elsewhere (a scenario's `settings:`).

    Args:
        node: The part, without master and children; `None` for all defaults.
        master: The master.
        children: The children.
        file: Its name for messages where `node` is `None`.

    Raises:
        ConfigError: The part has faults, or an account is given twice.
    """
    faults = checks.account_list_faults(node.file if node is not None else file, master, children)
    values: dict[str, object] = {}
    if node is not None:
        reader = SectionReader()
        values = reader.values(node, Settings, without=("master", "children")) or {}
        faults += reader.faults + _section_faults(reader)
    if faults:
        raise one_error(faults)
    return replace(Settings(master=master, children=children), **values)


def build_child(node: Located, extra_keys: Collection[str] = (AVAILABLE,)) -> Child:
    """A scenario's child: any child key of the configuration, on paper.

    Args:
        node: The child's mapping.
        extra_keys: Keys that the caller reads itself. `available` among them is the margin at the start (INR, of any
            sign) and becomes `capital_inr` of a paper account.

    Raises:
        ConfigError: It has faults.
    """
    reader = SectionReader()
    child = reader.read(node, Child, extra=extra_keys)
    faults = reader.faults + _section_faults(reader)
    if child is None:
        raise one_error(faults)
    if AVAILABLE not in extra_keys:
        faults += checks.account_faults(node, child)
    else:
        child = _paper_child(node, child, faults)
    if faults:
        raise one_error(faults)
    return child


def _section_faults(reader: SectionReader) -> list[ConfigError]:
    return [fault for node, section in reader.built for fault in checks.section_faults(node, section)]


def _paper_child(node: Located, child: Child, faults: list[ConfigError]) -> Child:
    for key in ("credentials", "capital_inr", "paper_capital_inr"):
        given = node.get(key)
        if given is not None and not given.is_null:
            faults.append(given.fault("accounts of a scenario are on paper; write only available"))
    if child.broker not in {None, PAPER_BROKER}:
        faults.append(node.at(("broker",)).fault("accounts of a scenario are on paper; leave it out"))
    available = as_mapping(node).get(AVAILABLE)
    if available is None:
        faults.append(ConfigError(node.file, node.line(), f"{node.key}.{AVAILABLE}", "is missing"))
        return child
    try:
        amount = as_decimal(available)
        problem = _AVAILABLE_LIMIT.problem(amount)
        if problem is not None:
            raise available.fault(f"{problem}, not {shown(available)}")
    except ConfigError as error:
        faults.append(error)
        return child
    return replace(child, broker=PAPER_BROKER, capital_inr=amount)


def read_text(path: Path) -> str:
    """The text of a file, UTF-8.

    Raises:
        ConfigError: It is missing, no plain file, not readable, too long or not UTF-8.
    """
    file = str(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ConfigError(file, None, "", "is a directory; give the file in it")
        if not stat.S_ISREG(mode):
            raise ConfigError(file, None, "", "is no plain file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(file, None, "", f"does not exist; {_EXAMPLE}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name cannot be used"
        raise ConfigError(file, None, "", f"cannot be read: {reason}") from None
    if len(data) > BYTES_MAX:
        raise ConfigError(file, None, "", f"is longer than {BYTES_MAX} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(file, line, "", "is not UTF-8 text; save it as UTF-8") from None
