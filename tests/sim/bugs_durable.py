"""Planted bugs about what is durable and in what order: journal, checkpoint, recovery, the shell around the core."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from engine import host
from engine.commands import Command, Notify, PlaceOrder
from engine.core import night, replicator
from engine.core.replicator import Replicator
from engine.core.state import State
from engine.core.turn import Turn
from engine.errors import JournalFailed
from engine.events import Event, OperatorEvent, SessionStarted
from state import checkpoint, session, store
from state.checkpoint import Found, write_checkpoint
from state.journal import SqliteJournal
from state.store import Recovered
from tests.sim.planting import Swap, in_module, planted, replace_everywhere


@planted
def sent_before_it_is_durable() -> list[Swap]:
    """Orders are handed over first and made durable afterwards."""

    def wrong(self: host.Host, event: Event) -> None:
        if self.failed:
            return
        commands = self.replicator.handle(event)
        for command in commands:
            self.note(command) if isinstance(command, Notify) else self._dispatch(command)
        try:
            self._journal.append(event, commands)
            self._commit(event.at_ns)
        except JournalFailed as error:
            self.fail(str(error), event.at_ns)
        self.events_handled += 1

    return [replace_everywhere(host.Host.handle, wrong)]


@planted
def sent_without_a_journal() -> list[Swap]:
    """When the journal cannot be written, orders are sent nevertheless."""

    def wrong(self: host.Host, now_ns: int) -> None:
        try:
            self._journal.commit()
        except JournalFailed:
            self._committed_ns = now_ns

    return [replace_everywhere(host.Host._commit, wrong)]


@planted
def cancels_are_not_committed() -> list[Swap]:
    """Only new orders wait for the disk; cancels and modifications go out at once."""
    return [in_module(host, "WRITES", (PlaceOrder,))]


@planted
def commit_only_every_second() -> list[Swap]:
    """What is sent waits for the disk only when a second has passed."""

    def wrong(self: host.Host, event: Event, _commands: list[Command]) -> bool:
        return isinstance(event, SessionStarted) or event.at_ns - self._committed_ns >= host.COMMIT_EVERY_NS

    return [replace_everywhere(host.Host._must_commit, wrong)]


@planted
def operator_orders_not_committed() -> list[Swap]:
    """What the operator orders is carried out and not made durable at once."""
    right = host.Host._must_commit

    def wrong(self: host.Host, event: Event, commands: list[Command]) -> bool:
        if isinstance(event, OperatorEvent):
            return any(isinstance(command, host.WRITES) for command in commands)
        return right(self, event, commands)

    return [replace_everywhere(right, wrong)]


@planted
def commit_forgotten() -> list[Swap]:
    """The journal is written and never committed."""

    def wrong(self: SqliteJournal) -> None:
        self._check_usable()

    return [replace_everywhere(SqliteJournal.commit, wrong)]


@planted
def failed_write_tried_again() -> list[Swap]:
    """After a failed write the journal goes on with the next entry."""
    right = SqliteJournal._fail

    def wrong(self: SqliteJournal, error: Exception) -> JournalFailed:
        failed = right(self, error)
        self._failure = ""
        return failed

    def go_on(self: host.Host, _reason: str, _at_ns: int) -> None:
        self.events_handled += 1

    return [replace_everywhere(right, wrong), replace_everywhere(host.Host.fail, go_on)]


@planted
def checkpoint_ahead_of_the_journal() -> list[Swap]:
    """A checkpoint is written without committing what it contains, under the number of the last entry appended."""
    return [
        replace_everywhere(SqliteJournal.checkpoint, _checkpoint(lambda self: self.last_seq)),
        replace_everywhere(host.Host.checkpoint, _checkpoint_only),
    ]


@planted
def checkpoint_of_uncommitted_state() -> list[Swap]:
    """A checkpoint is written without committing what it contains, under the number of the last durable entry."""
    return [
        replace_everywhere(SqliteJournal.checkpoint, _checkpoint(lambda self: self.committed_seq)),
        replace_everywhere(host.Host.checkpoint, _checkpoint_only),
    ]


def _checkpoint(seq_of: Callable[[SqliteJournal], int]) -> Callable[[SqliteJournal, bytes], None]:
    def wrong(self: SqliteJournal, state: bytes) -> None:
        with self._failing():
            seq = seq_of(self)
            write_checkpoint(self.path.parent, self.day, state, seq, sync=self._sync, watch=self._watch)

    return wrong


def _checkpoint_only(self: host.Host, now_ns: int) -> None:
    self._checkpointed_ns = now_ns
    self._journal.checkpoint(self._encode_state())


@planted
def last_event_folded_twice() -> list[Swap]:
    """Recovery takes the newest event of the journal in twice."""
    right = session.fold

    def wrong(found: bytes | None, events: Iterable[Event], directory: Path | None = None) -> Replicator:
        known = list(events)
        return right(found, [*known, *known[-1:]], directory)

    return [replace_everywhere(right, wrong)]


@planted
def last_event_lost() -> list[Swap]:
    """Recovery leaves the newest event of the journal out."""
    right = session.fold

    def wrong(found: bytes | None, events: Iterable[Event], directory: Path | None = None) -> Replicator:
        return right(found, list(events)[:-1], directory)

    return [replace_everywhere(right, wrong)]


@planted
def recovery_from_the_checkpoint_alone() -> list[Swap]:
    """Recovery reads the newest checkpoint and not the journal after it."""
    right = session.fold

    def wrong(found: bytes | None, events: Iterable[Event], directory: Path | None = None) -> Replicator:
        return right(found, events if found is None else (), directory)

    return [replace_everywhere(right, wrong)]


@planted
def recovery_from_the_whole_journal() -> list[Swap]:
    """Recovery folds the whole journal over the newest checkpoint."""
    right = store.EventsAfter.__init__

    def wrong(self: store.EventsAfter, opened: SqliteJournal, _after_seq: int) -> None:
        right(self, opened, 0)

    return [replace_everywhere(right, wrong)]


@planted
def tags_counted_anew_after_a_start() -> list[Swap]:
    """The counter of tags begins anew with each process."""
    return [_at_each_start(lambda state: setattr(state, "intents", 0))]


@planted
def kill_switch_lost_at_a_start() -> list[Swap]:
    """The kill switch is lifted by a restart."""
    return [_at_each_start(lambda state: setattr(state, "kill", 0))]


@planted
def pause_lost_at_a_start() -> list[Swap]:
    """A pause is ended by a restart."""
    return [_at_each_start(lambda state: setattr(state, "paused", False))]


@planted
def queue_lost_at_a_start() -> list[Swap]:
    """What was decided and not sent before a crash is never sent."""
    return [_at_each_start(lambda state: state.queue.clear())]


@planted
def ratio_lost_at_a_start() -> list[Swap]:
    """After a restart the ratio is taken anew."""

    def forget(state: State) -> None:
        for strategy in state.strategies.values():
            strategy.ratios = {child: ratio / 2 for child, ratio in strategy.ratios.items()}

    return [_at_each_start(forget)]


@planted
def allocations_lost_at_a_start() -> list[Swap]:
    """After a restart everything that children hold is theirs."""

    def forget(state: State) -> None:
        for child in state.children.values():
            for leg in child.legs.values():
                leg.allocation_units = 0

    return [_at_each_start(forget)]


def _at_each_start(change: Callable[[State], None]) -> Swap:
    right = night.begin_process

    def wrong(state: State, event: SessionStarted, child_settings: object) -> Turn:
        change(state)
        return right(state, event, child_settings)  # type: ignore[arg-type]

    return replace_everywhere(right, wrong)


@planted
def unclean_stop_not_noticed() -> list[Swap]:
    """The end of a session is not looked for: every start counts as a clean one."""
    return [replace_everywhere(SqliteJournal.left_open, lambda _self: False)]


@planted
def only_the_first_timer_runs() -> list[Swap]:
    """Of timers that are due at one time only the first runs; the others are dropped."""

    def wrong(turn: Turn) -> None:
        due = sorted((at_ns, name) for name, at_ns in turn.state.timers.items() if at_ns <= turn.now_ns)
        for _, name in due:
            del turn.state.timers[name]
        if due:
            replicator._timer(turn, due[0][1])
        turn.state.timers.setdefault("poll", turn.now_ns + 10**9)

    return [replace_everywhere(replicator._timers, wrong)]


@planted
def commands_to_the_wrong_lane() -> list[Swap]:
    """A command goes to the first lane when its own is behind."""
    right = host.Host._dispatch

    def wrong(self: host.Host, command: Command) -> None:
        if isinstance(command, PlaceOrder) and self.events_handled % 7 == 0:
            list(self._lanes.values())[-1].submit(command)
            return
        right(self, command)

    return [replace_everywhere(right, wrong)]


@planted
def damaged_checkpoint_believed() -> list[Swap]:
    """A checkpoint is taken as it is found, without a look at its check sum."""
    return [in_module(checkpoint, "_checksum", lambda _version, _seq, _day, _state: "")]


@planted
def without_a_checkpoint_everything_is_new() -> list[Swap]:
    """Where no checkpoint can be read the program begins anew instead of folding the journal from its first entry."""
    right = store._recover

    def wrong(journal: SqliteJournal, found: Found) -> Recovered:
        recovered = right(journal, found)
        if found.newest is not None:
            return recovered
        return dataclasses.replace(recovered, events_after=store.EventsAfter(journal, journal.last_seq))

    return [replace_everywhere(right, wrong)]
