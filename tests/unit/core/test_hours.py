"""The hours: day boundaries in India, the open, and the minutes before intraday positions are squared off."""

from decimal import Decimal

import pytest

from engine.core import hours, reasons
from engine.events import ChildResynced
from engine.model import BookStatus, OrderReport, OrderType, Side, TradingSession, leg_id
from paper import trading_day
from tests.unit.core.builders import LOT, Desk
from tests.unit.core.nights import jump
from tests.unit.paper.builders import CALL, ns

S = 1_000_000_000
MIS_LEG = leg_id("NFO", CALL, "MIS")


def trade(desk: Desk, side: Side, lots: int, id_: str) -> None:
    """The master trades in MIS."""
    report = OrderReport(
        order_id=id_,
        exchange="NFO",
        symbol=CALL,
        product="MIS",
        side=side,
        order_type=OrderType.MARKET,
        quantity=lots * LOT,
        filled=lots * LOT,
        average_price_inr=Decimal(100),
        status=BookStatus.COMPLETE,
        placed_ns=desk.now_ns,
        updated_ns=desk.now_ns,
    )
    desk.book(report)
    desk.push(report, "M")
    desk.run("0.4")


def test_day_begins_at_midnight_in_india() -> None:
    assert hours.day_start_ns("2026-11-02") == ns("00:00")
    assert hours.day_number(ns("00:00")) == hours.day_number(ns("23:59"))
    assert hours.day_number(ns("00:00", 3)) == hours.day_number(ns("23:59")) + 1


@pytest.mark.parametrize(
    ("opens", "closes"), [("09:15", "15:30"), ("09:15", "15:40"), ("18:00", "19:00"), ("09:15", "12:30")]
)
def test_square_off_is_when_the_paper_exchange_has_it(opens: str, closes: str) -> None:
    desk = Desk()
    session = TradingSession(open_ns=ns(opens), close_ns=ns(closes))
    desk.state.sessions = (session,)
    due = next(d for d in trading_day.dues((session,)) if d.kind is trading_day.DueKind.SQUARE_OFF)
    assert hours.square_off_ns(desk.state, ns(opens)) == due.at_ns


def test_no_intraday_entry_from_two_minutes_before_the_square_off() -> None:
    desk = Desk()
    desk.now_ns = ns("15:22") + 50 * S
    desk.run(3)
    desk.quote(CALL, "100")
    trade(desk, Side.BUY, 10, "A")
    assert desk.placed() == [(Side.BUY, 3)]
    jump(desk, ns("15:23") + S)
    trade(desk, Side.BUY, 10, "B")
    assert desk.placed() == [(Side.BUY, 3)]
    assert reasons.SQUARE_OFF in desk.reasons()


def test_carried_product_is_entered_as_ever() -> None:
    desk = Desk()
    desk.now_ns = ns("15:23") + 30 * S
    desk.run(3)
    desk.quote(CALL, "100")
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3)]


def test_intraday_exit_waits_for_a_read_begun_in_those_minutes() -> None:
    desk = Desk()
    trade(desk, Side.BUY, 10, "A")
    desk.run(40)
    jump(desk, ns("15:22") + 59 * S)
    desk.silent.add("C1")
    jump(desk, ns("15:23") + 10 * S)
    trade(desk, Side.SELL, 10, "B")
    assert desk.lots(leg=MIS_LEG) == 3
    assert desk.leg(leg=MIS_LEG).due_reason == reasons.NEAR_SQUARE_OFF
    desk.silent.clear()
    desk.run(45)
    assert desk.lots(leg=MIS_LEG) == 0


def test_read_of_those_minutes_is_asked_for_by_the_clock() -> None:
    desk = Desk()
    trade(desk, Side.BUY, 10, "A")
    jump(desk, ns("15:23") + S)
    trade(desk, Side.SELL, 10, "B")
    assert desk.lots(leg=MIS_LEG) == 0


def test_after_the_square_off_only_a_read_from_after_it_counts() -> None:
    """The broker has closed the position at 15:25: an exit on an older read would open the other side."""
    desk = Desk()
    trade(desk, Side.BUY, 10, "A")
    jump(desk, ns("15:24") + 59 * S)
    desk.owner_trades(-3, leg=MIS_LEG)
    desk.silent.add("C1")
    jump(desk, ns("15:25") + S)
    trade(desk, Side.SELL, 10, "B")
    sent = [side for side, _ in desk.placed()]
    assert sent == [Side.BUY]
    desk.silent.clear()
    desk.run(60)
    assert [side for side, _ in desk.placed()] == [Side.BUY]
    assert desk.lots(leg=MIS_LEG) == 0


def test_resync_offers_no_intraday_entry_near_the_square_off() -> None:
    desk = Desk()
    desk.now_ns = ns("15:23") + 10 * S
    desk.run(3)
    desk.quote(CALL, "100")
    trade(desk, Side.BUY, 10, "A")
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    assert desk.placed() == []


def test_moments_of_the_session_come_one_after_the_other() -> None:
    desk = Desk()
    found = []
    now_ns = ns("00:00")
    while (at_ns := hours.next_moment_ns(desk.state, now_ns)) is not None and at_ns < ns("23:00"):
        found.append(at_ns)
        now_ns = at_ns
    assert found == [ns("09:15"), ns("15:23"), ns("15:25"), ns("15:30"), ns("15:30") + 30 * S]


def test_rows_without_a_time_are_of_today() -> None:
    desk = Desk()
    report = desk.report(Side.BUY, 1)
    assert not hours.is_history(desk.state, report)
    old = type(report)(**{**{f: getattr(report, f) for f in report.__struct_fields__}, "placed_ns": 0, "updated_ns": 0})
    assert not hours.is_history(desk.state, old)


def test_day_without_a_session_has_no_square_off_to_be_careful_of() -> None:
    desk = Desk()
    sunday_ns = ns("15:24", 8)
    assert hours.square_off_ns(desk.state, sunday_ns) is None
    assert hours.careful_since_ns(desk.state, sunday_ns) is None
    assert hours.careful_since_ns(desk.state, ns("15:24")) is not None
