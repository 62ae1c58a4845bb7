"""The loop on a virtual clock: what comes first, and when it ends."""

import threading
from collections.abc import Callable

from engine.agenda import Agenda
from engine.clock import ScaledClock, SystemClock, VirtualClock
from engine.commands import Command
from engine.events import Event, LoggedIn, Paused, QuotesUpdated, TimePassed
from engine.feed import QuoteFeed
from engine.host import Host
from engine.loop import BATCH_MOST, EngineLoop
from tests.unit.engine.fakes import WAIT_S, LoggedJournal, S, ScriptedCore
from tests.unit.paper.builders import CALL, NOW, nfo, quote


class TimedCore(ScriptedCore):
    """A core that wants to be woken at given times, and can act on what it sees."""

    def __init__(self, *times_ns: int) -> None:
        super().__init__()
        self.times_ns = sorted(times_ns)
        self.on_event: Callable[[Event], None] = lambda _event: None

    @property
    def next_due_ns(self) -> int | None:
        return self.times_ns[0] if self.times_ns else None

    def handle(self, event: Event) -> list[Command]:
        self.times_ns = [at_ns for at_ns in self.times_ns if at_ns > event.at_ns]
        self.on_event(event)
        return super().handle(event)


class Desk:
    def __init__(self, *times_ns: int) -> None:
        self.clock, self.agenda = VirtualClock(NOW), Agenda()
        self.loop = EngineLoop(self.clock, self.agenda)
        self.core = TimedCore(*times_ns)
        self.loop.host = Host(self.core, LoggedJournal(), {}, None, lambda: b"")

    @property
    def seen(self) -> list[tuple[str, int]]:
        return [(type(event).__name__, event.at_ns - NOW) for event in self.core.seen]


def test_core_is_woken_when_it_asked_and_the_clock_says_so() -> None:
    desk = Desk(NOW + 1 * S, NOW + 3 * S)
    desk.loop.run(until_ns=NOW + 5 * S)
    assert desk.seen == [("TimePassed", S), ("TimePassed", 3 * S)]
    assert desk.clock.now_ns() == NOW + 5 * S


def test_what_is_due_exactly_at_the_end_is_still_done_and_what_is_later_is_not() -> None:
    desk = Desk(NOW + 5 * S, NOW + 5 * S + 1)
    ran: list[int] = []
    desk.agenda.at(NOW + 5 * S, ran.append)
    desk.agenda.at(NOW + 5 * S + 1, ran.append)
    desk.loop.run(until_ns=NOW + 5 * S)
    assert desk.seen == [("TimePassed", 5 * S)]
    assert ran == [NOW + 5 * S]


def test_world_comes_before_the_core_at_the_same_instant() -> None:
    """What the exchange does at 1 s has happened when the timer of 1 s decides."""
    desk = Desk(NOW + S)
    order: list[str] = []
    desk.core.on_event = lambda event: order.append(type(event).__name__)
    desk.agenda.at(NOW + S, lambda _at_ns: order.append("first"))
    desk.agenda.at(NOW + S, lambda _at_ns: order.append("second"))
    desk.loop.run(until_ns=NOW + 2 * S)
    assert order == ["first", "second", "TimePassed"]


def test_timer_that_an_event_of_its_instant_made_needless_is_not_run() -> None:
    """An event of 1 s lets the core run its timers of 1 s itself; it is not woken a second time."""
    desk = Desk(NOW + S)
    desk.agenda.at(NOW + S, lambda at_ns: desk.loop.post(LoggedIn(at_ns=at_ns, account="A")))
    desk.loop.run(until_ns=NOW + 2 * S)
    assert desk.seen == [("LoggedIn", S)]


def test_quotes_that_waited_come_before_the_core_s_timer_of_that_instant() -> None:
    desk = Desk(NOW + S)
    feed = desk.loop.feed = QuoteFeed(desk.loop.post, lambda _instrument: None, S)
    feed.subscribe([nfo(CALL)])
    feed.offer([quote()], NOW)
    feed.offer([quote(last="101")], NOW + 1)
    desk.loop.run(until_ns=NOW + 2 * S)
    assert desk.seen == [("QuotesUpdated", 0), ("QuotesUpdated", S)]
    last = desk.core.seen[-1]
    assert isinstance(last, QuotesUpdated)
    assert str(last.quotes[0].last_inr) == "101"


def test_inbox_comes_before_what_is_due() -> None:
    desk = Desk(NOW)
    for account in ("A", "B", "C"):
        desk.loop.post(LoggedIn(at_ns=NOW - 1, account=account))
    desk.loop.run(until_ns=NOW)
    assert [kind for kind, _ in desk.seen] == ["LoggedIn", "LoggedIn", "LoggedIn", "TimePassed"]


