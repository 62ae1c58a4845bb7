"""The order ticket: lots that the operator adds to a leg of the master's, and lots that he takes off it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Follow, OnLegRefused, Paper, Risk, Settings, Sizing, SizingMode
from engine.commands import PlaceOrder
from engine.core import entries, reasons, tickets
from engine.core.plans import by_hand_units
from engine.events import (
    ChildResynced,
    Flattened,
    HandedOver,
    KillSwitched,
    Outcome,
    Paused,
    PromptAnswered,
    Resumed,
    TicketWritten,
)
from engine.model import BookStatus, LegId, Side
from tests.unit.core.builders import (
    ALL,
    CALL_LEG,
    HEDGE,
    HEDGE_LEG,
    INSTRUMENTS,
    LOT,
    PUT_LEG,
    Desk,
    child,
    settings,
    turn_of,
)
from tests.unit.core.resting_orders import ended, resting
from tests.unit.paper.builders import PUT

UNWIND = Risk(on_leg_refused=OnLegRefused.UNWIND)
GOES_ON = Risk(on_leg_refused=OnLegRefused.CONTINUE)


def write(desk: Desk, lots: int, *children: str, leg: LegId = CALL_LEG, in_ratio: bool = False) -> None:
    desk.handle(TicketWritten(at_ns=desk.now_ns, leg=leg, lots=lots, children=children, in_ratio=in_ratio))


def approve(desk: Desk, units: dict[str, int] | None = None) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, units=units or {}))
    desk.run(1)


def add(desk: Desk, lots: int, *children: str, leg: LegId = CALL_LEG, in_ratio: bool = False) -> None:
    write(desk, lots, *children, leg=leg, in_ratio=in_ratio)
    approve(desk)


def offered(desk: Desk) -> dict[str, int]:
    return {item.child: item.units // LOT for prompt in desk.state.prompts.values() for item in prompt.items}


def held(with_settings: Settings | None = None, lots: int = 10, **options: object) -> Desk:
    """The master has bought, and the children hold 3 lots of 10."""
    desk = Desk(with_settings or settings(), **options)  # type: ignore[arg-type]
    desk.buy(lots)
    return desk


# --- more -------------------------------------------------------------------------------------------------------------


def test_added_lots_are_asked_about_and_leave_with_the_masters_in_proportion() -> None:
    desk = held()
    write(desk, 2, "C1")
    assert (offered(desk), desk.lots()) == ({"C1": 2}, 3)
    approve(desk)
    assert (desk.lots(), desk.target()) == (5, 5)
    desk.sell(5)
    assert desk.lots() == 2  # 5 x 5/10
    desk.buy(5)
    assert desk.lots() == 5
    desk.sell(10)
    assert (desk.lots(), desk.leg().by_hand_units) == (0, 0)


def test_further_rise_of_the_master_is_followed_in_its_own_part() -> None:
    desk = held()
    add(desk, 2)
    desk.buy(10)
    assert desk.lots() == 8


def test_ticket_in_ratio_gives_every_child_what_the_masters_lots_would() -> None:
    desk = held(settings(child("C1"), child("C2"), child("C3")), margins={"C2": 500_000, "C3": 40_000})
    write(desk, 10, in_ratio=True)
    assert offered(desk) == {"C1": 3, "C2": 5}
    assert [n for n in desk.notices() if "ticket" in n] == [
        f"ticket: {reasons.BELOW_ONE_LOT}",
        "a prompt waits (ticket)",
    ]
    approve(desk)
    assert [desk.lots(one) for one in ("C1", "C2", "C3")] == [6, 10, 0]
    assert len({order.decision for order in desk.state.orders.values()}) == 2  # the ticket is one record for all


def test_sold_leg_is_added_to_by_selling() -> None:
    desk = Desk()
    desk.sell(10)
    add(desk, 1)
    assert desk.lots() == -4


def test_child_below_one_lot_gets_what_the_ticket_says() -> None:
    desk = held(margins={"C1": 50_000})
    assert desk.lots() == 0
    add(desk, 1, "C1")
    assert desk.lots() == 1
    desk.sell(10)
    assert desk.lots() == 0


def test_declined_ticket_changes_nothing_and_lacks_nothing() -> None:
    desk = held()
    write(desk, 2)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    assert (desk.lots(), desk.target(), desk.leg().lacking, desk.reasons()) == (3, 3, False, set())
    write(desk, 2)
    desk.run(31)
    assert (offered(desk), desk.lots()) == ({}, 3)


def test_edited_ticket_adds_what_is_left_of_it() -> None:
    desk = held()
    write(desk, 3)
    approve(desk, {f"C1|{CALL_LEG}": LOT})
    assert (desk.lots(), desk.target(), desk.leg().lacking) == (4, 4, False)


def test_ticket_approved_after_the_master_fell_adds_to_what_is_left() -> None:
    desk = held()
    write(desk, 2)
    desk.sell(5)
    assert desk.lots() == 1
    approve(desk)
    assert desk.lots() == 3


def test_ticket_approved_after_the_master_left_sends_nothing() -> None:
    desk = held()
    write(desk, 2)
    desk.sell(10)
    approve(desk)
    assert (desk.lots(), desk.placed()) == (0, [(Side.BUY, 3), (Side.SELL, 3)])
    desk.buy(10)  # what he holds next is not what the ticket was for
    approve(desk)
    assert desk.lots() == 3


def test_rise_that_is_not_decided_yet_is_followed_beside_the_ticket() -> None:
    desk = held()
    write(desk, 2)
    desk.master(Side.BUY, 10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(2)
    assert desk.lots() == 8


def test_resync_offers_nothing_that_only_the_ticket_gave() -> None:
    desk = held()
    add(desk, 2)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(10)
    assert "resync: nothing is missing" in desk.notices()


# --- what goes wrong with more --------------------------------------------------------------------------------------


@pytest.mark.parametrize("risk", [Risk(), UNWIND, GOES_ON], ids=["hold", "unwind", "continue"])
def test_refused_ticket_leaves_the_strategy_as_it_was(risk: Risk) -> None:
    desk = held(settings(risk=risk))
    write(desk, 2)
    desk.filling = False
    approve(desk)
    desk.answer(desk.last(), Outcome.REJECTED, reason="not now")
    desk.filling = True
    leg = desk.leg()
    assert (desk.lots(), desk.target(), leg.by_hand_units, leg.lacking, desk.child().stopped) == (3, 3, 0, False, {})
    assert (leg.skipped, desk.reasons()) == ("", set())
    assert given_up(desk) == ["refused: not now"]
    desk.buy(10)
    assert desk.lots() == 6


def test_refused_entry_comes_off_the_tickets_lots_first() -> None:
    desk = held(settings(risk=UNWIND))
    add(desk, 4)
    desk.filling = False
    desk.buy(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="not now")
    leg = desk.leg()
    assert (desk.lots(), leg.by_hand_units // LOT, leg.lacking, desk.child().stopped) == (7, 1, False, {})


def test_ticket_that_the_margin_is_not_enough_for_makes_later_legs_no_smaller() -> None:
    whole = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1))
    desk = Desk(settings(child(sizing=whole), paper=Paper()), margins={"C1": 40_000})
    desk.buy(2)
    add(desk, 6)  # a lot needs 6,500
    assert desk.lots() < 8
    assert (desk.strategy().afforded, desk.leg().lacking, desk.leg().skipped) == ({}, False, "")
    assert given_up(desk) == [reasons.SHORT_MARGIN]


def test_gates_stop_a_ticket_as_any_entry() -> None:
    desk = held()
    write(desk, 2)
    desk.handle(Paused(at_ns=desk.now_ns))
    approve(desk)
    assert (desk.lots(), desk.target(), desk.leg().lacking) == (3, 3, False)
    assert (desk.leg().skipped, given_up(desk)) == ("", [reasons.PAUSED])


def refusal(desk: Desk) -> list[str]:
    return [text.removeprefix("ticket: ") for text in desk.notices() if text.startswith("ticket: ")]


def given_up(desk: Desk) -> list[str]:
    words = "lots of a ticket are given up: "
    return [text.removeprefix(words) for text in desk.notices() if text.startswith(words)]


def test_leg_that_the_master_does_not_hold_takes_no_ticket() -> None:
    desk = held()
    write(desk, 2, leg=PUT_LEG)
    assert (offered(desk), refusal(desk)) == ({}, [tickets.NOT_HELD])


def test_children_that_take_no_entries_take_no_ticket() -> None:
    desk = held(settings(child("C1"), child("C2"), child("C3")), margins={"C2": 0})
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    desk.run(2)
    write(desk, 1)
    assert offered(desk) == {"C3": 1}
    assert refusal(desk) == [reasons.FLATTENED, "left out: margin zero or negative"]
    write(desk, 1, "nobody")
    assert "no child is called nobody" in desk.notices()


def test_leg_whose_exits_are_under_way_takes_no_ticket_and_none_that_is_approved_meanwhile() -> None:
    desk = held()
    write(desk, 2)
    desk.filling = False
    desk.sell(5)
    approve(desk)
    assert refusal(desk) == [tickets.LEAVING]
    write(desk, 2)
    write(desk, -1)
    assert refusal(desk) == [tickets.LEAVING] * 3
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL]


def test_leg_that_is_not_decided_yet_takes_no_ticket() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10)
    write(desk, 2)
    assert refusal(desk) == [tickets.UNDECIDED]
    desk.run(2)
    assert desk.lots() == 3


# --- fewer ------------------------------------------------------------------------------------------------------------


def test_lots_that_are_taken_off_are_exited_without_a_question_and_offered_by_a_resync() -> None:
    desk = held(settings(confirm=ALL))
    approve(desk)
    write(desk, -1)
    desk.run(1)
    assert (desk.lots(), desk.target(), desk.leg().lacking) == (2, 2, True)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(10)
    assert offered(desk) == {"C1": 1}
    approve(desk)
    assert (desk.lots(), desk.leg().lacking) == (3, False)


def test_what_is_left_leaves_with_the_master_in_proportion() -> None:
    desk = held()
    write(desk, -1)
    desk.run(1)
    desk.sell(5)
    assert desk.lots() == 1  # 2 x 5/10


def test_fewer_in_ratio_is_what_the_masters_exit_would_take() -> None:
    desk = held(settings(child("C1"), child("C2")), margins={"C2": 1_000_000})
    write(desk, -5, in_ratio=True)
    desk.run(1)
    assert [desk.lots(one) for one in ("C1", "C2")] == [1, 5]
    desk.sell(10)
    assert [desk.lots(one) for one in ("C1", "C2")] == [0, 0]


def test_bought_hedge_is_rounded_up_where_shorts_are_open() -> None:
    desk = Desk()
    desk.buy(10, symbol=HEDGE)
    desk.sell(10)
    write(desk, -5, leg=HEDGE_LEG, in_ratio=True)
    desk.run(1)
    assert desk.lots(leg=HEDGE_LEG) == 2


def test_tickets_own_lots_go_first_and_nothing_is_lacking_then() -> None:
    desk = held()
    add(desk, 2)
    write(desk, -1)
    desk.run(1)
    assert (desk.lots(), desk.leg().by_hand_units // LOT, desk.leg().lacking) == (4, 1, False)


@pytest.mark.parametrize(("lots", "in_ratio"), [(-3, False), (-9, False), (-10, True)])
def test_all_of_it_is_the_exit_of_the_leg(lots: int, in_ratio: bool) -> None:
    desk = held()
    write(desk, lots, in_ratio=in_ratio)
    desk.run(1)
    assert desk.lots() == 0
    assert desk.reasons() == {reasons.EXITED_BY_HAND}


def test_nothing_is_taken_off_while_an_entry_works() -> None:
    """A cancel would take the whole order off."""
    desk = Desk(filling=False)
    desk.buy(10)
    write(desk, -1)
    assert (desk.target(), refusal(desk)) == (3, [tickets.ENTERING])


def test_nothing_is_taken_off_at_kill_level_two_or_of_nothing() -> None:
    desk = held(margins={"C1": 50_000})
    write(desk, -1)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    write(desk, -1)
    assert refusal(desk) == [tickets.NOTHING_TO_TAKE_OFF, reasons.KILLED]
    assert desk.placed() == []


def test_ticket_in_orders_mode_goes_beside_what_rests() -> None:
    desk = held(settings(follow=Follow.ORDERS))
    desk.filling = False
    his = resting(desk, 10)
    write(desk, 2)
    approve(desk)
    rests, by_hand = desk.commands(PlaceOrder)[-2:]
    assert [p.quantity // LOT for p in (rests, by_hand)] == [3, 2]
    desk.fill(by_hand)
    write(desk, -1)
    desk.run(1)
    desk.fill(desk.last())
    assert desk.lots() == 4
    desk.fill(rests)
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(2)
    assert (desk.lots(), desk.target()) == (7, 7)
    desk.sell(20)
    desk.fill(desk.last())
    assert desk.lots() == 0


def test_other_legs_guard_holds_for_lots_taken_off_of_his_share() -> None:
    desk = held()
    write(desk, -1)
    desk.run(1)
    desk.sell(10, symbol=PUT)
    assert (desk.lots(leg=PUT_LEG), reasons.LONE_LEG in desk.reasons()) == (0, True)


# --- beside everything else -----------------------------------------------------------------------------------------


def test_cap_binds_what_the_ratio_gives_and_no_ticket() -> None:
    desk = held(settings(child(max_capital_inr=Decimal(50_000_000))))
    add(desk, 2)
    desk.buy(10)
    assert desk.lots() == 8


def test_share_of_a_margin_that_was_short_binds_no_ticket() -> None:
    desk = held()
    desk.strategy().afforded["C1"] = Fraction(1, 2)
    add(desk, 2)
    assert desk.lots() == 5


def test_in_ratio_is_what_the_next_lots_of_his_would_bring() -> None:
    fixed = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)
    desk = held(settings(child("C1"), child("C2", sizing=fixed)), lots=9)
    write(desk, 1, in_ratio=True)
    assert offered(desk) == {"C1": 1}  # 3/10 x 10 less 3/10 x 9; additions bring nothing to fixed lots


def test_after_a_fall_only_what_is_still_of_the_ticket_is_given_up_without_the_guard() -> None:
    desk = Desk()
    desk.buy(100)
    add(desk, 20)
    desk.sell(90)
    assert (desk.lots(), by_hand_units(turn_of(desk.state), desk.child(), desk.leg()) // LOT) == (5, 2)
    write(desk, -4)
    desk.run(1)
    assert (desk.lots(), desk.leg().lacking) == (1, True)


def test_lots_of_a_ticket_that_are_given_up_leave_the_rest_of_the_pair_as_it_was() -> None:
    desk = held(settings(follow=Follow.ORDERS), lots=9)
    add(desk, 7)
    desk.filling = False
    his = resting(desk, 9, side=Side.SELL)
    desk.fill(desk.last())
    ended(desk, his, BookStatus.CANCELLED, filled=5)
    desk.run(5)
    leg = desk.leg()
    assert (desk.lots(), leg.by_hand_units, leg.lacking) == (0, 0, False)  # floor(2 x 4/9) of his share
    desk.buy(5)
    assert desk.target() == 2


def test_ticket_makes_up_for_missed_lots_first() -> None:
    desk = held()
    write(desk, -1)
    desk.run(1)
    add(desk, 1)
    leg = desk.leg()
    assert (desk.lots(), leg.by_hand_units, leg.lacking, leg.skipped) == (3, 0, False, "")
    write(desk, -1)
    desk.run(1)
    assert (desk.lots(), leg.lacking) == (2, True)


def test_entries_that_are_lost_one_after_another_use_up_the_ticket() -> None:
    desk = held(settings(risk=UNWIND))
    add(desk, 3)
    desk.filling = False
    for _ in range(2):
        desk.buy(10)
        desk.answer(desk.last(), Outcome.REJECTED, reason="not now")
    desk.run(1)
    assert desk.child().stopped == {"ACCOUNT": reasons.UNWOUND}


def test_ticket_that_never_appeared_holds_nothing_up() -> None:
    desk = held()
    write(desk, 2)
    desk.filling = False
    approve(desk)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(200)
    assert given_up(desk) == [reasons.NEVER_APPEARED]
    desk.filling = True
    desk.sell(10, symbol=PUT)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (3, -3)


def test_hedge_that_was_rounded_up_comes_back_to_its_share_and_the_ticket() -> None:
    desk = Desk()
    desk.buy(10, symbol=HEDGE)
    desk.sell(10)
    desk.sell(5, symbol=HEDGE)
    assert desk.lots(leg=HEDGE_LEG) == 2
    add(desk, 1, leg=HEDGE_LEG)
    desk.buy(5, symbol=HEDGE)
    assert desk.lots(leg=HEDGE_LEG) == 4


def test_lots_ahead_of_his_order_do_not_take_the_tickets_place() -> None:
    desk = held(settings(follow=Follow.ORDERS))
    desk.filling = False
    resting(desk, 10)
    rest = desk.accept(desk.last())
    desk.advance(rest, filled=2 * LOT, status=BookStatus.OPEN)
    write(desk, 2)
    approve(desk)
    assert desk.commands(PlaceOrder)[-1].quantity == 2 * LOT


def test_his_stop_that_rests_keeps_no_ticket_away() -> None:
    desk = held(settings(follow=Follow.ORDERS))
    desk.filling = False
    resting(desk, 10, side=Side.SELL, limit="105")
    desk.accept(desk.last())
    write(desk, 2)
    assert offered(desk) == {"C1": 2}


def test_child_that_is_named_twice_gets_one_part() -> None:
    desk = held()
    write(desk, 2, "C1", "C1")
    approve(desk)
    assert desk.lots() == 5


def test_gate_that_gives_up_a_tickets_lots_for_his_rise_leaves_no_reason_behind() -> None:
    desk = held()
    add(desk, 3)
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10)
    assert (desk.leg().skipped, desk.leg().lacking, given_up(desk)) == ("", False, [reasons.PAUSED])


def test_prompt_of_an_answer_in_part_waits_for_no_entry() -> None:
    desk = held()
    write(desk, 3)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, shown={f"C1|{CALL_LEG}": LOT}))
    desk.run(1)
    assert (desk.lots(), desk.leg().awaiting_units, offered(desk)) == (4, 0, {"C1": 2})


def test_lot_that_a_fall_rounded_away_is_no_missed_one() -> None:
    """1 of 6; he falls to 4 and it goes; a ticket of 1, and he comes back to 7: 2 by the ratio, and 1."""
    desk = held(lots=6)
    desk.sell(2)
    assert desk.lots() == 0
    add(desk, 1)
    desk.buy(3)
    assert (desk.lots(), desk.leg().by_hand_units // LOT) == (3, 1)


# --- who takes no part, and why ---------------------------------------------------------------------------------------


def test_child_that_is_no_longer_configured_takes_no_part() -> None:
    desk = held(settings(child("C1"), child("C2")))
    desk.restart(with_settings=settings(child("C1")))
    desk.run(3)
    write(desk, 2, "C1", "C2")
    assert offered(desk) == {"C1": 2}
    assert f"ticket: {reasons.NOT_CONFIGURED}" in " ".join(desk.notices())


def test_child_whose_broker_does_not_list_the_instrument_takes_no_part() -> None:
    desk = held(settings(child("C1"), child("C2")))
    desk.load((), account="C1", unusable={INSTRUMENTS[0].id: "not listed"})
    write(desk, 2)
    assert offered(desk) == {"C2": 2}


def test_leg_that_was_handed_over_takes_no_ticket() -> None:
    desk = held(settings(child("C1"), child("C2")))
    desk.restart(unclean=True)
    desk.run(3)
    desk.handle(HandedOver(at_ns=desk.now_ns, children=("C1",)))
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.run(3)
    write(desk, 2)
    assert offered(desk) == {"C2": 2}
    write(desk, -1, "C1")
    assert any(text.startswith("ticket: ") and reasons.HANDED_OVER in text for text in desk.notices())


def test_instrument_that_is_gone_at_the_approval_is_not_added() -> None:
    desk = held()
    write(desk, 2)
    desk.load((), account="C1", unusable={INSTRUMENTS[0].id: "not listed"})
    approve(desk)
    assert desk.lots() == 3
    assert any(text.startswith("ticket: ") and "not listed" in text for text in desk.notices())


def test_fewer_lots_than_are_missing_leave_the_leg_lacking() -> None:
    desk = held(settings(risk=Risk(max_lots_per_instrument=1)))
    assert (desk.lots(), desk.leg().lacking) == (1, True)
    desk.state.settings = settings()
    write(desk, 1, "C1")
    approve(desk)
    assert desk.leg().lacking


def test_entry_that_waited_too_long_and_was_the_tickets_alone_lacks_nothing() -> None:
    desk = held()
    add(desk, 2)
    leg, turn = desk.leg(), turn_of(desk.state)
    leg.allocation_units, leg.entry_pending = 3 * LOT, True
    entries.miss_waiting(turn, desk.child(), leg, reasons.STALE_SIGNAL)
    assert (leg.target_units, leg.by_hand_units, leg.lacking, leg.skipped) == (3 * LOT, 0, False, "")


def test_lots_missed_while_his_order_rested_come_off_the_ticket_first(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = held()
    add(desk, 2)
    leg, turn = desk.leg(), turn_of(desk.state)
    monkeypatch.setattr(entries, "missed_due", lambda _turn, _child, _leg, _most: LOT)
    assert entries.note_missed_while_resting(turn, desk.child(), leg, 5 * LOT) == LOT
    assert (leg.target_units, leg.by_hand_units, leg.lacking) == (4 * LOT, LOT, False)
