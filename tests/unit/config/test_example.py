"""The example shows every key with its default; the demo and the skeleton of the documents load."""

import re
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

import config
from config.document import Located
from config.limits import LIMITS
from config.load import load_document, load_settings, load_settings_text
from config.schema import Account, Child, Section, Settings, SizingMode

HERE = Path(next(iter(config.__path__)))
EXAMPLE = HERE / "config.example.yaml"
ROOT = load_document(EXAMPLE)
MONEY_MAX = Decimal(10**12)
"A bound against slips of the hand, not worth a word in the example."
LINES = EXAMPLE.read_text(encoding="utf-8").splitlines()


def places(node: Located, kind: type[Section]) -> list[tuple[Located, type[Section], FieldInfo]]:
    """Every key of the schema below a section of the example; the nearest node where the key is not shown."""
    found = []
    for field in fields(kind):
        type_ = field.type
        below = node.at((field.encode_name,))
        found.append((below, kind, field))
        if isinstance(type_, type) and issubclass(type_, Section) and below is not node:
            found += places(below, type_)
    return found


SETTINGS = places(ROOT, Settings)
CHILD = places(ROOT.at(("children", 0)), Child)
ALL = [*SETTINGS, *CHILD]
IDS = [f"{kind.__name__}.{field.encode_name}" for _, kind, field in ALL]


def as_written(value: object) -> str:
    """A default as the example has to show it, list items without quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, StrEnum | str):
        return str(value)
    assert isinstance(value, int | Decimal | Fraction)
    return str(value)


def test_example_loads() -> None:
    settings = load_settings(EXAMPLE)
    defaults = Settings(master=settings.master, children=settings.children)
    assert settings == defaults
    first = settings.children[0]
    assert first == Child(id=first.id, broker=first.broker, credentials=first.credentials)
    assert settings.master == Account(
        id=settings.master.id, broker=settings.master.broker, credentials=settings.master.credentials
    )


@pytest.mark.parametrize(("node", "kind", "field"), ALL, ids=IDS)
def test_every_key_is_shown_with_its_default(node: Located, kind: type[Section], field: FieldInfo) -> None:
    assert node.path[-1] == field.encode_name, "the key is not in the example"
    if field.encode_name in {"broker", "credentials"} or field.default is NODEFAULT or node.entries is not None:
        return
    shown = ", ".join(item.text or "" for item in node.items) if node.items is not None else node.text or "null"
    assert shown == as_written(field.default)


@pytest.mark.parametrize(
    ("node", "kind", "field"),
    [row for row in ALL if (row[1], row[2].encode_name) in LIMITS],
    ids=[name for name, row in zip(IDS, ALL, strict=True) if (row[1], row[2].encode_name) in LIMITS],
)
def test_every_number_is_shown_with_its_range_and_unit(node: Located, kind: type[Section], field: FieldInfo) -> None:
    limit = LIMITS[kind, field.encode_name]
    comment = LINES[node.line_number - 1].partition("#")[2]
    if not comment:
        # The accounts are explained above the first one, and a child's gates where the same keys stand for all.
        comment = next(line for line in LINES if re.match(rf"[# ]+{field.encode_name}[: ].*\b{limit.low:f}\b", line))
    assert limit.unit in comment
    assert re.search(rf"\b{limit.low:f}\b", comment)
    if limit.high != MONEY_MAX:
        assert re.search(rf"\b{limit.high:f}\b", comment)


def test_words_of_every_choice_are_shown() -> None:
    for node, _, field in ALL:
        if isinstance(field.type, type) and issubclass(field.type, StrEnum):
            line = LINES[node.line_number - 1]
            shown = [word.value for word in field.type if word.value in line or word.name == "CONTINUE"]
            assert shown == [word.value for word in field.type], line


def test_demo_loads_and_has_its_ratios() -> None:
    settings = load_settings(HERE / "demo.yaml")
    master = settings.master.capital_inr
    assert settings.master.id == "DEMO-MASTER"
    assert {child.broker for child in settings.children} | {settings.master.broker} == {"paper"}
    assert master is not None
    ratios = []
    for child in settings.children:
        assert child.capital_inr is not None
        capital = min(child.capital_inr, child.max_capital_inr or child.capital_inr)
        frozen = child.sizing.mode is SizingMode.FROZEN_RATIO
        ratios.append(Fraction(capital) / Fraction(master) if frozen else child.sizing.ratio)
    assert ratios == [Fraction(3, 10), Fraction(1, 7), Fraction(1, 2)]


SKELETON = """\
mode: paper                       # paper | live (live must still be typed)
follow: fills                     # fills | orders
confirm: {when: entries, timeout_s: 30}        # never | entries | all
copy: {as: market, limit_buffer_ticks: 2, chase_after_s: 3, catch_up_s: 3, max_slippage_pct: 1.0}
timing: {poll_interval_s: 1.0, aggregation_ms: 250, margin_hold_s: 10, margin_jump_pct: 1.0, margin_stale_s: 60, max_signal_age_s: 30}
ratio: {max_ratio: 1}
risk: {max_daily_loss_inr: null, max_orders_per_minute: 120, on_max_loss: stop_entries, on_leg_refused: hold, on_leg_below_lot: hold, leg_wait_s: 3, expiry_cutoff: "15:00"}
strategy_scope: account           # account | underlying
on_terminal_lost: continue        # continue | stop
filters: {allow: ["NFO:NIFTY*"], deny: [], options_only: false}
paper: {latency_ms: 50, slippage_ticks: 0, limit_fill: limit, partial_fills: false, quote_stale_s: 10}
master: {id: ZM0001, broker: zerodha, credentials: config/credentials_zm0001.txt}
children:
  - {id: ZC0001, broker: zerodha, credentials: config/credentials_zc0001.txt, max_capital_inr: 500000, live: true}
  - {id: AC0002, broker: angel_one, credentials: config/credentials_ac0002.txt, sizing: {mode: fixed_ratio, ratio: 1/2}}
brokers:
  zerodha: {root_url: "http://127.0.0.1:8765", ticker_url: "ws://127.0.0.1:8765/ws"}
"""


def test_documented_skeleton_loads() -> None:
    settings = load_settings_text(SKELETON, "skeleton")
    assert [child.id for child in settings.children] == ["ZC0001", "AC0002"]
    assert settings.children[0].live
    assert settings.brokers.zerodha.ticker_url == "ws://127.0.0.1:8765/ws"
