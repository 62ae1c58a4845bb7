"""All accounts of a run: whose instrument file is an account's, and how all of them end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from brokers.house import House
from brokers.zerodha.line import ZerodhaLine
from config.credentials import Secret, save_access_token
from config.errors import ConfigError
from config.rules import ist
from config.schema import Account, AngelOneUrls, Brokers, BrokerUrls, Child, Filters, Settings
from engine.clock import VirtualClock
from engine.commands import ReadAccount
from engine.events import AccountRead, InstrumentsLoaded, LinkChanged, LoggedIn
from engine.feed import SharedFeed
from engine.model import Instrument, instrument_id
from tests.unit.brokers.raw_server import PATIENCE_S, RawServer, Request, answer, refused_port, serving
from tests.unit.brokers.test_introduce import CALL, HEAD, PUT, line
from tests.unit.brokers.zerodha.payloads import position_row, positions
from tests.unit.engine import fakes
from tests.unit.paper.builders import quote

DAY = date(2026, 11, 2)
SECRETS = {
    "zerodha": "api_key = K{name}\napi_secret = S\nuser_id = {name}\naccess_token = T{name}\n",
    "angel_one": "api_key = K\nusername = {name}\npassword = 4711\ntotp_token = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n",
}


REFUSED = b'{"status": "error", "message": "Incorrect `api_key` or `access_token`.", "error_type": "TokenException"}'
TEN = VirtualClock(ist(DAY, "10:00:00"))
NEVER_S = 3600.0


class Inbox(fakes.Inbox):
    """The engine's."""

    def reads(self, account: str) -> list[AccountRead]:
        return [event for event in self.events if isinstance(event, AccountRead) and event.account == account]

    def heard_of(self, symbol: str) -> bool:
        """Whether the engine was told what an instrument is."""
        loaded = [event for event in self.events if isinstance(event, InstrumentsLoaded)]
        return any(instrument.symbol == symbol for event in loaded for instrument in event.instruments)

    def wait(self, found: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(found, PATIENCE_S)


def settings(directory: Path, kite_url: str = "") -> Settings:
    """A master and a child at Zerodha, a child at Angel One, one on paper. Whoever is not given answers nobody."""

    def credentials(name: str, broker: str) -> str:
        path = directory / f"{name}.txt"
        path.touch(mode=0o600)
        path.write_text(SECRETS[broker].format(name=name), encoding="utf-8")
        return str(path)

    nowhere = f"http://127.0.0.1:{refused_port()}"
    return Settings(
        master=Account(id="M", broker="zerodha", credentials=credentials("M", "zerodha")),
        children=(
            Child(id="Z1", broker="zerodha", credentials=credentials("Z1", "zerodha")),
            Child(id="A1", broker="angel_one", credentials=credentials("A1", "angel_one")),
            Child(id="P1", broker="paper"),
        ),
        brokers=Brokers(
            zerodha=BrokerUrls(root_url=kite_url or nowhere, ticker_url=nowhere.replace("http", "ws")),
            angel_one=AngelOneUrls(root_url=nowhere, scrip_url=f"{nowhere}/scrips.json"),
        ),
    )


def at_kite(directory: Path, kite_url: str) -> Settings:
    """Without the child at Angel One, whose file can never be had."""
    given = settings(directory, kite_url)
    return replace(given, children=tuple(child for child in given.children if child.id != "A1"))


@contextmanager
def opened(
    given: Settings, inbox: Inbox, cache: Path, clock: VirtualClock = TEN, feed: SharedFeed | None = None
) -> Iterator[House]:
    """A house of the accounts at brokers, connected."""
    house = House(given, clock.now_ns, inbox, cache, retry_s=NEVER_S)
    try:
        house.open([given.master, *(child for child in given.children if child.broker != "paper")])
        house.load_instruments(DAY)
        house.connect(feed or SharedFeed(inbox, house.subscribe, 1, 1), {"Z1"})
        yield house
    finally:
        house.close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where Kite's file of the day is kept."""
    (tmp_path / f"zerodha-{DAY.isoformat()}.csv").write_text(HEAD + line(CALL), encoding="utf-8")
    return tmp_path


def test_account_is_reckoned_by_its_own_brokers_file_alone(cache: Path) -> None:
    with opened(settings(cache), Inbox(), cache) as house:
        found = {name: house.instrument(name, instrument_id("NFO", CALL)) for name in ("M", "Z1", "P1", "A1")}
    assert [name for name, one in found.items() if isinstance(one, Instrument)] == ["M", "Z1", "P1"]
    assert found["A1"] == "the instrument file of the day is not there yet"


def test_two_accounts_of_one_client_are_refused(cache: Path) -> None:
    """A child that is the master would copy its own copies, without end."""
    given = settings(cache)
    (cache / "Z1.txt").write_text(SECRETS["zerodha"].format(name="m"), encoding="utf-8")
    with pytest.raises(ConfigError, match="is of the same client as M"), opened(given, Inbox(), cache):
        pass


def test_connection_that_is_lost_is_told_to_the_engine(cache: Path) -> None:
    inbox = Inbox()
    with opened(settings(cache), inbox, cache) as house:
        line = house.lines["Z1"]
        assert isinstance(line, ZerodhaLine)
        assert line._listener is not None
        line._listener.on_link(False, "the connection ended (1006)")
    found = [event for event in inbox.events if isinstance(event, LinkChanged)]
    assert [(event.account, event.connected, event.why) for event in found] == [
        ("Z1", False, "the connection ended (1006)")
    ]


def test_keys_of_another_client_log_nobody_in(cache: Path) -> None:
    inbox = Inbox()
    with opened(settings(cache), inbox, cache) as house:
        (cache / "Z1.txt").write_text(SECRETS["zerodha"].format(name="Z2"), encoding="utf-8")
        house._log_in("Z1", cache / "Z1.txt")
        assert not [event for event in inbox.events if isinstance(event, LoggedIn)]
        (cache / "Z1.txt").write_text(SECRETS["zerodha"].format(name="Z1"), encoding="utf-8")
        house._log_in("Z1", cache / "Z1.txt")
        assert [event.account for event in inbox.events if isinstance(event, LoggedIn)] == ["Z1"]


def test_quotes_of_a_day_are_forgotten_when_the_next_begins(cache: Path) -> None:
    inbox = Inbox()
    feed = SharedFeed(inbox, lambda _instruments: None, 1, 1)
    with opened(at_kite(cache, ""), inbox, cache, feed=feed) as house:
        feed.offer([quote(symbol=CALL)], TEN.now_ns())
        assert feed.newest(instrument_id("NFO", CALL)) is not None
        house.turn_to(DAY + timedelta(days=1))
        assert feed.newest(instrument_id("NFO", CALL)) is None


def profile(request: Request) -> bytes:
    """Kite's answer to whose a token is."""
    name = request.headers["authorization"].partition(" ")[2].partition(":")[0].removeprefix("K")
    return answer(b'{"status": "success", "data": {"user_id": "%s"}}' % name.encode())


# Files that are read again


class Kite:
    """Kite's instrument file; who has no good token is refused. `asked` are keys and tokens that came for it.

    Everybody holds the put.
    """

    def __init__(self, *tokens: str) -> None:
        self.tokens = set(tokens)
        self.text = HEAD + line(CALL)
        self.asked: list[str] = []

    def talk(self, _server: RawServer, request: Request, sock: socket.socket) -> bool:
        _, _, pair = request.headers["authorization"].partition(" ")
        if request.target == "/user/profile":
            sock.sendall(profile(request))
            return True
        if request.target != "/instruments":
            sock.sendall(answer(positions(position_row(tradingsymbol=PUT))))
            return True
        self.asked.append(pair)
        is_known = pair.partition(":")[2] in self.tokens
        sock.sendall(answer(self.text.encode(), kind="text/csv") if is_known else answer(REFUSED, "403 Forbidden"))
        return True


def test_file_that_was_refused_is_asked_for_again_at_a_login_and_not_before(tmp_path: Path) -> None:
    kite, inbox = Kite("NEW"), Inbox()
    with (
        serving(kite.talk) as server,
        opened(settings(tmp_path, server.url), inbox, tmp_path) as house,
    ):
        assert house.files_of([instrument_id("NFO", CALL)]) is None
        save_access_token(tmp_path / "M.txt", Secret("NEW"))
        inbox.wait(lambda: inbox.heard_of(CALL))
    assert kite.asked == ["KM:TM", "KZ1:TZ1", "KM:NEW"]


def test_file_of_early_morning_is_replaced_by_that_of_the_day_and_only_that_is_kept(tmp_path: Path) -> None:
    kite, clock = Kite("TM"), VirtualClock(ist(DAY, "08:29:59"))
    with serving(kite.talk) as server, opened(at_kite(tmp_path, server.url), Inbox(), tmp_path, clock) as house:
        assert isinstance(house.instrument("M", instrument_id("NFO", CALL)), Instrument)
        assert list(tmp_path.glob("*.csv")) == []
        kite.text = HEAD + line(CALL) + line(PUT)
        clock.advance(ist(DAY, "08:30"))
        until(lambda: isinstance(house.instrument("M", instrument_id("NFO", PUT)), Instrument))
    assert kite.asked == ["KM:TM"] * 2
    assert not house._refresh.begins(ist(DAY, "15:00"))
    assert [path.read_text("utf-8") for path in tmp_path.glob("*.csv")] == [kite.text]


def test_file_that_is_refused_at_half_past_eight_is_asked_for_again(tmp_path: Path) -> None:
    """A token ends at six in the morning, and the next login may come later."""
    kite, clock = Kite("TM"), VirtualClock(ist(DAY, "05:59"))
    with serving(kite.talk) as server, opened(settings(tmp_path, server.url), Inbox(), tmp_path, clock) as house:
        kite.tokens.clear()
        kite.text += line(PUT)
        clock.advance(ist(DAY, "08:30"))
        until(lambda: len(kite.asked) == 3)
        assert isinstance(house.instrument("M", instrument_id("NFO", CALL)), Instrument)
        kite.tokens.add("TM")
        clock.advance(ist(DAY, "08:35"))
        until(lambda: isinstance(house.instrument("M", instrument_id("NFO", PUT)), Instrument))
    assert kite.asked == ["KM:TM", "KM:TM", "KZ1:TZ1", "KM:TM"]


def test_strike_that_is_added_during_the_day_is_looked_for_in_a_new_file(cache: Path) -> None:
    kite, inbox = Kite("TM"), Inbox()
    kite.text += line(PUT)
    with serving(kite.talk) as server, opened(settings(cache, server.url), inbox, cache) as house:
        assert kite.asked == []
        house.lanes["M"].submit(ReadAccount(account="M", positions=True))
        inbox.wait(lambda: inbox.heard_of(PUT))
    assert kite.asked == ["KM:TM"]


def until(found: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE_S / 0.01)):
        if found():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


