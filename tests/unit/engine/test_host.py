"""The host: what is decided is durable before it is sent, and after a failure nothing is sent any more."""

from contextlib import suppress

import pytest

from engine.commands import Command, Subscribe
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.errors import BrokenInvariant
from engine.events import OrderUpdated, Paused, SessionStopped, TimePassed
from engine.host import CHECKPOINT_EVERY_NS, CHECKPOINT_LATEST_NS, COMMIT_EVERY_NS, NOTICES_MOST, Host
from engine.loop import stop_host
from engine.model import NS_PER_S, Side
from engine.ports import Lane
from engine.snapshot import NoticeLine
from tests.unit.core.builders import Desk as CoreDesk
from tests.unit.engine.fakes import (
    Log,
    LoggedJournal,
    LoggedLane,
    LoggedMarket,
    ScriptedCore,
    cancel,
    modify,
    name_of,
    notice,
    place,
    read,
    started,
)
from tests.unit.paper.builders import NOW, nfo


class Desk:
    """A host between a scripted core and ports that share one log."""

    def __init__(self, *script: list[Command] | Exception, due_ns: int | None = None) -> None:
        self.log: Log = []
        self.core = ScriptedCore(*script, due_ns=due_ns)
        self.journal = LoggedJournal(self.log)
        self.notices: list[NoticeLine] = []
        lanes: dict[str, Lane] = {"C1": LoggedLane(self.log), "M": LoggedLane(self.log)}
        market = LoggedMarket(self.log)
        self.host = Host(self.core, self.journal, lanes, market, lambda: b"state", self.notices.append)

    def tick(self, after_ns: int = 0) -> None:
        self.host.handle(TimePassed(at_ns=NOW + after_ns))

    def settled(self) -> "Desk":
        """The first event, which always commits and checkpoints, is over."""
        self.core.script.insert(0, [])
        self.tick()
        self.log.clear()
        return self


@pytest.mark.parametrize("command", [place(), modify(), cancel()], ids=lambda c: type(c).__name__)
def test_write_is_appended_and_committed_before_it_is_sent(command: Command) -> None:
    desk = Desk([notice("deciding"), command]).settled()
    desk.tick(1)
    assert desk.log == ["append TimePassed 2", "commit", f"{type(command).__name__} T1"]


class SlowDisk(LoggedJournal):
    """Takes its time for every commit, by a clock that others can read."""

    def __init__(self, log: Log, takes_ns: int) -> None:
        super().__init__(log)
        self.now_ns, self._takes_ns = NOW, takes_ns

    def commit(self) -> None:
        super().commit()
        self.now_ns += self._takes_ns


@pytest.mark.parametrize(("takes_s", "is_sent"), [(29, True), (31, False)])
def test_entry_that_got_too_old_while_it_was_made_durable_is_not_sent(takes_s: int, is_sent: bool) -> None:
    """The core is told that it never left, and gives it up: the journal has both."""
    core = CoreDesk(filling=False)
    log: Log = []
    lanes: dict[str, Lane] = {"C1": LoggedLane(log), "M": LoggedLane(log)}
    disk = SlowDisk(log, takes_s * NS_PER_S)
    disk.now_ns = core.now_ns
    host = Host(core.core, disk, lanes, None, lambda: b"", now=lambda: disk.now_ns)
    host.handle(OrderUpdated(at_ns=core.now_ns, account="M", report=core.report(Side.BUY, 10, id_="MO1")))
    disk.now_ns = core.now_ns
    host.handle(TimePassed(at_ns=core.now_ns + NS_PER_S))
    placed = [line for line in log if line.startswith("PlaceOrder")]
    [order] = core.state.orders.values()
    end = (OrderState.SENT, "") if is_sent else (OrderState.WITHDRAWN, reasons.STALE_SIGNAL)
    assert (len(placed), order.state, order.reason) == (int(is_sent), *end)


def test_writes_of_all_children_are_one_commit() -> None:
    desk = Desk([place("T1"), place("T2", "M"), cancel("T3")]).settled()
    desk.tick(1)
    assert desk.log == ["append TimePassed 3", "commit", "PlaceOrder T1", "PlaceOrder T2", "CancelOrder T3"]


def test_reads_notices_and_subscriptions_do_not_wait_for_the_disk() -> None:
    desk = Desk([read(), notice("hello"), Subscribe(instruments=(nfo("X"),))]).settled()
    desk.tick(1)
    assert desk.log == ["append TimePassed 3", "ReadAccount C1", "Subscribe NFO:X"]
    assert [line.text for line in desk.notices] == ["hello"]


