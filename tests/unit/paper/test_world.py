"""The world outlives the process: what is sent arrives, what is heard depends on who listens."""

from decimal import Decimal

import pytest

from config.schema import Account, Child, Paper, Settings
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.errors import ReadFailed
from engine.events import OrderUpdated, QuotesUpdated, RequestAnswered
from engine.host import Host
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, BookStatus, LegId, OrderReport, OrderType, Side
from paper.world import World
from tests.unit.engine.fakes import LoggedJournal, ScriptedCore, place
from tests.unit.paper.builders import CALL, NOW, PUT, SESSIONS, nfo, ns, option, order, quote


class Desk:
    def __init__(
        self, *, push_master: bool = True, quote_interval_ns: int = 0, overnight: dict[LegId, int] | None = None
    ) -> None:
        self.loop = EngineLoop(VirtualClock(NOW), Agenda())
        self.world = World(
            Settings(
                master=Account(id="M", broker="paper", capital_inr=Decimal(1000)),
                children=(Child(id="C1", broker="paper", capital_inr=Decimal(500)), Child(id="C2", broker="paper")),
                paper=Paper(margins=False, latency_ms=50),
            ),
            sessions=SESSIONS,
            instruments=(option(), option(PUT)),
            charges=None,
            loop=self.loop,
            overnight=overnight,
            quote_interval_ns=quote_interval_ns,
            push_master=push_master,
        )
        self.core = ScriptedCore()

    def connect(self) -> None:
        lanes, feed = self.world.connect()
        self.loop.host = Host(self.core, LoggedJournal(), lanes, feed, lambda: b"")
        self.loop.feed = feed
        self.lanes = lanes

    def disconnect(self) -> None:
        self.world.disconnect()
        self.loop.host = self.loop.feed = None

    def quote(self, last: str = "100.05") -> None:
        now_ns = self.loop.clock.now_ns()
        self.world.quote([quote(last=last, at_ns=now_ns)], now_ns)

    def run(self, until_ms: int) -> None:
        self.loop.run(until_ns=NOW + until_ms * NS_PER_MS)

    def updates(self) -> list[tuple[int, str, str]]:
        """(milliseconds, account, status) of the pushed updates."""
        return [
            ((e.at_ns - NOW) // NS_PER_MS, e.account, e.report.status.value)
            for e in self.core.seen
            if isinstance(e, OrderUpdated)
        ]


def master_row(filled: int = 65) -> OrderReport:
    return OrderReport(
        order_id="M1",
        exchange="NFO",
        symbol=CALL,
        product="NRML",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=65,
        filled=filled,
        average_price_inr=Decimal(100),
        status=BookStatus.COMPLETE,
        placed_ns=NOW,
        updated_ns=NOW,
    )


def test_every_account_has_its_capital_its_line_and_nothing_else() -> None:
    desk = Desk()
    desk.connect()
    assert list(desk.lanes) == list(desk.world.brokers) == ["M", "C1", "C2"]
    available = {account: broker.funds().available_inr for account, broker in desk.world.brokers.items()}
    assert available == {"M": Decimal(1000), "C1": Decimal(500), "C2": Decimal(0)}
    assert [desk.world.net_positions(account) for account in available] == [{}, {}, {}]


def test_overnight_positions_are_the_master_s_only() -> None:
    desk = Desk(overnight={LegId(f"NFO:{CALL}:NRML"): -130})
    assert desk.world.net_positions("M") == {CALL: -130}
    assert desk.world.net_positions("C1") == {}


def test_net_positions_add_products_up_and_leave_zeros_out() -> None:
    desk = Desk()
    desk.quote()
    exchange = desk.world.exchange
    exchange.trade("C1", CALL, "NFO", Side.BUY, 130, "NRML", NOW)
    exchange.trade("C1", CALL, "NFO", Side.SELL, 65, "MIS", NOW)
    exchange.trade("C1", PUT, "NFO", Side.BUY, 65, "NRML", NOW)
    assert desk.world.net_positions("C1") == {CALL: 65}
    exchange.trade("C1", CALL, "NFO", Side.SELL, 65, "NRML", NOW)
    assert desk.world.net_positions("C1") == {}


def test_order_s_way_is_latency_there_answer_and_push_back() -> None:
    desk = Desk()
    desk.connect()
    desk.quote()
    desk.lanes["C1"].submit(place())
    desk.run(1000)
    assert desk.updates() == [(100, "C1", "OPEN"), (100, "C1", "COMPLETE")]
    assert [(e.at_ns - NOW) // NS_PER_MS for e in desk.core.seen if isinstance(e, RequestAnswered)] == [100]


def test_process_hears_only_the_quotes_it_subscribed_to_and_the_newest_at_once() -> None:
    desk = Desk()
    desk.quote("99")
    desk.connect()
    feed = desk.loop.feed
    assert feed is not None
    desk.quote("100")
    feed.subscribe([nfo(CALL)])
    desk.quote("101")
    desk.run(0)
    lasts = [str(e.quotes[0].last_inr) for e in desk.core.seen if isinstance(e, QuotesUpdated)]
    assert lasts == ["100", "101"]


def test_exchange_matches_while_no_process_listens() -> None:
    desk = Desk()
    limit = order(Side.BUY, 65, OrderType.LIMIT, price="90", account="C1")
    desk.quote()
    desk.world.brokers["C1"].place(limit)
    desk.world.quote([quote("89.00", "89.10", "89.05", at_ns=NOW + 1)], NOW + 1)
    assert desk.world.net_positions("C1") == {CALL: 65}


# Death and a new process


def test_world_knows_whether_a_process_listens() -> None:
    desk = Desk()
    seen = [desk.world.is_connected]
    desk.connect()
    seen.append(desk.world.is_connected)
    desk.disconnect()
    seen.append(desk.world.is_connected)
    assert seen == [False, True, False]


def test_push_on_its_way_at_death_reaches_no_later_process() -> None:
    desk = Desk()
    desk.connect()
    desk.quote()
    desk.lanes["C1"].submit(place())
    desk.run(70)
    desk.disconnect()
    desk.connect()
    desk.run(1000)
    assert desk.updates() == []
    assert desk.world.net_positions("C1") == {CALL: 65}


def test_order_sent_before_death_is_pushed_to_the_process_that_runs_when_it_arrives() -> None:
    desk = Desk()
    desk.connect()
    desk.quote()
    desk.lanes["C1"].submit(place())
    desk.run(20)
    desk.disconnect()
    desk.connect()
    desk.run(1000)
    assert [status for _, _, status in desk.updates()] == ["OPEN", "COMPLETE"]
    assert not [e for e in desk.core.seen if isinstance(e, RequestAnswered)]


def test_what_happens_while_nobody_listens_is_not_pushed_later() -> None:
    desk = Desk()
    desk.quote()
    desk.world.exchange.trade("C1", CALL, "NFO", Side.BUY, 65, "NRML", NOW)
    desk.connect()
    desk.run(1000)
    assert desk.updates() == []


def test_faults_armed_before_a_death_hit_the_next_process() -> None:
    desk = Desk()
    desk.connect()
    desk.world.brokers["C1"].fail_reads_until(NOW + 10**9)
    desk.disconnect()
    desk.connect()
    with pytest.raises(ReadFailed):
        desk.world.brokers["C1"].orders()


# The master


def test_master_s_recorded_order_is_in_his_book_and_pushed_at_once() -> None:
    desk = Desk(push_master=False)
    desk.connect()
    desk.world.record_master(master_row(), NOW)
    desk.run(1000)
    assert desk.updates() == [(0, "M", "COMPLETE")]
    assert desk.world.net_positions("M") == {CALL: 65}


def test_master_s_order_during_a_downtime_is_in_his_book_and_not_pushed() -> None:
    desk = Desk(push_master=False)
    desk.world.record_master(master_row(), NOW)
    desk.connect()
    desk.run(1000)
    assert desk.updates() == []
    assert [row.order_id for row in desk.world.exchange.orders("M")] == ["M1"]


@pytest.mark.parametrize("push_master", [True, False])
def test_master_who_trades_at_the_exchange_is_pushed_where_nobody_else_does(push_master: bool) -> None:
    desk = Desk(push_master=push_master)
    desk.connect()
    desk.quote()
    desk.world.exchange.place(order(account="M"), NOW)
    desk.run(1000)
    assert bool(desk.updates()) is push_master


# What the exchange does by itself


def test_intraday_positions_are_squared_off_and_day_orders_end_at_the_close() -> None:
    desk = Desk()
    desk.quote()
    exchange = desk.world.exchange
    exchange.trade("C1", CALL, "NFO", Side.BUY, 65, "MIS", NOW)
    desk.world.brokers["C2"].place(order(Side.BUY, 65, OrderType.LIMIT, price="90", account="C2"))
    desk.loop.run(until_ns=ns("15:24"))
    before = desk.world.net_positions("C1")
    desk.loop.run(until_ns=ns("15:25"))
    assert (before, desk.world.net_positions("C1")) == ({CALL: 65}, {})
    working = exchange.orders("C2")[0].status
    desk.loop.run(until_ns=ns("15:40"))
    assert (working, exchange.orders("C2")[0].status) == (BookStatus.OPEN, BookStatus.CANCELLED)


def test_exchange_goes_on_to_the_next_day() -> None:
    desk = Desk()
    desk.quote()
    desk.loop.run(until_ns=ns("15:30", 3))
    assert desk.world.exchange.next_due_ns() == ns("15:40", 3)