# The end


def test_account_that_hangs_at_the_end_delays_no_others_end(cache: Path) -> None:
    """The master's book comes when the child's connection is closed, and is still heard."""
    asked = threading.Event()

    def talk(server: RawServer, request: Request, sock: socket.socket) -> bool:
        if request.target == "/user/profile":
            sock.sendall(profile(request))
            return True
        if "KM:" in request.headers["authorization"]:
            asked.set()
            server.wait_hung_up()
        sock.sendall(answer(b'{"status": "success", "data": []}'))
        return True

    inbox = Inbox()
    with serving(talk) as kite, opened(settings(cache, kite.url), inbox, cache) as house:
        house.lanes["Z1"].submit(ReadAccount(account="Z1", orders=True))
        inbox.wait(lambda: bool(inbox.reads("Z1")))
        house.lanes["M"].submit(ReadAccount(account="M", orders=True))
        assert asked.wait(PATIENCE_S)
        house.close()
        assert [read.orders for read in inbox.reads("M")] == [()]


@pytest.mark.parametrize(("products", "counts"), [(("NRML", "MIS"), False), (("NRML", "CNC"), True), (("MTF",), True)])
def test_holdings_are_read_where_shares_are_followed(cache: Path, products: tuple[str, ...], *, counts: bool) -> None:
    given = replace(at_kite(cache, ""), filters=Filters(products=products))
    with opened(given, Inbox(), cache) as house:
        brokers = [line.broker for line in house.lines.values()]
    assert [getattr(broker, "_counts_shares", None) for broker in brokers] == [counts] * 2