def test_command_for_an_account_without_a_lane_is_passed_over_and_the_rest_carried_out() -> None:
    desk = Desk([place("T1", account="GONE"), place("T2")]).settled()
    desk.tick(1)
    assert desk.log[-1] == "PlaceOrder T2"


class LoggedLanes(dict[str, Lane]):
    """Lanes that are given an event's commands together."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def submit(self, command: Command) -> None:
        self.log.append(name_of(command))

    def release(self) -> None:
        self.log.append("release")


def test_lanes_that_work_together_are_released_after_the_last_order_and_before_people_are_told() -> None:
    log: Log = []
    core = ScriptedCore([notice("told last"), place("T1"), place("T2", "M"), read()], [notice("nothing to send")])
    host = Host(core, LoggedJournal(log), LoggedLanes(log), None, lambda: b"", lambda line: log.append(line.text))
    host.handle(TimePassed(at_ns=NOW))
    sent = ["PlaceOrder T1", "PlaceOrder T2", "ReadAccount C1", "release", "told last"]
    assert log[:7] == ["append TimePassed 4", "commit", *sent]


def test_lanes_that_work_together_get_nothing_that_is_not_durable() -> None:
    log: Log = []
    journal = LoggedJournal(log)
    journal.failing = {"commit"}
    host = Host(ScriptedCore([place("T1")]), journal, LoggedLanes(log), None, lambda: b"")
    host.handle(TimePassed(at_ns=NOW))
    assert host.failed
    assert log == ["append TimePassed 1"]


def test_without_a_market_subscriptions_concern_nobody() -> None:
    core = ScriptedCore([Subscribe(instruments=(nfo("X"),))])
    host = Host(core, LoggedJournal(), {}, None, lambda: b"")
    host.handle(TimePassed(at_ns=NOW))
    assert host.events_handled == 1
    assert not host.failed


# When a commit is due without an order


def test_quiet_events_are_committed_once_a_second() -> None:
    desk = Desk().settled()
    for after_ns in (1, COMMIT_EVERY_NS - 1):
        desk.tick(after_ns)
    assert "commit" not in desk.log
    desk.tick(COMMIT_EVERY_NS)
    assert desk.log[-2:] == ["append TimePassed 0", "commit"]
    desk.tick(2 * COMMIT_EVERY_NS - 1)
    assert desk.log[-1] == "append TimePassed 0"


@pytest.mark.parametrize(
    "event", [Paused(at_ns=NOW), started(), SessionStopped(at_ns=NOW)], ids=lambda e: type(e).__name__
)
def test_what_people_did_and_starts_and_stops_are_durable_at_once(event: Paused) -> None:
    desk = Desk().settled()
    desk.host.handle(event)
    assert desk.log == [f"append {type(event).__name__} 0", "commit"]


# Checkpoints


def test_checkpoint_follows_every_half_minute_after_what_was_decided_is_sent() -> None:
    desk = Desk([], [place()], []).settled()
    desk.tick(CHECKPOINT_EVERY_NS - 1)
    assert "checkpoint state" not in desk.log
    desk.log.clear()
    desk.tick(CHECKPOINT_EVERY_NS)
    assert desk.log == ["append TimePassed 1", "commit", "PlaceOrder T1", "commit", "checkpoint state"]
    desk.log.clear()
    desk.tick(2 * CHECKPOINT_EVERY_NS - 1)
    assert "checkpoint state" not in desk.log
    desk.tick(2 * CHECKPOINT_EVERY_NS)
    assert desk.log[-1] == "checkpoint state"


def test_checkpoint_waits_while_orders_are_on_their_way_but_not_for_ever() -> None:
    desk = Desk([], [], []).settled()
    desk.core.haste = True
    desk.tick(CHECKPOINT_EVERY_NS)
    desk.tick(CHECKPOINT_LATEST_NS - 1)
    assert "checkpoint state" not in desk.log
    desk.tick(CHECKPOINT_LATEST_NS)
    assert desk.log[-1] == "checkpoint state"


def test_checkpoint_follows_when_the_orders_have_arrived() -> None:
    desk = Desk([], []).settled()
    desk.core.haste = True
    desk.tick(CHECKPOINT_EVERY_NS)
    desk.core.haste = False
    desk.tick(CHECKPOINT_EVERY_NS + 1)
    assert desk.log[-1] == "checkpoint state"


def test_orderly_stop_records_the_last_event_and_a_checkpoint() -> None:
    desk = Desk().settled()
    stop_host(desk.host, NOW + 1)
    assert desk.log == ["append SessionStopped 0", "commit", "commit", "checkpoint state"]


# Failures


@pytest.mark.parametrize("call", ["append", "commit"])
def test_nothing_is_sent_when_it_cannot_be_recorded(call: str) -> None:
    desk = Desk([place()]).settled()
    desk.journal.failing = {call}
    desk.tick(1)
    assert not [entry for entry in desk.log if entry.startswith("PlaceOrder")]
    assert desk.host.failed == f"{call} failed"


@pytest.mark.parametrize("call", ["append", "commit", "checkpoint"])
def test_after_a_failed_write_nothing_happens_even_when_the_disk_is_back(call: str) -> None:
    desk = Desk([], [place()], [place("T2")]).settled()
    desk.journal.failing = {call}
    desk.tick(CHECKPOINT_EVERY_NS)
    desk.journal.failing = set()
    desk.log.clear()
    seen = len(desk.core.seen)
    desk.tick(CHECKPOINT_EVERY_NS + 1)
    desk.host.checkpoint(NOW + CHECKPOINT_EVERY_NS + 2)
    stop_host(desk.host, NOW + CHECKPOINT_EVERY_NS + 3)
    assert desk.log == []
    assert len(desk.core.seen) == seen


def test_broken_invariant_sends_nothing_and_stops_for_good() -> None:
    desk = Desk(BrokenInvariant("two and two are five"), [place()]).settled()
    desk.tick(1)
    desk.tick(2)
    assert desk.log == []
    assert desk.host.failed == "two and two are five"


def test_any_other_bug_of_the_core_stops_for_good_as_well() -> None:
    """The event was half applied and is in no journal: what would follow from that state must not be sent or kept."""
    desk = Desk(KeyError("C9"), [place()]).settled()
    with suppress(KeyError):
        desk.tick(1)
    assert desk.host.failed
    stop_host(desk.host, NOW + 2)
    assert desk.log == []


def test_failure_is_told_once_and_the_core_is_woken_no_more() -> None:
    desk = Desk([place()], due_ns=NOW + 50).settled()
    desk.core.due_ns = NOW + 50
    before = desk.host.next_due_ns
    desk.journal.failing = {"commit"}
    desk.tick(1)
    desk.tick(2)
    assert (before, desk.host.next_due_ns) == (NOW + 50, None)
    alarms = [line for line in desk.notices if line.severity.value == "alarm"]
    assert [line.text for line in alarms] == ["the engine stopped, nothing is sent any more: commit failed"]


def test_events_that_failed_do_not_count_as_handled() -> None:
    desk = Desk([], [place()]).settled()
    desk.tick(1)
    desk.journal.failing = {"append"}
    desk.tick(2)
    assert desk.host.events_handled == 2


# Notices


def test_notice_that_cannot_be_written_down_keeps_no_order_from_being_sent() -> None:
    """The intent is durable and counts as sent: a closed pipe or a full log disk must not swallow it."""

    def refuse(_line: NoticeLine) -> None:
        raise BrokenPipeError

    log: Log = []
    core = ScriptedCore([notice(), place()])
    host = Host(core, LoggedJournal(log), {"C1": LoggedLane(log)}, None, lambda: b"", refuse)
    with suppress(BrokenPipeError):
        host.handle(TimePassed(at_ns=NOW))
    assert "PlaceOrder T1" in log


def test_notices_are_numbered_without_gaps_and_the_oldest_make_room() -> None:
    desk = Desk([notice(str(number)) for number in range(NOTICES_MOST + 3)])
    desk.tick()
    assert [line.number for line in desk.notices] == list(range(1, NOTICES_MOST + 4))
    assert [line.number for line in desk.host.notices] == list(range(4, NOTICES_MOST + 4))
    first = desk.notices[0]
    assert (first.at_ns, first.text, first.account) == (NOW, "0", "C1")


def test_host_without_a_market_or_an_ear_for_notices_goes_on() -> None:
    log: Log = []
    script: list[Command] = [Subscribe(instruments=(nfo("X"),)), notice(), place()]
    host = Host(ScriptedCore(script), LoggedJournal(log), {"C1": LoggedLane(log)}, None, lambda: b"state", None)
    host.handle(TimePassed(at_ns=NOW))
    assert "PlaceOrder T1" in log
    assert [line.text for line in host.notices] == ["something happened"]
    assert host.failed == ""
