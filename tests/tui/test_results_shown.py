"""What was made is said as what it is: of the strategy, of the day, since it was opened; and ratios of which strategy."""

from decimal import Decimal

import msgspec
import pytest

from engine.snapshot import ChildColumn, Snapshot, StrategyView
from tests.tui import snapshots as s
from tui import format as fmt
from tui.export import table_of
from tui.frame import Frame
from tui.screens import detail
from tui.screens import ticket_lines as say
from tui.screens.ask_lines import adopt_rows
from tui.screens.child_lines import child_lines
from tui.text import Line, Tone, plain
from tui.widgets.accounts import account_rows
from tui.widgets.matrix import closed_line, leg_line, plan, summary_lines
from tui.widgets.strategy_line import strategy_line


def frame(snapshot: Snapshot) -> Frame:
    return Frame(snapshot=snapshot, now_ns=s.NOW, quiet_s=0)


def page_of(column: ChildColumn) -> dict[str, str]:
    """The facts of a child's page by their names."""
    picture = s.condor(children=(column, *s.condor().children[1:]))
    lines = [plain(each) for each in child_lines(column.id, frame(picture), 118)]
    return {text[:13].strip(): text[13:].strip() for text in lines}


def two_strategies(master: str = "100", children: str | None = "-50") -> Snapshot:
    base = s.condor()
    made = Decimal(master), None if children is None else Decimal(children)
    fields = {"scope": "BANKNIFTY", "name": "straddle", "master_pnl_inr": made[0], "children_pnl_inr": made[1]}
    parts = (*s.part_of("3/10", "3,00,000", "NIFTY"), *s.part_of("3/5", "6,00,000", "BANKNIFTY", entries_stopped="no"))
    column = msgspec.structs.replace(base.children[0], scopes=parts)
    nifty: StrategyView = msgspec.structs.replace(base.strategies[0], scope="NIFTY")
    both = nifty, msgspec.structs.replace(nifty, **fields)
    return s.condor(strategies=both, children=(column, *base.children[1:]))


def test_line_of_one_strategy_says_what_it_made_and_not_what_the_day_did() -> None:
    text = plain(strategy_line(frame(s.condor(master_day_inr=Decimal(999), children_day_inr=Decimal(999))), 198))
    assert "P&L master +₹18,450 children +₹9,120" in text
    assert "999" not in text


def test_line_of_several_strategies_adds_what_they_made() -> None:
    assert "P&L master +₹18,550 children +₹9,070" in plain(strategy_line(frame(two_strategies()), 118))
    assert "children ?" in plain(strategy_line(frame(two_strategies(children=None)), 118))


@pytest.mark.parametrize(("width", "told"), [(118, "day P&L master +₹5 children -₹7"), (78, "day P&L +₹5 / -₹7")])
def test_line_of_a_flat_master_says_what_the_day_made(width: int, told: str) -> None:
    traded = s.flat(master_day_inr=Decimal(5), children_day_inr=Decimal(-7))
    text = plain(strategy_line(frame(traded), width))
    assert told in text
    assert len(text) <= width
    assert "P&L" not in plain(strategy_line(frame(s.flat()), width))


def test_page_of_a_child_tells_the_day_from_what_was_made_since_the_legs_were_opened() -> None:
    column = s.condor().children[0]
    page = page_of(column)
    assert page["day P&L"] == "+₹2,790, of it closed ₹0"
    assert page["charges"] == "₹182, after them +₹2,608"
    assert "since opened" not in page
    page = page_of(msgspec.structs.replace(column, day_inr=Decimal(-300), realised_inr=Decimal(40)))
    assert (page["day P&L"], page["since opened"]) == ("-₹300", "+₹2,790, of it closed +₹40")
    assert page["charges"].endswith("after them -₹482")


def test_page_of_a_child_lists_what_became_of_its_copies_and_why_not() -> None:
    picture = s.condor()
    lines = [plain(each) for each in child_lines("ZC0004", frame(picture), 118)]
    assert any("SELL NIFTY 24750 CE 03Nov        130/195" in text and "? unknown: no answer" in text for text in lines)
    assert any("BUY  NIFTY 24900 CE 03Nov        195/195     13.00   +0.05  ✓ filled" in text for text in lines)
    left_out = [plain(each) for each in child_lines("ZC0006", frame(picture), 76)]
    assert left_out.count(" " * 14 + "margin stale") == 4
    assert all(len(text) <= 76 for text in left_out)


def test_child_with_a_ratio_of_its_own_in_each_strategy_shows_no_single_one() -> None:
    picture = two_strategies()
    ratios, capital = (
        next(plain(row.line) for row in summary_lines(picture, plan(picture, 118, selected="", dense=False), live=False) if name in row.key)
        for name in ("ratio", "capital")
    )  # fmt: skip
    assert ratios.split()[1] == "several"
    assert capital.split()[2] == "several"
    _, rows = account_rows(frame(picture), 118, sort="configuration")
    assert "several" in plain(rows[0].line)
    assert plain(rows[0].line).count("several") == 2  # ratio and capital
    page = page_of(picture.children[0])
    assert page["NIFTY"] == "ratio 3/10 from ₹3,00,000"
    assert page["BANKNIFTY"] == "ratio 3/5 from ₹6,00,000"
    heads, first, *_ = table_of("accounts", picture)
    assert first[heads.index("ratio")] == "NIFTY 0.3; BANKNIFTY 0.6"


