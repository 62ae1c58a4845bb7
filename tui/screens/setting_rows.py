"""The keys of the configuration with their values as they stand in the file."""

from collections.abc import Iterator

import msgspec

from config.schema import Account

NOT_SHOWN = frozenset({"master", "children", "brokers", "demo"})
OF_ACCOUNT = frozenset(field.name for field in msgspec.structs.fields(Account))
"Of a child only what it is traded by is shown."

Setting = tuple[str, str, str]
"""Path, value, default."""


def setting_rows(
    section: msgspec.Struct, prefix: str = "", *, without: frozenset[str] = frozenset()
) -> Iterator[Setting]:
    """Keys of a section, but for some of its own, with those below it."""
    for field in msgspec.structs.fields(section):
        value, path = getattr(section, field.name), f"{prefix}{field.encode_name}"
        if field.name in without:
            continue
        if isinstance(value, msgspec.Struct):
            yield from setting_rows(value, f"{path}.")
        else:
            yield path, _text(value), _text(field.default)


def _text(value: object) -> str:
    """A value as it stands in the file."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "[]"
    return str(value)
