"""Equity delivery: a sale of shares opens nothing, and shares that are gone without an order are asked about."""

from decimal import Decimal

import msgspec
import pytest

from config.schema import Filters, Follow
from engine.commands import PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.errors import BrokenInvariant
from engine.events import (
    BackgroundAdopted,
    ChildResynced,
    InstrumentsLoaded,
    LegExited,
    OrderUpdated,
    Outcome,
    QuotesUpdated,
)
from engine.model import BookStatus, LegId, OrderReport, OrderType, Quote, Side, leg_id, split_leg
from engine.snapshot import StrategyState
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import INSTRUMENTS, Desk, settings, subscribed
from tests.unit.core.nights import jump, morning
from tests.unit.paper.builders import ns, share

pytestmark = pytest.mark.rule("R4.13")

SHARE = "INFY"
SHARES = leg_id("NSE", SHARE, "CNC")
ELSEWHERE = leg_id("BSE", SHARE, "CNC")
LISTED = tuple(msgspec.structs.replace(share(SHARE), exchange=exchange) for exchange in ("NSE", "BSE"))
FOLLOWED = Filters(products=("NRML", "CNC", "MTF"))


class ShareDesk(Desk):
    """A desk that follows shares, at a ratio of 3/10.

    Args:
        follow: What is followed.
        background: Shares that the master has from before.
    """

    def __init__(self, *, follow: Follow = Follow.FILLS, background: int = 0) -> None:
        held = {SHARES: background} if background else None
        super().__init__(settings(follow=follow, filters=FOLLOWED), background=held, warm=False)
        self.handle(InstrumentsLoaded(at_ns=self.now_ns, instruments=(*INSTRUMENTS, *LISTED)))
        price = Decimal(1500)
        quotes = tuple(
            Quote(instrument=listed.id, at_ns=self.now_ns, last_inr=price, bid_inr=price, ask_inr=price)
            for listed in LISTED
        )
        self.handle(QuotesUpdated(at_ns=self.now_ns, quotes=quotes))
        self.run(3)

    def trade(self, side: Side, units: int, leg: LegId = SHARES, *, filled: int | None = None) -> OrderReport:
        """An order of the master in shares, filled completely unless said otherwise, and what follows it."""
        exchange, symbol, product = split_leg(leg)
        done = units if filled is None else filled
        report = OrderReport(
            order_id=self._next("MO"),
            exchange=exchange,
            symbol=symbol,
            product=product,
            side=side,
            order_type=OrderType.MARKET if done else OrderType.LIMIT,
            quantity=units,
            filled=done,
            average_price_inr=Decimal(1500) if done else None,
            price_inr=None if done else Decimal(1600),
            status=BookStatus.COMPLETE if done == units else BookStatus.OPEN,
            placed_ns=self.now_ns,
            updated_ns=self.now_ns,
        )
        self.tell(report)
        return report

    def tell(self, report: OrderReport) -> None:
        """The master's broker enters an order, and pushes it."""
        self.book(report)
        self.handle(OrderUpdated(at_ns=self.now_ns, account="M", report=report))
        self.run("0.3")

    def sent(self) -> list[tuple[Side, int]]:
        """Every order sent for the child so far: side and shares."""
        return [(order.side, order.quantity) for order in self.commands(PlaceOrder)]

    def has(self, leg: LegId = SHARES) -> int:
        """Shares that the program bought for the child."""
        found = self.child().legs.get(leg)
        return 0 if found is None else found.allocation_units

    def shown(self, account: str, units: int, *, carried: int | None = None) -> None:
        """From now on the account's broker shows so many shares."""
        self.books[account].positions[SHARES] = units
        self.books[account].overnight[SHARES] = units if carried is None else carried


def bought() -> ShareDesk:
    """The master has bought 100 shares, and the child 30."""
    desk = ShareDesk()
    desk.trade(Side.BUY, 100)
    desk.run(5)
    return desk


def next_morning() -> ShareDesk:
    """They have them over the night, and the market is open again."""
    desk = bought()
    morning(desk, "09:20", instruments=(*INSTRUMENTS, *LISTED))
    return desk


@pytest.mark.parametrize("follow", Follow)
def test_sale_of_shares_that_no_strategy_holds_starts_none(follow: Follow) -> None:
    desk = ShareDesk(follow=follow, background=400)
    desk.trade(Side.SELL, 100)
    desk.run(60)
    assert desk.sent() == []
    assert desk.strategy().state is StrategyState.FLAT
    assert (desk.master_leg(SHARES).units, desk.master_leg(SHARES).background_units) == (0, 300)
    assert any("no strategy holds" in text for text in desk.notices())


