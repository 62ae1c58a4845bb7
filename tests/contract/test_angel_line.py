"""The whole way to one Angel One account, over TCP: login, requests, streams, and sessions that end in between."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokers.angel_one.line import AngelLine
from brokers.angel_one.symbols import AngelMarket, Symbols
from brokers.catalogue import Listing
from brokers.line import Line
from config.credentials import Credentials, Secret
from config.schema import AngelOneUrls
from engine.commands import CancelOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.lanes import ThreadLane
from engine.model import NS_PER_S, BookStatus, Instrument, InstrumentId, OrderReport, OrderType, Quote, Side
from tests.contract.angel_server import AngelServer
from tests.contract.desks import ACCOUNT, CALL, CAPITAL, INSTRUMENTS, PATIENCE_S, PUT, angel_credentials
from tests.unit.brokers.raw_server import refused_port
from tests.unit.paper.builders import option, order, quote

DAY = date(2026, 11, 2)
CALL_ID, PUT_ID = InstrumentId(f"NFO:{CALL}"), InstrumentId(f"NFO:{PUT}")
STALE_NS = 10 * NS_PER_S
HALF_MINUTE = 32.0
"Until another code is sent: half a minute, and a little for a clock that is ahead."


class World:
    """A server, a line to it, and what the line tells."""

    def __init__(self) -> None:
        self.server = AngelServer([(ACCOUNT, CAPITAL)], INSTRUMENTS)
        self.orders: list[OrderReport] = []
        self.quotes: list[Quote] = []
        self.links: list[tuple[bool, str]] = []
        "Of both streams."
        self.logins = 0
        self.lines: list[AngelLine] = []

    @property
    def urls(self) -> AngelOneUrls:
        made = self.server
        return AngelOneUrls(
            root_url=made.root_url,
            ticker_url=made.ticker_url,
            order_stream_url=made.order_stream_url,
            scrip_url=made.scrip_url,
        )

    def line(self, *, symbols: bool = True, **changes: str) -> AngelLine:
        made = AngelLine(
            ACCOUNT, angel_credentials(self.server.desk.accounts[ACCOUNT], **changes), self.urls, self.now_ns, STALE_NS,
            on_login=self.logged_in, sleep=self.server.clock.move,
        )  # fmt: skip
        self.lines.append(made)
        if symbols:
            made.symbols = Symbols(made.dump().encode(), DAY)
        return made

    def now_ns(self) -> int:
        return self.server.clock.now_ns()

    def linked(self, connected: bool, why: str) -> None:
        self.links.append((connected, why))

    def logged_in(self) -> None:
        self.logins += 1

    def listen(self, line: AngelLine) -> None:
        line.subscribe([self.listing(PUT)])
        line.listen(self.orders.append, self.quotes.extend, self.linked, self.linked)
        until(lambda: [on for on, _ in self.links].count(True) == 2)

    @property
    def asked(self) -> int:
        return self.server.logins(ACCOUNT)

    def listing(self, symbol: str = CALL) -> Listing:
        instrument = option(symbol)
        return Listing(instrument, 1, self.server.desk.scrips[instrument.id]["token"])


def until(found: Callable[[], object]) -> None:
    for _ in range(int(PATIENCE_S / 0.01)):
        if found():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.server:
        made.server.quote(quote(at_ns=made.now_ns()))
        yield made
        for line in made.lines:
            line.close()


def place(line: AngelLine, *args: Any, **more: Any) -> Any:
    return line.broker.place(order(*args, account=ACCOUNT, **more))


def test_it_is_a_line(world: World) -> None:
    line: Line = world.line(symbols=False)
    assert line.broker.account == ACCOUNT
    assert (line.alive_ns, line.linked_ns) == (0, 0)


def test_nothing_is_sent_before_it_is_used(world: World) -> None:
    world.line(symbols=False)
    assert (world.asked, world.server.requests, world.server.handshakes) == (0, [], [])


def test_first_request_logs_in_and_the_others_use_its_session(world: World) -> None:
    line = world.line()
    assert line.broker.funds().available_inr == CAPITAL
    assert place(line).outcome is Outcome.ACKED
    assert [row.filled for row in line.broker.orders()] == [65]
    assert [p.net_units for p in line.broker.positions()] == [65]
    assert world.asked == 1


def test_updates_and_quotes_are_heard_with_our_names(world: World) -> None:
    line = world.line()
    line.subscribe([world.listing()])
    world.listen(line)
    place(line)
    until(lambda: any(row.filled == 65 for row in world.orders))
    assert {row.symbol for row in world.orders} == {CALL}
    until(lambda: len(world.server.subscribed()[0]) == 2)
    world.server.quote(quote(symbol=PUT, at_ns=world.now_ns()))
    until(lambda: {q.instrument for q in world.quotes} == {CALL_ID, PUT_ID})
    assert 0 < line.linked_ns <= line.alive_ns
    assert world.asked == 1


def test_market_stream_is_connected_once_there_is_something_to_hear(world: World) -> None:
    line = world.line()
    line.listen(world.orders.append, world.quotes.extend, world.linked, world.linked)
    until(lambda: world.links == [(True, "")])
    until(lambda: line.alive_ns > 0)
    assert world.server.handshakes == ["/smart-order-update"]
    line.subscribe([world.listing()])
    until(lambda: {q.instrument for q in world.quotes} == {CALL_ID})
    line.subscribe([world.listing(PUT)])
    world.server.quote(quote(symbol=PUT, at_ns=world.now_ns()))
    until(lambda: {q.instrument for q in world.quotes} == {CALL_ID, PUT_ID})
    assert world.server.handshakes.count("/smart-stream") == 1


def test_scrips_may_come_later(world: World) -> None:
    line = world.line(symbols=False)
    world.listen(line)
    assert place(line).outcome is Outcome.NOT_SENT
    world.server.call(lambda: world.server.exchange.trade(ACCOUNT, CALL, "NFO", Side.BUY, 65, "NRML", world.now_ns()))
    with pytest.raises(ReadFailed, match="scrips"):
        line.broker.orders()
    assert line.broker.funds().available_inr > 0
    line.symbols = Symbols(line.dump().encode(), DAY)
    assert place(line).outcome is Outcome.ACKED
    until(lambda: any(row.tag == "T1" for row in world.orders))
    assert len(line.broker.orders()) == 2


def test_dump_needs_no_session_and_says_when_it_cannot_be_had(world: World) -> None:
    line = world.line(symbols=False)
    assert "NIFTY24NOV2624500CE" in line.dump()
    assert world.asked == 0
    for url in (f"{world.server.root_url}/nowhere.json", f"http://127.0.0.1:{refused_port()}/x.json"):
        other = AngelLine(
            ACCOUNT,
            angel_credentials(world.server.desk.accounts[ACCOUNT]),
            AngelOneUrls(scrip_url=url),
            world.now_ns,
            1,
        )
        with pytest.raises(ReadFailed, match="scrip master"):
            other.dump()


@pytest.mark.parametrize(
    "listing",
    [
        Listing(option(CALL, strike=24600), 1, "40900"),
        Listing(option("NIFTY26NOV99999CE", strike=99999), 1, "77777"),
        Listing(Instrument(exchange="NCO", symbol="X", lot_units=1, tick_inr=Decimal(1), freeze_units=None, underlying="X", kind=option().kind), 1, "1"),
    ],
    ids=["same name, token of another", "not at Angel", "segment without a number"],
)  # fmt: skip
def test_listing_is_subscribed_under_angels_own_token_or_not_at_all(world: World, listing: Listing) -> None:
    line = world.line()
    line.subscribe([listing, world.listing(PUT)])
    world.listen(line)
    token = {name: scrip["token"] for name, scrip in world.server.desk.scrips.items()}
    wanted = {(2, token[PUT_ID])} | ({(2, token[CALL_ID])} if listing.instrument.id == CALL_ID else set())
    until(lambda: world.server.subscribed() == [wanted])


def test_scrips_of_another_day_are_all_that_is_subscribed(world: World) -> None:
    line = world.line()
    line.subscribe([world.listing(), world.listing(PUT)])
    world.listen(line)
    until(lambda: [len(found) for found in world.server.subscribed()] == [2])
    line.use(AngelMarket(Symbols(line.dump().encode(), DAY)))
    line.subscribe([world.listing(PUT)])
    until(lambda: world.server.subscribed() == [{(2, world.server.desk.scrips[PUT_ID]["token"])}])


# --- sessions that end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["orders", "positions", "funds"])
def test_read_in_a_session_that_has_ended_logs_in_once_and_is_answered(world: World, what: str) -> None:
    line = world.line()
    getattr(line.broker, what)()
    world.server.end_sessions()
    world.server.clock.move(HALF_MINUTE)
    getattr(line.broker, what)()
    assert (world.asked, world.logins) == (2, 0)


def test_line_after_a_change_of_the_mode_has_the_session_of_the_one_before(world: World) -> None:
    first = world.line()
    world.listen(first)
    assert first.broker.funds().available_inr == CAPITAL
    first.close()
    second = world.line()
    assert second.broker.funds().available_inr == CAPITAL
    world.links.clear()
    world.listen(second)
    assert world.asked == 1


def test_session_that_ended_before_a_new_code_needs_a_login_until_there_is_one(world: World) -> None:
    line = world.line()
    line.broker.funds()
    world.server.end_sessions()
    with pytest.raises(NeedsLogin):
        line.broker.funds()
    assert world.asked == 1
    world.server.clock.move(HALF_MINUTE)
    assert line.broker.funds().available_inr == CAPITAL
    assert (world.asked, world.logins) == (2, 1)


def test_write_in_a_session_that_has_ended_is_not_sent_twice_and_the_next_read_brings_the_session(world: World) -> None:
    line = world.line()
    line.broker.funds()
    world.server.end_sessions()
    world.server.clock.move(HALF_MINUTE)
    assert place(line).outcome is Outcome.NEEDS_LOGIN
    assert world.server.requests.count("place") == 1
    assert line.broker.orders() == ()
    assert world.logins == 0  # whoever was told has perhaps not heard it yet
    world.server.clock.move(1.5)
    line.broker.orders()
    line.broker.orders()
    assert (world.asked, world.logins) == (2, 1)
    assert place(line).outcome is Outcome.ACKED


def test_write_after_one_that_found_the_session_over_logs_in_first(world: World) -> None:
    line = world.line()
    line.broker.funds()
    world.server.end_sessions()
    world.server.clock.move(HALF_MINUTE)
    assert place(line).outcome is Outcome.NEEDS_LOGIN
    assert place(line).outcome is Outcome.ACKED
    assert world.server.requests.count("place") == 2


def test_write_without_any_session_logs_in_first(world: World) -> None:
    line = world.line()
    assert place(line, Side.BUY, 65, OrderType.LIMIT, price="90").outcome is Outcome.ACKED
    (row,) = line.broker.orders()
    world.server.clock.move(24 * 3600)  # midnight has passed: the session is known to be over
    answer = line.broker.cancel(CancelOrder(account=ACCOUNT, tag="T1", order_id=row.order_id))
    assert answer.outcome is not Outcome.NEEDS_LOGIN
    assert world.asked == 2


def test_wrong_pin_is_said_and_the_account_is_not_locked(world: World) -> None:
    line = world.line(password="0000")
    line.subscribe([world.listing()])
    line.listen(world.orders.append, world.quotes.extend, world.linked, world.linked)
    for _ in range(20):
        with pytest.raises(NeedsLogin, match="refuses the login"):
            line.broker.orders()
        assert place(line).outcome is Outcome.NEEDS_LOGIN
        world.server.clock.move(60)
    until(lambda: len(world.links) >= 4)
    assert (world.asked, world.server.desk.accounts[ACCOUNT].wrong_logins) == (1, 1)
    assert all(not on and "refuses the login" in why for on, why in world.links)
    line.log_in(angel_credentials(world.server.desk.accounts[ACCOUNT]))
    world.server.clock.move(HALF_MINUTE)
    assert line.broker.funds().available_inr == CAPITAL
    until(lambda: [on for on, _ in world.links].count(True) == 2)
    assert world.logins == 1


def test_streams_come_back_with_a_new_session(world: World) -> None:
    line = world.line()
    line.subscribe([world.listing()])
    world.listen(line)
    world.server.end_sessions()
    world.server.clock.move(HALF_MINUTE)
    world.server.drop_streams()
    until(lambda: [on for on, _ in world.links].count(True) == 4)
    assert world.asked == 2
    place(line)
    until(lambda: any(row.status is BookStatus.COMPLETE for row in world.orders))
    until(lambda: len(world.server.subscribed()) == 1 and world.server.subscribed()[0])


def test_stream_that_alone_refuses_a_session_does_not_end_it(world: World) -> None:
    line = world.line()
    world.listen(line)
    line.broker.funds()
    world.server.desk.accounts[ACCOUNT].feed = "another"
    world.server.drop_streams()
    until(lambda: world.server.handshakes.count("/smart-stream") >= 4)
    world.server.clock.move(HALF_MINUTE)
    until(lambda: world.server.handshakes.count("/smart-stream") >= 5)
    line.broker.funds()
    assert world.asked == 1


def test_login_with_another_pin_is_taken_up_by_requests_and_streams(world: World) -> None:
    line = world.line()
    world.listen(line)
    line.broker.funds()
    world.server.desk.accounts[ACCOUNT].pin = "0815"
    world.server.clock.move(HALF_MINUTE)
    line.log_in(angel_credentials(world.server.desk.accounts[ACCOUNT]))
    world.server.clock.move(1.0)
    assert line.broker.funds().available_inr == CAPITAL
    until(lambda: [on for on, _ in world.links].count(True) == 4)
    assert world.asked == 2


def test_another_key_is_used_by_requests_and_streams(world: World) -> None:
    line = world.line()
    world.listen(line)
    world.server.desk.accounts[ACCOUNT].api_key = "anotherkey"
    world.server.clock.move(HALF_MINUTE)
    line.log_in(angel_credentials(world.server.desk.accounts[ACCOUNT]))
    world.server.clock.move(1.0)
    assert line.broker.funds().available_inr == CAPITAL
    until(lambda: [on for on, _ in world.links].count(True) == 4)


def test_subscription_waits_for_no_login_and_for_no_stream_that_closes(world: World) -> None:
    line = world.line()
    world.listen(line)
    line.broker.funds()
    world.server.end_sessions()
    world.server.clock.move(HALF_MINUTE)
    world.server.fault("login", "timeout_not_accepted")  # it hangs
    with ThreadPoolExecutor(3) as pool:
        hanging = pool.submit(lambda: suppressed(line.broker.funds))
        until(world.server.script.is_used_up)
        changed = pool.submit(
            line.log_in, angel_credentials(world.server.desk.accounts[ACCOUNT], username=f"{ACCOUNT}X")
        )
        subscribed = pool.submit(line.subscribe, [world.listing()])
        subscribed.result(5.0)
        assert not hanging.done()
        changed.result(PATIENCE_S)
        line._transport.close()
        world.server.__exit__()
        hanging.result(PATIENCE_S)


def test_stream_that_is_subscribed_to_meanwhile_has_the_new_credentials(world: World) -> None:
    line = world.line()
    line.listen(world.orders.append, world.quotes.extend, world.linked, world.linked)
    world.server.desk.accounts[ACCOUNT].api_key = "anotherkey"
    line.log_in(angel_credentials(world.server.desk.accounts[ACCOUNT]))
    line.subscribe([world.listing()])
    world.server.clock.move(HALF_MINUTE)
    until(lambda: len(world.server.subscribed()) == 1 and world.server.subscribed()[0])


@pytest.mark.parametrize("missing", ["api_key", "username", "password", "totp_token"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_half_of_a_credentials_file_changes_nothing(world: World, missing: str, is_empty: bool) -> None:
    line = world.line()
    assert line.broker.funds().available_inr == CAPITAL
    whole = dict(angel_credentials(world.server.desk.accounts[ACCOUNT], password="0815"))
    half = {key: Secret("") if key == missing else value for key, value in whole.items() if is_empty or key != missing}
    line.log_in(Credentials(path=Path("c.txt"), broker="angel_one", values=half))
    assert line.broker.funds().available_inr == CAPITAL
    assert world.asked == 1


def test_credentials_of_another_broker_change_nothing(world: World) -> None:
    line = world.line()
    assert line.broker.funds().available_inr == CAPITAL
    values = {key: Secret("x") for key in ("api_key", "api_secret", "user_id")}
    line.log_in(Credentials(path=Path("c.txt"), broker="zerodha", values=values))
    assert line.broker.funds().available_inr == CAPITAL
    assert world.asked == 1


def test_refresh_token_is_in_no_address(world: World) -> None:
    line = world.line()
    world.listen(line)
    world.server.end_sessions()
    world.server.drop_streams()
    until(lambda: world.server.requests.count("margins") >= 1)  # a stream asked whether the session is over
    assert "profile" not in world.server.requests
    assert not any("refresh" in path for path in world.server.paths)


def suppressed(call: Callable[[], object]) -> None:
    with contextlib.suppress(ReadFailed):
        call()


def test_close_ends_the_streams(world: World) -> None:
    line = world.line()
    world.listen(line)
    line.close()
    until(lambda: not world.server.subscribed())
    assert [why for on, why in world.links if not on] == []


def test_line_that_is_closed_starts_no_stream_for_who_listens(world: World) -> None:
    line = world.line()
    world.listen(line)
    line.close()
    before = streams()
    line.listen(world.orders.append, world.quotes.extend, world.linked, world.linked)
    line.subscribe([world.listing()])
    assert streams() <= before


def streams() -> set[threading.Thread]:
    """Those that run: each has its thread from its start."""
    return {thread for thread in threading.enumerate() if thread.name == "angel-link"}


def test_line_that_is_closed_ends_no_session_of_the_one_after_it(world: World) -> None:
    """A credentials file that changes at the end of a session; both know the same login."""
    line = world.line()
    line.broker.funds()
    line.close()
    line.log_in(angel_credentials(world.server.desk.accounts[ACCOUNT], password="9999"))
    after = world.line()
    after.broker.funds()
    assert world.asked == 1


def test_line_works_in_a_lane(world: World) -> None:
    line = world.line()
    answers: list[Any] = []
    lane = ThreadLane(line.broker, answers.append, world.now_ns)
    lane.submit(order(account=ACCOUNT))
    until(lambda: bool(answers))
    assert answers[0].outcome is Outcome.ACKED
    assert lane.close(PATIENCE_S)
