"""Single values: from the text of a YAML scalar to the type that the schema wants, or an error that says what is right.

It knows no key of the configuration; scenario readers use it too. Money and percentages become Decimal and ratios
Fraction straight from the text.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar

from config.document import Located
from config.errors import ConfigError

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_FRACTION: Final = re.compile(r"([0-9]{1,12}) ?/ ?([0-9]{1,12})")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SHOWN_MAX: Final = 40


def shown(node: Located) -> str:
    """A short picture of what is written, for messages."""
    if node.entries is not None:
        return "a section"
    if node.items is not None:
        return "a list"
    if node.text is None:
        return "nothing"
    text = node.text if len(node.text) <= _SHOWN_MAX else node.text[:_SHOWN_MAX] + "..."
    return repr(text) if node.quoted else text


def as_mapping(node: Located) -> dict[str, Located]:
    """The entries of a section. Raises `ConfigError` for anything else."""
    if node.entries is None:
        raise node.fault(f"must be a section with keys below it, not {shown(node)}")
    return node.entries


def as_sequence(node: Located) -> tuple[Located, ...]:
    """The items of a list. Raises `ConfigError` for anything else."""
    if node.items is None:
        raise node.fault(f"must be a list, such as [a, b], not {shown(node)}")
    return node.items


def as_text(node: Located) -> str:
    """A text: written plainly, or in quotes where YAML would read a number, true, false or null."""
    if node.text is None:
        raise node.fault(f"must be a text, not {shown(node)}")
    if not isinstance(node.value, str):
        raise node.fault(f'must be a text, not {shown(node)}; a name like this needs quotes: "{node.text}"')
    return node.text


def as_bool(node: Located) -> bool:
    """`true` or `false`, not in quotes."""
    value = node.value
    if not isinstance(value, bool):
        raise node.fault(f"must be true or false, not {shown(node)}")
    return value


def as_int(node: Located) -> int:
    """A whole number, not in quotes."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise node.fault(f"must be a whole number, not {shown(node)}{_number_hint(node)}")
    return value


def as_decimal(node: Located) -> Decimal:
    """A number, exactly as written, not in quotes."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise node.fault(f"must be a number, not {shown(node)}{_number_hint(node)}")
    return Decimal(node.text or "0")


def as_fraction(node: Located) -> Fraction:
    """An exact ratio: `1/2`, `0.5` or `1`."""
    value = node.value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Fraction(node.text or "0")
    match = _FRACTION.fullmatch(node.text or "")
    if match is None or node.items is not None or node.entries is not None:
        raise node.fault(f"must be a ratio such as 1/2, 0.5 or 1, not {shown(node)}")
    if int(match[2]) == 0:
        raise node.fault("must be a ratio such as 1/2; it cannot be divided by 0")
    return Fraction(int(match[1]), int(match[2]))


def as_choice(node: Located, choices: type[E]) -> E:
    """One of the words of an enum."""
    return as_word(node, {choice.value: choice for choice in choices})


def as_word(node: Located, words: Mapping[str, T]) -> T:
    """What one of some words stands for."""
    text = node.text
    if text is not None and text in words:
        return words[text]
    raise node.fault(f"must be one of {', '.join(words)}, not {shown(node)}{_did_you_mean(text or '', words)}")


def as_texts(node: Located) -> tuple[str, ...]:
    """A list of texts, none of them twice."""
    texts: list[str] = []
    for item in as_sequence(node):
        text = as_text(item)
        if text in texts:
            raise item.fault(f"{shown(item)} stands twice in the list; keep one")
        texts.append(text)
    return tuple(texts)


def key_faults(
    node: Located, known: Sequence[str], required: Mapping[str, str], elsewhere: Mapping[str, str] | None = None
) -> list[ConfigError]:
    """Faults of a section's keys: unknown ones with the nearest known key, and missing ones.

    Args:
        node: The section; a fault too when it is none.
        known: The keys that it may have.
        required: Those that it must have, with an example of each.
        elsewhere: Dotted paths of keys that have their place in other sections.
    """
    try:
        entries = as_mapping(node)
    except ConfigError as error:
        return [error]
    faults = [
        entry.fault(f"unknown key; {_right_key(name, known, elsewhere or {})}")
        for name, entry in entries.items()
        if name not in known
    ]
    prefix = f"{node.key}." if node.key else ""
    for name, example in required.items():
        if name not in entries:
            text = f"is missing; write {example}" if example else "is missing"
            faults.append(ConfigError(node.file, node.line_number, f"{prefix}{name}", text))
    return faults


def check_keys(node: Located, known: Sequence[str], required: Collection[str] = ()) -> dict[str, Located]:
    """The entries of a section whose keys are right. Raises `ConfigError`, see `key_faults`."""
    faults = key_faults(node, known, dict.fromkeys(required, ""))
    if faults:
        first, *rest = faults
        raise ConfigError(first.file, first.line, first.key, first.text, tuple(rest))
    return as_mapping(node)


def _right_key(name: str, known: Sequence[str], elsewhere: Mapping[str, str]) -> str:
    if name.isdigit():
        return "a number of the value before it is written with commas; write 500000, not 5,00,000"
    if name in elsewhere:
        return f"did you mean {elsewhere[name]}?"
    nearest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    if nearest:
        return f"did you mean {nearest[0]}?"
    far = difflib.get_close_matches(name.lower(), elsewhere, n=1, cutoff=0.8)
    if far:
        return f"did you mean {elsewhere[far[0]]}?"
    return f"known here: {', '.join(known)}"


def _did_you_mean(text: str, allowed: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(text.lower(), list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _number_hint(node: Located) -> str:
    text = (node.text or "").strip()
    if node.quoted and _NUMBER.fullmatch(text):
        return f"; write {text} without quotes"
    plain = text.replace(",", "").removesuffix("%").removeprefix("₹").strip()
    if plain != text and _NUMBER.fullmatch(plain):
        return f"; write {plain}"
    return ""
