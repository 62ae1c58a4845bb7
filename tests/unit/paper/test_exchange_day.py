"""What the clock does at the paper exchange, a new day, and a restart."""

from decimal import Decimal

import pytest

from engine.commands import PlaceOrder
from engine.errors import StateRefused
from engine.events import Outcome
from engine.model import BookStatus, OrderType, Side, TradingSession, leg_id
from paper import rejections
from paper.exchange import Exchange
from tests.unit.paper.builders import CALL, NOW, PUT, SESSIONS, World, future, ns, option, order, quote, rates

BUY, SELL = Side.BUY, Side.SELL
LIMIT = OrderType.LIMIT
OPEN, COMPLETE, CANCELLED = BookStatus.OPEN, BookStatus.COMPLETE, BookStatus.CANCELLED


def run_until(world: World, time: str, day: int = 2) -> None:
    world.now = ns(time, day)
    world.exchange.run_due(world.now)


def test_due_times_come_one_after_the_other() -> None:
    world = World()
    world.quotes(quote())
    expected = [ns("15:25"), ns("15:40"), ns("15:25", 3), ns("15:40", 3)]
    for due in expected:
        assert world.exchange.next_due_ns() == due
        world.exchange.run_due(due)
    assert world.exchange.next_due_ns() is None


def test_intraday_positions_are_squared_off_and_others_stay() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order(SELL, 65, product="MIS"))
    world.accepted(order(SELL, 65))
    resting = world.accepted(order(BUY, 65, LIMIT, price="90", product="MIS"))
    run_until(world, "15:24:59")
    assert world.net(product="MIS") == -65
    run_until(world, "15:25")
    assert (world.net(product="MIS"), world.net()) == (0, -65)
    assert world.row(resting).status is CANCELLED
    last = world.exchange.orders("C1")[-1]
    assert (last.tag, last.side, last.product, last.status) == ("", BUY, "MIS", COMPLETE)
    assert world.updates[-1] == ("C1", last)


def test_squared_off_once() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order(SELL, 65, product="MIS"))
    run_until(world, "15:25")
    count = len(world.exchange.orders("C1"))
    run_until(world, "15:25")
    run_until(world, "15:26")
    assert len(world.exchange.orders("C1")) == count


@pytest.mark.parametrize(
    ("description", "time", "given", "accepted"),
    [
        ("an intraday entry just before", "15:24:59", order(BUY, 65, product="MIS"), True),
        ("an intraday entry after the square-off", "15:25", order(BUY, 65, product="MIS"), False),
        ("any other entry", "15:25", order(BUY, 65), True),
    ],
)
def test_intraday_entries_end_with_the_square_off(
    description: str, time: str, given: PlaceOrder, accepted: bool
) -> None:
    world = World()
    world.now = ns(time)
    answer = world.place(given)
    assert (answer.outcome is Outcome.ACKED) is accepted, description
    assert answer.reason == ("" if accepted else rejections.INTRADAY_CLOSED), description


def test_intraday_position_left_over_may_still_be_closed() -> None:
    world = World()
    world.accepted(order(SELL, 65, product="MIS"))
    world.quotes(quote())
    world.now = ns("15:30")
    assert world.place(order(BUY, 65, product="MIS")).outcome is Outcome.ACKED


def test_open_orders_are_cancelled_at_the_close() -> None:
    world = World(partial_fills=True)
    world.quotes(quote(ask_units=65))
    limit, partly = world.accepted(order(BUY, 65, LIMIT, price="90")), world.accepted(order(BUY, 130))
    run_until(world, "15:39:59")
    assert world.row(limit).status is OPEN
    run_until(world, "15:40")
    assert [world.row(order_id).status for order_id in (limit, partly)] == [CANCELLED, CANCELLED]
    assert (world.row(partly).filled, world.net()) == (65, 65)
    world.quotes(quote("80", "81"))
    assert world.net() == 65


def test_what_was_due_before_the_first_moment_concerns_nobody() -> None:
    world = World()
    world.now = ns("09:30", 3)
    world.quotes(quote(at_ns=world.now))
    world.accepted(order(SELL, 65, product="MIS"))
    world.exchange.run_due(world.now)
    assert (world.net(product="MIS"), world.exchange.next_due_ns()) == (-65, ns("15:25", 3))


def test_new_day_empties_the_book_and_carries_positions() -> None:
    world = World(charges=rates(), margins=True, instruments=(option(), option(PUT, expiry="2026-11-02"), future()))
    world.quotes(quote(), quote("40", "40", "40", symbol=PUT))
    world.accepted(order(SELL, 65))
    world.accepted(order(SELL, 65, symbol=PUT))
    world.accepted(order(BUY, 65, LIMIT, price="1"))
    world.quotes(quote("0.05", "0.10", "0.05", symbol=PUT))
    world.now = ns("09:00", 3)
    before = world.exchange.available_inr("C1")
    world.exchange.start_day(SESSIONS, (option(), future()), world.now)
    assert world.exchange.orders("C1") == ()
    [position] = world.exchange.positions("C1")
    assert (position.symbol, position.net_units, position.overnight_units) == (CALL, -65, -65)
    assert position.average_price_inr == 100
    assert world.exchange.pnl("C1").realised == 0
    # The short put expired at 0.05, so what it blocked is free; the profit and the charges are in the capital now.
    assert world.exchange.available_inr("C1") > before
    world.now = ns("09:30", 3)
    assert world.place(order(symbol=PUT)).reason == rejections.UNKNOWN_INSTRUMENT
    assert world.accepted(order()) == "PAPER_261103010000004"


