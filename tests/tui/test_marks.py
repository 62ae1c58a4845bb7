from decimal import Decimal

import msgspec
import pytest

from engine.model import NS_PER_S
from engine.snapshot import CellState, CopyLine, Snapshot
from tests.tui import snapshots as s
from tests.tui.snapshots import cell
from tui import format as fmt
from tui.answers import Answers
from tui.frame import Frame
from tui.marks import cell_span, copy_mark, least_width, short_reason
from tui.screens.confirm_lines import prompt_rows
from tui.text import Tone, plain
from tui.widgets.accounts import account_rows
from tui.widgets.copies import copy_lines
from tui.widgets.matrix import leg_line, plan, summary_lines
from tui.widgets.strategy_line import strategy_line


@pytest.mark.parametrize(
    ("have", "want", "state", "width", "text"),
    [
        (-3, -3, CellState.IN_STEP, 9, "     -3 ✓"),
        (-2, -3, CellState.DRIFT, 9, "  -2/-3 ▲"),
        (-2, -3, CellState.UNKNOWN, 9, "  -2/-3 ?"),
        (-2, -3, CellState.HELD, 10, "-2/-3 held"),
        (-2, -3, CellState.HELD, 7, "-2/-3 ‖"),
        (0, -3, CellState.AWAITING, 9, " 0/-3 ask"),
        (0, 0, CellState.NONE, 4, "   ·"),
        (-12, -13, CellState.DRIFT, 7, "#######"),
    ],
)
def test_cell_says_state_by_mark_and_never_clips_lots(
    have: int, want: int, state: CellState, width: int, text: str
) -> None:
    assert cell_span(cell("C1", have, want, state), width).text == text


def test_skipped_cell_has_a_short_reason() -> None:
    skipped = cell("C1", 0, 0, CellState.SKIPPED, reason="left out: margin stale")
    assert cell_span(skipped, 9).text == "    – mgn"
    assert cell_span(skipped, 1).text == "–"


def test_external_lots_are_marked_where_there_is_room() -> None:
    own = cell("C1", 1, 1, external_lots=Decimal(2))
    assert cell_span(own, 9).text == " +1 ✓ ext"
    assert cell_span(own, 6).text == "  +1 ✓"


def test_least_width_is_the_shortest_wording() -> None:
    for state in CellState:
        drawn = cell("C1", -2, -3, state, reason="below one lot")
        assert cell_span(drawn, least_width(drawn)).text.strip("#")


def test_unknown_reason_is_cut_not_lost() -> None:
    assert short_reason("Something new", 5) == "Some…"


@pytest.mark.parametrize(
    ("units", "filled", "status", "reason", "mark"),
    [
        (65, 65, "filled", "", "✓"),
        (65, 0, "working", "", "…"),
        (65, 0, "rejected", "no margin", "▲"),
        (65, 0, "queued", "", "…"),
        (65, 0, "awaits your answer", "", "ask"),
        (65, 30, "cancelled", "", "▲"),
        (65, 0, "withdrawn", "", "▲"),
        (65, 0, "absent", "", "▲"),
        (65, 0, "held", "", "▲"),
        (65, 65, "cancelled", "", "✓"),
        (65, 0, "unknown", "no answer", "?"),
        (0, 0, "skipped", "below one lot", "–"),
    ],
)
def test_copy_marks(units: int, filled: int, status: str, reason: str, mark: str) -> None:
    assert copy_mark(CopyLine(child="C", units=units, filled_units=filled, status=status, reason=reason)) == mark


@pytest.mark.parametrize("width", [78, 118, 198])
def test_old_prices_and_what_is_reckoned_with_them_have_a_mark(width: int) -> None:
    picture = s.old_prices()
    frame = Frame(snapshot=picture, now_ns=s.NOW, quiet_s=0)
    columns = plan(picture, width, selected="", dense=False)
    drawn = [plain(leg_line(leg, columns)) for leg in picture.legs]
    assert "24,750.00▲" in drawn[0]
    assert all(text.count("▲") == (2 if columns.pnl else 1) for text in drawn[1:])
    assert plain(strategy_line(frame, width)).count("▲") == 2
    (results,) = [plain(row.line) for row in summary_lines(picture, columns, live=False) if "P&L" in row.key]
    shown = [picture.children[index].id for index in columns.children]
    assert results.count("▲") == len([child for child in shown if child != "ZC0006"])
    _, rows = account_rows(frame, width, sort="configuration")
    assert ["▲" in plain(row.line) for row in rows] == [True] * 5 + [False]


