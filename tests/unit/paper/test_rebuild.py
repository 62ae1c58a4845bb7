"""A market that is rebuilt from its journal is the same market: same books, positions, money, ids and quotes, and goes on so."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from config.load import load_settings
from config.rules import ist
from config.schema import Mode, Settings
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.commands import Command, PlaceOrder, ReadAccount
from engine.events import Resumed
from engine.host import Host
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, NS_PER_S, BookStatus, Instrument, OrderType, Side
from engine.opening import opening
from engine.ports import Lane
from engine.runtime import boot
from paper.accounts import for_replay
from paper.rebuild import KEPT, NO, YES, changed, encode_inputs, files_digest, inputs_of, kept_under, rebuild
from paper.recorded import load_day
from paper.venues import DemoVenue, ReplayVenue, Venue, demo_start_ns, first_ns
from state.sent import Sent, read_sent
from state.session import Session
from tests.recorded_day import write_day
from tests.scenarios.files import ROOT

DAY = date(2026, 11, 2)
START = demo_start_ns(DAY)
DEMO = load_settings(ROOT / "config" / "demo.yaml")
OTHER = msgspec.structs.replace(DEMO, paper=msgspec.structs.replace(DEMO.paper, partial_fills=True))
"Another exchange."

Make = Callable[[], Venue]


def demo(settings: Settings = DEMO, start_ns: int = START) -> Venue:
    return DemoVenue(settings, EngineLoop(VirtualClock(start_ns), Agenda()), DAY, start_ns)


class ReadsOnly:
    """A line that loses every write: the process dies between its commit and the sending."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def submit(self, command: Command) -> None:
        if isinstance(command, ReadAccount):
            self._lane.submit(command)


class Life:
    """Processes that trade in a venue until they are killed, on one journal."""

    def __init__(self, make: Make, settings: Settings, root: Path) -> None:
        self.make, self.settings, self.root = make, settings, root
        self.venue = make()
        self._session: Session | None = None

    @property
    def loop(self) -> EngineLoop:
        return self.venue.world.loop

    def start(self, *, sends: bool = True) -> Host:
        """A process begins at the time that the venue's clock shows; one that does not send only reads."""
        self._session = session = Session(self.root, Mode.PAPER, sync=False)
        lanes: Mapping[str, Lane]
        lanes, feed = self.venue.world.connect()
        lanes = lanes if sends else {account: ReadsOnly(lane) for account, lane in lanes.items()}
        start = opening(self.settings, self.venue.day, self.loop.now_ns(), unclean=session.unclean)
        return boot(self.loop, session, lanes, feed, start, self.venue.files, version="test")

    def run_to(self, at_ms: int) -> None:
        self.loop.run(until_ns=self.venue.start_ns + at_ms * NS_PER_MS)

    def kill(self) -> None:
        """The process is gone; the venue is left as it is."""
        assert self._session is not None
        self._session.commit()
        self._session.crash()
        self.loop.host = self.loop.feed = None

    def sent(self) -> Sent:
        found = read_sent(self.root, Mode.PAPER)
        assert found is not None
        return found

    def rebuilt(self, until_ns: int | None = None) -> Venue:
        """Another venue, from the journal alone."""
        sent, venue = self.sent(), self.make()
        rebuild(venue, sent.writes, sent.last_ns if until_ns is None else until_ns)
        return venue


def picture(venue: Venue) -> tuple[bytes, list[object]]:
    """Everything in a venue but the numbers of its quotes, which only tell one from the next."""
    exchange = venue.world.exchange
    state = re.sub(rb'"taken_number":\d+', b"", exchange.to_bytes())
    return state, [exchange.newest(instrument.id) for instrument in venue.instruments]


@pytest.mark.parametrize("killed_at_ms", [1_000, 7_330, 16_270, 21_010, 25_999, 63_000, 141_290, 150_000, 200_040])
def test_rebuilt_demo_is_the_same_market_and_stays_it(killed_at_ms: int, tmp_path: Path) -> None:
    life = Life(demo, DEMO, tmp_path)
    life.start()
    life.run_to(killed_at_ms)
    life.kill()
    other = life.rebuilt(life.loop.now_ns())
    assert picture(other) == picture(life.venue)
    for venue in (life.venue, other):
        venue.world.loop.run(until_ns=venue.start_ns + (killed_at_ms + 30_000) * NS_PER_MS)
    assert picture(other) == picture(life.venue)


