"""The life of a strategy: one ratio from flat to flat, per scope."""

from decimal import Decimal
from fractions import Fraction

from config.schema import StrategyScope
from engine.model import BookStatus, LegId, Side, leg_id
from engine.snapshot import StrategyState
from tests.unit.core.builders import INSTRUMENTS, LOT, Desk, instrument, settings
from tests.unit.paper.builders import CALL, PUT, option

BANK = "BANKNIFTY26NOV55000CE"
BANK_LEG: LegId = leg_id("NFO", BANK, "NRML")


def test_first_fill_starts_and_the_last_ends() -> None:
    desk = Desk()
    desk.buy(10)
    assert (desk.strategy().state, desk.strategy().number) == (StrategyState.ACTIVE, 1)
    desk.run(3)
    desk.sell(10)
    assert desk.strategy().state is StrategyState.EXITING
    desk.run(3)
    assert desk.strategy().state is StrategyState.FLAT


def test_strategy_ends_only_after_two_complete_reads() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.silent.add("M")
    desk.sell(10)
    desk.run(5)
    desk.read("M")
    assert desk.strategy().state is StrategyState.EXITING
    desk.run(1)
    desk.deliver(desk.picture("M", positions=None, error="timeout"))
    assert desk.strategy().state is StrategyState.EXITING, "a partial read is never flat"
    desk.read("M")
    assert desk.strategy().state is StrategyState.FLAT


def test_read_that_began_before_the_last_fill_does_not_count() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.silent.add("M")
    early = desk.picture("M", positions=())
    desk.run("0.5")
    desk.sell(10)
    for _ in range(3):
        desk.deliver(early)
    assert desk.strategy().flat_reads == 0
    assert desk.strategy().state is StrategyState.EXITING


def test_strategy_exits_until_every_child_is_out() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    desk.run(10)
    assert desk.strategy().state is StrategyState.EXITING
    desk.fill(desk.last())
    desk.run(2)
    assert desk.strategy().state is StrategyState.FLAT


def test_ratio_does_not_change_while_the_strategy_runs() -> None:
    desk = Desk()
    desk.buy(10)
    desk.books["C1"].available_inr = desk.books["M"].available_inr = Decimal(10)
    desk.run(5)
    desk.sell(10, symbol=PUT)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_one_leg_left_keeps_the_strategy() -> None:
    desk = Desk()
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    desk.sell(10)
    desk.run(20)
    assert desk.strategy().state is StrategyState.ACTIVE


def test_soon_after_the_end_the_old_ratio_goes_on() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.sell(10)
    desk.books["M"].available_inr = Decimal(2_000_000)
    desk.run(5)
    desk.buy(10)
    assert (desk.strategy().number, desk.strategy().ratios) == (1, {"C1": Fraction(3, 10)})


def test_settled_margins_give_the_next_strategy_its_own_ratio() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.sell(10)
    desk.books["M"].available_inr = Decimal(2_000_000)
    desk.run(16)
    assert desk.strategy().ratios == {}
    assert desk.strategy().last_ratios == {"C1": Fraction(3, 10)}
    desk.buy(10)
    assert (desk.strategy().number, desk.strategy().ratios) == (2, {"C1": Fraction(3, 20)})


def test_order_cancelled_without_a_fill_releases_the_pinned_baseline() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10, filled=0, id_="M1")
    assert desk.strategy().pinned is not None
    desk.books["M"].available_inr = Decimal(2_000_000)
    desk.run(3)
    desk.master(Side.BUY, 10, filled=0, id_="M1", status=BookStatus.CANCELLED)
    assert desk.strategy().pinned is None
    desk.run(3)
    desk.buy(10)
    assert desk.strategy().ratios == {"C1": Fraction(3, 20)}


def test_scopes_have_ratios_and_ends_of_their_own() -> None:
    desk = Desk(settings(strategy_scope=StrategyScope.UNDERLYING))
    bank = option(BANK, strike=55000, underlying="BANKNIFTY")
    desk.load((*INSTRUMENTS, bank))
    desk.quote(BANK, "100")
    desk.buy(10)
    desk.books["M"].available_inr = Decimal(500_000)
    desk.run(20)
    desk.buy(10, symbol=BANK)
    assert desk.strategy("NIFTY").ratios == {"C1": Fraction(3, 10)}
    assert desk.strategy("BANKNIFTY").ratios == {"C1": Fraction(3, 5)}
    desk.run(3)
    desk.sell(10)
    desk.run(3)
    assert desk.strategy("NIFTY").state is StrategyState.FLAT
    assert desk.strategy("BANKNIFTY").state is StrategyState.ACTIVE
    assert (desk.lots(), desk.lots(leg=BANK_LEG)) == (0, 6)


def test_lot_of_the_instrument_file_counts() -> None:
    desk = Desk()
    desk.load((instrument(CALL, lot_units=LOT * 2),), account="C1")
    desk.buy(10)
    assert desk.leg().allocation_units == LOT * 2
