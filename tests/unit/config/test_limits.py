"""The tables of ranges and forms cover the schema, its defaults and the words of the engine."""

import types
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Union, get_args, get_origin

import pytest
from msgspec.structs import FieldInfo, fields

from config import limits, schema
from config.limits import FORMS, LIMITS
from config.schema import Section
from engine.model import OrderType, Side


def sections() -> list[type[Section]]:
    """Every section class that can be reached from the settings."""
    found: list[type[Section]] = []

    def walk(kind: type[Section]) -> None:
        if kind in found:
            return
        found.append(kind)
        for field in fields(kind):
            for type_ in (field.type, *get_args(field.type)):
                if isinstance(type_, type) and issubclass(type_, Section):
                    walk(type_)

    walk(schema.Settings)
    return found


def kinds(field: FieldInfo) -> set[object]:
    """The types of a field, without None; of a tuple its items'."""
    types_ = get_args(field.type) if get_origin(field.type) in {Union, types.UnionType, tuple} else (field.type,)
    return {each for each in types_ if each not in {type(None), ...}}


ALL = [(kind, field) for kind in sections() for field in fields(kind)]


def test_every_number_of_the_schema_has_a_range() -> None:
    numbers = {(kind, field.encode_name) for kind, field in ALL if kinds(field) & {int, Decimal, Fraction}}
    assert numbers == set(LIMITS)


def test_every_text_of_the_schema_has_a_form() -> None:
    assert {(kind, field.encode_name) for kind, field in ALL if str in kinds(field)} == set(FORMS)


@pytest.mark.parametrize(("kind", "field"), ALL, ids=[f"{kind.__name__}.{field.encode_name}" for kind, field in ALL])
def test_default_is_inside_its_own_range(kind: type[Section], field: FieldInfo) -> None:
    where, default = (kind, field.encode_name), field.default
    if isinstance(default, int | Decimal | Fraction) and not isinstance(default, bool):
        assert LIMITS[where].problem(default) is None
    elif isinstance(default, str):
        assert isinstance(default, StrEnum) or FORMS[where](default) is None
    elif isinstance(default, tuple):
        assert [FORMS[where](text) for text in default] == [None] * len(default)
    else:
        assert default is None or isinstance(default, bool | Section) or field.default_factory or field.required


def test_words_of_filters_are_those_of_the_engine() -> None:
    assert set(limits.ORDER_TYPES) == {each.value for each in OrderType}
    assert set(limits.SIDES) == {each.value for each in Side}


@pytest.mark.parametrize(
    ("pattern", "good"),
    [
        ("*", True),
        ("NFO:NIFTY*", True),
        ("*:M&M", True),
        ("NSE:BAJAJ-AUTO", True),
        ("NSE:NIFTY 50", True),
        ("?FO:*", True),
        ("NFO:[BF]*", True),
        ("*NIFTY*", True),
        ("NIFTY", False),
        (":NIFTY", False),
        ("NFO:", False),
        ("nfo:*", False),
        ("NFO:NIFTY;", False),
        ("NFO:[*", False),
    ],
)
def test_form_of_patterns(pattern: str, good: bool) -> None:
    assert (limits.glob_problem(pattern) is None) is good
