"""Prompts: opened, joined, extended within a bound, withdrawn when what they ask is gone."""

from decimal import Decimal

from config.schema import Confirm, ConfirmWhen
from engine.core import prompts, reasons
from engine.core.prompts import EXTENSIONS
from engine.core.state import Prompt
from engine.events import KillSwitched, Paused, PromptAnswered, TimePassed
from engine.model import Side
from tests.unit.core.builders import ALL, ENTRIES, LOT, PUT_LEG, Desk, S, child, settings, turn_of
from tests.unit.paper.builders import PUT

TIMEOUT_S = 30


def asking(number_of_children: int = 1) -> Desk:
    return Desk(settings(*(child(f"C{i + 1}") for i in range(number_of_children)), confirm=ENTRIES))


def only(desk: Desk) -> Prompt:
    (found,) = desk.state.prompts.values()
    return found


def rows(desk: Desk) -> list[tuple[str, Side, int]]:
    """Child, side and lots of every row that waits."""
    return [(i.child, i.side, i.units // LOT) for p in desk.state.prompts.values() for i in p.items]


def test_entry_waits_in_one_prompt_for_all_children() -> None:
    desk = asking(2)
    desk.buy(10)
    assert rows(desk) == [("C1", Side.BUY, 3), ("C2", Side.BUY, 3)]
    assert desk.placed() == []
    assert only(desk).deadline_ns == only(desk).opened_ns + TIMEOUT_S * S
    assert (desk.leg().awaiting_units // LOT, desk.leg().prompt) == (3, only(desk).id)


def test_further_leg_joins_the_open_prompt_and_gets_its_full_time() -> None:
    desk = asking()
    desk.buy(10)
    desk.run(20)
    desk.sell(10, symbol=PUT)
    assert rows(desk) == [("C1", Side.BUY, 3), ("C1", Side.SELL, 3)]
    desk.run(29)
    assert len(desk.state.prompts) == 1
    desk.run(1)
    assert not desk.state.prompts
    assert desk.reasons() == {reasons.NOT_ANSWERED}


def test_prompt_that_legs_keep_joining_closes_after_a_bound() -> None:
    desk = asking()
    opened_ns = 0
    for i in range(12):
        desk.buy(10)
        opened_ns = opened_ns or only(desk).opened_ns
        desk.run(10)
        if not desk.state.prompts:
            break
        assert only(desk).deadline_ns <= opened_ns + EXTENSIONS * TIMEOUT_S * S, i
    assert not desk.state.prompts
    assert desk.now_ns <= opened_ns + (EXTENSIONS * TIMEOUT_S + 11) * S


def test_further_fill_replaces_what_waits_for_its_leg() -> None:
    desk = asking()
    desk.buy(10)
    desk.buy(7)
    assert rows(desk) == [("C1", Side.BUY, 5)]
    assert desk.leg().awaiting_units // LOT == 5


def test_reduction_lowers_what_waits() -> None:
    desk = asking()
    desk.buy(10)
    desk.sell(5)
    assert rows(desk) == [("C1", Side.BUY, 1)]


def test_master_out_withdraws_the_prompt() -> None:
    desk = asking()
    desk.buy(10)
    desk.sell(10)
    assert rows(desk) == []
    assert not [name for name in desk.state.timers if name.startswith("prompt")]
    desk.run(40)
    assert desk.placed() == []
    assert desk.reasons() == set()


def test_one_leg_out_leaves_the_other_in_the_prompt() -> None:
    desk = asking()
    desk.buy(10)
    desk.sell(10, symbol=PUT)
    desk.sell(10)
    assert rows(desk) == [("C1", Side.SELL, 3)]
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.lots(leg=PUT_LEG) == -3


def test_kill_declines_entries_that_wait() -> None:
    desk = asking()
    desk.buy(10)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    assert (rows(desk), desk.reasons()) == ([], {reasons.KILLED})


def test_pause_leaves_the_prompt_and_stops_its_approval() -> None:
    desk = asking()
    desk.buy(10)
    desk.handle(Paused(at_ns=desk.now_ns))
    assert rows(desk) == [("C1", Side.BUY, 3)]
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert (desk.placed(), desk.reasons()) == ([], {reasons.PAUSED})


def test_exit_needs_no_prompt_unless_all_are_asked() -> None:
    desk = asking()
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.sell(10)
    assert (rows(desk), desk.lots()) == ([], 0)


def exiting() -> Desk:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    desk.sell(4)
    return desk


def test_exit_waits_for_its_prompt_and_goes_at_its_end() -> None:
    desk = exiting()
    assert (rows(desk), only(desk).kind) == ([("C1", Side.SELL, 2)], prompts.EXIT)
    desk.run(29)
    assert desk.lots() == 3
    desk.run(2)
    assert (desk.lots(), rows(desk)) == (1, [])


def test_exit_can_be_postponed_up_to_a_bound_and_not_declined() -> None:
    desk = exiting()
    opened_ns = desk.now_ns
    desk.sell(6)
    while desk.lots() and desk.now_ns < opened_ns + 200 * S:
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
        desk.run(10)
    assert desk.lots() == 0
    assert desk.now_ns - opened_ns <= (EXTENSIONS * TIMEOUT_S + 10) * S
    assert desk.leg().target_units == 0


def test_approved_exit_goes_at_once() -> None:
    desk = exiting()
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert (desk.lots(), rows(desk)) == (1, [])


def test_exit_that_became_needless_leaves_its_prompt() -> None:
    desk = exiting()
    desk.owner_trades(-2)
    desk.run(70)
    assert rows(desk) == []


def test_exit_prompt_shows_what_its_approval_sends() -> None:
    """The master reduces further while the exit waits: the row must ask for all that would be sent."""
    desk = exiting()
    desk.sell(6)
    assert rows(desk) == [("C1", Side.SELL, 3)]
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.placed()[-1] == (Side.SELL, 3)


def test_answer_without_a_prompt_does_nothing() -> None:
    desk = asking()
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, prompt="P99"))
    assert desk.placed() == []
    assert sum("no prompt waits" in text for text in desk.notices()) == 2


def test_entry_that_its_prompt_does_not_list_is_taken_out_all_the_same() -> None:
    desk = asking()
    desk.buy(10)
    only(desk).items = []
    taken = prompts.take_out(turn_of(desk.state), desk.child(), desk.leg(), 3 * LOT)
    assert (taken, desk.leg().awaiting_units, desk.state.prompts) == (3 * LOT, 0, {})


def test_entry_that_is_decided_when_the_machine_wakes_is_asked_about_in_a_prompt_of_its_own() -> None:
    """The one before was over while nobody could close it: whoever joined it would be declined at once."""
    desk = Desk(settings(confirm=Confirm(when=ConfirmWhen.ENTRIES, timeout_s=Decimal(5))))
    desk.buy(10)
    desk.master(Side.BUY, 10, symbol=PUT)
    desk.now_ns += 20 * S
    desk.handle(TimePassed(at_ns=desk.now_ns))
    assert [(i.leg, i.units // LOT) for i in only(desk).items] == [(PUT_LEG, 3)]
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(1)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (0, 3)
