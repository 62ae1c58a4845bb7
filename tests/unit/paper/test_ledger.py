"""Money and positions: average prices, profit, what is available, and that no paisa is made or lost."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Funds, InstrumentId, LegId, Side, leg_id
from paper.ledger import Holding, Ledger, per_unit
from tests.unit.paper.builders import CALL, nfo, option

BUY, SELL = Side.BUY, Side.SELL
LEG = leg_id("NFO", CALL, "NRML")
Trade = tuple[Side, int, str]


def after(*trades: Trade) -> Holding:
    holding = Holding()
    for side, units, price in trades:
        holding.trade(side, units, units * Decimal(price))
    return holding


@pytest.mark.parametrize(
    ("description", "trades", "net", "average", "realised"),
    [
        ("nothing", (), 0, None, "0"),
        ("bought", ((BUY, 65, "100"),), 65, "100", "0"),
        ("bought twice", ((BUY, 65, "100"), (BUY, 65, "110")), 130, "105", "0"),
        ("partly sold", ((BUY, 130, "100"), (SELL, 65, "110")), 65, "100", "650"),
        ("sold out", ((BUY, 65, "100"), (SELL, 65, "90")), 0, None, "-650"),
        ("sold short", ((SELL, 65, "100"),), -65, "100", "0"),
        ("short, partly covered", ((SELL, 130, "100"), (BUY, 65, "80")), -65, "100", "1300"),
        ("long to short in one", ((BUY, 65, "100"), (SELL, 130, "110")), -65, "110", "650"),
        ("short to long in one", ((SELL, 65, "100"), (BUY, 195, "110")), 130, "110", "-650"),
        ("average that does not come out even", ((BUY, 1, "100"), (BUY, 2, "100.05")), 3, "100.0333", "0"),
    ],
)
def test_holding(description: str, trades: tuple[Trade, ...], net: int, average: str | None, realised: str) -> None:
    holding = after(*trades)
    expected = None if average is None else Decimal(average)
    assert (holding.net_units, holding.average_inr) == (net, expected), description
    assert holding.realised_inr == Decimal(realised), description


def test_position_brought_along_gets_its_basis_from_its_first_fill() -> None:
    holding = Holding(net_units=130, overnight_units=130, has_basis=False)
    unknown = holding.average_inr
    assert unknown is None
    holding.trade(SELL, 65, 65 * Decimal(90))
    assert (holding.net_units, holding.realised_inr, holding.average_inr) == (65, Decimal(0), Decimal(90))


trades = st.lists(
    st.tuples(
        st.sampled_from(Side), st.integers(1, 500), st.integers(1, 40_000).map(lambda ticks: Decimal(ticks) / 20)
    ),
    max_size=30,
)


@given(trades)
def test_cash_of_all_fills_is_realised_profit_less_the_cost_of_what_is_open(
    fills: list[tuple[Side, int, Decimal]],
) -> None:
    holding = Holding()
    cash, net = Decimal(0), 0
    for side, units, price in fills:
        holding.trade(side, units, units * price)
        cash -= side.sign * units * price
        net += side.sign * units
        assert holding.net_units == net
        assert cash == holding.realised_inr - holding.cost_inr
        assert holding.cost_inr * net >= 0
    if net == 0:
        assert holding.cost_inr == 0


@given(trades, st.integers(1, 40_000).map(lambda ticks: Decimal(ticks) / 20))
def test_pnl_is_cash_plus_value(fills: list[tuple[Side, int, Decimal]], price: Decimal) -> None:
    ledger = Ledger(capital_inr=Decimal(0))
    cash = Decimal(0)
    for side, units, at in fills:
        ledger.trade(LEG, side, units, units * at)
        cash -= side.sign * units * at
    pnl = ledger.pnl(lambda _: price)
    assert pnl.open is not None
    assert pnl.realised + pnl.open == cash + ledger.net_units(LEG) * price


def priced(price: str | None) -> Callable[[InstrumentId], Decimal | None]:
    return lambda _: None if price is None else Decimal(price)


def test_pnl_is_unknown_without_a_price_or_rates() -> None:
    ledger = Ledger(capital_inr=Decimal(0))
    ledger.trade(LEG, BUY, 65, Decimal(6500))
    ledger.charge(Decimal(25))
    known = ledger.pnl(priced("101"))
    assert (known.open, known.charges, known.net) == (Decimal(65), Decimal(25), Decimal(40))
    unpriced = ledger.pnl(priced(None))
    assert (unpriced.realised, unpriced.open, unpriced.net) == (Decimal(0), None, None)
    ledger.charge(None)
    assert (ledger.pnl(priced("101")).charges, ledger.pnl(priced("101")).net) == (None, None)


def test_closed_position_needs_no_price() -> None:
    ledger = Ledger(capital_inr=Decimal(0))
    ledger.trade(LEG, BUY, 65, Decimal(6500))
    ledger.trade(LEG, SELL, 65, Decimal(6565))
    assert ledger.pnl(priced(None)).net == 65
    assert [row.net_units for row in ledger.positions()] == [0]


def available(ledger: Ledger, price: str | None, blocked: str = "0", spot: int = 24500) -> Decimal:
    return funds(ledger, price, blocked, spot).available_inr


def funds(ledger: Ledger, price: str | None, blocked: str = "0", spot: int = 24500) -> Funds:
    return ledger.funds({nfo(CALL): option()}, priced(price), {"NIFTY": Decimal(spot)}, Decimal(blocked))


@pytest.mark.parametrize("price", ["50", "100", "180", None])
def test_bought_option_takes_exactly_what_was_paid_wherever_its_price_is(price: str | None) -> None:
    ledger = Ledger(capital_inr=Decimal(100_000))
    ledger.trade(LEG, BUY, 65, Decimal(6500))
    assert available(ledger, price) == 93_500


def test_short_option_takes_margin_and_its_open_loss() -> None:
    ledger = Ledger(capital_inr=Decimal(500_000))
    ledger.trade(LEG, SELL, 65, Decimal(6500))
    at_entry, at_loss = available(ledger, "100"), available(ledger, "190", spot=24650)
    assert 320_000 < at_entry < 380_000
    assert at_loss < at_entry


@pytest.mark.parametrize("price", ["50", "190", None])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_available_and_used_are_capital_and_results(side: Side, price: str | None) -> None:
    ledger = Ledger(capital_inr=Decimal(500_000))
    other = LegId("NFO:NIFTY26NOV25000CE:NRML")
    ledger.trade(other, BUY, 65, Decimal(650))
    ledger.trade(other, SELL, 65, Decimal(780))
    ledger.trade(LEG, side, 65, Decimal(6500))
    ledger.charge(Decimal("25.50"))
    found, made = funds(ledger, price, blocked="1000"), ledger.pnl(priced(price or "100"))
    assert made.net is not None and found.used_inr is not None
    assert found.available_inr + found.used_inr == 500_000 + made.net
    assert found.used_inr > (100_000 if side is SELL else 1000)


def test_what_is_blocked_and_what_was_paid_is_used() -> None:
    ledger = Ledger(capital_inr=Decimal(100_000))
    assert funds(ledger, None) == Funds(available_inr=Decimal(100_000), used_inr=Decimal(0))
    ledger.trade(LEG, BUY, 65, Decimal(6500))
    assert funds(ledger, "100", blocked="1000") == Funds(available_inr=Decimal(92_500), used_inr=Decimal(7_500))
    assert funds(ledger, "120", blocked="1000") == Funds(available_inr=Decimal(92_500), used_inr=Decimal(8_800))


def test_charges_and_blocked_margin_are_not_available() -> None:
    ledger = Ledger(capital_inr=Decimal(100_000))
    ledger.charge(Decimal("25.50"))
    assert available(ledger, None, blocked="1000") == Decimal("98974.50")


def test_new_day_carries_profit_into_capital_and_positions_overnight() -> None:
    other = LegId("NFO:NIFTY26NOV25000CE:NRML")
    ledger = Ledger(capital_inr=Decimal(100_000))
    ledger.trade(LEG, BUY, 130, Decimal(13_000))
    ledger.trade(LEG, SELL, 65, Decimal(7_150))
    ledger.trade(other, BUY, 65, Decimal(650))
    ledger.trade(other, SELL, 65, Decimal(650))
    ledger.charge(Decimal(50))
    ledger.start_day()
    assert ledger.capital_inr == 100_600
    assert [(row.symbol, row.net_units, row.overnight_units) for row in ledger.positions()] == [(CALL, 65, 65)]
    pnl = ledger.pnl(priced("110"))
    assert (pnl.realised, pnl.open, pnl.charges) == (Decimal(0), Decimal(650), Decimal(0))


@pytest.mark.parametrize(("price", "realised"), [("0.05", "6496.75"), (None, "0")])
def test_expired_leg_is_settled(price: str | None, realised: str) -> None:
    ledger = Ledger(capital_inr=Decimal(0))
    ledger.trade(LEG, SELL, 65, Decimal(6500))
    ledger.settle(LEG, None if price is None else Decimal(price))
    assert (ledger.net_units(LEG), ledger.pnl(priced(None)).realised) == (0, Decimal(realised))


@pytest.mark.parametrize(
    ("value", "units", "price"),
    [("6500", 65, "100"), ("6504.875", 65, "100.075"), ("300.10", 3, "100.0333"), ("-6500", -65, "100")],
)
def test_price_of_one_unit(value: str, units: int, price: str) -> None:
    assert per_unit(Decimal(value), units) == Decimal(price)


@pytest.mark.parametrize(
    ("held", "units", "left", "moved"),
    [(130, 65, 65, 65), (130, 130, 0, 130), (130, 500, 0, 130), (-130, 65, -65, -65), (0, 65, 0, 0)],
)
def test_conversion_moves_units_at_their_cost(held: int, units: int, left: int, moved: int) -> None:
    normal, intraday = leg_id("NFO", CALL, "NRML"), leg_id("NFO", CALL, "MIS")
    ledger = Ledger(capital_inr=Decimal(0))
    if held:
        side = Side.BUY if held > 0 else Side.SELL
        ledger.trade(normal, side, abs(held), abs(held) * Decimal(100))
    ledger.convert(normal, intraday, units)
    assert (ledger.net_units(normal), ledger.net_units(intraday)) == (left, moved)
    if moved:
        assert ledger.holdings[intraday].average_inr == 100
    assert ledger.pnl(priced("100")).open == 0
