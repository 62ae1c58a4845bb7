"""The settings of the session, what they mean, and which of them are the operator's own."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from config.explained import explained
from config.schema import (
    Account,
    Child,
    ChildFilters,
    Confirm,
    ConfirmWhen,
    Filters,
    Mode,
    Risk,
    Settings,
    Sizing,
    SizingMode,
)
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, Desk, assert_screen, drive
from tui.frame import Frame
from tui.screens.settings_lines import settings_lines

OWN = Settings(
    master=Account(id="ZM0001", broker="paper", credentials="config/credentials_canary.txt"),
    children=(
        Child(
            id="ZC0001",
            broker="paper",
            credentials="config/credentials_canary.txt",
            sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)),
            filters=ChildFilters(deny=("NFO:BANKNIFTY*",)),
        ),
        Child(id="ZC0002", broker="paper"),
    ),
    confirm=Confirm(when=ConfirmWhen.ALL),
    risk=Risk(max_daily_loss_inr=Decimal(25000), max_orders_per_minute=None),
)


def paths(section: type[msgspec.Struct], prefix: str = "") -> list[str]:
    """Every key of a section by its path."""
    found: list[str] = []
    for field in msgspec.structs.fields(section):
        kind = field.type
        if field.name in ("master", "children"):
            continue
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found += paths(kind, f"{prefix}{field.encode_name}.")
        else:
            found.append(f"{prefix}{field.encode_name}")
    return found


@pytest.mark.parametrize("path", paths(Settings))
def test_every_setting_is_explained(path: str) -> None:
    assert explained().get(path), path


def test_explanations_over_several_lines_are_whole() -> None:
    meanings = explained()
    assert meanings["risk.on_leg_refused"].endswith("or leaves the strategy, shorts first, or goes on")
    assert meanings["children.sizing.lots"].startswith("lots, 1 to 1000")
    assert "master.id" not in meanings


@pytest.mark.parametrize(("name", "size"), [("settings_120x36", (120, 36)), ("settings_80x24", SMALL)])
def test_settings_look_as_stored(name: str, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("i")
        assert_screen(name, desk)

    drive(s.condor(mode_next=Mode.LIVE), script, size=size, settings=OWN)


def test_own_settings_come_first_with_their_defaults_and_nothing_of_the_keys_is_shown() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("i")
        shown = ["".join(span.text for span in row.line) for row in desk.app.screen.query_one("#body").rows]  # type: ignore[attr-defined]
        text = "\n".join(shown)
        assert text.index("risk.max_daily_loss_inr") < text.index("defaults")
        assert "25000" in text
        assert "default null" in text
        assert "3 settings of yours" in text
        assert "fixed_ratio" in text
        assert "NFO:BANKNIFTY*" in text
        assert "ZC0002" not in text.replace("cap of", "")
        assert "canary" not in text

    drive(s.condor(), script, settings=OWN)


def test_without_settings_the_key_says_so() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("i")
        assert desk.top == "Overview"
        assert any("no settings" in note.message for note in desk.app._notifications)

    drive(s.condor(), script)


def test_settings_are_shown_without_their_meanings_where_those_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.explained.EXAMPLE", Path("/nowhere/config.example.yaml"))

    async def script(desk: Desk) -> None:
        await desk.press("i")
        assert "risk.max_daily_loss_inr" in desk.text

    drive(s.condor(), script, settings=OWN)


def test_long_values_are_shown_whole() -> None:
    many = tuple(f"NFO:SYMBOL{n}*" for n in range(9))
    lines = settings_lines(
        Frame(snapshot=s.condor(), now_ns=s.NOW, quiet_s=0),
        78,
        msgspec.structs.replace(OWN, filters=Filters(deny=many)),
        {},
    )
    text = " ".join("".join(span.text for span in each) for each in lines)
    assert all(name in text for name in many)
