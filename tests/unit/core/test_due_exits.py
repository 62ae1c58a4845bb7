"""An exit that is due and cannot be sent yet: whatever else is decided meanwhile, it goes when its hindrance ends."""

from decimal import Decimal

from config.schema import OnLegRefused, OnMaxLoss, Risk
from engine.core import reasons
from engine.events import (
    ChildResynced,
    Flattened,
    KillSwitched,
    LegExited,
    Outcome,
    Paused,
    PromptAnswered,
    StrategyReset,
)
from engine.model import Side, instrument_of
from tests.unit.core.builders import ALL, CALL_LEG, ENTRIES, INSTRUMENTS, PUT_LEG, Desk, instrument, settings
from tests.unit.core.nights import morning
from tests.unit.paper.builders import CALL, PUT

UNWIND = Risk(on_leg_refused=OnLegRefused.UNWIND)


def kill(desk: Desk, level: int) -> None:
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=level))


def answer(desk: Desk, *, approve: bool) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=approve))


def flatten(desk: Desk) -> None:
    desk.handle(Flattened(at_ns=desk.now_ns))


def resync(desk: Desk) -> None:
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)


def exit_by_hand(desk: Desk) -> None:
    """Exit the leg, and the broker takes one order a minute from this address."""
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG))
    hinder(desk)


def hinder(desk: Desk) -> None:
    desk.answer(desk.last(), Outcome.IP_REFUSED)
    desk.run(1)


def bought(desk: Desk) -> Desk:
    """Three lots are held; the broker fills nothing further by itself."""
    desk.buy(10)
    if desk.state.prompts:
        answer(desk, approve=True)
    desk.fill(desk.last())
    desk.run(2)
    return desk


def mend(desk: Desk) -> None:
    """Everything works again, and there is time for it."""
    desk.filling = True
    for place in list(desk.unanswered):
        desk.fill(place)
    desk.run(300)


def test_exit_by_a_daily_loss_waits_for_the_kill_switch_although_the_master_adds() -> None:
    desk = Desk(settings(risk=Risk(max_daily_loss_inr=Decimal(5000), on_max_loss=OnMaxLoss.EXIT_ALL)))
    desk.buy(10)
    kill(desk, 2)
    desk.quote(CALL, "50")
    desk.run(3)
    desk.buy(10)
    desk.run(3)
    assert (desk.lots(), desk.target(), desk.leg().due) == (3, 0, True)
    kill(desk, 0)
    desk.run(30)
    assert desk.lots() == 0


def test_strategy_that_is_unwound_waits_for_the_kill_switch_although_the_master_adds() -> None:
    desk = bought(Desk(settings(risk=UNWIND), filling=False))
    desk.buy(10, symbol=PUT)
    kill(desk, 2)
    desk.answer(desk.last(), Outcome.REJECTED, reason="not now")
    desk.buy(10)
    desk.run(1)
    kill(desk, 0)
    mend(desk)
    assert desk.lots() == 0


def test_flattened_child_whose_unknown_entry_fills_late_is_left_although_the_master_adds() -> None:
    desk = bought(Desk(filling=False))
    desk.buy(4)
    unknown = desk.last()
    desk.unanswered.clear()
    desk.run(40)
    flatten(desk)
    desk.run("0.5")
    desk.buy(10)
    desk.run(5)
    assert desk.target() == 0
    desk.advance(desk.accept(unknown, answered=False))
    mend(desk)
    assert desk.lots() == 0


def test_reversal_enters_nothing_before_the_refused_exit_has_gone() -> None:
    desk = bought(Desk(filling=False))
    desk.sell(20)
    for _ in range(50):
        for place in list(desk.unanswered):
            desk.answer(place, Outcome.REJECTED, reason="not now")
        desk.run(1)
    desk.sell(10)
    desk.run("0.3")
    assert not [order for order in desk.state.orders.values() if order.entry and order.side is Side.SELL]


def test_reversal_asks_about_no_entry_before_the_postponed_exit_has_gone() -> None:
    desk = bought(Desk(settings(confirm=ALL), filling=False))
    desk.sell(20)
    desk.run(1)
    answer(desk, approve=False)
    desk.run(25)
    answer(desk, approve=False)
    desk.run(10)
    desk.sell(10)
    desk.run(1)
    assert [prompt.kind for prompt in desk.state.prompts.values()] == ["exit"]
    answer(desk, approve=True)
    assert [(place.side, place.quantity // 65) for place in desk.unanswered] == [(Side.SELL, 3)]


def test_leg_exited_by_hand_is_left_although_the_master_adds_twice() -> None:
    desk = bought(Desk(filling=False))
    exit_by_hand(desk)
    for _ in range(2):
        desk.buy(10)
        desk.run(3)
    assert desk.leg().due
    mend(desk)
    assert desk.lots() == 0


def test_leg_exited_by_hand_is_left_although_an_addition_is_declined() -> None:
    desk = bought(Desk(settings(confirm=ENTRIES), filling=False))
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG))
    for _ in range(25):
        for place in list(desk.unanswered):
            desk.answer(place, Outcome.REJECTED, reason="not now")
        desk.run(1)
    desk.buy(20)
    desk.run(20)
    answer(desk, approve=False)
    mend(desk)
    assert desk.lots() == 0