def test_quotes_that_an_order_rests_for_are_made() -> None:
    live, at_ns = demo(), START + 3 * NS_PER_S
    lines, loop = live.world.lines(), live.world.loop
    loop.run(until_ns=at_ns)
    quoted = [(i, quote.bid_inr) for i in live.instruments if (quote := live.world.exchange.newest(i.id)) is not None]
    limits = [
        limit(instrument, f"T{number}", bid_inr - number % 7 * instrument.tick_inr)
        for number, (instrument, bid_inr) in enumerate(quoted)
        if bid_inr is not None
    ]
    for command in limits:
        lines["CHILD-1"].submit(command)
    loop.run(until_ns=at_ns + 60 * NS_PER_S)
    other = demo()
    rebuild(other, [(at_ns, command) for command in limits], at_ns + 60 * NS_PER_S)
    statuses = {row.status for row in other.world.exchange.orders("CHILD-1")}
    assert {BookStatus.OPEN, BookStatus.COMPLETE} <= statuses
    assert picture(other) == picture(live)


def limit(instrument: Instrument, tag: str, price_inr: Decimal) -> PlaceOrder:
    return PlaceOrder(
        account="CHILD-1",
        tag=tag,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        product="NRML",
        side=Side.BUY,
        quantity=instrument.lot_units,
        order_type=OrderType.LIMIT,
        price_inr=price_inr,
    )


def test_exchange_squares_off_in_the_same_market() -> None:
    """At 15:25 to the nanosecond, where quotes of the same instant come after it."""
    late_ns = ist(DAY, "15:24:30")
    live, other = demo(start_ns=late_ns - NS_PER_S), demo(start_ns=late_ns - NS_PER_S)
    instrument = live.instruments[24]
    command = msgspec.structs.replace(
        limit(instrument, "T", Decimal(0)), order_type=OrderType.MARKET, price_inr=None, product="MIS"
    )
    live.world.loop.run(until_ns=late_ns)
    live.world.lines()["CHILD-1"].submit(command)
    live.world.loop.run(until_ns=late_ns + 120 * NS_PER_S)
    rebuild(other, [(late_ns, command)], late_ns + 120 * NS_PER_S)
    assert [row.side for row in live.world.exchange.orders("CHILD-1")] == [Side.BUY, Side.SELL]
    assert picture(other) == picture(live)


def test_several_sessions_in_one_journal(tmp_path: Path) -> None:
    """Each process trades in the market that was rebuilt from what all before it had sent."""
    life = Life(demo, DEMO, tmp_path)
    for killed_at_ms in (6_300, 6_330, 15_900, 21_270, 62_400):
        life.start()
        life.loop.post(Resumed(at_ns=life.loop.now_ns()))
        life.run_to(killed_at_ms)
        life.kill()
        lived = life.venue
        life.venue = life.rebuilt(life.loop.now_ns())
        assert picture(life.venue) == picture(lived)
    assert len(life.sent().writes) > 10


def test_request_that_is_durable_is_sent_though_the_process_died_at_once(tmp_path: Path) -> None:
    life = Life(demo, DEMO, tmp_path)
    life.start(sends=False)
    life.run_to(7_300)
    life.kill()
    at_ns, order = life.sent().writes[0]
    assert life.venue.world.exchange.orders(order.account) == ()
    other = life.rebuilt(at_ns)
    assert other.world.exchange.orders(order.account) == ()
    other.world.loop.run(until_ns=at_ns + DEMO.paper.latency_ms * NS_PER_MS)
    assert [row.tag for row in other.world.exchange.orders(order.account)] == [order.tag]