@pytest.mark.parametrize("follow", Follow)
def test_working_sale_of_own_shares_rests_nowhere_and_its_fill_starts_nothing(follow: Follow) -> None:
    desk = ShareDesk(follow=follow, background=400)
    order = desk.trade(Side.SELL, 400, filled=0)
    desk.run(5)
    desk.tell(msgspec.structs.replace(order, filled=400, average_price_inr=Decimal(1600), status=BookStatus.COMPLETE))
    desk.run(60)
    assert desk.sent() == []
    assert desk.strategy().state is StrategyState.FLAT


@pytest.mark.parametrize("follow", Follow)
def test_sale_of_more_than_the_strategy_exits_and_opens_nothing(follow: Follow) -> None:
    desk = ShareDesk(follow=follow, background=50)
    desk.trade(Side.BUY, 100)
    desk.run(5)
    desk.trade(Side.SELL, 250)
    desk.run(60)
    assert desk.sent() == [(Side.BUY, 30), (Side.SELL, 30)]
    leg = desk.master_leg(SHARES)
    assert (leg.units, leg.background_units) == (0, -100)
    assert desk.strategy().state is StrategyState.FLAT


def test_resting_sale_of_more_than_the_strategy_rests_as_the_exit_alone() -> None:
    desk = ShareDesk(follow=Follow.ORDERS, background=50)
    desk.trade(Side.BUY, 100)
    desk.run(5)
    desk.filling = False
    desk.trade(Side.SELL, 250, filled=0)
    desk.run(20)
    assert desk.sent() == [(Side.BUY, 30), (Side.SELL, 30)]


@pytest.mark.parametrize("follow", Follow)
def test_sale_that_was_placed_with_the_strategy_opens_nothing_after_its_end(follow: Follow) -> None:
    desk = ShareDesk(follow=follow)
    desk.trade(Side.BUY, 100)
    desk.run(5)
    order = desk.trade(Side.SELL, 100, filled=0)
    desk.run(5)
    desk.trade(Side.SELL, 100)
    desk.run(30)
    before = desk.sent()
    desk.tell(msgspec.structs.replace(order, filled=100, average_price_inr=Decimal(1600), status=BookStatus.COMPLETE))
    desk.run(60)
    assert desk.sent() == before
    assert desk.has() == 0
    assert sum(units * side.sign for side, units in before) == 0
    assert desk.strategy().state is StrategyState.FLAT


def test_shares_bought_back_make_up_for_those_sold_first() -> None:
    desk = ShareDesk()
    desk.trade(Side.SELL, 40)
    desk.trade(Side.BUY, 140)
    desk.run(5)
    assert desk.sent() == [(Side.BUY, 30)]
    assert (desk.master_leg(SHARES).units, desk.master_leg(SHARES).background_units) == (100, 0)


def test_more_sold_than_was_there_is_delivered_over_night() -> None:
    desk = ShareDesk()
    desk.trade(Side.SELL, 40)
    desk.run(5)
    desk.books["M"].positions.clear()
    desk.silent.add("M")
    morning(desk, "09:16", instruments=(*INSTRUMENTS, *LISTED))
    assert desk.master_leg(SHARES).background_units == 0


def test_sale_that_worked_before_the_shares_were_bought_is_their_exit() -> None:
    desk = ShareDesk(follow=Follow.ORDERS, background=100)
    desk.trade(Side.SELL, 100, filled=0)
    desk.run(5)
    assert desk.sent() == []
    desk.filling = False
    desk.trade(Side.BUY, 100)
    desk.fill(desk.last())
    desk.run(5)
    assert desk.sent() == [(Side.BUY, 30), (Side.SELL, 30)]


def test_sale_that_waits_for_the_opening_is_said_when_it_becomes_an_exit() -> None:
    desk = ShareDesk(follow=Follow.ORDERS, background=100)
    placed = desk.trade(Side.SELL, 100, filled=0)
    waits = msgspec.structs.replace(placed, order_id="AMO", variety="amo", status=BookStatus.PENDING)
    desk.tell(waits)
    assert desk.reasons() == set()
    desk.trade(Side.BUY, 100)
    assert desk.reasons() == {reasons.AMO_WAITS}
    assert [text for text in desk.notices() if "not mirrored" in text] == [
        f"SELL 100 is not mirrored: {reasons.AMO_WAITS}"
    ]


