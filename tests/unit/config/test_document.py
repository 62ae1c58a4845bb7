"""Strict YAML: what is written is what is read, and every surprise is refused with its line."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.document import DEPTH_MAX, Located, Plain, dotted, parse_document
from config.errors import ConfigError, all_messages


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -3", {"a": -3}),
        ("a: 0.10", {"a": Decimal("0.10")}),
        ("a: 123456789012345678901234567890.05", {"a": Decimal("123456789012345678901234567890.05")}),
        ("a: true\nb: false", {"a": True, "b": False}),
        ("a: null\nb: ~\nc:", {"a": None, "b": None, "c": None}),
        ('a: "012"\nb: "NO"\nc: \'12:30\'', {"a": "012", "b": "NO", "c": "12:30"}),
        ("a: 1/2", {"a": "1/2"}),
        ("a: 4.8s", {"a": "4.8s"}),
        ("a: 2026-11-02", {"a": "2026-11-02"}),
        ("a: [x, {b: y}]", {"a": ["x", {"b": "y"}]}),
        ("on: place\n012: x\nNO: y", {"on": "place", "012": "x", "NO": "y"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: M&M\nb: BAJAJ-AUTO", {"a": "M&M", "b": "BAJAJ-AUTO"}),
        ("", None),
        ("# only a comment", None),
    ],
)
def test_plain_values_are_read_as_written(text: str, value: Plain) -> None:
    assert parse_document(text, "f").value == value


def test_a_decimal_keeps_its_digits() -> None:
    assert str(parse_document("a: 100.10", "f").at(("a",)).value) == "100.10"


REFUSED = [
    ("name NO", "a: 1\nb: NO", 2, "b", '"NO"'),
    ("yes", "a: yes", 1, "a", "write true"),
    ("on in a list", "a: [x, on]", 1, "a[1]", "write true"),
    ("Off", "a: Off", 1, "a", "write true"),
    ("True", "a: True", 1, "a", "write true"),
    ("NULL", "a: NULL", 1, "a", "null"),
    ("octal", "a: 012", 1, "a", "octal"),
    ("negative octal", "a: -012", 1, "a", "octal"),
    ("leading zero of a decimal", "a: 00.5", 1, "a", "octal"),
    ("new octal", "a: 0o14", 1, "a", "octal"),
    ("hexadecimal", "a: 0x1F", 1, "a", "hexadecimal"),
    ("sexagesimal", "a: 12:30", 1, "a", '"12:30"'),
    ("time with a leading zero", "a: 09:15", 1, "a", '"09:15"'),
    ("time with seconds", "a: 12:30:00", 1, "a", '"12:30:00"'),
    ("exponent", "a: 1e5", 1, "a", "power of ten"),
    ("exponent with point", "a: 1.5E+3", 1, "a", "power of ten"),
    ("infinity", "a: .inf", 1, "a", "plain number"),
    ("not a number", "a: .NaN", 1, "a", "plain number"),
    ("underscores", "a: 1_000", 1, "a", "underscores"),
    ("plus", "a: +5", 1, "a", "plainly"),
    ("no digit before the point", "a: .5", 1, "a", "plainly"),
    ("no digit after the point", "a: 5.", 1, "a", "plainly"),
    ("too many digits", f"a: {'9' * 5000}", 1, "a", "too many digits"),
    ("duplicate key", "a: 1\nb: 2\na: 3", 3, "a", "first on line 1"),
    ("nested duplicate key", "r:\n  x: 1\n  x: 2", 3, "r.x", "first on line 2"),
    ("anchor", "a: &x 1", 1, "a", "anchors"),
    ("alias", "a: &x 1\nb: *x", 2, "b", "aliases"),
    ("merge key", "a: {<<: {b: 1}}", 1, "a", "merge keys"),
    ("tag", "a: !!python/object:os.system x", 1, "a", "tags"),
    ("null key", "? \n: 1", 1, "", "key is missing"),
    ("list as a key", "? [a]\n: 1", 1, "", "plain word"),
    ("two documents", "a: 1\n---\nb: 2", 2, "", "second document"),
    ("tab", "a:\n\tb: 1", 2, "", "tab"),
    ("unclosed list", "a: [1,\nb: 2", 2, "", "not valid YAML"),
    ("colon in a value", "a: b: c", 1, "", "quotes"),
    ("control character", "a: 1\nb: \x07", 2, "", "printable"),
    ("escaped control character", 'a: "\\e[31m"', 1, "a", "printable"),
    ("surrogate", 'a: "\\ud800"', 1, "a", "printable"),
    ("line break in a key", '"a\\nb": 1', 1, "", "plain word"),
]


@pytest.mark.parametrize(
    ("text", "line", "key", "words"), [row[1:] for row in REFUSED], ids=[row[0].replace(" ", "_") for row in REFUSED]
)
def test_surprise_is_refused_with_its_line(text: str, line: int, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f.yaml")
    faults = {(fault.line, fault.key): fault.text for fault in (caught.value, *caught.value.others)}
    assert words in faults[line, key]


def test_escape_outside_unicode_is_refused() -> None:
    with pytest.raises(ConfigError, match="escape"):
        parse_document('a: "\\UFFFFFFFF"', "f")


def test_nesting_has_a_bound() -> None:
    parse_document("[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1), "f")
    with pytest.raises(ConfigError, match="nested deeper"):
        parse_document("[" * 10_000, "f")


def test_all_surprises_of_a_document_are_told_in_order() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document("c: 012\nb: [NO,\n  1e5]", "f.yaml")
    assert [message.split(": ")[:2] for message in all_messages(caught.value)] == [
        ["f.yaml:1", "c"],
        ["f.yaml:2", "b[0]"],
        ["f.yaml:3", "b[1]"],
    ]
    assert str(caught.value).endswith("(+2 more)")


def test_lines_are_those_of_keys_and_items() -> None:
    root = parse_document("a:\n  b:\n    - x\n    - c: 1\n      d: 2\n", "f")
    assert root.line(("a", "b")) == 2
    assert root.line(("a", "b", 1)) == 4
    assert root.line(("a", "b", 1, "d")) == 5
    assert root.line(("a", "b", 1, "missing")) == 4
    assert root.line(("a", "b", 9)) == 2
    assert root.at(("a", "b", 1, "d")).key == "a.b[1].d"


def test_dotted_path_of_the_root_is_empty() -> None:
    assert dotted(()) == ""
    assert dotted((0, "a")) == "[0].a"


@given(st.text() | st.text("[]{}:,-*&!|>?%@`\"' \n#~abNO019.eE_", max_size=60))
def test_any_text_is_a_document_or_a_config_error(text: str) -> None:
    try:
        root = parse_document(text, "f")
    except ConfigError as error:
        assert all(message.startswith("f") for message in all_messages(error))
    else:
        assert isinstance(root, Located)
        _ = root.value


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="ascii", categories=("L", "N"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=10,
)


def written(value: object) -> str:
    """A value as YAML flow text, texts always in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {written(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


@given(JSON_LIKE)
def test_what_is_written_plainly_comes_back(value: Plain) -> None:
    assert parse_document(written(value), "f").value == value
