"""Sections: from a located YAML mapping to a frozen section of the schema, driven by the schema itself.

It collects every fault instead of stopping at the first, and must not know what two values mean together.
"""

import types
from collections.abc import Callable, Collection
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar, Union, cast, get_args, get_origin

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from config import fields as values
from config.document import Located
from config.errors import ConfigError
from config.limits import FORMS, LIMITS
from config.schema import Account, Child, Section, Settings

S = TypeVar("S", bound=Section)

_EXAMPLES: Final = {
    "master": "master: {id: ZM0001, credentials: config/credentials_zm0001.txt}",
    "children": "children: [{id: ZC0001, credentials: config/credentials_zc0001.txt}]",
    "id": "id: ZC0001",
}


class SectionReader:
    """Reads sections and keeps all faults."""

    def __init__(self) -> None:
        self.faults: list[ConfigError] = []
        self.built: list[tuple[Located, Section]] = []
        "Every section without a fault of its own, with its place."

    def read(self, node: Located, kind: type[S], *, extra: Collection[str] = ()) -> S | None:
        """A section; `None` when it has faults, which are then in `faults`.

        Args:
            node: The mapping.
            kind: The section's class.
            extra: Keys that may stand there too and are left to the caller.
        """
        found = self.values(node, kind, extra=extra)
        if found is None:
            return None
        section = cast(Callable[..., S], kind)(**found)
        self.built.append((node, section))
        return section

    def values(
        self, node: Located, kind: type[Section], *, extra: Collection[str] = (), without: Collection[str] = ()
    ) -> dict[str, object] | None:
        """The values of a section by field name, for a section that is not complete by itself.

        Args:
            node: The mapping.
            kind: The section's class.
            extra: Keys that may stand there too and are left to the caller.
            without: Fields of the class that may not stand there.
        """
        before = len(self.faults)
        wanted = [field for field in fields(kind) if field.name not in without]
        known = [*(field.encode_name for field in wanted), *extra]
        required = {name: _EXAMPLES.get(name, "") for name in (field.encode_name for field in wanted if field.required)}
        self.faults += values.key_faults(node, known, required, _elsewhere(known))
        found: dict[str, object] = {}
        for field in wanted:
            below = node.get(field.encode_name)
            if below is not None:
                found[field.name] = self._value(below, kind, field)
        return found if len(self.faults) == before else None

    def _value(self, node: Located, kind: type[Section], field: FieldInfo) -> object:
        type_, may_be_null = _without_none(field.type)
        if node.is_null:
            if not may_be_null:
                self.faults.append(node.fault(f"must have a value{_default_hint(field)}"))
            return None
        item = _section_of_tuple(type_)
        if item is not None:
            return self._sections(node, item)
        if isinstance(type_, type) and issubclass(type_, Section):
            return self.read(node, type_)
        try:
            return _single(node, type_, (kind, field.encode_name))
        except ConfigError as error:
            self.faults.append(error)
            return None

    def _sections(self, node: Located, kind: type[Section]) -> tuple[Section | None, ...]:
        try:
            return tuple(self.read(item, kind) for item in values.as_sequence(node))
        except ConfigError as error:
            self.faults.append(error)
            return ()


def _single(node: Located, type_: object, where: tuple[type[Section], str]) -> object:
    if isinstance(type_, type) and issubclass(type_, StrEnum):
        return _choice(node, type_, where)
    if type_ is bool:
        return values.as_bool(node)
    if type_ is str:
        return _checked(node, values.as_text(node), where)
    if get_origin(type_) is tuple:
        texts = values.as_texts(node)
        for item, text in zip(values.as_sequence(node), texts, strict=True):
            _checked(item, text, where)
        return texts
    number: int | Decimal | Fraction
    if type_ is int:
        number = values.as_int(node)
    else:
        number = values.as_fraction(node) if type_ is Fraction else values.as_decimal(node)
    problem = LIMITS[where].problem(number)
    if problem is not None:
        raise node.fault(f"{problem}, not {values.shown(node)}")
    return number


def _checked(node: Located, text: str, where: tuple[type[Section], str]) -> str:
    check = FORMS.get(where)
    problem = check(text) if check is not None else None
    if problem is not None:
        # An address may hold a password; the message must not repeat it.
        told = "" if where[1].endswith("_url") else f", not {values.shown(node)}"
        raise node.fault(problem + told)
    return text


def _choice(node: Located, choices: type[StrEnum], where: tuple[type[Section], str]) -> StrEnum:
    return values.as_word(node, {choice.value: choice for choice in choices})


def _without_none(type_: object) -> tuple[object, bool]:
    if get_origin(type_) in {Union, types.UnionType}:
        rest = [argument for argument in get_args(type_) if argument is not type(None)]
        return rest[0], True
    return type_, False


def _section_of_tuple(type_: object) -> type[Section] | None:
    if get_origin(type_) is not tuple:
        return None
    item = get_args(type_)[0]
    return item if isinstance(item, type) and issubclass(item, Section) else None


def _default_hint(field: FieldInfo) -> str:
    if isinstance(field.default, StrEnum | str | int | Decimal | Fraction):
        return f"; the default is {field.default}"
    return "" if field.default is NODEFAULT else "; leave the key out for the default"


def _places() -> dict[str, str]:
    """Where each key has its place: the name of the key to its dotted path."""
    places: dict[str, str] = {}

    def walk(kind: type[Section], prefix: str) -> None:
        for field in fields(kind):
            type_, _ = _without_none(field.type)
            path = prefix + field.encode_name
            if isinstance(type_, type) and issubclass(type_, Section) and type_ not in {Account, Child}:
                walk(type_, f"{path}.")
            places.setdefault(field.encode_name, path)

    walk(Settings, "")
    walk(Child, "children[].")
    return places


_PLACES: Final = _places()


def _elsewhere(known: Collection[str]) -> dict[str, str]:
    return {name: path for name, path in _PLACES.items() if name not in known}
