"""Each fault on each call: what the caller sees, what the exchange did, how long it took, and that the next call is well."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.commands import CancelOrder, ModifyOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import NS_PER_MS, BookStatus, OrderType, Side
from engine.ports import Answer
from paper.faults import READ_TIMEOUT_NS, FaultKind, FaultOn, changed_tag, fits
from tests.unit.paper.builders import CALL, NOW, order, quote
from tests.unit.paper.faulty import Line

WRITES = (FaultOn.PLACE, FaultOn.MODIFY, FaultOn.CANCEL)
READS = (FaultOn.ORDERS, FaultOn.POSITIONS, FaultOn.MARGINS)
BY_MS, AFTER_S = 700, 20


class Account:
    """A faulty account with one resting order, and how to tell whether a write reached the exchange."""

    def __init__(self) -> None:
        self.line = Line()
        self.broker = self.line.broker
        resting = order(Side.BUY, 65, OrderType.LIMIT, price="90", tag="RESTING")
        self.order_id = self.line.market.accepted(resting)

    def write(self, on: FaultOn) -> Answer:
        calls: dict[FaultOn, Callable[[], Answer]] = {
            FaultOn.PLACE: lambda: self.broker.place(order(tag="NEW")),
            FaultOn.MODIFY: lambda: self.broker.modify(
                ModifyOrder(account="C1", tag="RESTING", order_id=self.order_id, price_inr=Decimal(91))
            ),
            FaultOn.CANCEL: lambda: self.broker.cancel(
                CancelOrder(account="C1", tag="RESTING", order_id=self.order_id)
            ),
        }
        return calls[on]()

    def read(self, on: FaultOn) -> object:
        calls: dict[FaultOn, Callable[[], object]] = {
            FaultOn.ORDERS: self.broker.orders,
            FaultOn.POSITIONS: self.broker.positions,
            FaultOn.MARGINS: self.broker.funds,
        }
        return calls[on]()

    def reached(self, on: FaultOn) -> bool:
        """Whether the exchange carried the write out."""
        rows = {row.tag: row for row in self.line.market.exchange.orders("C1")}
        match on:
            case FaultOn.PLACE:
                return "NEW" in rows and rows["NEW"].status is not BookStatus.REJECTED
            case FaultOn.MODIFY:
                return rows["RESTING"].price_inr == Decimal(91)
            case _:
                return rows["RESTING"].status is BookStatus.CANCELLED


UNKNOWN = Outcome.UNKNOWN
# kind: outcome, reached at once, extra nanoseconds
WRITE_TABLE = {
    FaultKind.ACCEPTED_THEN_TIMEOUT: (UNKNOWN, True, READ_TIMEOUT_NS),
    FaultKind.TIMEOUT_NOT_ACCEPTED: (UNKNOWN, False, READ_TIMEOUT_NS),
    FaultKind.ACCEPTED_LATE: (UNKNOWN, False, READ_TIMEOUT_NS),
    FaultKind.REJECTED: (Outcome.REJECTED, False, 0),
    FaultKind.RATE_LIMITED: (Outcome.RATE_LIMITED, False, 0),
    FaultKind.SERVER_ERROR: (UNKNOWN, False, 0),
    FaultKind.TOKEN_EXPIRED: (Outcome.NEEDS_LOGIN, False, 0),
    FaultKind.SLOW: (Outcome.ACKED, True, BY_MS * NS_PER_MS),
    FaultKind.ACCEPTED_THEN_REJECTED: (Outcome.ACKED, True, 0),
    FaultKind.TAG_DROPPED: (Outcome.ACKED, False, 0),  # it reached the exchange, but nothing there has its tag
    FaultKind.TAG_DROPPED_THEN_TIMEOUT: (UNKNOWN, False, READ_TIMEOUT_NS),
    FaultKind.TAG_CHANGED: (Outcome.ACKED, False, 0),  # the same, with another tag
    FaultKind.TAG_CHANGED_THEN_TIMEOUT: (UNKNOWN, False, READ_TIMEOUT_NS),
    FaultKind.LOST_ANSWER_CONNECTION: (UNKNOWN, True, 0),
    FaultKind.NOT_SENT: (Outcome.NOT_SENT, False, 0),
    FaultKind.IP_REFUSED: (Outcome.IP_REFUSED, False, 0),
    FaultKind.CANCEL_REFUSED: (Outcome.REJECTED, False, 0),
}
WRITES_HIT = [(kind, on) for kind in WRITE_TABLE for on in WRITES if fits(kind, on)]
LIES = (FaultKind.STALE_READ, FaultKind.ROWLESS_READ)
FAILING_READS = [
    (kind, on)
    for kind in FaultKind
    for on in READS
    if fits(kind, on) and kind not in (FaultKind.SLOW, FaultKind.TOKEN_EXPIRED, *LIES)
]
INCOMPLETE = (FaultKind.PARTIAL_READ, FaultKind.EMPTY_READ)


def test_table_has_every_kind() -> None:
    assert {*WRITE_TABLE, *INCOMPLETE, *LIES} == set(FaultKind)
    assert set(WRITES) | set(READS) == set(FaultOn)


@pytest.mark.parametrize(("kind", "on"), WRITES_HIT)
def test_write_under_a_fault(kind: FaultKind, on: FaultOn) -> None:
    account = Account()
    account.line.arm(kind, on, after_s=AFTER_S, by_ms=BY_MS)
    answer = account.write(on)
    outcome, reached, extra_ns = WRITE_TABLE[kind]
    assert (answer.outcome, account.reached(on), account.broker.extra_ns) == (outcome, reached, extra_ns)
    assert bool(answer.order_id) is (outcome is Outcome.ACKED)
    assert bool(answer.reason) is (outcome is not Outcome.ACKED)


def test_refused_order_stands_in_the_book_as_refused() -> None:
    account = Account()
    account.line.arm(FaultKind.REJECTED)
    answer = account.write(FaultOn.PLACE)
    row = account.line.market.exchange.orders("C1")[-1]
    assert (row.tag, row.status, row.filled, row.status_text) == ("NEW", BookStatus.REJECTED, 0, answer.reason)


@pytest.mark.parametrize("on", WRITES)
def test_write_accepted_late_reaches_the_exchange_once_and_when_it_said(on: FaultOn) -> None:
    account = Account()
    account.line.arm(FaultKind.ACCEPTED_LATE, on, after_s=AFTER_S)
    account.write(on)
    account.line.run(AFTER_S * 1000 - 1)
    before = account.reached(on)
    account.line.run(AFTER_S * 1000)
    assert (before, account.reached(on)) == (False, True)
    account.line.run(10 * AFTER_S * 1000)
    assert len(account.line.market.exchange.orders("C1")) == (2 if on is FaultOn.PLACE else 1)


@pytest.mark.parametrize(("kind", "on"), FAILING_READS)
def test_read_under_a_fault_fails_and_is_never_empty(kind: FaultKind, on: FaultOn) -> None:
    account = Account()
    account.line.arm(kind, on)
    with pytest.raises(ReadFailed) as failure:
        account.read(on)
    assert not isinstance(failure.value, NeedsLogin)
    assert str(failure.value)
    timed_out = kind not in INCOMPLETE and WRITE_TABLE[kind][2] == READ_TIMEOUT_NS
    assert account.broker.extra_ns == (READ_TIMEOUT_NS if timed_out else 0)


@pytest.mark.parametrize("on", READS)
def test_slow_read_is_complete(on: FaultOn) -> None:
    account, well = Account(), Account()
    account.line.arm(FaultKind.SLOW, on, by_ms=BY_MS)
    assert account.read(on) == well.read(on)
    assert account.broker.extra_ns == BY_MS * NS_PER_MS


def test_order_rejected_after_its_answer_is_never_filled() -> None:
    account = Account()
    account.line.arm(FaultKind.ACCEPTED_THEN_REJECTED, after_s=1)
    answer = account.write(FaultOn.PLACE)
    account.line.market.quotes(quote(last="120"))
    account.line.run(999)
    before = account.line.market.exchange.orders("C1")[-1]
    account.line.run(1000)
    after = account.line.market.exchange.orders("C1")[-1]
    assert (before.order_id, before.status, before.filled) == (answer.order_id, BookStatus.OPEN, 0)
    assert (after.order_id, after.status, after.filled) == (answer.order_id, BookStatus.REJECTED, 0)
    assert after.status_text


def test_order_that_was_cancelled_meanwhile_is_not_rejected_any_more() -> None:
    account = Account()
    account.line.arm(FaultKind.ACCEPTED_THEN_REJECTED, after_s=1)
    answer = account.write(FaultOn.PLACE)
    account.broker.cancel(CancelOrder(account="C1", tag="NEW", order_id=answer.order_id))
    account.line.run(1000)
    assert account.line.market.exchange.orders("C1")[-1].status is BookStatus.CANCELLED


@pytest.mark.parametrize("kind", [FaultKind.TAG_DROPPED, FaultKind.TAG_DROPPED_THEN_TIMEOUT])
def test_order_without_its_tag_is_in_the_book_all_the_same(kind: FaultKind) -> None:
    account = Account()
    account.line.arm(kind)
    answer = account.write(FaultOn.PLACE)
    row = account.line.market.exchange.orders("C1")[-1]
    assert (row.tag, row.status) == ("", BookStatus.COMPLETE)
    assert answer.order_id == (row.order_id if kind is FaultKind.TAG_DROPPED else "")


@pytest.mark.parametrize("kind", [FaultKind.TAG_CHANGED, FaultKind.TAG_CHANGED_THEN_TIMEOUT])
def test_order_with_a_changed_tag_is_in_the_book_under_that(kind: FaultKind) -> None:
    account = Account()
    account.line.arm(kind)
    answer = account.write(FaultOn.PLACE)
    row = account.line.market.exchange.orders("C1")[-1]
    assert (account.broker.changed_tags, row.status) == ({row.tag: "NEW"}, BookStatus.COMPLETE)
    assert answer.order_id == (row.order_id if kind is FaultKind.TAG_CHANGED else "")


def test_tags_are_cut_or_written_small() -> None:
    assert {changed_tag(tag) for tag in ("LKP1XD0000001MT", "LKP1XD0000003NF")} == {"lkp1xd0000001mt", "LKP1XD000000"}


def test_stale_read_shows_the_account_as_it_was() -> None:
    account = Account()
    account.broker.keep_past()
    account.line.clock.advance(NOW + 5000 * NS_PER_MS)
    book, positions = account.read(FaultOn.ORDERS), account.read(FaultOn.POSITIONS)
    account.write(FaultOn.PLACE)
    account.broker.remember()
    account.line.clock.advance(NOW + 9000 * NS_PER_MS)
    for on in (FaultOn.ORDERS, FaultOn.POSITIONS):
        account.line.arm(FaultKind.STALE_READ, on, by_ms=4001)
        assert account.read(on) == (book if on is FaultOn.ORDERS else positions)
        account.line.arm(FaultKind.STALE_READ, on, by_ms=4000)
        assert account.read(on) != (book if on is FaultOn.ORDERS else positions)


def test_rowless_read_answers_with_nothing_as_if_nothing_had_been_there() -> None:
    account = Account()
    account.write(FaultOn.PLACE)
    account.line.arm(FaultKind.ROWLESS_READ, FaultOn.POSITIONS)
    assert account.read(FaultOn.POSITIONS) == ()
    assert account.read(FaultOn.POSITIONS) != ()


def test_kind_that_fits_only_some_calls_says_so() -> None:
    assert not fits(FaultKind.CANCEL_REFUSED, FaultOn.PLACE)
    assert not fits(FaultKind.STALE_READ, FaultOn.MARGINS)
    assert not fits(FaultKind.TAG_DROPPED, FaultOn.MODIFY)
    assert all(fits(FaultKind.RATE_LIMITED, on) for on in FaultOn)


# How long a fault lasts


@pytest.mark.parametrize("on", WRITES)
@pytest.mark.parametrize("kind", [k for k in FaultKind if fits(k, FaultOn.PLACE) and k is not FaultKind.TOKEN_EXPIRED])
def test_call_after_the_fault_is_well(kind: FaultKind, on: FaultOn) -> None:
    account = Account()
    account.line.arm(kind, FaultOn.PLACE, by_ms=BY_MS)
    account.broker.place(order(tag="FIRST"))
    answer = account.write(on)
    assert (answer.outcome, account.broker.extra_ns) == (Outcome.ACKED, 0)
    assert account.reached(on)


@pytest.mark.parametrize("on", READS)
def test_read_after_the_fault_is_well(on: FaultOn) -> None:
    account, well = Account(), Account()
    account.line.arm(FaultKind.SERVER_ERROR, on)
    with pytest.raises(ReadFailed):
        account.read(on)
    assert account.read(on) == well.read(on)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_fault_hits_as_many_calls_as_it_says(times: int) -> None:
    account = Account()
    account.line.arm(FaultKind.REJECTED, times=times)
    outcomes = [account.broker.place(order(tag=f"T{n}")).outcome for n in range(times + 2)]
    assert outcomes == [Outcome.REJECTED] * times + [Outcome.ACKED] * 2


@pytest.mark.parametrize("on", [*WRITES, *READS])
def test_fault_leaves_every_other_call_alone(on: FaultOn) -> None:
    for other in (*WRITES, *READS):
        account = Account()
        account.line.arm(FaultKind.SERVER_ERROR, on)
        if other is on:
            continue
        if other in WRITES:
            assert account.write(other).outcome is Outcome.ACKED
        else:
            account.read(other)


def test_faults_of_one_call_hit_one_after_the_other() -> None:
    account = Account()
    account.line.arm(FaultKind.REJECTED)
    account.line.arm(FaultKind.RATE_LIMITED)
    outcomes = [account.broker.place(order(tag=f"T{n}")).outcome for n in range(3)]
    assert outcomes == [Outcome.REJECTED, Outcome.RATE_LIMITED, Outcome.ACKED]


# Sessions


@pytest.mark.parametrize("on", [*WRITES, *READS])
def test_expired_session_refuses_every_call_until_a_login(on: FaultOn) -> None:
    account = Account()
    account.line.arm(FaultKind.TOKEN_EXPIRED, on)
    if on in WRITES:
        account.write(on)
    else:
        with pytest.raises(NeedsLogin):
            account.read(on)
    for write in WRITES:
        assert account.write(write).outcome is Outcome.NEEDS_LOGIN
        assert not account.reached(write)
    for read in READS:
        with pytest.raises(NeedsLogin):
            account.read(read)
    account.broker.log_in()
    for read in READS:
        account.read(read)
    assert account.write(FaultOn.PLACE).outcome is Outcome.ACKED


# Reads that fail for a while


@pytest.mark.parametrize("on", READS)
def test_reads_fail_for_a_while_and_then_are_well(on: FaultOn) -> None:
    account = Account()
    account.broker.fail_reads_until(NOW + 5000 * NS_PER_MS)
    account.line.clock.advance(NOW + 5000 * NS_PER_MS - 1)
    with pytest.raises(ReadFailed):
        account.read(on)
    account.line.clock.advance(NOW + 5000 * NS_PER_MS)
    account.read(on)


def test_writes_go_through_while_reads_fail() -> None:
    account = Account()
    account.broker.fail_reads_until(NOW + 5000 * NS_PER_MS)
    assert account.write(FaultOn.PLACE).outcome is Outcome.ACKED


def test_account_and_instruments_are_those_of_the_real_one() -> None:
    account = Account()
    assert account.broker.account == "C1"
    assert CALL in {instrument.symbol for instrument in account.broker.instruments()}
