"""Join, resync and adopt: one prompt, today's numbers, and nothing that the master no longer holds."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Follow, Risk, Sizing, SizingMode
from engine.core import reasons
from engine.events import BackgroundAdopted, ChildJoined, ChildResynced, Flattened, Outcome, PromptAnswered
from engine.model import Funds, Side
from tests.unit.core.builders import (
    CALL_LEG,
    ENTRIES,
    HEDGE,
    HEDGE_LEG,
    INSTRUMENTS,
    LOT,
    PUT_LEG,
    Book,
    Desk,
    child,
    instrument,
    settings,
)
from tests.unit.core.resting_orders import resting
from tests.unit.paper.builders import CALL, PUT


def left_out() -> Desk:
    """A child without margin at the start that has it now; the master holds two legs."""
    desk = Desk(margins={"C1": 0})
    desk.buy(10)
    desk.sell(20, symbol=PUT)
    desk.books["C1"].available_inr = Decimal(300_000)
    desk.run(2)
    return desk


def missed() -> Desk:
    """A child that missed ten master lots during a pause."""
    desk = Desk()
    with desk.paused():
        desk.buy(10)
    return desk


def background() -> Desk:
    return Desk(background={CALL_LEG: 10 * LOT})


def ask(desk: Desk, what: str, *, symbol: str = CALL) -> None:
    match what:
        case "join":
            desk.handle(ChildJoined(at_ns=desk.now_ns, child="C1"))
        case "resync":
            desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
        case _:
            desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=symbol))
    desk.run(2)


def offered(desk: Desk) -> list[tuple[str, Side, int]]:
    return [(p.kind, i.side, i.units // LOT) for p in desk.state.prompts.values() for i in p.items]


def approve(desk: Desk) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(1)


def decline(desk: Desk) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    desk.run(1)


def test_join_offers_all_legs_in_one_prompt_and_enters_after_the_answer() -> None:
    desk = left_out()
    ask(desk, "join")
    assert offered(desk) == [("join", Side.BUY, 3), ("join", Side.SELL, 6)]
    assert desk.placed() == []
    approve(desk)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (3, -6)
    assert desk.strategy().ratios == {"C1": Fraction(3, 10)}
    assert desk.strategy().left_out == {}


def test_join_declined_or_unanswered_is_from_the_next_strategy() -> None:
    for answered in (True, False):
        desk = left_out()
        ask(desk, "join")
        if answered:
            decline(desk)
        else:
            desk.run(40)
        assert (offered(desk), desk.placed()) == ([], [])
        assert desk.strategy().left_out == {"C1": reasons.NEXT_STRATEGY}


def test_ratio_of_a_join_is_at_most_that_of_the_start() -> None:
    desk = left_out()
    baseline = desk.strategy().baseline
    assert baseline is not None
    baseline.children_inr["C1"] = Decimal(100_000)
    ask(desk, "join")
    assert offered(desk) == [("join", Side.BUY, 1), ("join", Side.SELL, 2)]


def joined(desk: Desk) -> dict[str, Funds]:
    baseline = desk.strategy().baseline
    assert baseline is not None
    return baseline.joined


def test_child_that_joins_has_what_its_broker_said_then_beside_the_baseline() -> None:
    desk = left_out()
    desk.books["C1"].used_inr = Decimal(20_000)
    desk.run(2)
    ask(desk, "join")
    assert joined(desk) == {}
    desk.books["C1"].available_inr = Decimal(900_000)
    desk.run(2)
    approve(desk)
    assert joined(desk) == {"C1": Funds(available_inr=Decimal(300_000), used_inr=Decimal(20_000))}


def test_child_that_declines_to_join_has_nothing_beside_the_baseline() -> None:
    desk = left_out()
    ask(desk, "join")
    decline(desk)
    assert joined(desk) == {}


def test_child_that_joins_with_the_ratio_of_the_start_is_measured_by_the_start() -> None:
    desk = left_out()
    joined(desk)["C1"] = Funds(available_inr=Decimal(5))
    baseline = desk.strategy().baseline
    assert baseline is not None
    baseline.children_inr["C1"] = Decimal(100_000)
    ask(desk, "join")
    approve(desk)
    assert (desk.strategy().ratios, joined(desk)) == ({"C1": Fraction(1, 10)}, {})


def test_child_that_takes_part_has_nothing_to_join() -> None:
    desk = missed()
    ask(desk, "join")
    assert offered(desk) == []


@pytest.mark.parametrize("name", ["nobody", ""])
def test_unknown_child_is_told(name: str) -> None:
    desk = Desk()
    desk.handle(ChildJoined(at_ns=desk.now_ns, child=name))
    desk.handle(ChildResynced(at_ns=desk.now_ns, child=name))
    assert sum("no child is called" in text for text in desk.notices()) == 2


def test_resync_offers_what_is_missing_after_fresh_reads_of_both_sides() -> None:
    desk = missed()
    desk.silent |= {"M", "C1"}
    ask(desk, "resync")
    assert offered(desk) == []
    desk.read("M")
    assert offered(desk) == []
    desk.read("C1")
    assert offered(desk) == [("resync", Side.BUY, 3)]
    approve(desk)
    assert (desk.lots(), desk.target()) == (3, 3)


def test_reads_from_before_the_resync_do_not_count() -> None:
    desk = missed()
    desk.silent |= {"M", "C1"}
    old = [desk.picture("M"), desk.picture("C1")]
    desk.run("0.1")
    ask(desk, "resync")
    for read in old:
        desk.deliver(read)
    assert offered(desk) == []


def test_resync_buys_hedges_before_shorts_take_the_room_of_a_limit() -> None:
    desk = Desk(settings(risk=Risk(max_open_lots=3)))
    with desk.paused():
        desk.sell(10, symbol=PUT)
        desk.buy(10)
    ask(desk, "resync")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (3, 0)
    assert reasons.MAX_OPEN_LOTS in desk.reasons()


def test_resync_withdraws_held_entries_and_offers_their_lots() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    ask(desk, "resync")
    assert offered(desk) == [("resync", Side.BUY, 3)]
    desk.filling = True
    approve(desk)
    assert desk.lots() == 3


def test_resync_lifts_the_lone_leg_guard() -> None:
    desk = missed()
    ask(desk, "resync")
    approve(desk)
    desk.sell(10, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == -3


def test_resync_of_a_child_that_has_everything_lets_it_enter_again() -> None:
    desk = Desk()
    desk.buy(10)
    desk.child().stopped["ACCOUNT"] = "why"
    ask(desk, "resync")
    assert offered(desk) == []
    assert desk.child().stopped == {}


def test_resync_after_flatten_brings_the_child_back() -> None:
    desk = Desk()
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(2)
    ask(desk, "resync")
    approve(desk)
    assert (desk.lots(), desk.child().stopped) == (3, {})


def test_resync_declined_changes_nothing() -> None:
    desk = missed()
    ask(desk, "resync")
    decline(desk)
    assert (desk.lots(), desk.target(), desk.placed()) == (0, 0, [])


def test_resync_offers_nothing_to_a_left_out_child() -> None:
    desk = left_out()
    ask(desk, "resync")
    assert offered(desk) == []


MAKERS = [("join", left_out), ("resync", missed), ("adopt", background)]


@pytest.mark.parametrize(("what", "make"), MAKERS, ids=[name for name, _ in MAKERS])
def test_offer_approved_after_the_master_went_out_enters_nothing(what: str, make: Callable[[], Desk]) -> None:
    """Approval is computed anew: the master holds nothing of the leg any more."""
    desk = make()
    ask(desk, what)
    assert offered(desk)
    desk.sell(10)
    if what == "join":
        desk.buy(20, symbol=PUT)
    desk.run(3)
    approve(desk)
    assert desk.master_leg().units == 0
    assert (desk.placed(), desk.lots()) == ([], 0)


@pytest.mark.parametrize(("what", "make"), MAKERS, ids=[name for name, _ in MAKERS])
def test_offer_approved_after_a_reduction_enters_no_more_than_the_share(what: str, make: Callable[[], Desk]) -> None:
    """floor(3/10 x 4) is one lot."""
    desk = make()
    ask(desk, what)
    desk.sell(6)
    desk.run(3)
    approve(desk)
    assert desk.lots() <= 1


@pytest.mark.parametrize(("what", "make"), MAKERS[:2], ids=["join", "resync"])
def test_offer_approved_after_a_reversal_does_not_enter_the_old_side(what: str, make: Callable[[], Desk]) -> None:
    desk = make()
    ask(desk, what)
    desk.sell(20)
    desk.run(3)
    before = desk.placed()
    approve(desk)
    assert Side.BUY not in [side for side, _ in desk.placed()[len(before) :]]


def test_flatten_withdraws_an_open_offer() -> None:
    """A flattened child takes no entries until the next strategy or a resync asked for after it."""
    desk = missed()
    ask(desk, "resync")
    desk.handle(Flattened(at_ns=desk.now_ns))
    approve(desk)
    assert desk.placed() == []


def test_child_that_still_has_no_margin_cannot_join_and_is_told_why() -> None:
    desk = Desk(margins={"C1": 0})
    desk.buy(10)
    ask(desk, "join")
    assert "cannot join: left out: margin missing" in desk.notices()
    assert (offered(desk), desk.strategy().ratios) == ([], {})


def test_join_leaves_a_leg_out_that_the_childs_broker_does_not_know() -> None:
    desk = left_out()
    del desk.state.instruments[""][instrument(PUT).id]
    ask(desk, "join")
    assert offered(desk) == [("join", Side.BUY, 3)]
    assert reasons.UNKNOWN_INSTRUMENT in desk.reasons()


def test_join_of_less_than_a_lot_is_told_and_asks_nothing() -> None:
    desk = Desk(margins={"C1": 0})
    desk.buy(3)
    desk.books["C1"].available_inr = Decimal(300_000)
    desk.run(2)
    ask(desk, "join")
    assert f"cannot join: {reasons.BELOW_ONE_LOT}" in desk.notices()
    assert (offered(desk), list(desk.strategy().left_out)) == ([], ["C1"])


def test_resync_waits_for_a_book_that_is_as_fresh_as_the_positions() -> None:
    desk = missed()
    desk.silent = {"C1"}
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    desk.deliver(desk.picture("C1", orders=None))
    assert offered(desk) == []
    desk.read("C1")
    assert offered(desk) == [("resync", Side.BUY, 3)]


def test_resync_offers_nothing_against_what_the_child_still_holds() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(30)
    assert (desk.lots(), desk.master_leg().units) == (3, -20 * LOT)
    ask(desk, "resync")
    assert offered(desk) == []
    assert any("are under way: resync again" in text for text in desk.notices())
    desk.fill(desk.last())
    desk.fill(desk.last())
    assert desk.lots() == -6


def test_instrument_that_is_gone_when_a_resync_is_approved_is_not_entered() -> None:
    desk = missed()
    ask(desk, "resync")
    desk.load((), account="C1", unusable={INSTRUMENTS[0].id: "not listed"})
    approve(desk)
    assert (desk.lots(), desk.placed()) == (0, [])


def test_resync_that_is_approved_beside_an_exit_sends_nothing_and_promises_nothing() -> None:
    desk = Desk(filling=False)
    desk.buy(20)
    desk.fill(desk.last())
    with desk.paused():
        desk.buy(20)
    desk.run(2)
    ask(desk, "resync")
    assert offered(desk) == [("resync", Side.BUY, 6)]
    desk.sell(20)  # the exit of three lots is under way
    approve(desk)
    assert any("are under way: resync again" in text for text in desk.notices())
    desk.fill(desk.last())
    desk.run(2)
    assert (desk.lots(), desk.target(), desk.placed()) == (3, 3, [(Side.BUY, 6), (Side.SELL, 3)])


def test_resync_that_is_refused_beside_an_exit_leaves_the_guard_as_it_was() -> None:
    """What is missing of the hedge stays missing: no short goes out beside it."""
    desk = Desk(filling=False)
    desk.buy(20, symbol=HEDGE)
    desk.fill(desk.last())
    with desk.paused():
        desk.buy(20, symbol=HEDGE)
    desk.run(2)
    ask(desk, "resync")
    desk.sell(20, symbol=HEDGE)
    approve(desk)
    desk.fill(desk.last())
    desk.run(2)
    assert desk.leg(leg=HEDGE_LEG).lacking
    desk.sell(10)
    desk.run(2)
    assert (desk.lots(), reasons.LONE_LEG in desk.reasons()) == (0, True)


def test_resync_offers_nothing_in_a_plan_of_the_other_side() -> None:
    desk = missed()
    desk.leg().sign = -1  # nothing of it is left, and what he turned to is not decided
    ask(desk, "resync")
    assert offered(desk) == []


def test_join_of_a_child_without_a_ratio_offers_the_lots_of_its_mode() -> None:
    desk = Desk()
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    fixed = child("C2", sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2))
    desk.books["C2"] = Book(available_inr=Decimal(300_000))
    desk.restart(with_settings=settings(child(), fixed))
    desk.run(3)
    desk.quote(CALL, "100")
    desk.quote(PUT, "100")
    assert desk.strategy().left_out == {"C2": reasons.NEXT_STRATEGY}
    desk.handle(ChildJoined(at_ns=desk.now_ns, child="C2"))
    assert offered(desk) == [("join", Side.BUY, 2), ("join", Side.BUY, 2)]
    approve(desk)
    assert (desk.lots("C2"), desk.lots("C2", PUT_LEG), desk.strategy().left_out) == (2, 2, {})


def test_join_of_a_child_whose_mode_gives_it_nothing_now_is_told() -> None:
    desk = Desk()
    desk.buy(10)
    risky = child("C2", sizing=Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(2)))
    desk.books["C2"] = Book(available_inr=Decimal(0))
    desk.restart(with_settings=settings(child(), risky))
    desk.run(3)
    desk.handle(ChildJoined(at_ns=desk.now_ns, child="C2"))
    assert reasons.NO_MARGIN_NOW in desk.reasons("C2")
    assert (offered(desk), list(desk.strategy().left_out)) == ([], ["C2"])
    assert "cannot join, no leg can be entered" in desk.notices()


@pytest.mark.parametrize("kind", [ChildJoined, ChildResynced])
def test_child_that_is_no_longer_configured_is_offered_nothing(kind: type[ChildJoined | ChildResynced]) -> None:
    desk = Desk(settings(child(), child("C2")), margins={"C2": 0})
    desk.buy(10)
    desk.restart(with_settings=settings(child()))
    desk.run(2)
    desk.handle(kind(at_ns=desk.now_ns, child="C2"))
    desk.run(5)
    assert (desk.state.prompts, desk.placed("C2")) == ({}, [])


def test_question_about_a_child_that_is_no_longer_configured_enters_nothing() -> None:
    desk = Desk(settings(child(), child("C2"), confirm=ENTRIES))
    desk.buy(10)
    desk.restart(with_settings=settings(child(), confirm=ENTRIES))
    desk.quote(CALL, "100")
    desk.run(2)
    approve(desk)
    desk.run(3)
    assert (desk.placed(), desk.placed("C2")) == ([(Side.BUY, 3)], [])
    assert reasons.NOT_CONFIGURED in desk.reasons("C2")


def test_rise_that_is_not_decided_yet_is_not_lost_by_an_approval() -> None:
    desk = missed()
    ask(desk, "resync")
    desk.master(Side.BUY, 10)
    approve(desk)
    desk.run(2)
    assert (desk.lots(), desk.leg().lacking) == (6, False)


@pytest.mark.parametrize("after_s", [0, 2], ids=["undecided", "decided"])
def test_rise_while_a_join_was_asked_about_is_lacking_and_told(after_s: float) -> None:
    desk = left_out()
    ask(desk, "join")
    desk.master(Side.BUY, 10)
    desk.run(after_s)
    approve(desk)
    desk.run(2)
    assert (desk.lots(), desk.leg().lacking, desk.leg().skipped) == (3, True, reasons.ADDED_MEANWHILE)
    ask(desk, "resync")
    approve(desk)
    assert (desk.lots(), desk.leg().lacking) == (6, False)


def test_offer_is_not_sent_beside_a_fill_that_cannot_be_decided() -> None:
    desk = missed()
    ask(desk, "resync")
    desk.master(Side.BUY, 10)
    desk.state.armed = False
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert (desk.placed(), reasons.NOT_DECIDED in desk.notices()) == ([], True)


def test_resting_exit_keeps_no_resync_away() -> None:
    desk = Desk(settings(follow=Follow.ORDERS))
    desk.buy(10)
    with desk.paused():
        desk.buy(10)
    desk.filling = False
    resting(desk, 20, side=Side.SELL, limit="105")
    desk.accept(desk.last())
    ask(desk, "resync")
    assert ("resync", Side.BUY, 3) in offered(desk)


@pytest.mark.rule("R2.2")
def test_resync_with_nothing_missing_lets_further_rises_count_in_full() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    desk.run(3)
    desk.sell(8)
    desk.run(3)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(10)
    assert "resync: nothing is missing" in desk.notices()
    desk.buy(18)
    desk.run(3)
    assert (desk.lots(), desk.reasons()) == (6, set())


def test_approval_for_a_child_that_is_no_longer_configured_changes_nothing() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    desk.run(3)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C2",)))
    desk.run(3)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C2"))
    desk.run(10)
    assert [item.child for prompt in desk.state.prompts.values() for item in prompt.items] == ["C2"]
    desk.restart(with_settings=settings(child("C1")))
    desk.run(1)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    assert desk.lots("C2") == 0


def test_resync_offers_nothing_of_the_side_that_an_unknown_entry_keeps_open() -> None:
    """He has turned round; what an order of the old side may still bring is found out first."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.sell(20)
    desk.run(3)
    assert desk.leg().sign == 1
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(5)
    assert (desk.state.prompts, desk.placed()) == ({}, [(Side.BUY, 3)])
