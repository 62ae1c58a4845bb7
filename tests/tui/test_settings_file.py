"""The configuration file is read again: what the next start would change is told, and what it would refuse."""

from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from config.errors import ConfigError
from config.schema import (
    Account,
    Brokers,
    BrokerUrls,
    Child,
    Confirm,
    ConfirmWhen,
    Demo,
    Filters,
    RatioSettings,
    Settings,
    Sizing,
    SizingMode,
)
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tests.tui.test_cap import NEXT, capped
from tui.frame import Frame
from tui.screens.file_lines import OF_THE_ACCOUNT, file_lines
from tui.text import plain, width_of

SETTINGS = Settings(
    master=Account(id="ZM0001", broker="paper"),
    children=(
        Child(id="ZC0001", broker="paper", max_capital_inr=Decimal(1_050_000)),
        Child(id="ZC0002", broker="paper", sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2)),
    ),
)
FIRST, SECOND = SETTINGS.children


def told(found: Settings | ConfigError | None, width: int = 100) -> list[str]:
    frame = Frame(snapshot=capped(), now_ns=s.NOW, quiet_s=0)
    lines = file_lines(frame, width, SETTINGS, found)
    assert all(width_of(each) <= width for each in lines)
    return [plain(each).strip() for each in lines if plain(each).strip()]


CHANGES = [
    (replace(SETTINGS, confirm=Confirm(when=ConfirmWhen.ALL)), ["confirm.when  entries → all"]),
    (
        replace(SETTINGS, children=(replace(FIRST, max_capital_inr=Decimal(700_000)), SECOND)),
        [
            "ZC0001 max_capital_inr  1050000 → 700000",
            "ZC0001 ratio  1/5 with the next strategy, by the margins of now",
        ],
    ),
    (
        replace(SETTINGS, ratio=RatioSettings(max_ratio=Fraction(1, 4))),
        ["ratio.max_ratio  1 → 1/4", "ZC0001 ratio  1/4 with the next strategy, by the margins of now"],
    ),
    (
        replace(SETTINGS, children=(FIRST, replace(SECOND, sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=3)))),
        ["ZC0002 sizing.lots  2 → 3"],
    ),
    (
        replace(SETTINGS, children=(FIRST, Child(id="ZC0009", broker="paper"))),
        [
            "ZC0009  new: it takes part from the next start on",
            "ZC0002  gone: it is left to its owner at the next start",
        ],
    ),
    (replace(SETTINGS, master=Account(id="ZM0002", broker="paper")), ["master  ZM0001 → ZM0002"]),
    (replace(SETTINGS, master=Account(id="ZM0001", broker="zerodha")), [f"master  {OF_THE_ACCOUNT}"]),
    (
        replace(SETTINGS, children=(replace(FIRST, broker="zerodha", credentials="config/canary.txt"), SECOND)),
        [f"ZC0001  {OF_THE_ACCOUNT}"],
    ),
    (
        replace(SETTINGS, brokers=Brokers(zerodha=BrokerUrls(root_url="http://127.0.0.1:1"))),
        ["brokers  their addresses"],
    ),
    (replace(SETTINGS, demo=Demo(seed=3)), ["demo  its market"]),
    (replace(SETTINGS, filters=Filters(deny=("[red]*",))), ["filters.deny  [] → [red]*"]),
]


@pytest.mark.parametrize(("found", "lines"), CHANGES, ids=[lines[0] for _, lines in CHANGES])
def test_each_change_is_told_with_what_it_does(found: Settings, lines: list[str]) -> None:
    assert told(found) == ["the file now  from the next start on", *lines]


def test_cap_that_the_operator_has_set_stays_where_the_file_has_the_same_as_before() -> None:
    by_hand = replace(NEXT, cap_inr=Decimal(350_000))
    frame = Frame(snapshot=capped(max_capital_inr=Decimal(350_000), next_ratio=by_hand), now_ns=s.NOW, quiet_s=0)
    changed = replace(SETTINGS, ratio=RatioSettings(max_ratio=Fraction(1, 4)))
    lines = [plain(each).strip() for each in file_lines(frame, 100, SETTINGS, changed)]
    assert not any(each.startswith("ZC0001 ratio") for each in lines)


def test_unchanged_file_is_told_as_such() -> None:
    assert told(SETTINGS) == ["the file now", "as this session was started"]


def test_without_a_file_nothing_is_told() -> None:
    assert told(None) == []


def test_file_that_the_next_start_would_refuse_is_told_with_its_faults() -> None:
    fault = ConfigError("config.yaml", 4, "confirm.when", "must be one of never, entries, all")
    lines = told(fault, 60)
    assert lines[:2] == ["the file now", "The next start would refuse it:"]
    assert "must be one of never, entries, all" in " ".join(lines)


def test_long_change_is_broken_and_not_cut() -> None:
    many = tuple(f"NFO:SYMBOL{n}*" for n in range(20))
    assert all(name in " ".join(told(replace(SETTINGS, filters=Filters(deny=many)), 60)) for name in many)


def test_file_is_read_whenever_the_settings_are_opened() -> None:
    files = [SETTINGS, replace(SETTINGS, confirm=Confirm(when=ConfirmWhen.NEVER))]

    async def script(desk: Desk) -> None:
        desk.app.reread = lambda: files.pop(0)
        await desk.press("i")
        assert "as this session was started" in desk.text
        await desk.press("enter", "i")
        assert "entries → never" in desk.text

    drive(capped(), script, settings=SETTINGS)
