"""Prompts in the snapshot: what is asked about, what is offered, and what it needs."""

from decimal import Decimal
from fractions import Fraction

from config.schema import Follow
from engine.core import reasons
from engine.events import BackgroundAdopted, ChildResynced, KillSwitched, PromptAnswered
from engine.snapshot import CellState
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import ALL, CALL_LEG, ENTRIES, HEDGE, LOT, PUT_LEG, Desk, child, settings
from tests.unit.core.resting_orders import resting
from tests.unit.core.views import cell, shot, texts, values
from tests.unit.paper.builders import CALL, PUT
from tui.answers import Answers


def test_entry_in_a_prompt_is_awaiting() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    found = cell(desk)
    assert values(found.state, found.awaiting_lots, found.have_lots) == (CellState.AWAITING, 3, 0)
    assert found.reason == reasons.AWAITING
    (prompt,) = shot(desk).prompts
    assert values(prompt.kind, prompt.at_deadline, prompt.master_lots) == ("entry", "declined", 10)
    (line,) = prompt.rows
    assert values(line.child, line.units, line.price_inr, line.ratio) == ("C1", 3 * LOT, 100, Fraction(3, 10))
    assert values(line.value_inr, line.available_inr) == (19_500, 300_000)
    (margin,) = prompt.margins
    assert (margin.basket.account, margin.needed_inr, margin.is_brokers) == ("C1", Decimal(19_500), False)
    assert any(text.startswith("confirm entry") for text in texts(desk))


def test_prompt_lists_skipped_children_with_their_reasons() -> None:
    desk = Desk(settings(child("C1"), child("C2"), confirm=ENTRIES))
    desk.owner_trades(-1, "C2")
    desk.read("C2")
    desk.buy(10)
    rows = {r.child: (r.units, r.reason) for r in shot(desk).prompts[0].rows}
    assert rows == {"C1": (3 * LOT, ""), "C2": (0, reasons.OWN_POSITION)}


def test_offered_leg_that_the_master_has_left_is_skipped_and_its_answer_is_asked_no_more() -> None:
    desk = Desk()
    with desk.paused():
        desk.buy(10)
        desk.sell(20, symbol=PUT)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    (before,) = shot(desk).prompts
    assert {row.leg: (row.units, row.reason) for row in before.rows} == {
        CALL_LEG: (3 * LOT, ""),
        PUT_LEG: (6 * LOT, ""),
    }
    desk.sell(10)
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert {row.leg: (row.units, row.reason) for row in prompt.rows} == {
        CALL_LEG: (0, reasons.MASTER_IS_OUT),
        PUT_LEG: (6 * LOT, ""),
    }
    assert [order.leg for margin in prompt.margins for order in margin.basket.orders] == [PUT_LEG]
    desk.buy(20, symbol=PUT)
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [(row.units, row.reason) for row in prompt.rows] == [(0, reasons.MASTER_IS_OUT)] * 2
    assert all(row.void_units for row in prompt.rows)
    assert (prompt.margins, Answers().taking_part(prompt)) == ((), ())
    desk.handle(Answers().refusal(prompt, desk.now_ns))
    assert shot(desk).prompts == ()


def test_background_leg_is_offered_until_the_master_is_out_of_it() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [(row.units, row.reason) for row in prompt.rows] == [(3 * LOT, "")]
    desk.sell(10)
    desk.run(2)
    assert [row for prompt in shot(desk).prompts for row in prompt.rows if row.units] == []


def test_entry_beside_an_order_of_the_masters_that_rests_is_offered() -> None:
    desk = Desk(settings(confirm=ENTRIES, follow=Follow.ORDERS))
    resting(desk, 10)
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [(row.units, row.reason) for row in prompt.rows] == [(3 * LOT, "")]


def test_row_whose_price_is_beyond_the_slippage_limit_says_so() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    assert [row.reason for row in shot(desk).prompts[0].rows] == [""]
    desk.quote(CALL, "101")
    assert [row.reason for row in shot(desk).prompts[0].rows] == [""]
    desk.quote(CALL, "110")
    assert [(row.units, row.reason, row.would_be_refused) for row in shot(desk).prompts[0].rows] == [
        (3 * LOT, "slippage 10.0 %, limit 1.0 %", True)
    ]
    desk.quote(CALL, "90")
    assert [row.reason for row in shot(desk).prompts[0].rows] == [""]


def _short_margin(desk: Desk) -> Decimal:
    """What a short call needs by the prompt that asks about it."""
    desk.sell(10)
    needed = shot(desk).prompts[-1].margins[0].needed_inr
    assert needed is not None
    return needed


def test_margin_of_a_prompt_counts_the_hedge_that_is_held() -> None:
    hedged, alone = Desk(settings(confirm=ENTRIES)), Desk(settings(confirm=ENTRIES))
    hedged.quote(HEDGE, "100")
    hedged.buy(10, symbol=HEDGE)
    hedged.handle(PromptAnswered(at_ns=hedged.now_ns, approve=True))
    hedged.run(3)
    assert 0 < _short_margin(hedged) < _short_margin(alone)


def test_brokers_own_figure_stands_for_the_estimate() -> None:
    desk, frame = Desk(settings(confirm=ENTRIES)), Frame()
    desk.buy(10)
    (estimated,) = build_snapshot(desk.core.state, desk.now_ns, frame).prompts[0].margins
    frame.basket_margins = lambda: {estimated.basket: Decimal(12_345)}
    (said,) = build_snapshot(desk.core.state, desk.now_ns, frame).prompts[0].margins
    assert (said.needed_inr, said.is_brokers) == (Decimal(12_345), True)


def test_prompt_of_an_exit_does_not_promise_what_the_kill_switch_stops() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(2)
    desk.sell(10)
    fates = []
    for level in (0, 1, 2):
        desk.handle(KillSwitched(at_ns=desk.now_ns, level=level))
        fates += [prompt.at_deadline for prompt in shot(desk).prompts]
    assert fates == ["sent", "sent", "stopped by the kill switch"]
    sent = len(desk.placed())
    desk.run(35)
    assert len(desk.placed()) == sent