def test_nothing_is_marked_old_when_prices_are_fresh() -> None:
    picture = s.condor()
    columns = plan(picture, 118, selected="", dense=False)
    assert all("▲" not in plain(leg_line(leg, columns)) for leg in picture.legs)
    assert "▲" not in plain(strategy_line(Frame(snapshot=picture, now_ns=s.NOW, quiet_s=0), 118))


@pytest.mark.parametrize("width", [78, 118, 198])
def test_ratio_that_was_frozen_more_than_a_day_ago_is_marked(width: int) -> None:
    picture = s.condor()
    (strategy, *_), children = picture.strategies, picture.children
    drawn: dict[int, tuple[str, int]] = {}
    for days in (0, 2):
        frozen_ns = s.NOW - days * 24 * 3600 * NS_PER_S
        aged = tuple(
            msgspec.structs.replace(
                child, scopes=tuple(msgspec.structs.replace(part, ratio_at_ns=frozen_ns) for part in child.scopes)
            )
            for child in children
        )
        strategies = (msgspec.structs.replace(strategy, baseline_at_ns=frozen_ns, started_ns=frozen_ns),)
        picture = msgspec.structs.replace(picture, strategies=strategies, children=aged)
        frame = Frame(snapshot=picture, now_ns=s.NOW, quiet_s=0)
        rows = summary_lines(picture, plan(picture, width, selected="", dense=False), live=False)
        (ratios,) = [row.line for row in rows if "ratio" in row.key]
        drawn[days] = plain(strategy_line(frame, width)), sum(span.tone is Tone.WARN for span in ratios)
    assert ["2 d old" in drawn[days][0] for days in (0, 2)] == [False, True]
    assert drawn[2][1] > drawn[0][1]


MOVED = [(None, False), ("0", False), ("0.2", False), ("-0.2", False), ("0.2001", True), ("-0.21", True), ("-1", True)]


@pytest.mark.parametrize(("moved", "warns"), MOVED)
@pytest.mark.parametrize("width", [78, 118, 198])
def test_ratio_of_capital_that_has_moved_much_is_marked(width: int, moved: str | None, *, warns: bool) -> None:
    base = s.condor()
    part = msgspec.structs.replace(
        base.children[0].scopes[0], capital_now_inr=Decimal(5), moved=None if moved is None else Decimal(moved)
    )
    picture = s.condor(children=(msgspec.structs.replace(base.children[0], scopes=(part,)), *base.children[1:]))
    tones = []
    for shown in (base, picture):
        rows = summary_lines(shown, plan(shown, width, selected="", dense=False), live=False)
        (ratios,) = [row.line for row in rows if "ratio" in row.key]
        (first, *_) = account_rows(Frame(snapshot=shown, now_ns=s.NOW, quiet_s=0), width, sort="configuration")[1]
        ours = [next(span for span in each if span.text.strip() == "3/10") for each in (ratios, first.line)]
        tones.append([span.tone is Tone.WARN for span in ours])
    assert tones == [[False, False], [warns, warns]]


@pytest.mark.parametrize(("moved", "warns"), MOVED)
@pytest.mark.parametrize("width", [78, 118, 198])
@pytest.mark.parametrize("days", [0, 2])
def test_baseline_of_a_master_whose_capital_has_moved_much_says_so_once(
    days: int, width: int, moved: str | None, *, warns: bool
) -> None:
    (strategy, *_), frozen_ns = s.condor().strategies, s.NOW - days * 24 * 3600 * NS_PER_S
    strategy = msgspec.structs.replace(
        strategy, baseline_moved=None if moved is None else Decimal(moved), baseline_at_ns=frozen_ns
    )
    drawn = strategy_line(Frame(snapshot=s.condor(strategies=(strategy,)), now_ns=s.NOW, quiet_s=0), width)
    told = "" if moved is None else f"{fmt.percent(Decimal(moved))} since"
    assert [span.text for span in drawn if "% since" in span.text] == (
        [f" {'2 d old, ' * (days > 0)}{told}"] if warns else []
    )
    assert all(span.tone is Tone.WARN for span in drawn if "% since" in span.text)
    assert ("2 d old" in plain(drawn)) == (days > 0)
    assert "P&L" in plain(drawn)
    assert len(plain(drawn)) <= width