def test_answers_of_the_rebuilt_time_are_heard_by_nobody(tmp_path: Path) -> None:
    life = Life(demo, DEMO, tmp_path)
    life.start()
    life.run_to(7_300)
    life.kill()
    sent = life.sent()
    other = life.rebuilt(sent.writes[0][0])
    heard: list[object] = []
    lanes, _ = other.world.connect()
    for lane in lanes.values():
        lane.listen(heard.append)
    other.world.loop.run(until_ns=other.world.loop.now_ns() + NS_PER_S)
    assert heard == []
    assert any(row.tag == sent.writes[0][1].tag for row in other.world.exchange.orders(sent.writes[0][1].account))


def test_recorded_day_is_rebuilt_too(tmp_path: Path) -> None:
    day = tmp_path / write_day(tmp_path)
    path = tmp_path / "accounts.yaml"
    settings = for_replay(load_settings(path), path, answered=False)
    recorded = load_day(day)

    def make() -> Venue:
        return ReplayVenue(settings, EngineLoop(VirtualClock(first_ns(recorded)), Agenda()), recorded)

    life = Life(make, settings, tmp_path / "state")
    life.start()
    life.run_to(60_000 + 141_320)
    life.kill()
    other = life.rebuilt(life.loop.now_ns())
    assert picture(other) == picture(life.venue)
    for venue in (life.venue, other):
        assert venue.until_ns is not None
        venue.world.loop.run(until_ns=venue.until_ns)
    assert picture(other) == picture(life.venue)


# What a market is made of


def test_equal_inputs_are_known_again_and_a_difference_is_named() -> None:
    venue = demo()
    inputs = inputs_of(venue, DEMO, "1.0", times="None to None")
    kept = encode_inputs(inputs)
    assert changed(kept, inputs_of(demo(), DEMO, "1.0", times="None to None")) == []
    assert changed(kept, inputs_of(venue, DEMO, "1.1", times="09:30 to None")) == ["program", "times"]


def test_what_the_exchange_does_not_know_is_no_difference() -> None:
    quick = msgspec.structs.replace(DEMO, timing=msgspec.structs.replace(DEMO.timing, aggregation_ms=1))
    inputs = inputs_of(demo(), DEMO, "1.0")
    assert changed(encode_inputs(inputs), inputs_of(demo(quick), quick, "1.0")) == []
    richer = msgspec.structs.replace(DEMO, children=DEMO.children[:2])
    assert changed(encode_inputs(inputs), inputs_of(demo(richer), richer, "1.0")) == ["accounts"]
    assert changed(encode_inputs(inputs), inputs_of(demo(OTHER), OTHER, "1.0")) == ["paper settings"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b'{"day": 1}'])
def test_unreadable_inputs_are_other_inputs(damage: bytes) -> None:
    inputs = inputs_of(demo(), DEMO, "1.0")
    assert changed(damage, inputs) == list(inputs)


def test_recording_is_known_by_its_files_content(tmp_path: Path) -> None:
    day = tmp_path / write_day(tmp_path)
    before = files_digest(day)
    (day / "notes.txt").write_text("nothing to do with it", encoding="utf-8")
    assert files_digest(day) == before
    with (day / "master_orders.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert files_digest(day) != before


def test_whether_a_state_is_kept_makes_no_other_market() -> None:
    inputs = inputs_of(demo(), DEMO, "0.1.0")
    for kept in (NO, YES):
        assert changed(encode_inputs(inputs | {KEPT: kept}), inputs) == []
        assert changed(encode_inputs(inputs), inputs | {KEPT: kept}) == []


@pytest.mark.parametrize(
    ("world", "day"),
    [
        ({"day": "2026-11-02", KEPT: YES}, "2026-11-02"),
        ({"day": "2026-11-02", KEPT: NO}, ""),
        ({"day": "2026-11-02"}, "2026-11-02"),
        ({"day": "../..", KEPT: YES}, "2026-11-30"),
        ({}, "2026-11-30"),
    ],
)
def test_state_is_kept_under_the_day_of_its_market_unless_that_says_otherwise(world: dict[str, str], day: str) -> None:
    assert kept_under(encode_inputs(world), "2026-11-30") == day


def test_state_of_a_market_that_nothing_tells_of_is_kept() -> None:
    assert kept_under(b"damaged", "2026-11-30") == "2026-11-30"
