"""The simulated market: what it lists, how it moves, and that only seed and time decide."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from engine.core.symbols import parse_symbol
from engine.model import NS_PER_MS, NS_PER_S, Kind, Quote, TradingSession
from paper.ist import ist_ns, ist_time
from paper.market import LISTINGS, NEVER_NS, QUIET_STEPS_MAX, STALE_AFTER_NS, SimulatedMarket
from paper.pricing import TickPrices, option_greeks, option_price, smile_vol, touch_around
from paper.spot import VOL_MAX, VOL_MIN, SpotPath

DAY = date(2026, 11, 2)
OPEN_NS, CLOSE_NS = ist_ns(DAY, 9 * 3600 + 900), ist_ns(DAY, 15 * 3600 + 1800)
SESSIONS = (TradingSession(open_ns=OPEN_NS, close_ns=CLOSE_NS),)
START_NS = ist_ns(DAY, 9 * 3600 + 1800)
TICK = Decimal("0.05")


def market(seed: int = 7, start_ns: int = START_NS) -> SimulatedMarket:
    return SimulatedMarket(seed, start_ns, DAY, SESSIONS)


def run(made: SimulatedMarket, until_ns: int, stride_ns: int) -> dict[str, Quote]:
    """The newest quotes after advancing in strides."""
    newest: dict[str, Quote] = {}
    for now_ns in range(START_NS, until_ns + 1, stride_ns):
        newest.update({quote.instrument: quote for quote in made.advance(now_ns)})
    return newest


def test_chain_has_the_strikes_around_the_spot_and_expires_next_tuesday() -> None:
    instruments = market().instruments()
    strikes = sorted({instrument.strike_inr for instrument in instruments if instrument.strike_inr})
    assert len(instruments) == 50
    assert (strikes[0], strikes[-1]) == (Decimal(24_000), Decimal(25_200))
    assert {instrument.expiry for instrument in instruments} == {"2026-11-03"}
    assert {(i.lot_units, i.tick_inr, i.freeze_units, i.exchange) for i in instruments} == {(65, TICK, 3510, "NFO")}
    for instrument in instruments:
        parts = parse_symbol("NFO", instrument.symbol)
        assert parts is not None
        assert (parts.kind, parts.strike_inr, str(parts.expiry)) == (
            instrument.kind,
            instrument.strike_inr,
            "2026-11-03",
        )


@pytest.mark.parametrize(
    ("day", "expiry", "symbol"),
    [
        (date(2026, 11, 3), "2026-11-10", "NIFTY26N1024000CE"),  # on an expiry day: the next week's
        (date(2026, 11, 23), "2026-11-24", "NIFTY26NOV24000CE"),  # the last Tuesday is the monthly expiry
    ],
)
def test_chain_of_other_days(day: date, expiry: str, symbol: str) -> None:
    first = SimulatedMarket(7, ist_ns(day), day, ()).instruments()[0]
    assert (first.expiry, first.symbol) == (expiry, symbol)


def test_freeze_expiry_and_underlyings_can_be_given() -> None:
    made = SimulatedMarket(
        7, START_NS, DAY, SESSIONS, ("NIFTY", "SENSEX"), freeze_units={"NIFTY": 1800}, expiry=date(2026, 11, 9)
    )
    by_underlying = {i.underlying: (i.freeze_units, i.expiry, i.lot_units, i.exchange) for i in made.instruments()}
    assert by_underlying == {"NIFTY": (1800, "2026-11-09", 65, "NFO"), "SENSEX": (1000, "2026-11-09", 20, "BFO")}
    assert made.spot_inr("SENSEX") == LISTINGS["SENSEX"].spot_inr


def test_first_advance_gives_every_quote_once() -> None:
    made = market()
    assert made.next_due_ns() == START_NS
    assert made.advance(START_NS - 1) == ()
    assert len(made.advance(START_NS)) == 50
    assert made.advance(START_NS) == ()
    assert made.next_due_ns() == START_NS + 500 * NS_PER_MS


def test_every_quote_is_a_possible_one() -> None:
    made = market()
    lots = {instrument.id: instrument.lot_units for instrument in made.instruments()}
    for now_ns in range(START_NS, START_NS + 120 * NS_PER_S, 500 * NS_PER_MS):
        for quote in made.advance(now_ns):
            assert quote.at_ns == now_ns
            assert quote.stale_at_ns == now_ns + STALE_AFTER_NS
            assert quote.ask_inr is not None
            assert quote.bid_inr is None or 0 < quote.bid_inr < quote.ask_inr
            assert quote.last_inr in (quote.bid_inr, quote.ask_inr)
            prices = [level.price_inr for level in (*reversed(quote.bids), *quote.asks)]
            assert prices == sorted(set(prices))
            assert len(quote.asks) == 5
            assert all(price % TICK == 0 and price > 0 for price in prices)
            assert all(
                level.units > 0 and level.units % lots[quote.instrument] == 0 for level in (*quote.bids, *quote.asks)
            )
            assert (quote.bids[0].price_inr if quote.bids else None, quote.asks[0].price_inr) == (
                quote.bid_inr,
                quote.ask_inr,
            )


def test_same_seed_gives_the_same_quotes_however_often_it_is_advanced() -> None:
    end_ns = START_NS + 90 * NS_PER_S
    often = run(market(), end_ns, 100 * NS_PER_MS)
    seldom = run(market(), end_ns, 30 * NS_PER_S)
    assert often == seldom
    assert often != run(market(seed=8), end_ns, 30 * NS_PER_S)


def test_spot_at_a_time_does_not_depend_on_subscriptions() -> None:
    plain, subscribed = market(), market()
    subscribed.subscribe([instrument.id for instrument in subscribed.instruments()])
    for made in (plain, subscribed):
        made.advance(START_NS + 60 * NS_PER_S)
    assert plain.spot_inr("NIFTY") == subscribed.spot_inr("NIFTY") != LISTINGS["NIFTY"].spot_inr


def test_only_some_quotes_change_in_a_step_and_subscribed_ones_more_often() -> None:
    made = market()
    chosen, other = made.instruments()[0].id, made.instruments()[1].id
    made.advance(START_NS)
    made.subscribe([chosen, made.instruments()[25].id])
    changes = {chosen: 0, other: 0}
    sizes = []
    for step in range(1, 401):
        quotes = made.advance(START_NS + step * 500 * NS_PER_MS)
        sizes.append(len(quotes))
        for quote in quotes:
            if quote.instrument in changes:
                changes[quote.instrument] += 1
    assert 0 < sum(sizes) / len(sizes) < 30
    assert changes[chosen] > 2 * changes[other] > 0


def test_no_quote_goes_stale_while_the_market_is_open() -> None:
    made = market()
    newest: dict[str, Quote] = {}
    for step in range(600):
        now_ns = START_NS + step * 500 * NS_PER_MS
        newest.update({quote.instrument: quote for quote in made.advance(now_ns)})
        assert min(quote.at_ns for quote in newest.values()) >= now_ns - QUIET_STEPS_MAX * 500 * NS_PER_MS


def test_volume_and_open_interest_never_shrink() -> None:
    made = market()
    before = {quote.instrument: quote for quote in made.advance(START_NS)}
    after = run(made, START_NS + 60 * NS_PER_S, NS_PER_S)
    for name, quote in after.items():
        old = before[quote.instrument]
        assert (quote.volume_units or 0) > (old.volume_units or 0) > 0, name
        assert (quote.open_interest_units or 0) >= (old.open_interest_units or 0) > 0, name


def test_newest_is_what_the_last_advance_gave() -> None:
    made = market()
    name = made.instruments()[24].id
    assert made.newest(name) is None
    given = {quote.instrument: quote for quote in made.advance(START_NS)}
    assert made.newest(name) == given[name]


def test_nothing_moves_outside_the_sessions() -> None:
    made = market(start_ns=OPEN_NS - 600 * NS_PER_S)
    assert len(made.advance(OPEN_NS - 600 * NS_PER_S)) == 50
    assert made.next_due_ns() == OPEN_NS
    spot = made.spot_inr("NIFTY")
    assert made.advance(OPEN_NS - 1) == ()
    assert made.spot_inr("NIFTY") == spot
    assert made.advance(OPEN_NS + NS_PER_S)
    assert made.spot_inr("NIFTY") != spot


def test_after_the_last_session_nothing_is_due() -> None:
    made = market(start_ns=CLOSE_NS - 2 * NS_PER_S)
    quotes = made.advance(CLOSE_NS + 3600 * NS_PER_S)
    assert max(quote.at_ns for quote in quotes) == CLOSE_NS - 500 * NS_PER_MS
    assert made.next_due_ns() == NEVER_NS
    assert made.advance(CLOSE_NS + 7200 * NS_PER_S) == ()


def test_a_second_session_is_taken_up_at_its_opening() -> None:
    later = TradingSession(open_ns=CLOSE_NS + 100 * NS_PER_S, close_ns=CLOSE_NS + 200 * NS_PER_S)
    made = SimulatedMarket(7, CLOSE_NS - NS_PER_S, DAY, (later, *SESSIONS))
    made.advance(CLOSE_NS)
    assert made.next_due_ns() == later.open_ns
    assert [made.is_open(at) for at in (CLOSE_NS - 1, CLOSE_NS, later.open_ns, later.close_ns)] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_day_stays_within_the_listed_strikes(seed: int) -> None:
    made = market(seed)
    spots = []
    for now_ns in range(START_NS, CLOSE_NS, 300 * NS_PER_S):
        made.advance(now_ns)
        spots.append(made.spot_inr("NIFTY"))
    assert Decimal(24_150) < min(spots) < max(spots) < Decimal(25_050)
    assert max(spots) - min(spots) > 40


def test_spot_is_pulled_back_and_volatility_stays_in_bounds_over_a_month() -> None:
    path = SpotPath(Random(3), 24_600.0, 10.0)
    spots, vols = [], []
    for _ in range(20 * 2250):
        path.step()
        spots.append(path.spot)
        vols.append(path.vol)
    assert 24_000 < min(spots) < max(spots) < 25_200
    assert VOL_MIN <= min(vols) < 0.11
    assert 0.14 < max(vols) <= VOL_MAX


@pytest.mark.parametrize(
    ("kind", "strike", "years", "expected"),
    [
        # Hull, Options, Futures, and Other Derivatives: S 100, K 100, 20 %, 1 year, no interest: 7.9656 either way.
        (Kind.CALL, 100.0, 1.0, 7.9656),
        (Kind.PUT, 100.0, 1.0, 7.9656),
        (Kind.CALL, 90.0, 0.0, 10.0),
        (Kind.PUT, 90.0, 0.0, 0.0),
        (Kind.PUT, 110.0, -1.0, 10.0),
    ],
)
def test_option_price_of_known_cases(kind: Kind, strike: float, years: float, expected: float) -> None:
    assert option_price(kind, 100.0, strike, years, 0.2) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("kind", [Kind.CALL, Kind.PUT])
def test_greeks_agree_with_small_changes_of_the_price(kind: Kind) -> None:
    def price(spot: float = 24_600.0, years: float = 0.02, vol: float = 0.13) -> float:
        return option_price(kind, spot, 24_700.0, years, vol)

    greeks = option_greeks(kind, 24_600.0, 24_700.0, 0.02, 0.13)
    assert greeks.price_inr == price()
    assert greeks.delta == pytest.approx((price(24_601) - price(24_599)) / 2, rel=1e-3)
    assert greeks.gamma == pytest.approx(price(24_601) - 2 * price() + price(24_599), rel=1e-2)
    assert greeks.vega == pytest.approx((price(vol=0.131) - price(vol=0.129)) * 5, rel=1e-2)
    assert greeks.theta == pytest.approx((price(years=0.0199) - price()) / 0.0001 / 365, rel=1e-2)


def test_smile_is_dearer_on_both_wings_and_more_so_below() -> None:
    below, middle, above = (smile_vol(0.13, 24_600, strike, 0.01) for strike in (24_000, 24_600, 25_200))
    assert below > above > middle == pytest.approx(0.13)


def test_no_strike_offers_an_arbitrage() -> None:
    for years in (0.0005, 0.003, 0.02):
        strikes = range(24_000, 25_201, 50)
        calls = [
            option_price(Kind.CALL, 24_600, strike, years, smile_vol(0.13, 24_600, strike, years)) for strike in strikes
        ]
        falls = [lower - higher for lower, higher in pairwise(calls)]
        assert all(0 <= fall <= 50 for fall in falls)
        assert all(later <= earlier + 1e-6 for earlier, later in pairwise(falls))


def test_spread_widens_with_price_and_away_from_the_money() -> None:
    def spread(price: float, strike: float) -> int:
        touch = touch_around(price, 24_600, strike, 0.05)
        return touch.ask_ticks - touch.bid_ticks

    assert 1 <= spread(5, 24_600) < spread(120, 24_600) < spread(600, 24_600) < spread(600, 24_000)


def test_a_worthless_option_has_an_ask_and_no_bid() -> None:
    touch = touch_around(0.001, 24_600, 25_200, 0.05)
    assert (touch.bid_ticks, touch.ask_ticks) == (0, 1)


def test_tick_prices_are_exact() -> None:
    assert TickPrices(TICK).price(2466) == Decimal("123.30")


def test_ist_time_is_five_and_a_half_hours_ahead() -> None:
    assert ist_ns(date(1970, 1, 1)) == -19_800 * NS_PER_S
    assert ist_time(ist_ns(DAY, 9 * 3600 + 61)) == "09:01:01"