@pytest.mark.parametrize("follow", Follow)
@pytest.mark.parametrize("background", [0, 100])
def test_sale_that_outlives_its_shares_keeps_no_strategy_open(follow: Follow, background: int) -> None:
    desk = ShareDesk(follow=follow, background=background)
    desk.trade(Side.BUY, 100)
    desk.run(5)
    desk.trade(Side.SELL, 100, filled=0)
    desk.run(5)
    desk.trade(Side.SELL, 100)
    desk.run(60)
    assert desk.has() == 0
    assert desk.strategy().state is StrategyState.FLAT
    assert desk.strategy().settled


def test_short_that_is_delivered_from_shares_of_his_own_is_no_conversion() -> None:
    intraday = leg_id("NSE", SHARE, "MIS")
    desk = ShareDesk(background=400)
    desk.state.settings = msgspec.structs.replace(desk.settings, filters=Filters(products=("NRML", "MIS", "CNC")))
    desk.trade(Side.SELL, 100, intraday)
    desk.run(5)
    desk.books["M"].positions[intraday] = 0
    desk.books["M"].positions[SHARES] = 300
    desk.run(90)
    assert desk.master_leg(intraday).moved_to is None
    morning(desk, "09:20", instruments=(*INSTRUMENTS, *LISTED))
    desk.run(60)
    assert desk.master_leg(intraday).units == 0
    assert desk.has(intraday) == 0


def test_holdings_that_nobody_follows_are_one_line_and_need_no_quotes() -> None:
    desk = Desk(settings(filters=FOLLOWED), background={leg_id("NSE", f"S{n}", "CNC"): 10 for n in range(60)})
    assert [text for text in desk.notices() if "background" in text] == [
        "background: shares of 60 companies held at the start are not followed"
    ]
    assert not [name for name in subscribed(desk.out) if name.startswith("NSE:S")]
    lines = build_snapshot(desk.state, desk.now_ns, Frame()).attention
    assert [line.text for line in lines] == ["shares of 60 companies in the background: not followed"]


def test_followed_shares_have_quotes() -> None:
    desk = ShareDesk()
    desk.trade(Side.BUY, 100)
    assert LISTED[0].id in subscribed(desk.out)


def test_shares_that_a_working_order_buys_have_quotes_in_the_next_process() -> None:
    desk = ShareDesk()
    desk.trade(Side.BUY, 100, filled=0)
    desk.out.clear()
    desk.restart()
    assert LISTED[0].id in subscribed(desk.out)


def test_missing_shares_stay_on_the_screen() -> None:
    desk = next_morning()
    for account in ("M", "C1"):
        desk.shown(account, 0)
    desk.run(120)
    lines = [(line.account, line.text) for line in build_snapshot(desk.state, desk.now_ns, Frame()).attention]
    assert lines == [
        ("", "shares are gone without an order: nothing is exited by itself"),
        ("C1", "0 of 30 shares are shown: exits wait for the others"),
    ]


def test_products_cannot_lose_shares_that_are_held() -> None:
    desk = bought()
    with pytest.raises(BrokenInvariant, match=r"shares of INFY \(CNC\) are followed, and filters\.products"):
        desk.restart(with_settings=settings())


def test_sale_at_the_other_exchange_is_not_followed_and_says_so() -> None:
    desk = bought()
    desk.trade(Side.SELL, 100, ELSEWHERE)
    desk.run(20)
    assert desk.sent() == [(Side.BUY, 30)]
    assert any(f"sold at BSE, followed at NSE: not followed; if these are the shares, exit {SHARES}" in text
               for text in desk.notices())  # fmt: skip


def test_night_changes_nothing() -> None:
    desk = next_morning()
    assert (desk.has(), desk.sent()) == (30, [(Side.BUY, 30)])
    desk.trade(Side.SELL, 50)
    desk.run(5)
    assert desk.sent()[1:] == [(Side.SELL, 15)]


def test_shares_that_the_masters_broker_does_not_show_are_not_exited() -> None:
    desk = next_morning()
    desk.shown("M", 0)
    desk.run(600)
    assert (desk.has(), desk.sent()) == (30, [(Side.BUY, 30)])
    told = [text for text in desk.notices() if "100 shares are gone without an order: nothing is exited" in text]
    desk.run(400)
    assert len(told) == 1, "after half a minute"
    told = [text for text in desk.notices() if "100 shares are gone without an order: nothing is exited" in text]
    assert len(told) == 2, "and again from time to time while it lasts"
    desk.shown("M", 100)
    desk.run(60)
    assert desk.master_leg(SHARES).units == 100
    assert SHARES not in desk.state.master.unexplained


