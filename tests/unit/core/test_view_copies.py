"""Copies in the snapshot: every child's part, how long it took, and which rows are kept."""

from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from config.schema import Sizing, SizingMode
from engine.events import Outcome, PromptAnswered
from engine.model import NS_PER_MS, BookStatus, OrderType, Side, instrument_id
from engine.snapshot import Snapshot
from engine.stamps import Stamp
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import ENTRIES, LOT, Desk, child, settings
from tests.unit.core.views import shot, values
from tests.unit.paper.builders import CALL


def test_latency_leaves_out_how_long_the_operator_was_asked() -> None:
    desk = Desk(settings(confirm=ENTRIES), filling=False)
    desk.buy(10)
    desk.run(1)
    desk.run(20)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.fill(desk.last())
    (part,) = shot(desk).copies[0].lines
    assert part.latency_ms is not None
    assert part.latency_ms < 1000


def test_copies_show_every_childs_part_newest_first() -> None:
    desk = Desk(settings(child("C1"), child("C2")), filling=False)
    desk.buy(10)
    desk.fill(desk.last("C1"), price="100.50")
    desk.answer(desk.last("C2"), Outcome.REJECTED, reason="margin")
    (copy,) = shot(desk).copies
    lines = {line.child: line for line in copy.lines}
    assert (lines["C1"].filled_units, lines["C1"].average_inr, lines["C1"].slippage_inr) == (
        3 * LOT,
        Decimal("100.5"),
        Decimal("0.5"),
    )
    assert (lines["C2"].status, lines["C2"].filled_units, lines["C2"].slippage_inr) == ("held", 0, None)
    assert values(copy.master_lots, copy.done) == (10, False)


@pytest.mark.parametrize(
    ("what", "traded_ms", "learned_ms", "latency_ms"),
    [
        ("a clock that knows more than seconds is believed", -900, 0, 1400),
        ("a clock of seconds: not before we learned of it", 0, 700, 500),
        ("a clock of seconds: noticed at once", 0, 0, 500),
        ("a clock of seconds: a trade that was noticed late", -4000, 0, 3500),
    ],
)
def test_latency_counts_from_the_masters_fill(what: str, traded_ms: int, learned_ms: int, latency_ms: int) -> None:
    desk = Desk(filling=False)
    desk.run(10)
    start_ns = desk.now_ns  # a whole second
    desk.run(learned_ms / 1000)
    traded_ns = start_ns + traded_ms * NS_PER_MS
    report = replace(desk.report(Side.BUY, 10, id_="MO"), placed_ns=traded_ns, updated_ns=traded_ns)
    desk.book(report)
    desk.push(report, "M")
    desk.run("0.5")
    desk.fill(desk.last("C1"))
    ((line,),) = (copy.lines for copy in shot(desk).copies)
    assert line.latency_ms == latency_ms


def test_rows_that_are_kept_from_one_snapshot_to_the_next_are_what_a_fresh_one_shows() -> None:
    desk, frame = Desk(settings(child("C1"), child("C2")), filling=False), Frame()

    def check() -> Snapshot:
        kept = build_snapshot(desk.state, desk.now_ns, frame)
        assert kept.copies == shot(desk).copies
        return kept

    check()
    desk.buy(10)
    check()
    order = desk.accept(desk.last("C1"))
    for filled in (LOT, 2 * LOT, 3 * LOT):
        status = BookStatus.COMPLETE if filled == 3 * LOT else BookStatus.OPEN
        desk.advance(order, "C1", filled=filled, status=status, price="100.10")
        check()
    desk.answer(desk.last("C2"), Outcome.REJECTED, reason="margin")
    check()
    desk.sell(4)
    check()
    desk.fill(desk.last("C1"))
    desk.run(2)
    assert [copy.done for copy in check().copies] == [True, False]
    copy = desk.state.copies[0]
    copy.skipped["C3"] = "own position"
    check()
    late = desk.state.orders[copy.tags[0]]
    late.filled, late.value_inr = late.filled + LOT, late.value_inr + 1  # a fill after the end
    check()
    instruments = desk.state.instruments[""]
    name = instrument_id("NFO", CALL)
    instruments[name] = replace(instruments[name], lot_units=2 * LOT)
    check()


def test_copy_says_how_each_part_was_sized_and_which_orders_it_became() -> None:
    half = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 20))
    two = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)
    desk = Desk(settings(child("C1"), child("C2", sizing=half), child("C3", sizing=two)), filling=False)
    desk.buy(10)
    sent_ns = desk.now_ns
    desk.run("0.2")
    desk.fill(desk.last("C1"))
    desk.buy(5)
    desk.run(1)
    desk.fill(desk.last("C1"))
    desk.sell(3)
    frame = Frame()
    frame.stamps = lambda tag: Stamp(durable_ns=sent_ns + 1, handed_ns=sent_ns + 2)
    exit_, second, first = build_snapshot(desk.state, desk.now_ns, frame).copies
    assert {line.child: line.why for line in first.lines} == {
        "C1": "3/10 x 10 lots = 3.00: target 3",
        "C2": "1/20 x 10 lots = 0.50: target 0",
        "C3": "2 lots for 10 lots: target 2",
    }
    assert {line.child: line.reason for line in first.lines if line.status == "skipped"} == {"C2": "below one lot"}
    assert {line.child: line.why for line in second.lines}["C1"] == "3/10 x 15 lots = 4.50: target 4, it was 3"
    whys = {line.child: line.why for line in exit_.lines}
    assert whys["C1"] == "he keeps 12 of 15 lots, 4 x 12/15 = 3.20: target 3, it was 4"
    (order,) = next(line for line in first.lines if line.child == "C1").orders
    assert (order.order_type, order.price_inr, order.tries, order.status) == (OrderType.MARKET, None, 1, "filled")
    assert order.decided_ns == desk.state.orders[order.tag].created_ns
    assert (order.durable_ns, order.sent_ns) == (sent_ns + 1, sent_ns + 2)
    assert order.done_ns >= order.answered_ns > order.sent_ns
    assert order.order_id
    assert first.learned_ns
    desk.sell(12)
    assert {line.why for line in shot(desk).copies[0].lines} >= {"he is out of it: target 0, it was 3"}


def test_row_of_a_finished_copy_is_not_made_again() -> None:
    desk, frame = Desk(), Frame()
    desk.buy(10)
    desk.run(2)
    (first,) = build_snapshot(desk.state, desk.now_ns, frame).copies
    desk.sell(4)
    newest, kept = build_snapshot(desk.state, desk.now_ns, frame).copies
    assert kept is first
    assert newest.id > kept.id


def test_exit_that_was_sent_again_is_complete_when_all_of_it_is_filled() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.advance(desk.accept(desk.last()), filled=3 * LOT)
    desk.run(2)
    desk.sell(10)
    desk.run(1)
    first = desk.accept(desk.last())
    part = desk.advance(first, filled=LOT, status=BookStatus.OPEN)
    desk.advance(part, filled=LOT, status=BookStatus.CANCELLED)
    desk.run(3)
    (line,) = shot(desk).copies[0].lines
    assert (line.units, line.filled_units, len(line.orders)) == (3 * LOT, LOT, 2)
    desk.advance(desk.accept(desk.last()), filled=2 * LOT)
    (line,) = shot(desk).copies[0].lines
    assert (line.units, line.filled_units, line.status) == (3 * LOT, 3 * LOT, "filled")