def test_page_of_a_child_says_what_its_capital_is_now() -> None:
    base = s.condor().children[0]

    def lines(**more: object) -> list[Line]:
        part = msgspec.structs.replace(*s.part_of("3/10", "10,50,000"), **more)
        column = msgspec.structs.replace(base, scopes=(part,))
        picture = s.condor(children=(column, *s.condor().children[1:]))
        drawn = child_lines(column.id, frame(picture), 118)
        assert [plain(each)[13:] for each in drawn if plain(each).startswith("sizing")] == [
            "frozen ratio, ratio 3/10 from ₹10,50,000"
        ]
        return [each for each in drawn if "capital now" in plain(each)]

    (more,) = lines(capital_now_inr=s.rupees("13,86,000"), moved=Decimal("0.32"))
    assert plain(more) == f"{' ' * 13}capital now ₹13,86,000, +32 % since"
    assert more[-1].tone is Tone.WARN
    (same,) = lines(capital_now_inr=s.rupees("10,60,000"), moved=Decimal("0.0095"))
    assert plain(same).strip() == "capital now ₹10,60,000, +1 % since"
    assert same[-1].tone is Tone.PLAIN
    assert lines() == []


def test_page_of_a_child_says_what_its_capital_is_now_for_each_strategy() -> None:
    picture = two_strategies()
    parts = picture.children[0].scopes
    moved = msgspec.structs.replace(parts[1], capital_now_inr=Decimal(450_000), moved=Decimal("-0.25"))
    column = msgspec.structs.replace(picture.children[0], scopes=(parts[0], moved))
    picture = msgspec.structs.replace(picture, children=(column, *picture.children[1:]))
    drawn = [plain(each) for each in child_lines(column.id, frame(picture), 118)]
    at = drawn.index("BANKNIFTY    ratio 3/5 from ₹6,00,000")
    assert drawn[at - 1] == "NIFTY        ratio 3/10 from ₹3,00,000"
    assert drawn[at + 1].strip() == "capital now ₹4,50,000, -25 % since"
    assert sum("capital now" in each for each in drawn) == 1


def test_table_of_the_accounts_has_what_the_ratios_would_be_taken_from_now() -> None:
    base = s.condor().children[0]
    column = msgspec.structs.replace(base, scopes=s.part_of("3/10", capital_now_inr=Decimal(386_000), moved=Decimal(1)))
    heads, *rows = table_of("accounts", s.condor(children=(column, *s.condor().children[1:])))
    now = heads.index("capital_now_inr")
    assert heads[now - 1] == "baseline_inr"
    assert [row[now] for row in rows] == ["386000", "", "", "", "", ""]
    both = (*s.part_of("1/2", capital_now_inr=Decimal(1)), *s.part_of("1/2", scope="B", capital_now_inr=Decimal(2)))
    _, first, *_ = table_of("accounts", s.condor(children=(msgspec.structs.replace(base, scopes=both),)))
    assert first[now] == ""


def test_units_are_not_called_lots_where_the_lot_is_not_known() -> None:
    picture = s.beside_background()
    legs = tuple(msgspec.structs.replace(leg, lot_units=None, adoptable=True) for leg in picture.background)
    picture = msgspec.structs.replace(picture, legs=(), background=legs)
    columns = plan(picture, 118, selected="", dense=False)
    assert "+5u" in plain(leg_line(legs[0], columns))
    page = [plain(each) for each in detail.leg_lines(legs[0].leg, frame(picture), 118)]
    assert "background +5 units, not copied" in page
    assert any("+5 units" in plain(row.line) for row in adopt_rows(frame(picture), 118))


def test_ticket_reckons_with_the_ratio_and_the_stop_of_the_legs_own_strategy() -> None:
    picture = two_strategies()
    legs = tuple(
        msgspec.structs.replace(leg, scope=scope)
        for leg, scope in zip(picture.legs, ("NIFTY", "BANKNIFTY", "NIFTY", "NIFTY"), strict=True)
    )
    picture = msgspec.structs.replace(picture, legs=legs)

    def preview(number: int) -> str:
        shown = say.ticket_preview(frame(picture), picture.legs[number].leg, ("ZC0001",), "9m")
        return "" if shown is None else plain(shown)

    assert "ZC0001 -3 → -5" in preview(0)
    assert "ZC0001 takes no entries" in preview(1)


def test_what_was_closed_before_makes_the_rows_add_up_to_the_strategy() -> None:
    picture = s.condor()
    shown = sum(leg.master_pnl_inr for leg in picture.legs if leg.master_pnl_inr is not None)
    whole = picture.strategies[0].master_pnl_inr
    assert whole is not None
    wide, narrow = (plan(picture, width, selected="", dense=False) for width in (118, 78))
    text = plain(closed_line(picture, wide))
    assert text.split() == ["closed", "before", fmt.number(whole - shown, signed=True)]
    assert len(text) == len(plain(leg_line(picture.legs[0], wide)).split("+4,650")[0] + "+4,650")  # below its column
    even = msgspec.structs.replace(picture.strategies[0], master_pnl_inr=shown)
    unknown = (msgspec.structs.replace(picture.legs[0], master_pnl_inr=None), *picture.legs[1:])
    for other in (s.changed(picture, strategies=(even,)), s.changed(picture, legs=unknown), s.flat()):
        assert closed_line(other, wide) == ()
    assert closed_line(picture, narrow) == ()
