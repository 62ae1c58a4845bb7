"""The trail of some orders through the journal, for people: read beside the writer, changing nothing."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import StateRefused
from engine.events import AccountRead, OrderUpdated, RequestAnswered
from engine.model import OrderReport
from engine.trail import Step, TrailLine
from state.codec import UNDECODABLE, decode_command, decode_event
from state.reader import WHAT_TO_DO, refusing
from state.schema import connect_read_only, is_empty

ENTRIES_MOST = 50_000
"""Entries that are looked through after the first intent: some hours of a busy day."""
_INTENTS = (
    "SELECT e.seq, e.at_ns, c.body FROM commands c JOIN entries e USING (seq)"
    " WHERE c.tag IN (SELECT value FROM json_each(?)) ORDER BY c.seq, c.position"
)
_NEWS = (
    "SELECT seq, at_ns, event FROM entries WHERE seq >= ? AND seq < ? AND at_ns <= ?"
    " AND event_kind IN ('RequestAnswered', 'OrderUpdated', 'AccountRead') ORDER BY seq"
)


def read_trail(journal: Path, tags: Sequence[str], until_ns: int) -> tuple[TrailLine, ...]:
    """What the journal has of orders up to a time, oldest first; what is not durable yet is missing.

    Args:
        journal: The file.
        tags: Our tags of the orders.
        until_ns: Nothing that happened later is looked at.

    Raises:
        StateRefused: It cannot be read.
    """
    try:
        with refusing(journal):
            return _read(journal, tags, until_ns)
    except UNDECODABLE as error:
        raise StateRefused(f"An entry of {journal} cannot be read: {error}. {WHAT_TO_DO}") from error


def _read(journal: Path, tags: Sequence[str], until_ns: int) -> tuple[TrailLine, ...]:
    connection = connect_read_only(journal)
    try:
        if not tags or is_empty(connection):
            return ()
        found = list(_intents(connection.execute(_INTENTS, (_json(tags),))))
        if found:
            first = found[0].seq
            rows = connection.execute(_NEWS, (first, first + ENTRIES_MOST, until_ns))
            found += _News(frozenset(tags)).lines(rows)
    finally:
        connection.close()
    return tuple(sorted(found, key=lambda line: (line.seq, line.step is Step.INTENT)))


def _json(tags: Sequence[str]) -> str:
    return "[" + ",".join(f'"{tag}"' for tag in tags) + "]"


def _intents(rows: Iterable[tuple[int, int, str]]) -> Iterator[TrailLine]:
    for seq, at_ns, body in rows:
        command = decode_command(body)
        if isinstance(command, PlaceOrder | ModifyOrder | CancelOrder):
            yield TrailLine(
                seq=seq,
                at_ns=at_ns,
                account=command.account,
                tag=command.tag,
                step=Step.INTENT,
                text=_intent(command),
            )


def _intent(command: PlaceOrder | ModifyOrder | CancelOrder) -> str:
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

    def __init__(self, tags: frozenset[str]) -> None:
        self._tags = tags
        self._ids: dict[tuple[str, str], str] = {}
        "Tags by account and the broker's id: not every broker keeps tags."
        self._shown: dict[str, object] = {}

    def lines(self, rows: Iterable[tuple[int, int, str]]) -> Iterator[TrailLine]:
        for seq, at_ns, text in rows:
            event = decode_event(text)
            if isinstance(event, RequestAnswered) and event.tag in self._tags:
                if event.order_id:
                    self._ids[event.account, event.order_id] = event.tag
                yield TrailLine(
                    seq=seq,
                    at_ns=at_ns,
                    account=event.account,
                    tag=event.tag,
                    step=Step.ANSWER,
                    text=_answer(event),
                )
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