def test_flood_of_events_does_not_keep_due_work_from_its_turn() -> None:
    desk = Desk()
    turns: list[int] = []
    desk.agenda.at(NOW, lambda _at_ns: turns.append(len(desk.core.seen)))
    for _ in range(3 * BATCH_MOST):
        desk.loop.post(TimePassed(at_ns=NOW))
    desk.loop.run(until_ns=NOW)
    assert turns == [BATCH_MOST]


def test_run_does_not_end_before_its_last_events_are_handled() -> None:
    """A burst in the last instant of a replay belongs to the replay."""
    desk = Desk()
    for _ in range(BATCH_MOST + 100):
        desk.loop.post(TimePassed(at_ns=NOW))
    desk.loop.run(until_ns=NOW)
    assert len(desk.core.seen) == BATCH_MOST + 100


def test_run_ends_as_soon_as_it_is_finished() -> None:
    desk = Desk(*(NOW + n * S for n in range(1, 100)))
    desk.loop.run(until_ns=NOW + 100 * S, finished=lambda: len(desk.core.seen) >= 3)
    assert len(desk.core.seen) == 3
    assert desk.clock.now_ns() == NOW + 3 * S


class Position:
    """What the core of `opening` holds: opened by an event from outside, closed by its timer one second later."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.is_open, self.asked = desk, False, 0
        desk.core.on_event = self.see

    def see(self, event: Event) -> None:
        self.is_open = isinstance(event, LoggedIn)
        if self.is_open:
            self.desk.core.times_ns = [event.at_ns + S]

    def finished_as_a_fill_comes(self) -> bool:
        """The first time that it holds, the master's fill is in the inbox already."""
        self.asked += 1
        if self.asked == 1:
            self.desk.loop.post(LoggedIn(at_ns=NOW, account="M"))
            return True
        return not self.is_open


def test_event_that_begins_something_as_the_run_is_finished_is_worked_to_its_end() -> None:
    """The master's fill that came at that moment is copied: the session must not end behind its orders."""
    desk = Desk()
    position = Position(desk)
    desk.loop.run(finished=position.finished_as_a_fill_comes)
    assert desk.seen == [("LoggedIn", 0), ("TimePassed", S)]
    assert not position.is_open


def test_stop_ends_the_run_whatever_began_as_it_was_finished() -> None:
    desk = Desk()
    position = Position(desk)
    see = desk.core.on_event

    def stopping(event: Event) -> None:
        see(event)
        desk.loop.stop()

    desk.core.on_event = stopping
    desk.loop.run(finished=position.finished_as_a_fill_comes)
    assert desk.seen == [("LoggedIn", 0)]
    assert position.is_open


