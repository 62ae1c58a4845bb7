"""The trail of some orders through the journal, for people: read beside the writer, changing nothing.

A read goes on where the last one ended, looks through so many entries at most, and can be stopped. The engine shares
the process: what SQLite searches does not hold it up, what is decoded here does.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from engine.commands import CancelOrder, PlaceOrder, Write
from engine.errors import LockstepError
from engine.events import AccountRead, OrderUpdated, RequestAnswered
from engine.model import OrderReport
from engine.trail import Step, TrailLine
from state.codec import UNDECODABLE, decode_command, decode_event
from state.schema import is_empty, stoppable

ENTRIES_MOST = 20_000
"""Entries that one read looks through."""
_INTENTS = (
    "SELECT e.seq, e.at_ns, c.body FROM commands c JOIN entries e USING (seq)"
    " WHERE c.tag IN (SELECT value FROM json_each(?)) ORDER BY c.seq, c.position"
)
# `+`: by number, which is the order that is wanted; by the index of kinds everything would be sorted.
_NEWS = (
    "SELECT seq, at_ns, event FROM entries WHERE seq >= ? AND seq < ? AND at_ns <= ? AND +event_kind IN ({kinds})"
    " AND EXISTS (SELECT 1 FROM json_each(?) WHERE instr(event, value)) ORDER BY seq"
)
_ANSWERS = _NEWS.format(kinds="'RequestAnswered'")
_REPORTS = _NEWS.format(kinds="'OrderUpdated', 'AccountRead'")
Row = tuple[int, int, str]
"""Number, time and text of an entry."""


class JournalTrail:
    """The trail of one set of orders, read further and further.

    Args:
        journal: The file.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._tags: tuple[str, ...] = ()
        self._next = 0
        self._news = _News(())
        self._lines: list[TrailLine] = []
        self._behind = False

    @property
    def is_behind(self) -> bool:
        """Whether the last read left entries that may be about the orders."""
        return self._behind

    def read(self, tags: Sequence[str], until_ns: int, stopped: Callable[[], bool]) -> Sequence[TrailLine]:
        """What the journal has of orders, oldest first. What is not durable, or not looked through yet, is missing.

        Args:
            tags: Our tags of the orders.
            until_ns: Nothing that happened later is looked at.
            stopped: Asked now and then whether nobody waits for it any more.

        Raises:
            LockstepError: It cannot be read now.
        """
        try:
            with stoppable(self._journal, stopped) as connection:
                return self._read(connection, tuple(tags), until_ns)
        except (sqlite3.Error, OSError, LockstepError, *UNDECODABLE, AttributeError) as error:
            self._tags, self._behind = (), False  # begun anew the next time
            raise LockstepError(f"The journal cannot be read now: {error}. It concerns this page alone.") from None

    def _read(self, connection: sqlite3.Connection, tags: tuple[str, ...], until_ns: int) -> Sequence[TrailLine]:
        if not tags or is_empty(connection):
            return ()
        intents = list(_intents(connection.execute(_INTENTS, (json.dumps(tags),))))
        if not intents:
            return ()
        if tags != self._tags:
            self._tags, self._next = tags, intents[0].seq
            self._news, self._lines = _News(tags), []
        end = self._next + ENTRIES_MOST
        (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()
        span = self._next, end, until_ns
        answers = connection.execute(_ANSWERS, (*span, json.dumps(self._news.words))).fetchall()
        self._lines += self._news.lines(answers)
        self._lines += self._news.lines(connection.execute(_REPORTS, (*span, json.dumps(self._news.words))))
        self._next = min(end, last + 1)
        self._behind = self._next <= last and self._is_before(connection, until_ns)
        return sorted([*intents, *self._lines], key=lambda line: (line.seq, line.step is Step.INTENT))

    def _is_before(self, connection: sqlite3.Connection, until_ns: int) -> bool:
        row = connection.execute("SELECT at_ns FROM entries WHERE seq = ?", (self._next,)).fetchone()
        return row is not None and row[0] <= until_ns


def _intents(rows: Iterable[Row]) -> Iterator[TrailLine]:
    for seq, at_ns, body in rows:
        command = decode_command(body)
        if isinstance(command, Write):
            yield _line(seq, at_ns, command, Step.INTENT, _intent(command))


def _line(seq: int, at_ns: int, of: Write | RequestAnswered, step: Step, text: str) -> TrailLine:
    return TrailLine(seq=seq, at_ns=at_ns, account=of.account, tag=of.tag, step=step, text=text)


def _intent(command: Write) -> str:
    if isinstance(command, CancelOrder):
        return "cancel"
    if isinstance(command, PlaceOrder):
        what = ["place", command.side.value, str(command.quantity)]
    else:
        what = ["change to"] + ([] if command.quantity is None else [f"{command.quantity} units"])
    what += [] if command.order_type is None else [command.order_type.value]
    what += [] if command.price_inr is None else [str(command.price_inr)]
    what += [] if command.trigger_price_inr is None else [f"trigger {command.trigger_price_inr}"]
    return " ".join(what)


class _News:
    """What brokers told of the orders: answers, pushes and books, each said once."""

    def __init__(self, tags: Sequence[str]) -> None:
        self._tags = frozenset(tags)
        self._ids: dict[tuple[str, str], str] = {}
        "Tags by account and the broker's id: not every broker keeps tags."
        self._shown: dict[str, object] = {}

    @property
    def words(self) -> list[str]:
        """What an entry about the orders has in it."""
        return [*self._tags, *(order_id for _, order_id in self._ids)]

    def lines(self, rows: Iterable[Row]) -> Iterator[TrailLine]:
        for seq, at_ns, text in rows:
            event = decode_event(text)
            if isinstance(event, RequestAnswered) and event.tag in self._tags:
                if event.order_id:
                    self._ids[event.account, event.order_id] = event.tag
                yield _line(seq, at_ns, event, Step.ANSWER, _answer(event))
            elif isinstance(event, OrderUpdated):
                yield from self._reports(seq, at_ns, event.account, Step.PUSH, [event.report])
            elif isinstance(event, AccountRead):
                yield from self._reports(seq, at_ns, event.account, Step.BOOK, event.orders or ())

    def _reports(
        self, seq: int, at_ns: int, account: str, step: Step, reports: Iterable[OrderReport]
    ) -> Iterator[TrailLine]:
        for report in reports:
            tag = report.tag if report.tag in self._tags else self._ids.get((account, report.order_id), "")
            shown = report.status, report.filled, report.quantity, report.price_inr, report.trigger_price_inr
            if not tag or self._shown.get(tag) == shown:
                continue
            self._shown[tag] = shown
            yield TrailLine(seq=seq, at_ns=at_ns, account=account, tag=tag, step=step, text=_report(report))


def _answer(event: RequestAnswered) -> str:
    order = f", order {event.order_id}" if event.order_id else ""
    return f"{event.request.value}: {event.outcome.value}{order}" + (f": {event.reason}" if event.reason else "")


def _report(report: OrderReport) -> str:
    price = "" if report.average_price_inr is None or not report.filled else f" at {report.average_price_inr}"
    message = f": {report.status_text}" if report.status_text else ""
    return f"{report.status.value} {report.filled}/{report.quantity}{price}{message}"
