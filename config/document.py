"""YAML text as a tree of located values: every scalar keeps its text, its line and its path.

It must not guess. What YAML would silently turn into something else (`NO`, `012`, `12:30`, `1e5`, aliases, merge keys,
tags, a key given twice) is refused with its line, and numbers never pass through float.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

import yaml

from config.errors import ConfigError, one_error

Path: TypeAlias = tuple[str | int, ...]
Plain: TypeAlias = "bool | int | Decimal | str | list[Plain] | dict[str, Plain] | None"

DEPTH_MAX: Final = 32
CHARACTERS_MAX: Final = 4_000_000
NUMBER_CHARACTERS_MAX: Final = 40

_NULLS: Final = frozenset({"", "~", "null"})
_BOOLS: Final = {"true": True, "false": False}
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_NUMBER_LIKE: Final = re.compile(r"[-+.0-9][-+.0-9_eE:xobXOBa-fA-F]*")
# What YAML 1.1 (or 1.2, or both in different ways) would turn into another value than the one that is written.
_SURPRISES: Final = (
    (
        re.compile(r"(?i)yes|no|on|off|true|false|null"),
        'YAML reads {0} as true, false or nothing; write true, false or null, or a name in quotes: "{0}"',
    ),
    (
        re.compile(r"[-+]?0[0-9_]+(\.[0-9_]*)?|[-+]?0[xobXOB][0-9a-fA-F_]+"),
        'YAML may read {0} as an octal or hexadecimal number; write no leading 0, or a name in quotes: "{0}"',
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9]*)?"),
        'YAML may read {0} as a number of base 60; write a time in quotes: "{0}"',
    ),
    (
        re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)[eE][-+]?[0-9]+"),
        'YAML may read {0} as a power of ten; write the number out, or a name in quotes: "{0}"',
    ),
    (re.compile(r"(?i)[-+]?\.(inf|nan)"), "{0} is not a number that can be used here; write a plain number"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"),
        'YAML may drop the underscores of {0}; write the number without them, or a name in quotes: "{0}"',
    ),
    (
        re.compile(r"\+[0-9]+(\.[0-9]*)?|[-+]?[0-9]+\.|[-+]?\.[0-9]+"),
        'write the number {0} plainly, such as 5 or 0.5, or a name in quotes: "{0}"',
    ),
)


def dotted(path: Path) -> str:
    """A path as people write it: `children[0].sizing.ratio`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """A value of a YAML document and where it stands. Exactly one of a scalar, a mapping and a sequence."""

    file: str
    path: Path
    line_number: int
    "From 1; of the key where there is one."
    text: str | None = None
    "A scalar as it is written; `None` for null and for mappings and sequences."
    quoted: bool = False
    entries: dict[str, "Located"] | None = None
    items: tuple["Located", ...] | None = None

    @property
    def key(self) -> str:
        """The dotted path."""
        return dotted(self.path)

    @property
    def is_null(self) -> bool:
        """Whether nothing, `~` or `null` is written."""
        return self.text is None and self.entries is None and self.items is None

    @property
    def value(self) -> Plain:
        """The plain value: None, bool, int, Decimal (every number with a point), str, list or dict."""
        if self.entries is not None:
            return {key: node.value for key, node in self.entries.items()}
        if self.items is not None:
            return [node.value for node in self.items]
        if self.text is None or self.quoted:
            return self.text
        if self.text in _BOOLS:
            return _BOOLS[self.text]
        if _INTEGER.fullmatch(self.text):
            return int(self.text)
        return Decimal(self.text) if _DECIMAL.fullmatch(self.text) else self.text

    def get(self, key: str) -> "Located | None":
        """The value of a key; `None` where there is no such key or this is no mapping."""
        return self.entries.get(key) if self.entries is not None else None

    def at(self, path: Path) -> "Located":
        """The deepest existing value on a path below this one."""
        node = self
        for part in path:
            below = node.get(part) if isinstance(part, str) else (dict(enumerate(node.items or ()))).get(part)
            if below is None:
                return node
            node = below
        return node

    def line(self, path: Path = ()) -> int:
        """The line of a path below this value, from 1; of the nearest value above it where the path does not exist."""
        return self.at(path).line_number

    def fault(self, text: str) -> ConfigError:
        """An error at this value."""
        return ConfigError(self.file, self.line_number, self.key, text)


def parse_document(text: str, file: str) -> Located:
    """Read one YAML document strictly.

    Args:
        text: The document.
        file: Its name for messages.

    Returns:
        The root; `is_null` for an empty document.

    Raises:
        ConfigError: It is not YAML, or something in it would be a surprise. `others` has further faults.
    """
    root, faults = parse_with_faults(text, file)
    if faults:
        raise one_error(faults)
    return root