def test_shares_that_are_gone_are_believed_when_no_child_has_any() -> None:
    desk = next_morning()
    desk.shown("M", 0)
    desk.run(60)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=SHARES))
    desk.run(120)
    assert desk.sent()[1:] == [(Side.SELL, 30)]
    assert desk.master_leg(SHARES).units == 0
    assert desk.strategy().state is StrategyState.FLAT


def test_shares_shown_twice_in_the_morning_are_background_and_go_first() -> None:
    desk = bought()
    morning(desk, "08:00", instruments=(*INSTRUMENTS, *LISTED))
    desk.shown("M", 200, carried=100)
    desk.restart(day=3)
    desk.handle(InstrumentsLoaded(at_ns=desk.now_ns, instruments=(*INSTRUMENTS, *LISTED)))
    desk.run(5)
    assert desk.master_leg(SHARES).background_units == 100
    desk.shown("M", 100)
    desk.run_to(desk.now_ns + 90 * 60 * 10**9)
    assert (desk.master_leg(SHARES).units, desk.master_leg(SHARES).background_units) == (100, 0)
    assert (desk.has(), desk.sent()) == (30, [(Side.BUY, 30)])
    assert any("100 units of the background are gone without an order" in text for text in desk.notices())


def test_shares_that_a_childs_broker_does_not_show_stay_ours_until_it_does() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(1200)
    assert desk.has() == 30
    assert len([text for text in desk.notices() if "without a sale in its order book: they stay ours" in text]) == 1
    desk.shown("C1", 30)
    desk.run(60)
    desk.trade(Side.SELL, 100)
    desk.run(10)
    assert desk.sent()[1:] == [(Side.SELL, 30)]


def test_exit_waits_for_shares_that_the_childs_broker_does_not_show_yet() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(60)
    desk.trade(Side.SELL, 100)
    desk.run(60)
    assert desk.sent() == [(Side.BUY, 30)]
    desk.shown("C1", 30)
    desk.run(60)
    assert desk.sent()[1:] == [(Side.SELL, 30)]


def test_resync_does_not_take_the_brokers_figure_of_shares() -> None:
    desk = next_morning()
    desk.shown("C1", 10)
    desk.run(60)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(60)
    assert desk.has() == 30


def test_our_own_sale_does_not_explain_shares_that_are_missing_beside_it() -> None:
    desk = next_morning()
    desk.trade(Side.SELL, 50)
    desk.run(5)
    assert desk.has() == 15
    desk.shown("C1", 0, carried=15)
    desk.run(90)
    assert desk.has() == 15


def test_leg_that_is_left_by_hand_waits_for_shares_that_are_late_and_sells_them_then() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(60)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=SHARES))
    desk.run(1200)
    assert (desk.has(), desk.sent()) == (30, [(Side.BUY, 30)])
    desk.shown("C1", 30)
    desk.run(60)
    assert (desk.has(), desk.sent()) == (0, [(Side.BUY, 30), (Side.SELL, 30)])


def test_operator_takes_the_brokers_figure_by_an_exit_and_a_resync() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(60)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=SHARES))
    desk.run(60)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(60)
    assert (desk.has(), desk.sent()) == (0, [(Side.BUY, 30)])
    assert desk.child().resync_ns is None


def test_figure_that_nobody_was_told_of_is_not_taken_by_an_exit_and_a_resync() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(31)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=SHARES))
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    desk.shown("C1", 30)
    desk.run(60)
    assert (desk.has(), desk.sent()) == (0, [(Side.BUY, 30), (Side.SELL, 30)])


def test_missing_shares_of_one_leg_hinder_no_resync_of_the_others() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(60)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(60)
    assert desk.child().resync_ns is None
    assert "resync: nothing is missing" in desk.notices()


def test_missing_shares_are_no_position_of_the_owners() -> None:
    desk = next_morning()
    desk.shown("C1", 0)
    desk.run(60)
    assert desk.child().external == {}


def own_sale(desk: ShareDesk, units: int, number: int = 1) -> None:
    """The child's owner sells shares by hand."""
    sale = OrderReport(
        order_id=f"OWN{number}", exchange="NSE", symbol=SHARE, product="CNC", side=Side.SELL,
        order_type=OrderType.MARKET, quantity=units, filled=units, average_price_inr=Decimal(1500),
        status=BookStatus.COMPLETE, placed_ns=desk.now_ns, updated_ns=desk.now_ns,
    )  # fmt: skip
    desk.book(sale, "C1")


