"""A paper exchange whose books are on disk before anybody hears of what is in them."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.schema import Paper
from engine.errors import JournalFailed, StateRefused
from engine.events import Outcome
from engine.model import BookStatus, OrderReport, OrderType
from paper.kept import KeptExchange
from state.files import write_durably
from tests.unit.paper.builders import NOW, SESSIONS, ns, option, order, quote

DAY, NEXT = date(2026, 11, 2), date(2026, 11, 3)


class Room:
    """A directory with one exchange in it, opened as often as a process starts."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "accounts.json"
        self.now_ns = NOW
        self.told: list[tuple[str, BookStatus]] = []
        self.disk_is_full = False
        self.kept = self.open()

    def open(self, day: date = DAY) -> KeptExchange:
        self.kept = KeptExchange(
            self.path,
            paper=Paper(margins=False, latency_ms=0),
            day=day,
            sessions=SESSIONS,
            charges=None,
            now_ns=lambda: self.now_ns,
            on_update=self._updated,
            write=self._write,
        )
        return self.kept

    def trade(self) -> Outcome:
        self.kept.list_once(option())
        self.kept.exchange.add_account("C1", Decimal(1_000_000))
        self.kept.quote([quote()], self.now_ns)
        answer = self.kept.exchange.place(order(), self.now_ns)
        self.kept.save_if_changed()
        return answer.outcome

    def _write(self, path: Path, data: bytes) -> None:
        if self.disk_is_full:
            raise OSError(28, "No space left on device")
        write_durably(path, data)

    def _updated(self, account: str, report: OrderReport) -> None:
        self.told.append((account, report.status))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_books_outlive_the_process(room: Room) -> None:
    assert room.trade() is Outcome.ACKED
    kept = room.open()
    assert [row.status for row in kept.exchange.orders("C1")] == [BookStatus.COMPLETE]
    assert [position.net_units for position in kept.exchange.positions("C1")] == [65]


def test_order_numbers_go_on_after_a_restart(room: Room) -> None:
    room.trade()
    first = room.kept.exchange.orders("C1")[0].order_id
    room.open()
    room.trade()
    ids = [row.order_id for row in room.kept.exchange.orders("C1")]
    assert ids[0] == first
    assert len(set(ids)) == 2


def test_resting_order_fills_after_a_restart(room: Room) -> None:
    room.trade()
    room.kept.exchange.place(order(order_type=OrderType.LIMIT, price="90"), room.now_ns)
    room.kept.save_if_changed()
    kept = room.open()
    kept.list_once(option())
    kept.quote([quote("89.00", "89.50", "89.20", at_ns=room.now_ns + 1)], room.now_ns + 1)
    assert [row.status for row in kept.exchange.orders("C1")] == [BookStatus.COMPLETE] * 2


def test_nobody_hears_of_what_could_not_be_written(room: Room) -> None:
    room.disk_is_full = True
    with pytest.raises(JournalFailed, match="cannot be written"):
        room.trade()
    assert room.told == []
    room.disk_is_full = False
    assert not room.open().exchange.has_account("C1")


def test_everybody_hears_of_what_was_written(room: Room) -> None:
    room.trade()
    assert room.told == [("C1", BookStatus.OPEN), ("C1", BookStatus.COMPLETE)]


def test_next_day_begins_with_an_empty_book_and_the_positions_overnight(room: Room) -> None:
    room.trade()
    room.now_ns = ns("09:20", 3)
    kept = room.open(NEXT)
    (position,) = kept.exchange.positions("C1")
    assert (kept.exchange.orders("C1"), position.net_units, position.overnight_units) == ((), 65, 65)
    assert not kept.exchange.is_listed(option().id)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"{", "damaged"), (b"", "damaged"), (b'{"version":9,"day":"2026-11-02","exchange":{}}', "version 9")],
)
def test_books_that_cannot_be_used_are_refused_with_what_to_do(room: Room, content: bytes, why: str) -> None:
    room.path.write_bytes(content)
    with pytest.raises(StateRefused, match=why) as refused:
        room.open()
    assert "Put a good copy back" in str(refused.value)
    assert room.path.read_bytes() == content