def parse_with_faults(text: str, file: str) -> tuple[Located, list[ConfigError]]:
    """Like `parse_document`, for a caller that looks for more faults in the same text.

    Returns:
        The root and the faults of values; where there is any, the root must not be used but for finding more faults.

    Raises:
        ConfigError: It is not YAML.
    """
    _refuse_tabs_and_size(text, file)
    builder = _Builder(file)
    try:
        root = builder.document(iter(yaml.parse(text, Loader=yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        raise one_error([*builder.faults, _syntax_fault(error, file)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(file, line, "", "has a character that YAML does not allow; write printable text") from None
    except (ValueError, OverflowError):
        # PyYAML lets chr() and int() fail on escapes and directives outside their range.
        raise ConfigError(file, None, "", "has an escape or a directive that is not valid YAML") from None
    return root, builder.faults


def _refuse_tabs_and_size(text: str, file: str) -> None:
    if len(text) > CHARACTERS_MAX:
        raise ConfigError(file, None, "", f"is longer than {CHARACTERS_MAX} characters")
    for number, line in enumerate(text.split("\n"), start=1):
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise ConfigError(file, number, "", "is indented with a tab; YAML needs spaces")


def _syntax_fault(error: yaml.MarkedYAMLError, file: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    text = f"is not valid YAML: {error.problem or error.context}"
    if error.problem == "mapping values are not allowed here":
        text += "; a colon inside a value needs quotes, and keys of one section the same indentation"
    return ConfigError(file, mark.line + 1 if mark is not None else None, "", text)


class _Builder:
    """Builds the tree from the parser's events and collects what has to be refused."""

    def __init__(self, file: str) -> None:
        self.faults: list[ConfigError] = []
        self._file = file

    def document(self, events: Iterator[yaml.Event]) -> Located:
        root: Located | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._fault(event, (), "a second document begins here; a file has one, without ---")
                    break
                root = self._node(next(events), events, (), None)
        return root or Located(file=self._file, path=(), line_number=1)

    def _fault(self, event: yaml.Event, path: Path, text: str) -> None:
        self.faults.append(ConfigError(self._file, _line(event), dotted(path), text))

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path, key_line: int | None) -> Located:
        line = key_line or _line(event)
        if len(path) > DEPTH_MAX:
            raise ConfigError(self._file, line, "", f"is nested deeper than {DEPTH_MAX} levels")
        if isinstance(event, yaml.AliasEvent):
            self._fault(event, path, "aliases (*name) are not used here; write the value again")
            return Located(file=self._file, path=path, line_number=line)
        self._refuse_anchor_and_tag(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return Located(file=self._file, path=path, line_number=line, entries=self._entries(events, path))
        if isinstance(event, yaml.SequenceStartEvent):
            return Located(file=self._file, path=path, line_number=line, items=self._items(events, path))
        return self._scalar(event, path, line)

    def _refuse_anchor_and_tag(self, event: yaml.Event, path: Path) -> None:
        if getattr(event, "anchor", None) is not None:
            self._fault(event, path, "anchors (&name) are not used here; write the value alone")
        if getattr(event, "tag", None) is not None:
            self._fault(event, path, "tags (!name) are not used here; write the value alone")

    def _items(self, events: Iterator[yaml.Event], path: Path) -> tuple[Located, ...]:
        items: list[Located] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, (*path, len(items)), None))
        return tuple(items)

    def _entries(self, events: Iterator[yaml.Event], path: Path) -> dict[str, Located]:
        entries: dict[str, Located] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            name = self._name(event, events, path)
            node = self._node(next(events), events, (*path, name), _line(event))
            if name in entries:
                first = entries[name].line_number
                self._fault(event, node.path, f"the key stands twice, first on line {first}; keep one")
            else:
                entries[name] = node
        return entries

    def _name(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> str:
        """A key. It is always a name, so `on` and `012` are no surprise here."""
        if not isinstance(event, yaml.ScalarEvent):
            self._fault(event, path, "a key must be a plain word")
            self._node(event, events, path, None)
            return ""
        self._refuse_anchor_and_tag(event, path)
        name, plain = event.value, event.style is None
        if plain and name in _NULLS:
            self._fault(event, path, "a key is missing before the colon")
        elif plain and name == "<<":
            self._fault(event, path, "merge keys (<<) are not used here; write the keys out")
        elif _unusable(name) is not None or "\n" in name:
            self._fault(event, path, "a key must be a plain word")
            return ""
        return name

    def _scalar(self, event: yaml.Event, path: Path, line: int) -> Located:
        if not isinstance(event, yaml.ScalarEvent):
            raise ConfigError(self._file, line, dotted(path), "is not valid YAML")
        text, quoted = event.value, event.style is not None
        if not quoted and text in _NULLS:
            return Located(file=self._file, path=path, line_number=line)
        problem = _unusable(text) or (None if quoted else _surprise(text))
        if problem is not None:
            self._fault(event, path, problem)
        return Located(file=self._file, path=path, line_number=line, text=text, quoted=quoted)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _unusable(text: str) -> str | None:
    if any(not (character.isprintable() or character in "\n\t ") for character in text):
        return "has a control character or another unprintable one; write printable text"
    return None


def _surprise(text: str) -> str | None:
    if text in _BOOLS or text in _NULLS:
        return None
    for pattern, message in _SURPRISES:
        if pattern.fullmatch(text):
            return message.format(text[:NUMBER_CHARACTERS_MAX])
    if len(text) > NUMBER_CHARACTERS_MAX and _NUMBER_LIKE.fullmatch(text):
        return "the number has too many digits"
    return None