def test_what_is_to_be_left_is_not_kept_in_place_of_an_entry_that_nobody_approved() -> None:
    desk = bought(Desk(settings(confirm=ENTRIES), filling=False))
    exit_by_hand(desk)
    desk.buy(10)
    desk.run(3)
    assert desk.target() == 0
    mend(desk)
    assert desk.lots() == 0


def test_what_is_to_be_left_is_not_kept_in_place_of_an_entry_in_a_pause() -> None:
    desk = bought(Desk(filling=False))
    exit_by_hand(desk)
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10)
    mend(desk)
    assert desk.lots() == 0


def test_surfaced_order_is_closed_although_the_master_adds() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.run(200)
    flatten(desk)
    desk.advance(desk.accept(place, answered=False))
    desk.answer(desk.last(), Outcome.IP_REFUSED)
    assert (desk.child().stopped, desk.target()) == ({"ACCOUNT": reasons.SURFACED}, 0)
    desk.buy(10)
    mend(desk)
    assert desk.lots() == 0


def test_missed_entry_after_an_exit_is_not_made_up_for_by_what_was_to_leave() -> None:
    desk = bought(Desk(filling=False))
    desk.sell(10)
    hinder(desk)
    desk.buy(10)
    desk.run(40)
    assert (desk.target(), desk.leg().due) == (0, True)
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10)
    mend(desk)
    assert desk.lots() == 0


def test_leg_whose_contract_changed_is_left_although_the_master_comes_in_again() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    others = [listed for listed in INSTRUMENTS if listed.symbol != CALL]
    morning(desk, "09:20", instruments=(instrument(CALL, lot_units=75), *others))
    desk.sell(10)
    desk.run(1)
    desk.buy(10)
    desk.run(40)
    desk.buy(20)
    desk.run(2)
    assert (desk.target(), desk.leg().due) == (0, True)


def test_resync_says_that_an_exit_is_due_and_takes_nothing_back() -> None:
    desk = bought(Desk(filling=False))
    exit_by_hand(desk)
    resync(desk)
    assert any("resync again when they have ended" in text for text in desk.notices())
    mend(desk)
    assert (desk.lots(), desk.leg().lacking) == (0, True)


def test_resync_while_exits_are_under_way_lifts_no_stop() -> None:
    desk = bought(Desk(filling=False))
    flatten(desk)
    desk.accept(desk.last())
    desk.run(1)
    resync(desk)
    desk.sell(10, symbol=PUT)
    desk.run(5)
    assert desk.child().stopped == {"ACCOUNT": reasons.FLATTENED}
    assert desk.target(leg=PUT_LEG) == 0


def test_resync_while_an_exit_is_due_offers_nothing_of_its_leg() -> None:
    desk = bought(Desk(filling=False))
    flatten(desk)
    hinder(desk)
    desk.buy(10)
    desk.run(1)
    resync(desk)
    assert not desk.state.prompts
    mend(desk)
    assert (desk.lots(), desk.target()) == (0, 0)


def test_reentry_that_waited_too_long_is_not_brought_along_by_a_fresh_one() -> None:
    desk = bought(Desk(filling=False))
    desk.sell(10)
    leaving = desk.accept(desk.last())
    desk.run(1)
    desk.buy(10)
    desk.run(25)
    desk.buy(10)
    desk.run(15)
    desk.filling = True
    desk.advance(leaving)
    desk.run(2)
    assert (desk.lots(), desk.leg().lacking) == (0, True)  # both are missed, and a resync offers them


def test_after_a_reset_a_rise_brings_nothing_back_that_was_to_leave() -> None:
    desk = bought(Desk(filling=False))
    desk.sell(5)
    hinder(desk)
    desk.handle(StrategyReset(at_ns=desk.now_ns))
    desk.buy(10)
    mend(desk)
    assert desk.lots() == 1


def test_after_a_reset_what_an_exit_under_way_takes_is_not_wanted_back() -> None:
    desk = bought(Desk(filling=False))
    desk.sell(5)
    leaving = desk.accept(desk.last())
    desk.buy(5)
    desk.run(1)
    assert desk.target() == 3
    desk.handle(StrategyReset(at_ns=desk.now_ns))
    desk.buy(10)
    desk.run(2)
    assert desk.target() == 1
    desk.advance(leaving)
    desk.run(5)
    assert (desk.lots(), desk.placed()) == (1, [(Side.BUY, 3), (Side.SELL, 2)])


def test_lots_missed_of_a_contract_that_was_unknown_are_not_caught_up() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    desk.sell(5)
    desk.run(3)
    desk.state.instruments[""].pop(instrument_of(CALL_LEG))  # a restart without a usable file of the child's broker
    desk.buy(15)
    desk.run(2)
    assert desk.target() == 1
    desk.load()
    desk.run(5)
    desk.buy(10)
    desk.run(3)
    assert desk.lots() == 4