def test_owner_sells_his_own_shares_first_and_ours_that_are_late_stay_ours() -> None:
    desk = ShareDesk()
    desk.shown("C1", 30)
    desk.trade(Side.BUY, 100)
    desk.run(60)
    assert (desk.has(), desk.child().external) == (30, {SHARES: 30})
    morning(desk, "09:20", instruments=(*INSTRUMENTS, *LISTED))
    desk.shown("C1", 30)
    desk.run(60)
    own_sale(desk, 30)
    desk.run(90)
    assert desk.has() == 30
    desk.shown("C1", 30, carried=60)
    desk.run(60)
    desk.trade(Side.SELL, 100)
    desk.run(10)
    assert desk.sent()[1:] == [(Side.SELL, 30)]


def test_shares_of_the_owners_that_only_one_read_had_are_not_kept() -> None:
    desk = bought()
    desk.run(60)
    desk.shown("C1", 60, carried=0)
    desk.run(31)
    assert desk.child().external == {SHARES: 30}
    desk.shown("C1", 30, carried=0)
    desk.run(90)
    assert (desk.has(), desk.child().external) == (30, {})


def test_shares_of_the_owners_that_were_sold_on_a_day_that_nobody_saw_are_not_counted_for_ever() -> None:
    desk = next_morning()
    desk.shown("C1", 60)
    desk.run(60)
    assert desk.child().external == {SHARES: 30}
    desk.shown("C1", 40)
    desk.run(580)
    assert (desk.has(), desk.child().external) == (30, {SHARES: 30})  # a broker may show them late
    desk.run(120)
    assert (desk.has(), desk.child().external) == (30, {SHARES: 10})
    assert sum("20 of the owner's own shares are gone" in text for text in desk.notices()) == 1


def test_shares_of_the_owners_that_are_fewer_after_the_close_are_not_gone() -> None:
    """Brokers move shares between positions and holdings then."""
    desk = next_morning()
    desk.shown("C1", 60)
    desk.run(60)
    jump(desk, ns("15:31", 3))
    desk.shown("C1", 40)
    desk.run(900)
    assert (desk.has(), desk.child().external) == (30, {SHARES: 30})


def test_shares_of_the_owners_that_are_shown_again_were_never_gone() -> None:
    desk = next_morning()
    desk.shown("C1", 60)
    desk.run(60)
    for _ in range(3):
        desk.shown("C1", 40)
        desk.run(400)
        desk.shown("C1", 60)
        desk.run(60)
    assert (desk.has(), desk.child().external) == (30, {SHARES: 30})


def test_one_sale_explains_once() -> None:
    desk = next_morning()
    own_sale(desk, 10)
    desk.run(90)
    assert desk.has() == 20
    desk.shown("C1", 10, carried=20)
    desk.run(90)
    assert desk.has() == 20


def test_child_that_comes_late_sells_nothing_for_a_sale_that_outlives_the_strategy() -> None:
    desk = ShareDesk(follow=Follow.ORDERS)
    desk.trade(Side.BUY, 100)
    desk.run(5)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=SHARES))
    desk.run(5)
    desk.trade(Side.SELL, 100, filled=0)
    desk.child().legs[SHARES].mirrors.clear()
    desk.trade(Side.SELL, 100)
    desk.run(30)
    assert desk.sent() == [(Side.BUY, 30), (Side.SELL, 30)]


def test_shares_sold_that_were_not_there_cannot_be_adopted() -> None:
    desk = ShareDesk()
    desk.trade(Side.SELL, 40)
    desk.run(5)
    assert desk.master_leg(SHARES).background_units == -40
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=SHARE))
    assert not desk.state.prompts


@pytest.mark.parametrize(("shown", "side", "wait_s"), [(0, Side.BUY, 900), (30, Side.BUY, 0), (0, Side.SELL, 900)])
def test_order_of_yesterday_is_not_judged_by_shares_that_may_be_late(shown: int, side: Side, wait_s: int) -> None:
    desk = ShareDesk()
    jump(desk, ns("15:29"))
    if side is Side.SELL:
        desk.trade(Side.BUY, 100)
        desk.run(50)
    desk.filling = False
    desk.trade(side, 100)
    desk.run(2)
    (unanswered,) = [command for command in desk.unanswered if command.side is side]
    desk.answer(unanswered, Outcome.UNKNOWN)
    desk.shown("C1", shown)
    morning(desk, "09:16", instruments=(*INSTRUMENTS, *LISTED))
    desk.run(60)
    judged = desk.order(unanswered).state not in (OrderState.UNKNOWN, OrderState.SENT)
    assert judged is (wait_s == 0)
    desk.run(wait_s + 120)
    assert desk.order(unanswered).state not in (OrderState.UNKNOWN, OrderState.SENT)
    assert desk.has() == shown
