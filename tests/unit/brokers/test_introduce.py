"""The engine knows an instrument before it hears of an order in it, and is told once."""

import contextlib
import threading
from datetime import date

from msgspec.structs import replace

from brokers.catalogue import Catalogue, Listing
from brokers.introduce import Introducer
from brokers.markets import NOT_LISTED, KiteMarket
from engine.events import (
    AccountRead,
    Event,
    InstrumentsLoaded,
    LoggedIn,
    OrderUpdated,
    Outcome,
    Request,
    RequestAnswered,
)
from engine.model import InstrumentId, OrderReport, OrderType, Position, Side, instrument_id

HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange\n"
)
CALL, PUT = "NIFTY26NOV24500CE", "NIFTY26NOV24500PE"


def line(symbol: str) -> str:
    return f'10,20,{symbol},"NIFTY",0,2026-11-24,24500,0.05,65,{symbol[-2:]},NFO-OPT,NFO\n'


def update(symbol: str, at_ns: int = 5) -> OrderUpdated:
    report = OrderReport(
        order_id="1",
        exchange="NFO",
        symbol=symbol,
        product="NRML",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=65,
    )
    return OrderUpdated(at_ns=at_ns, account="M", report=report)


def market(*symbols: str) -> KiteMarket:
    return KiteMarket(Catalogue(HEAD + "".join(map(line, symbols)), date(2026, 11, 2)))


class Inbox:
    def __init__(self, *symbols: str) -> None:
        self.events: list[Event] = []
        self.missing: list[frozenset[InstrumentId]] = []
        self.introduce = Introducer(self.events.append, self.missing.append)
        if symbols:
            self.open(*symbols)

    def open(self, *symbols: str) -> None:
        self.introduce.open(market(*symbols), 1)

    def told(self) -> list[list[str]]:
        return [[i.symbol for i in event.instruments] for event in self.events if isinstance(event, InstrumentsLoaded)]


def test_instrument_comes_before_the_order_and_only_once() -> None:
    inbox = Inbox(CALL, PUT)
    inbox.introduce(update(CALL))
    inbox.introduce(update(CALL))
    assert [type(event) for event in inbox.events] == [InstrumentsLoaded, OrderUpdated, OrderUpdated]
    assert inbox.told() == [[CALL]]
    assert inbox.events[0].at_ns == 5


def test_book_and_positions_introduce_what_they_name() -> None:
    inbox = Inbox(CALL, PUT)
    position = Position(exchange="NFO", symbol=PUT, product="NRML", net_units=65)
    read = AccountRead(at_ns=7, account="M", began_ns=6, orders=(update(CALL).report,), positions=(position,))
    inbox.introduce(read)
    assert inbox.told() == [[CALL, PUT]]
    assert inbox.events[-1] is read


def test_event_without_instruments_passes_as_it_is() -> None:
    inbox = Inbox(CALL)
    event = LoggedIn(at_ns=1, account="M")
    inbox.introduce(event)
    assert inbox.events == [event]


def test_unknown_instrument_is_asked_for_once_and_the_event_passes() -> None:
    inbox = Inbox(CALL)
    inbox.introduce(update(PUT))
    inbox.introduce(update(PUT))
    assert inbox.missing == [frozenset({instrument_id("NFO", PUT)})]
    assert [type(event) for event in inbox.events] == [OrderUpdated, OrderUpdated]


def test_new_dump_tells_of_what_was_missing_and_of_what_is_known_anew() -> None:
    inbox = Inbox(CALL)
    inbox.introduce(update(CALL))
    inbox.introduce(update(PUT))
    inbox.open(CALL, PUT)
    assert inbox.told() == [[CALL], [CALL, PUT]]


def test_what_was_seen_before_the_first_dump_is_told_with_it() -> None:
    inbox = Inbox()
    inbox.introduce(update(CALL))
    assert inbox.missing == []
    inbox.open(CALL)
    assert inbox.told() == [[CALL]]


def test_symbol_that_left_the_dump_is_not_told_again() -> None:
    inbox = Inbox(CALL)
    inbox.introduce(update(CALL))
    inbox.open(PUT)
    assert inbox.told() == [[CALL]]
    assert inbox.missing == [frozenset({instrument_id("NFO", CALL)})]


def test_what_is_carried_on_is_handed_out_and_counts_as_told() -> None:
    inbox = Inbox(CALL)
    (taken,) = inbox.introduce.take([instrument_id("NFO", CALL), instrument_id("NFO", PUT)], 7)
    assert ([i.symbol for i in taken.instruments], taken.account, taken.at_ns) == ([CALL], "", 7)
    inbox.introduce(update(CALL))
    assert [type(event) for event in inbox.events] == [OrderUpdated]
    assert inbox.missing == []


def test_what_is_carried_on_follows_when_the_file_comes() -> None:
    inbox = Inbox()
    assert inbox.introduce.take([instrument_id("NFO", CALL)], 7) == ()
    inbox.open(CALL)
    assert inbox.told() == [[CALL]]


def test_account_at_another_broker_is_told_by_its_own_file_and_why_something_is_not_in_it() -> None:
    inbox = Inbox()
    inbox.introduce.open(market(CALL, PUT), 1, {"A": market(PUT)})
    inbox.introduce(update(CALL))
    inbox.introduce(update(PUT))
    told = [event for event in inbox.events if isinstance(event, InstrumentsLoaded)]
    assert [(event.account, [i.symbol for i in event.instruments]) for event in told] == [
        ("A", []),
        ("", [CALL]),
        ("A", [PUT]),
        ("", [PUT]),
    ]
    assert told[0].unusable == {instrument_id("NFO", CALL): NOT_LISTED}