def test_position_missing_from_the_new_days_file_is_kept_and_its_orders_are_refused() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order())
    world.now = ns("09:15", 3)
    world.exchange.start_day(SESSIONS, (option(PUT),), world.now)
    assert world.net() == 65
    assert world.exchange.instruments() == (option(PUT),)
    assert world.place(order(SELL)).reason == rejections.UNKNOWN_INSTRUMENT


def test_contract_still_trades_on_its_last_day_and_is_settled_on_the_next() -> None:
    world = World(instruments=(option(expiry="2026-11-03"),))
    world.quotes(quote())
    world.accepted(order(SELL, 65))
    world.now = ns("09:00", 3)
    world.exchange.start_day(SESSIONS, world.instruments, world.now)
    assert world.net() == -65
    world.now = ns("09:00", 4)
    world.exchange.start_day((), (), world.now)
    assert world.exchange.positions("C1") == ()


def test_new_day_has_its_own_sessions() -> None:
    world = World()
    world.quotes(quote())
    world.now = ns("09:00", 4)
    sessions = (TradingSession(open_ns=ns("10:00", 4), close_ns=ns("11:00", 4)),)
    world.exchange.start_day(sessions, world.instruments, world.now)
    assert world.exchange.next_due_ns() == ns("10:55", 4)
    assert world.place(order()).reason == rejections.MARKET_CLOSED
    world.now = ns("10:00", 4)
    assert world.place(order()).outcome is Outcome.ACKED


def test_background_positions_are_overnight() -> None:
    world = World()
    world.exchange.add_account("M", Decimal(1), {leg_id("NFO", CALL, "NRML"): -130, leg_id("NFO", PUT, "NRML"): 0})
    [position] = world.exchange.positions("M")
    assert (position.net_units, position.overnight_units, position.average_price_inr) == (-130, -130, None)


def test_everything_survives_a_restart() -> None:
    world = World(charges=rates(), partial_fills=True)
    world.quotes(quote(ask_units=65))
    world.accepted(order(BUY, 130, tag="A"))
    world.accepted(order(SELL, 65, LIMIT, price="150", tag="B"))
    other = world.restarted()
    assert other.exchange.orders("C1") == world.exchange.orders("C1")
    assert other.exchange.positions("C1") == world.exchange.positions("C1")
    assert other.exchange.available_inr("C1") == world.exchange.available_inr("C1")
    assert other.exchange.next_due_ns() == world.exchange.next_due_ns()
    # What was open goes on, in the order of acceptance, and ids go on from where they were.
    other.quotes(quote("150.00", "150.10", bid_units=650, ask_units=650))
    assert [(row.tag, row.status, row.filled) for _, row in other.updates] == [
        ("A", COMPLETE, 130),
        ("B", COMPLETE, 65),
    ]
    assert other.accepted(order()) == "PAPER_261102010000003"
    assert other.exchange.to_bytes() == other.restarted().exchange.to_bytes()


def test_square_off_missed_while_down_is_done_after_the_restart() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order(SELL, 65, product="MIS"))
    other = world.restarted()
    other.quotes(quote())
    assert other.exchange.next_due_ns() == ns("15:25")
    run_until(other, "15:45")
    assert other.net(product="MIS") == 0


@pytest.mark.parametrize("data", [b"", b"{", b'{"version": 1}', b"\xff\xfe", b"[]"])
def test_damaged_state_is_refused(data: bytes) -> None:
    world = World()
    with pytest.raises(StateRefused):
        Exchange.from_bytes(
            data, paper=world.paper(), sessions=(), instruments=(), charges=None, on_update=world.collect
        )


def test_state_of_another_version_is_refused() -> None:
    world = World()
    data = world.exchange.to_bytes().replace(b'"version":2', b'"version":99')
    with pytest.raises(StateRefused, match="99"):
        Exchange.from_bytes(
            data, paper=world.paper(), sessions=(), instruments=(), charges=None, on_update=world.collect
        )


def test_instrument_of_a_position_survives_even_when_the_file_lacks_it() -> None:
    world = World(margins=True)
    world.quotes(quote())
    world.accepted(order(SELL, 65))
    other = Exchange.from_bytes(
        world.exchange.to_bytes(),
        paper=world.paper(),
        sessions=SESSIONS,
        instruments=(),
        charges=None,
        on_update=world.collect,
    )
    other.update_quotes((quote(),), NOW)
    assert other.available_inr("C1") == world.exchange.available_inr("C1")
    assert other.instruments() == ()
