"""The trail of an order through the journal: each step once, in order, read beside the writer."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from engine.commands import CancelOrder, ModifyOrder
from engine.errors import LockstepError
from engine.events import AccountRead, OrderUpdated, Outcome, Request, RequestAnswered
from engine.model import BookStatus, OrderReport, OrderType, Side
from engine.trail import Step, TrailLine
from state import schema
from state import trail as state_trail
from state.journal import SqliteJournal
from state.trail import JournalTrail
from tests.unit.state.samples import order, tick
from tests.unit.state.test_journal import NAME, change

S = 1_000_000_000
EVER = 10**18


def read_trail(path: Path, tags: list[str], until_ns: int) -> Sequence[TrailLine]:
    return JournalTrail(path).read(tags, until_ns, lambda: False)


def report(tag: str, filled: int = 0, *, status: BookStatus = BookStatus.OPEN, order_id: str = "9") -> OrderReport:
    return OrderReport(
        order_id=order_id,
        exchange="NFO",
        symbol="NIFTY26NOV24500CE",
        product="NRML",
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        quantity=195,
        filled=filled,
        average_price_inr=Decimal("100.10") if filled else None,
        status=status,
        tag=tag,
    )


def answer(at_ns: int, tag: str, request: Request = Request.PLACE, order_id: str = "9") -> RequestAnswered:
    return RequestAnswered(
        at_ns=at_ns, account="C1", request=request, tag=tag, outcome=Outcome.ACKED, order_id=order_id
    )


def day(path: Path) -> SqliteJournal:
    """One order from its intent to its end, and another one beside it."""
    journal = SqliteJournal(path / NAME)
    journal.append(tick(1 * S), [order("T1"), order("T2")])
    journal.append(answer(2 * S, "T1"), ())
    journal.append(answer(2 * S, "T2", order_id="10"), ())
    journal.append(OrderUpdated(at_ns=3 * S, account="C1", report=report("T1")), ())
    journal.append(OrderUpdated(at_ns=3 * S, account="C1", report=report("T1")), ())  # told twice, shown once
    change_it = ModifyOrder(
        account="C1", tag="T1", order_id="9", order_type=OrderType.SL, quantity=130, price_inr=Decimal("99.5"),
        trigger_price_inr=Decimal("99"),
    )  # fmt: skip
    journal.append(tick(4 * S), [change_it])
    journal.append(tick(5 * S), [CancelOrder(account="C1", tag="T1", order_id="9")])
    rows = report("", 65, status=BookStatus.CANCELLED), report("", order_id="77")  # this broker keeps no tags
    journal.append(AccountRead(at_ns=6 * S, account="C1", began_ns=6 * S, orders=rows), ())
    journal.commit()
    return journal


def test_every_step_of_an_order_is_there_once_and_in_order(tmp_path: Path) -> None:
    day(tmp_path)
    trail = read_trail(tmp_path / NAME, ["T1"], EVER)
    assert [(line.at_ns // S, line.step, line.text) for line in trail] == [
        (1, Step.INTENT, "place SELL 195 LIMIT 100.10"),
        (2, Step.ANSWER, "place: acked, order 9"),
        (3, Step.PUSH, "OPEN 0/195"),
        (4, Step.INTENT, "change to 130 units SL 99.5 trigger 99"),
        (5, Step.INTENT, "cancel"),
        (6, Step.BOOK, "CANCELLED 65/195 at 100.10"),
    ]
    assert {(line.account, line.tag) for line in trail} == {("C1", "T1")}


def test_several_orders_share_a_trail_that_ends_when_it_is_told_to(tmp_path: Path) -> None:
    day(tmp_path)
    trail = read_trail(tmp_path / NAME, ["T1", "T2"], 2 * S)
    assert [(line.tag, line.step) for line in trail if line.step is Step.ANSWER] == [
        ("T1", Step.ANSWER),
        ("T2", Step.ANSWER),
    ]
    assert max(line.at_ns for line in trail if line.step is not Step.INTENT) == 2 * S
    assert not read_trail(tmp_path / NAME, [], EVER)
    assert not read_trail(tmp_path / NAME, ["T9"], EVER)
    assert not read_trail(tmp_path / NAME, ['a "strange" one'], EVER)


def test_it_is_read_while_the_journal_is_written_and_shows_what_is_durable(tmp_path: Path) -> None:
    journal = day(tmp_path)
    journal.append(tick(7 * S), [order("T3")])
    assert not read_trail(tmp_path / NAME, ["T3"], EVER)
    journal.commit()
    assert len(read_trail(tmp_path / NAME, ["T3"], EVER)) == 1


def test_a_second_read_goes_on_where_the_first_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = day(tmp_path)
    whole = list(read_trail(tmp_path / NAME, ["T1"], EVER))
    monkeypatch.setattr(state_trail, "ENTRIES_MOST", 3)
    trail = JournalTrail(tmp_path / NAME)
    sizes = []
    found: Sequence[TrailLine] = ()
    for _ in range(3):
        found = trail.read(["T1"], EVER, lambda: False)
        sizes.append((len(found), trail.is_behind))
    assert sizes == [(4, True), (5, True), (6, False)]  # the intents are all there at once
    assert list(found) == whole
    journal.append(OrderUpdated(at_ns=9 * S, account="C1", report=report("T1", 195, status=BookStatus.COMPLETE)), ())
    journal.commit()
    assert [line.text for line in trail.read(["T1"], EVER, lambda: False)][6:] == ["COMPLETE 195/195 at 100.10"]
    assert not trail.is_behind
    trail.read(["T1"], 2 * S, lambda: False)
    assert not trail.is_behind  # what comes later is not wanted


def test_further_orders_begin_the_trail_anew(tmp_path: Path) -> None:
    day(tmp_path)
    trail = JournalTrail(tmp_path / NAME)
    trail.read(["T2"], EVER, lambda: False)
    assert list(trail.read(["T1", "T2"], EVER, lambda: False)) == list(read_trail(tmp_path / NAME, ["T1", "T2"], EVER))


def test_reading_stops_when_nobody_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "STEPS", 1)
    day(tmp_path)
    with pytest.raises(LockstepError, match="interrupted"):
        JournalTrail(tmp_path / NAME).read(["T1"], EVER, lambda: True)


def test_a_journal_that_cannot_be_read_is_told_without_alarm_for_a_running_session(tmp_path: Path) -> None:
    with pytest.raises(LockstepError, match="cannot be read now") as missing:
        read_trail(tmp_path / NAME, ["T1"], EVER)
    assert "backup" not in str(missing.value)
    journal = day(tmp_path)
    journal.close()
    change(tmp_path / NAME, "UPDATE entries SET event = '{broken T1' WHERE seq = 2")
    with pytest.raises(LockstepError, match="cannot be read now"):
        read_trail(tmp_path / NAME, ["T1"], EVER)
