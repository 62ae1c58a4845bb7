"""What a child missed for good shows: beside its drift, and as a warning when it holds nothing of the strategy."""

from config.schema import StrategyScope
from engine.commands import Severity
from engine.core import reasons
from engine.events import AccountRead, ChildResynced, Flattened, LegExited, PromptAnswered
from engine.model import Side
from engine.snapshot import Attention, CellState, ChildColumn, ChildState, StrategyState
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import CALL_LEG, ENTRIES, INSTRUMENTS, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT, option

BANK = "BANKNIFTY26NOV55000CE"


def of_child(desk: Desk, account: str = "C1") -> tuple[ChildColumn, list[Attention]]:
    snapshot = build_snapshot(desk.state, desk.now_ns, Frame())
    column = next(one for one in snapshot.children if one.id == account)
    return column, [item for item in snapshot.attention if item.account == account]


def told(desk: Desk) -> tuple[int, list[str]]:
    """How many lots were missed, and what Needs you says."""
    column, items = of_child(desk)
    return int(column.missed_lots), [item.text for item in items]


def missing(desk: Desk, *symbols: str) -> None:
    """The master buys while the program is paused."""
    with desk.paused():
        for symbol in symbols:
            desk.buy(10, symbol=symbol)


def test_child_that_missed_every_leg_is_a_warning_and_its_lots_are_counted() -> None:
    desk = Desk()
    missing(desk, CALL, PUT)
    column, (item,) = of_child(desk)
    assert (int(column.drift_lots), int(column.missed_lots)) == (0, 6)
    assert (item.severity, item.key) == (Severity.WARNING, "r")
    assert item.text == f"holds nothing of the strategy: 2 legs were not copied ({reasons.PAUSED})"


def test_child_that_missed_the_only_leg_for_its_price_says_so() -> None:
    desk = Desk()
    desk.quote(CALL, "105")
    desk.buy(10, price="100")
    assert told(desk) == (3, [f"holds nothing of the strategy: 1 leg was not copied ({reasons.SLIPPAGE})"])


def test_child_in_step_has_missed_nothing() -> None:
    desk = Desk()
    desk.buy(10)
    assert told(desk) == (0, [])


def test_child_that_holds_some_of_it_lacks_lots() -> None:
    desk = Desk()
    desk.buy(10)
    missing(desk, PUT)
    assert told(desk) == (3, [f"lacks lots of a leg: {reasons.PAUSED}"])


def test_below_one_lot_is_nothing_that_was_missed() -> None:
    desk = Desk()
    desk.buy(3)
    assert told(desk) == (0, [])


def test_child_that_is_left_out_is_told_once() -> None:
    desk = Desk(settings(child("C1"), child("C2")), margins={"C1": 0})
    missing(desk, CALL)
    column, items = of_child(desk)
    assert (column.state, int(column.missed_lots)) == (ChildState.LEFT_OUT, 0)
    assert [item.key for item in items] == ["j"]


def test_child_that_cannot_be_entered_needs_its_login_first() -> None:
    desk = Desk()
    missing(desk, CALL)
    desk.handle(AccountRead(at_ns=desk.now_ns, account="C1", began_ns=desk.now_ns, error="token", needs_login=True))
    assert [item.key for item in of_child(desk)[1]] == ["a"]


def test_what_a_person_did_is_no_warning() -> None:
    flattened = Desk()
    flattened.buy(10)
    flattened.handle(Flattened(at_ns=flattened.now_ns))
    flattened.run(2)
    assert ["holds nothing" in item.text for item in of_child(flattened)[1]] == [False]
    declined = Desk(settings(confirm=ENTRIES))
    declined.buy(10)
    assert of_child(declined)[1] == []
    declined.handle(PromptAnswered(at_ns=declined.now_ns, approve=False))
    assert told(declined) == (3, [])
    taken = Desk()
    taken.buy(10)
    taken.handle(LegExited(at_ns=taken.now_ns, leg=CALL_LEG, children=("C1",)))
    taken.run(2)
    assert taken.lots() == 0
    assert told(taken) == (3, [])


def test_nothing_is_missed_while_it_is_not_decided_or_on_its_way() -> None:
    desk = Desk(filling=False)
    desk.master(Side.BUY, 10)
    snapshot = build_snapshot(desk.state, desk.now_ns, Frame())
    assert [cell.state for leg in snapshot.legs for cell in leg.cells] == [CellState.WORKING]
    assert told(desk) == (0, [])
    desk.run(1)
    assert desk.state.orders
    assert told(desk) == (0, [])


def test_resync_ends_the_warning() -> None:
    desk = Desk()
    missing(desk, CALL)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    assert told(desk)[0] == 3
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(1)
    assert desk.lots() == 3
    assert told(desk) == (0, [])


def test_fill_that_is_not_decided_yet_is_not_missed() -> None:
    desk = Desk()
    desk.buy(10)
    desk.master(Side.BUY, 10)
    assert desk.state.master.legs[CALL_LEG].window is not None
    assert told(desk) == (0, [])
    desk.run(1)
    assert (desk.lots(), told(desk)) == (6, (0, []))


def test_child_to_which_something_is_on_its_way_does_not_hold_nothing_yet() -> None:
    desk = Desk(filling=False)
    missing(desk, CALL)
    assert "holds nothing" in told(desk)[1][0]
    desk.buy(10, symbol=PUT)
    assert desk.state.orders
    assert told(desk) == (3, [])


def test_that_a_strategy_was_flattened_is_told_until_it_has_ended() -> None:
    desk = Desk()
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(2)
    assert told(desk)[1] == [reasons.FLATTENED]
    desk.sell(10)
    desk.run(30)
    ((scope, strategy),) = desk.state.strategies.items()
    assert (strategy.state, desk.child().stopped) == (StrategyState.FLAT, {scope: reasons.FLATTENED})
    assert told(desk)[1] == []
    desk.child().stopped[scope] = reasons.SURFACED
    assert told(desk)[1] == [reasons.SURFACED]


def test_child_that_left_a_strategy_which_has_ended_lacks_lots_of_another() -> None:
    desk = Desk(settings(strategy_scope=StrategyScope.UNDERLYING))
    desk.load((*INSTRUMENTS, option(BANK, strike=55000, underlying="BANKNIFTY")))
    desk.quote(BANK, "100")
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(2)
    desk.sell(10)
    desk.run(30)
    with desk.paused():
        desk.buy(10, symbol=BANK)
    assert told(desk)[1] == [f"holds nothing of the strategy: 1 leg was not copied ({reasons.PAUSED})"]