def test_end_of_the_time_ends_the_run_whatever_began_as_it_was_finished() -> None:
    desk = Desk()
    position = Position(desk)
    desk.loop.run(until_ns=NOW + S // 2, finished=position.finished_as_a_fill_comes)
    assert desk.seen == [("LoggedIn", 0)]
    assert desk.clock.now_ns() == NOW + S // 2


def test_stop_inside_an_event_ends_the_run_after_it() -> None:
    desk = Desk(NOW + S, NOW + 2 * S)
    desk.core.on_event = lambda _event: desk.loop.stop()
    desk.loop.run(until_ns=NOW + 5 * S)
    assert desk.seen == [("TimePassed", S)]
    assert desk.loop.stopping


def test_stopped_loop_does_nothing() -> None:
    desk = Desk(NOW)
    desk.loop.stop()
    desk.loop.run(until_ns=NOW + S)
    assert desk.seen == []


def test_beat_follows_every_round_of_work() -> None:
    desk = Desk(NOW + S, NOW + 2 * S)
    beats: list[int] = []
    desk.loop.on_beat = lambda: beats.append(len(desk.core.seen))
    desk.loop.run(until_ns=NOW + 3 * S)
    assert beats == [1, 2]


def test_event_that_waited_long_counts_from_when_it_is_taken_up() -> None:
    """Else a fill of the master's would be as fresh as when the engine was held up (a slow disk)."""
    desk = Desk()
    desk.loop.post(LoggedIn(at_ns=NOW - 3 * S, account="C1"))
    desk.loop.post(LoggedIn(at_ns=NOW - S // 2, account="C1"))
    desk.loop.drain()
    assert desk.seen == [("LoggedIn", 0), ("LoggedIn", -S // 2)]


def test_every_event_of_a_round_is_looked_at() -> None:
    desk = Desk()
    looks: list[int] = []
    desk.loop.on_event = lambda: looks.append(len(desk.core.seen))
    desk.agenda.at(NOW + S, lambda at_ns: desk.loop.post(Paused(at_ns=at_ns)))
    desk.agenda.at(NOW + S, lambda at_ns: desk.loop.post(LoggedIn(at_ns=at_ns, account="C1")))
    desk.loop.run(until_ns=NOW + 2 * S)
    assert looks == [1, 2]


def test_event_that_no_process_hears_is_not_looked_at() -> None:
    desk = Desk()
    desk.loop.host = None
    looks: list[int] = []
    desk.loop.on_event = lambda: looks.append(1)
    desk.loop.post(Paused(at_ns=NOW))
    desk.loop.drain()
    assert looks == []


def test_world_goes_on_while_no_process_listens() -> None:
    desk = Desk(NOW + S)
    desk.loop.host = None
    ran: list[int] = []
    desk.agenda.at(NOW + S, ran.append)
    desk.agenda.at(NOW + S, lambda at_ns: desk.loop.post(TimePassed(at_ns=at_ns)))
    desk.loop.run(until_ns=NOW + 2 * S)
    assert ran == [NOW + S]
    assert desk.seen == []


def test_operator_s_order_counts_from_when_it_is_taken_up() -> None:
    desk = Desk()
    desk.agenda.at(NOW + S, lambda _at_ns: desk.loop.post(Paused(at_ns=NOW)))
    desk.agenda.at(NOW + S, lambda _at_ns: desk.loop.post(LoggedIn(at_ns=NOW + S // 2, account="A")))
    desk.loop.run(until_ns=NOW + 2 * S)
    assert desk.seen == [("Paused", S), ("LoggedIn", S // 2)]


def test_clock_stands_still_while_an_operator_s_order_is_carried_out() -> None:
    """What it sends must go out at the very time that the journal has for it."""
    desk = Desk()
    desk.loop.clock = clock = ScaledClock(NOW, 1e9)
    shown: list[int] = []
    desk.core.on_event = lambda event: shown.extend((event.at_ns, clock.now_ns(), clock.now_ns()))
    desk.loop.post(Paused(at_ns=NOW))
    desk.loop.drain()
    assert len(set(shown)) == 1
    assert shown[0] > NOW


def test_clock_that_was_held_goes_on_when_nothing_is_left_to_be_done() -> None:
    desk = Desk()
    desk.loop.clock = clock = ScaledClock(NOW, 1e9)
    desk.agenda.at(NOW + S, lambda _at_ns: None)
    desk.loop.run(until_ns=NOW + 3600 * S)
    assert clock.now_ns() >= NOW + 3600 * S


# Real threads


def test_event_from_another_thread_is_handled_long_before_the_next_timer() -> None:
    clock = SystemClock()
    core = TimedCore(clock.now_ns() + 3600 * S)
    loop = EngineLoop(clock, Agenda())
    loop.host = Host(core, LoggedJournal(), {}, None, lambda: b"")
    handled = threading.Event()
    core.on_event = lambda _event: handled.set()
    thread = threading.Thread(target=loop.run)
    thread.start()
    loop.post(Paused(at_ns=clock.now_ns()))
    arrived = handled.wait(WAIT_S)
    loop.stop()
    thread.join(WAIT_S)
    assert arrived
    assert not thread.is_alive()
    assert [type(event).__name__ for event in core.seen] == ["Paused"]


def test_stop_from_another_thread_ends_an_idle_loop() -> None:
    loop = EngineLoop(SystemClock(), Agenda())
    began = threading.Event()
    loop.on_beat = began.set
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert began.wait(WAIT_S)
    loop.stop()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_timer_on_a_running_clock_is_never_early() -> None:
    clock = ScaledClock(NOW, 50.0)
    core = TimedCore(NOW + S, NOW + 2 * S)
    loop = EngineLoop(clock, Agenda())
    loop.host = Host(core, LoggedJournal(), {}, None, lambda: b"")
    woken: list[int] = []
    core.on_event = lambda event: woken.append(clock.now_ns())
    loop.run(until_ns=NOW + 2 * S)
    assert len(woken) == len(core.seen) > 0
    assert all(event.at_ns <= at_ns for event, at_ns in zip(core.seen, woken, strict=True))
    assert core.seen[0].at_ns >= NOW + S
    assert core.seen[-1].at_ns >= NOW + 2 * S
