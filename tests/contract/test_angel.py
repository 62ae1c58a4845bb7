"""What only Angel One does: its odd answers, varieties that must be repeated, limits of reads, accounts that lock."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient
from brokers.angel_one.line import AngelLine
from brokers.angel_one.login import Keeper
from brokers.angel_one.logins import Logins
from brokers.angel_one.symbols import Symbols
from brokers.catalogue import Catalogue
from brokers.transport import Transport
from config.credentials import Secret
from config.schema import AngelOneUrls, Paper
from engine.commands import CancelOrder, ModifyOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import BookStatus, Funds, OrderType, Side
from tests.contract.angel_server import AngelServer
from tests.contract.desks import ACCOUNT, CALL, CAPITAL, INSTRUMENTS, SHARE, AngelDesk, angel_credentials
from tests.contract.test_angel_line import DAY, STALE_NS
from tests.unit.paper.builders import order, quote

EXACT = Paper(margins=False, latency_ms=0, slippage_ticks=0)


@pytest.fixture
def desk() -> Iterator[AngelDesk]:
    with AngelServer([(ACCOUNT, CAPITAL)], INSTRUMENTS, paper=EXACT) as server:
        made = AngelDesk(server)
        made.quote(quote())
        yield made
        made.close()


@pytest.mark.parametrize("kind", ["empty_body", "status_text"])
def test_accepted_order_with_an_odd_answer_is_unknown_and_found_by_its_tag(desk: AngelDesk, kind: str) -> None:
    desk.fault("place", kind)
    answer = desk.broker.place(order(account=ACCOUNT))
    assert (answer.outcome, answer.order_id) == (Outcome.UNKNOWN, "")
    assert [(row.tag, row.filled) for row in desk.broker.orders()] == [("T1", 65)]


@pytest.mark.parametrize("request_", ["modify", "cancel"])
@pytest.mark.parametrize("kind", ["empty_body", "unavailable", "no_id"])
def test_odd_answer_to_a_change_or_a_cancel_is_unknown(desk: AngelDesk, request_: str, kind: str) -> None:
    order_id = desk.broker.place(order(Side.BUY, 65, OrderType.LIMIT, price="90", account=ACCOUNT)).order_id
    desk.fault(request_, kind)
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=order_id, price_inr=Decimal(91))
    cancel = CancelOrder(account=ACCOUNT, tag="T1", order_id=order_id)
    answer = desk.broker.modify(change) if request_ == "modify" else desk.broker.cancel(cancel)
    assert answer.outcome is Outcome.UNKNOWN
    (row,) = desk.broker.orders()
    assert (row.price_inr, row.status) == (
        (Decimal(91), BookStatus.OPEN) if request_ == "modify" else (Decimal(90), BookStatus.CANCELLED)
    )


def stranger(desk: AngelDesk) -> AngelBroker:
    """The adapter of a process that has just started: it has seen nothing."""
    client = AngelClient(Secret(desk.server.desk.accounts[ACCOUNT].api_key), desk.transport)
    client.access_token = desk.server.desk.accounts[ACCOUNT].jwt
    return AngelBroker(ACCOUNT, client, desk.broker.symbols, desk.server.clock.now_ns, lambda _s: None)


@pytest.mark.parametrize("is_stop", [True, False])
def test_variety_is_repeated_in_changes_and_cancels_by_a_process_that_placed_nothing(
    desk: AngelDesk, is_stop: bool
) -> None:
    placed = (
        order(Side.BUY, 65, OrderType.SL, price="111", trigger="110", account=ACCOUNT)
        if is_stop
        else order(Side.BUY, 65, OrderType.LIMIT, price="90", account=ACCOUNT)
    )
    order_id = desk.broker.place(placed).order_id
    other = stranger(desk)
    assert len(other.orders()) == 1
    price, trigger = (None, Decimal(109)) if is_stop else (Decimal(91), None)
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=order_id, price_inr=price, trigger_price_inr=trigger)
    assert other.modify(change).outcome is Outcome.ACKED
    (row,) = other.orders()
    assert (row.trigger_price_inr if is_stop else row.price_inr) == (trigger or price)
    assert other.cancel(CancelOrder(account=ACCOUNT, tag="T1", order_id=order_id)).outcome is Outcome.ACKED


def test_address_that_is_not_registered_stops_writes_and_no_reads(desk: AngelDesk) -> None:
    desk.server.desk.accounts[ACCOUNT].ip_allowed = False
    assert desk.broker.place(order(account=ACCOUNT)).outcome is Outcome.IP_REFUSED
    assert list(desk.broker.orders()) == []
    assert desk.broker.funds() == Funds(available_inr=CAPITAL, used_inr=Decimal(0))


def test_details_trades_and_quotes_are_had_through_the_official_methods(desk: AngelDesk) -> None:
    order_id = desk.broker.place(order(account=ACCOUNT)).order_id
    client = desk.broker._client
    assert client.individual_order_details(f"u{order_id}")["data"]["filledshares"] == "65"
    assert client.individual_order_details("nothing")["errorcode"] == "AB1013"
    assert [row["fillprice"] for row in client.tradeBook()["data"]] == ["100.10"]
    token = desk.server.desk.scrips[INSTRUMENTS[0].id]["token"]
    found = client.getMarketData("FULL", {"NFO": [token, "1"]})["data"]
    assert [row["depth"]["sell"][0]["price"] for row in found["fetched"]] == [Decimal("100.10")]
    assert [row["symbolToken"] for row in found["unfetched"]] == ["1"]


def test_share_is_bought_under_angels_name(desk: AngelDesk) -> None:
    made = order(Side.BUY, 3, OrderType.LIMIT, price="90", account=ACCOUNT, symbol=SHARE, product="CNC")
    bought = desk.broker.place(
        type(made)(**{f: getattr(made, f) for f in made.__struct_fields__} | {"exchange": "NSE"})
    )
    assert bought.outcome is Outcome.ACKED
    (row,) = desk.broker.orders()
    assert (row.exchange, row.symbol, row.product, row.quantity) == ("NSE", SHARE, "CNC", 3)


def test_kites_dump_and_angels_scrips_name_the_same_orders(desk: AngelDesk) -> None:
    token = desk.server.desk.scrips[INSTRUMENTS[0].id]["token"]
    dump = Catalogue(
        "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
        f"instrument_type,segment,exchange\n1,{token},{CALL},NIFTY,0,2026-11-24,24500,0.05,65,CE,NFO-OPT,NFO\n",
        DAY,
    )
    body = desk.transport.request("GET", desk.server.scrip_url.removeprefix(desk.server.root_url), {}).body
    desk.broker.symbols = Symbols(body, DAY, dump)
    assert desk.broker.place(order(account=ACCOUNT)).outcome is Outcome.ACKED
    assert [row.symbol for row in desk.broker.orders()] == [CALL]
    assert [position.symbol for position in desk.broker.positions()] == [CALL]


# --- limits and locks -----------------------------------------------------------------------------------------------


@pytest.fixture
def strict() -> Iterator[AngelServer]:
    with AngelServer([(ACCOUNT, CAPITAL)], INSTRUMENTS, enforces_limits=True) as made:
        yield made


def test_reads_keep_the_limits_by_themselves(strict: AngelServer) -> None:
    urls = AngelOneUrls(root_url=strict.root_url, scrip_url=strict.scrip_url)
    line = AngelLine(
        "A1",
        angel_credentials(strict.desk.accounts[ACCOUNT]),
        urls,
        strict.clock.now_ns,
        STALE_NS,
        sleep=strict.clock.move,
    )
    line.symbols = Symbols(line.dump().encode(), DAY)
    for _ in range(5):
        assert line.broker.orders() == ()
        assert line.broker.positions() == ()
    line.close()


def test_server_refuses_reads_that_come_too_fast(strict: AngelServer) -> None:
    transport = Transport(strict.root_url)
    session = Keeper(angel_credentials(strict.desk.accounts[ACCOUNT]), transport, strict.clock.now_ns).session()
    client = AngelClient(Secret(strict.desk.accounts[ACCOUNT].api_key), transport)
    client.take(session)
    brokers = [AngelBroker(ACCOUNT, client, None, strict.clock.now_ns) for _ in range(2)]
    assert brokers[0].positions() == ()
    with pytest.raises(ReadFailed, match="access rate"):
        brokers[1].positions()  # another pace, so nobody waited
    transport.close()


def test_wrong_codes_would_lock_the_account_and_the_keeper_tries_twice(strict: AngelServer) -> None:
    transport = Transport(strict.root_url)
    account = strict.desk.accounts[ACCOUNT]
    credentials = angel_credentials(account, totp_token="B" * 32)
    for _ in range(9):
        with pytest.raises(NeedsLogin, match="AB1050"):
            Keeper(credentials, transport, strict.clock.now_ns).session()
        strict.clock.move(600)
    assert account.wrong_logins == 2
    for number in range(2):  # what would happen to somebody who goes on
        with pytest.raises(NeedsLogin, match="AB1006" if number else "AB1050"):
            Keeper(credentials, transport, strict.clock.now_ns, logins=Logins()).session()
    transport.close()
