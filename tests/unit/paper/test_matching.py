"""Every boundary of whether and at what price an order fills."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import LimitFill
from engine.model import OrderType, Quote, Side, Validity
from paper.matching import NO_QUOTE, STALE_QUOTE, MatchRules, RestingOrder, match
from tests.unit.paper.builders import NOW, levels, money, quote

BUY, SELL = Side.BUY, Side.SELL
LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M
PLAIN = MatchRules()
TOUCH = MatchRules(limit_fill=LimitFill.TOUCH)
PARTIAL = MatchRules(partial_fills=True)


def resting(
    side: Side,
    order_type: OrderType = MARKET,
    units: int = 650,
    *,
    price: str | None = None,
    trigger: str | None = None,
    triggered: bool = False,
    validity: Validity = Validity.DAY,
    tick: str = "0.05",
) -> RestingOrder:
    return RestingOrder(
        side=side,
        order_type=order_type,
        units=units,
        tick_inr=Decimal(tick),
        price_inr=money(price),
        trigger_price_inr=money(trigger),
        triggered=triggered,
        validity=validity,
    )


def filled(*fills: tuple[int, str]) -> tuple[tuple[int, Decimal], ...]:
    return tuple((units, Decimal(price)) for units, price in fills)


@pytest.mark.parametrize(
    ("description", "order", "given", "rules", "fills"),
    [
        ("a market buy meets the ask", resting(BUY), quote(), PLAIN, filled((650, "100.10"))),
        ("a market sale meets the bid", resting(SELL), quote(), PLAIN, filled((650, "100.00"))),
        ("a locked market trades", resting(BUY), quote("100.10"), PLAIN, filled((650, "100.10"))),
        ("last counts where nobody is on either side", resting(BUY), quote(None, None), PLAIN, filled((650, "100.05"))),
        ("a limit buy one tick below the ask rests", resting(BUY, LIMIT, price="100.05"), quote(), PLAIN, ()),
        ("a limit buy at the ask fills", resting(BUY, LIMIT, price="100.10"), quote(), PLAIN, filled((650, "100.10"))),
        (
            "a limit buy above the ask fills at its limit",
            resting(BUY, LIMIT, price="100.15"),
            quote(),
            PLAIN,
            filled((650, "100.15")),
        ),
        (
            "or at the touch where that is set",
            resting(BUY, LIMIT, price="100.15"),
            quote(),
            TOUCH,
            filled((650, "100.10")),
        ),
        ("a limit sale one tick above the bid rests", resting(SELL, LIMIT, price="100.05"), quote(), PLAIN, ()),
        ("a limit sale at the bid fills", resting(SELL, LIMIT, price="100.00"), quote(), PLAIN, filled((650, "100.00"))),
        (
            "a limit sale below the bid fills at its limit",
            resting(SELL, LIMIT, price="99.95"),
            quote(),
            PLAIN,
            filled((650, "99.95")),
        ),
        (
            "or at the touch where that is set",
            resting(SELL, LIMIT, price="99.95"),
            quote(),
            TOUCH,
            filled((650, "100.00")),
        ),
        (
            "a limit buy meets last where there is no touch",
            resting(BUY, LIMIT, price="100.05"),
            quote(None, None),
            PLAIN,
            filled((650, "100.05")),
        ),
        ("a limit order ignores slippage", resting(BUY, LIMIT, price="100.10"), quote(), MatchRules(slippage_ticks=3), filled((650, "100.10"))),
    ],
)  # fmt: skip
def test_price_of_a_fill(
    description: str, order: RestingOrder, given: Quote, rules: MatchRules, fills: tuple[tuple[int, Decimal], ...]
) -> None:
    result = match(order, given, rules, NOW)
    assert (result.fills, result.waiting, result.cancelled) == (fills, "", False), description


@pytest.mark.parametrize(
    ("description", "side", "given", "waiting"),
    [
        ("no quote yet", BUY, None, NO_QUOTE),
        ("stale from this very moment", BUY, quote(stale_at_ns=NOW), STALE_QUOTE),
        ("stale for long", BUY, quote(stale_at_ns=NOW - 1), STALE_QUOTE),
        ("nobody sells", BUY, quote(ask=None), NO_QUOTE),
        ("nobody buys", SELL, quote(bid=None), NO_QUOTE),
        ("nothing at all", BUY, quote(None, None, None), NO_QUOTE),
        ("crossed by a tick", BUY, quote("100.15", "100.10"), NO_QUOTE),
        ("crossed, the other side", SELL, quote("100.15", "100.10"), NO_QUOTE),
        ("a bid of zero", BUY, quote("0", "100.10"), NO_QUOTE),
        ("a negative ask", SELL, quote("100.00", "-1"), NO_QUOTE),
        ("a last of zero", BUY, quote(None, None, "0"), NO_QUOTE),
    ],
)
@pytest.mark.parametrize("order_type", [MARKET, LIMIT, SL, SL_M])
def test_unusable_quote_fills_nothing_and_says_why(
    description: str, side: Side, given: Quote | None, waiting: str, order_type: OrderType
) -> None:
    order = resting(side, order_type, price="100.00", trigger="100.00")
    result = match(order, given, PLAIN, NOW)
    assert (result.fills, result.triggered, result.cancelled) == ((), False, False), description
    assert result.waiting == waiting, description


def test_quote_is_usable_until_the_moment_it_is_stale() -> None:
    assert match(resting(BUY), quote(stale_at_ns=NOW + 1), PLAIN, NOW).fills


@pytest.mark.parametrize(
    ("description", "order", "given", "triggered", "fills"),
    [
        ("a buy stop below its trigger waits", resting(BUY, SL_M, trigger="100.15"), quote(), False, ()),
        ("at its trigger it is a market order", resting(BUY, SL_M, trigger="100.10"), quote(), True, filled((650, "100.10"))),
        ("beyond it too", resting(BUY, SL_M, trigger="99.00"), quote(), True, filled((650, "100.10"))),
        ("a sell stop above its trigger waits", resting(SELL, SL_M, trigger="99.95"), quote(), False, ()),
        ("at its trigger it is a market order", resting(SELL, SL_M, trigger="100.00"), quote(), True, filled((650, "100.00"))),
        ("a triggered SL within its limit fills", resting(BUY, SL, price="100.20", trigger="100.10"), quote(), True, filled((650, "100.20"))),
        ("a triggered SL beyond its limit rests", resting(BUY, SL, price="100.10", trigger="100.05"), quote("100.10", "100.15"), True, ()),
        ("last triggers where there is no touch", resting(SELL, SL_M, trigger="100.05"), quote(None, None), True, filled((650, "100.05"))),
        ("once triggered it stays so", resting(BUY, SL, price="101.00", trigger="100.50", triggered=True), quote(), False, filled((650, "101.00"))),
        ("without a trigger price it never triggers", resting(BUY, SL_M), quote(), False, ()),
    ],
)  # fmt: skip
def test_trigger(
    description: str, order: RestingOrder, given: Quote, triggered: bool, fills: tuple[tuple[int, Decimal], ...]
) -> None:
    result = match(order, given, PLAIN, NOW)
    assert (result.triggered, result.fills) == (triggered, fills), description


ASKS = levels(("100.10", 65), ("100.20", 130), ("100.50", 65))
BIDS = levels(("100.00", 65), ("99.90", 130))


@pytest.mark.parametrize(
    ("description", "order", "rules", "fills"),
    [
        ("one level is enough", resting(BUY, units=65), PLAIN, filled((65, "100.10"))),
        ("one unit more takes the next", resting(BUY, units=66), PLAIN, filled((65, "100.10"), (1, "100.20"))),
        ("all levels", resting(BUY, units=260), PLAIN, filled((65, "100.10"), (130, "100.20"), (65, "100.50"))),
        ("beyond the depth at the last level", resting(BUY, units=325), PLAIN, filled((65, "100.10"), (130, "100.20"), (130, "100.50"))),
        ("a sale walks down", resting(SELL, units=195), PLAIN, filled((65, "100.00"), (130, "99.90"))),
        ("partial: no more than displayed", resting(BUY, units=325), PARTIAL, filled((65, "100.10"), (130, "100.20"), (65, "100.50"))),
        ("partial: a limit takes what is displayed within it", resting(BUY, LIMIT, price="100.20", units=325), PARTIAL, filled((195, "100.20"))),
        ("partial: a limit at the touch", resting(SELL, LIMIT, price="100.00", units=325), PARTIAL, filled((65, "100.00"))),
        ("whole: a limit fills whole", resting(BUY, LIMIT, price="100.10", units=325), PLAIN, filled((325, "100.10"))),
    ],
)  # fmt: skip
def test_depth(
    description: str, order: RestingOrder, rules: MatchRules, fills: tuple[tuple[int, Decimal], ...]
) -> None:
    assert match(order, quote(asks=ASKS, bids=BIDS), rules, NOW).fills == fills, description


@pytest.mark.parametrize(
    ("description", "units", "displayed", "fills"),
    [
        ("fewer than displayed", 65, 130, filled((65, "100.10"))),
        ("as many as displayed", 130, 130, filled((130, "100.10"))),
        ("more than displayed", 195, 130, filled((130, "100.10"))),
        ("none displayed", 195, 0, ()),
        ("a quote that displays no quantity bounds nothing", 195, None, filled((195, "100.10"))),
    ],
)
@pytest.mark.parametrize("order_type", [MARKET, LIMIT])
def test_partial_fill_at_the_touch(
    description: str,
    units: int,
    displayed: int | None,
    fills: tuple[tuple[int, Decimal], ...],
    order_type: OrderType,
) -> None:
    order = resting(BUY, order_type, price="100.10", units=units)
    assert match(order, quote(ask_units=displayed), PARTIAL, NOW).fills == fills, description


@pytest.mark.parametrize(
    ("description", "order", "given", "ticks", "price"),
    [
        ("a buy pays more", resting(BUY), quote(), 2, "100.20"),
        ("a sale gets less", resting(SELL), quote(), 2, "99.90"),
        ("a sale never gets less than a tick", resting(SELL), quote("0.10", "0.15"), 5, "0.05"),
        ("slipping to exactly zero is a tick", resting(SELL), quote("0.10", "0.15"), 2, "0.05"),
        ("and never more than it met", resting(SELL, tick="0.10"), quote("0.05", "0.15"), 5, "0.05"),
        ("a triggered SL-M slips", resting(BUY, SL_M, trigger="100.00"), quote(), 1, "100.15"),
    ],
)
def test_slippage(description: str, order: RestingOrder, given: Quote, ticks: int, price: str) -> None:
    result = match(order, given, MatchRules(slippage_ticks=ticks), NOW)
    assert result.fills == filled((650, price)), description


@pytest.mark.parametrize(
    ("description", "order", "given", "rules", "units", "cancelled"),
    [
        ("filled whole", resting(BUY, validity=Validity.IOC), quote(), PLAIN, 650, False),
        ("the rest of a partial fill", resting(BUY, validity=Validity.IOC), quote(ask_units=65), PARTIAL, 65, True),
        ("limit not reached", resting(BUY, LIMIT, price="99", validity=Validity.IOC), quote(), PLAIN, 0, True),
        ("stale quote", resting(BUY, validity=Validity.IOC), quote(stale_at_ns=NOW), PLAIN, 0, True),
        ("no quote", resting(BUY, validity=Validity.IOC), None, PLAIN, 0, True),
        ("trigger not reached", resting(BUY, SL_M, trigger="200", validity=Validity.IOC), quote(), PLAIN, 0, True),
    ],
)
def test_ioc_never_rests(
    description: str, order: RestingOrder, given: Quote | None, rules: MatchRules, units: int, cancelled: bool
) -> None:
    result = match(order, given, rules, NOW)
    assert (sum(count for count, _ in result.fills), result.cancelled) == (units, cancelled), description


prices = st.integers(1, 4000).map(lambda ticks: Decimal(ticks) * Decimal("0.05"))
depths = st.lists(st.tuples(prices, st.integers(1, 500)), max_size=4)


@given(
    side=st.sampled_from(Side),
    order_type=st.sampled_from(OrderType),
    units=st.integers(1, 2000),
    price=prices,
    trigger=prices,
    bid=st.none() | prices,
    ask=st.none() | prices,
    depth=depths,
    partial=st.booleans(),
    limit_fill=st.sampled_from(LimitFill),
    slippage=st.integers(0, 50),
)
def test_never_more_than_ordered_never_beyond_the_limit_never_free(
    *,
    side: Side,
    order_type: OrderType,
    units: int,
    price: Decimal,
    trigger: Decimal,
    bid: Decimal | None,
    ask: Decimal | None,
    depth: list[tuple[Decimal, int]],
    partial: bool,
    limit_fill: LimitFill,
    slippage: int,
) -> None:
    rows = levels(*((str(at), count) for at, count in depth))
    given = quote(None if bid is None else str(bid), None if ask is None else str(ask), asks=rows, bids=rows)
    rules = MatchRules(limit_fill=limit_fill, partial_fills=partial, slippage_ticks=slippage)
    order = resting(side, order_type, units, price=str(price), trigger=str(trigger))
    result = match(order, given, rules, NOW)
    total = sum(count for count, _ in result.fills)
    assert 0 <= total <= units
    assert all(count > 0 and at > 0 for count, at in result.fills)
    if order_type in (LIMIT, SL):
        assert all(side.sign * (at - price) <= 0 for _, at in result.fills)
    if total and not partial:
        assert total == units