def test_line_of_several_strategies_says_the_most_that_the_master_has_moved() -> None:
    (base, *_) = s.condor().strategies
    for width, has_room in ((198, True), (78, True), (50, False)):
        moved = [
            msgspec.structs.replace(base, scope=scope, baseline_moved=part)
            for scope, part in (("NIFTY", Decimal("0.21")), ("BANKNIFTY", Decimal("-0.4")), ("SENSEX", None))
        ]
        drawn = plain(strategy_line(Frame(snapshot=s.condor(strategies=tuple(moved)), now_ns=s.NOW, quiet_s=0), width))
        assert ("baseline -40 % since" in drawn) is has_room
        assert drawn.count("% since") == has_room
        assert "P&L" in drawn
        assert len(drawn) <= max(width, 60)


def test_warning_gives_way_where_nothing_else_does() -> None:
    """The results stay, however long they and the name are."""
    (base, *_) = s.condor().strategies
    made = {
        "name": "custom with a long name",
        "master_pnl_inr": Decimal(-12345678),
        "children_pnl_inr": Decimal(-23456789),
    }
    moved = msgspec.structs.replace(base, baseline_moved=Decimal("0.5"), baseline_at_ns=1, **made)
    drawn = plain(strategy_line(Frame(snapshot=s.condor(strategies=(moved,)), now_ns=s.NOW, quiet_s=0), 78))
    assert drawn.endswith("P&L -₹1,23,45,678 / -₹2,34,56,789")
    assert len(drawn) <= 78


def test_old_price_in_a_prompt_has_a_mark() -> None:
    rows = (s.prompt_row("ZC0001", 3, price_inr=Decimal("24750"), price_stale=True), s.prompt_row("ZC0002", 5))
    for width in (70, 106):
        _, (_, first, second, _) = prompt_rows(s.prompt(rows=rows), Answers(), s.NOW, width)
        assert " 24,750.00▲ " in plain(first.line)
        assert "▲" not in plain(second.line)


def test_copies_that_wait_for_an_answer_are_counted_so() -> None:
    parts = [CopyLine(child=c, units=65, filled_units=0, status="awaits your answer") for c in ("ZC0001", "ZC0002")]
    row = msgspec.structs.replace(s.copies()[0], lines=tuple(parts), done=False)
    assert "ask 2" in plain(copy_lines([row], 118)[0])
    assert "…" not in plain(copy_lines([row], 118)[0])


@pytest.mark.parametrize(
    ("drift", "missed", "texts"),
    [
        (0, 0, {78: "0", 118: "0", 198: "0"}),
        (1, 0, {78: "▲ +1", 118: "▲ +1", 198: "▲ +1"}),
        (0, 3, {78: "3 miss", 118: "3 missed", 198: "0 · 3 missed"}),
        (1, 3, {78: "▲ +1…", 118: "▲ +1…", 198: "▲ +1, 3 miss"}),
        (0, 12345678, {78: "#######", 118: "#########", 198: "############"}),
    ],
)
def test_lots_that_were_missed_stand_beside_the_drift(drift: int, missed: int, texts: dict[int, str]) -> None:
    base = s.condor()
    first = msgspec.structs.replace(base.children[0], drift_lots=Decimal(drift), missed_lots=Decimal(missed))
    picture = s.condor(children=(first, *base.children[1:]))
    for width, text in texts.items():
        columns = plan(picture, width, selected="ZC0001", dense=False)
        span = summary_lines(picture, columns, live=False)[-1].line[1]
        assert span.text.strip() == text
        assert (span.tone is Tone.WARN) is bool(drift or missed)
        assert len(span.text) == columns.child_w


def test_wide_matrix_has_what_each_child_may_use_and_its_cap_where_any_has_one() -> None:
    capped = s.changed(
        s.condor(),
        children=(
            msgspec.structs.replace(s.condor().children[0], max_capital_inr=Decimal(500_000)),
            *s.condor().children[1:],
        ),
    )

    def rows(snapshot: Snapshot, width: int) -> dict[str, str]:
        columns = plan(snapshot, width, selected="", dense=False)
        return {row.key: plain(row.line) for row in summary_lines(snapshot, columns, live=False)}

    assert "10,50,000" in rows(s.condor(), 118)["sum|available ₹"]
    assert "sum|at most ₹" not in rows(s.condor(), 118)
    assert rows(capped, 118)["sum|at most ₹"].split()[3:5] == ["5,00,000", "–"]
    assert {"sum|available ₹", "sum|at most ₹"}.isdisjoint(rows(capped, 78))