def test_file_of_a_day_that_is_over_tells_nothing() -> None:
    inbox = Inbox(CALL)
    inbox.introduce.close()
    inbox.introduce(update(CALL))
    assert inbox.told() == []
    inbox.open(CALL)
    assert inbox.told() == [[CALL]]


class Stumbling(KiteMarket):
    """A file with an entry that cannot be read."""

    def __init__(self, *symbols: str, over: str) -> None:
        super().__init__(market(*symbols).catalogue)
        self.over = instrument_id("NFO", over)

    def look_up(self, name: InstrumentId) -> Listing | str:
        if name == self.over:
            raise ValueError(name)
        return super().look_up(name)


def test_event_passes_where_a_look_up_fails_and_what_it_names_is_missing() -> None:
    inbox = Inbox()
    inbox.introduce.open(Stumbling(CALL, PUT, over=PUT), 1)
    inbox.introduce(update(PUT))
    assert [type(event) for event in inbox.events] == [OrderUpdated]
    assert inbox.missing == [frozenset({instrument_id("NFO", PUT)})]
    inbox.open(CALL, PUT)
    assert inbox.told() == [[PUT]]


def test_look_up_that_fails_makes_no_other_instrument_of_the_book_unknown() -> None:
    inbox = Inbox()
    inbox.introduce.open(Stumbling(CALL, PUT, over=PUT), 1)
    inbox.introduce(AccountRead(at_ns=7, account="M", began_ns=6, orders=(update(CALL).report, update(PUT).report)))
    assert inbox.told() == [[CALL]]
    assert inbox.missing == [frozenset({instrument_id("NFO", PUT)})]


def test_look_up_that_fails_in_a_new_file_keeps_what_was_asked_for() -> None:
    inbox = Inbox(CALL, PUT)
    inbox.introduce(update(CALL))
    inbox.introduce(update(PUT))
    inbox.introduce.open(Stumbling(CALL, PUT, over=PUT), 1)
    inbox.open(CALL, PUT)
    assert inbox.told() == [[CALL], [PUT], [CALL], [CALL, PUT]]


def test_look_up_that_fails_in_another_broker_s_file_makes_it_unusable_there() -> None:
    inbox = Inbox()
    inbox.introduce.open(market(PUT), 1, {"A": Stumbling(PUT, over=PUT)})
    inbox.introduce(update(PUT))
    told = [event for event in inbox.events if isinstance(event, InstrumentsLoaded)]
    assert [(event.account, event.unusable) for event in told] == [
        ("A", {instrument_id("NFO", PUT): "ValueError in the look-up"}),
        ("", {}),
    ]


def test_event_passes_where_nobody_can_be_told_of_what_is_missing() -> None:
    events: list[Event] = []

    def no_threads(_names: frozenset[InstrumentId]) -> None:
        raise RuntimeError("can't start new thread")

    introduce = Introducer(events.append, no_threads)
    introduce.open(market(CALL), 1)
    introduce(update(PUT))
    assert [type(event) for event in events] == [OrderUpdated]


def test_instrument_that_could_not_be_told_is_told_with_the_next_event() -> None:
    events: list[Event] = []

    def post(event: Event) -> None:
        if isinstance(event, InstrumentsLoaded) and event.at_ns == 5:
            raise MemoryError
        events.append(event)

    introduce = Introducer(post, lambda _names: None)
    introduce.open(market(CALL), 1)
    for at_ns in (5, 6):
        with contextlib.suppress(MemoryError):
            introduce(update(CALL, at_ns))
    assert [(type(event), event.at_ns) for event in events] == [(InstrumentsLoaded, 6), (OrderUpdated, 6)]


def test_event_that_names_nothing_waits_for_nobody_s_look_up() -> None:
    """The engine's own thread posts such ones: it must not wait for a lane that waits for it to empty the inbox."""
    is_full, emptied = threading.Event(), threading.Event()
    events: list[Event] = []

    def post(event: Event) -> None:
        if isinstance(event, OrderUpdated):
            is_full.set()
            assert emptied.wait(10)
        events.append(event)

    introduce = Introducer(post, lambda _names: None)
    lane = threading.Thread(target=introduce, args=(update(CALL),))
    lane.start()
    assert is_full.wait(10)
    answer = RequestAnswered(at_ns=1, account="C", request=Request.PLACE, tag="T", outcome=Outcome.NOT_SENT)
    engine = threading.Thread(target=introduce, args=(answer,))
    engine.start()
    engine.join(0.5)
    told = list(events)
    emptied.set()
    for thread in (lane, engine):
        thread.join(10)
    assert told == [answer]


def test_shares_of_both_exchanges_come_under_one_name() -> None:
    share = '{number},{number},INFY,"INFOSYS",0,,0,0.1,1,EQ,{at},{at}\n'
    lines = share.format(number=30, at="NSE") + share.format(number=40, at="BSE")
    inbox = Inbox()
    inbox.introduce.open(KiteMarket(Catalogue(HEAD + lines, date(2026, 11, 2))), 1)
    sold = update("INFY")
    inbox.introduce(replace(sold, report=replace(sold.report, exchange="BSE", product="CNC")))
    assert [i.id for event in inbox.events if isinstance(event, InstrumentsLoaded) for i in event.instruments] == [
        instrument_id("NSE", "INFY")
    ]
    assert [event.report.leg for event in inbox.events if isinstance(event, OrderUpdated)] == ["NSE:INFY:CNC"]


def test_shares_keep_their_exchange_while_no_file_is_there() -> None:
    inbox = Inbox()
    sold = update("INFY")
    inbox.introduce(replace(sold, report=replace(sold.report, exchange="BSE", product="CNC")))
    assert [event.report.leg for event in inbox.events if isinstance(event, OrderUpdated)] == ["BSE:INFY:CNC"]
