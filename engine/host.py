"""The shell around the core for one event: decide, make durable, then carry out. Nothing is sent that is not on disk.

It runs on the engine's thread and knows no threads itself: it serves the dashboard, headless runs and simulations
alike.
"""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from engine.calls import unsent
from engine.commands import CancelOrder, Command, ModifyOrder, Notify, PlaceOrder, Record, Severity, Subscribe
from engine.core.replicator import Replicator
from engine.errors import BrokenInvariant, JournalFailed
from engine.events import Event, OperatorEvent, SessionStarted, SessionStopped
from engine.model import NS_PER_S
from engine.ports import Journal, Lane, Lanes, MarketData
from engine.snapshot import NoticeLine
from engine.stamps import Stamps

NOTICES_MOST = 500
COMMIT_EVERY_NS = NS_PER_S
"""What needs no order is durable at the latest so long after it happened."""
CHECKPOINT_EVERY_NS = 30 * NS_PER_S
CHECKPOINT_LATEST_NS = 150 * NS_PER_S
"""A large one holds the engine up for a while: while orders are on their way it waits, but not for ever."""
HELD_UP = "the engine was held up"
WRITES = (PlaceOrder, ModifyOrder, CancelOrder)


class Host:
    """Core, journal and lanes together.

    Args:
        replicator: The core.
        journal: Where every event and its commands go before anything is sent.
        lanes: One lane an account.
        market: Where quotes are subscribed, `None` when somebody else feeds them.
        encode_state: The state as bytes, for checkpoints.
        on_notice: Called with every notice, for a log.
        now: The engine's clock, for when orders were durable and handed over; 0 where nobody wants to know.
    """

    def __init__(
        self,
        replicator: Replicator,
        journal: Journal,
        lanes: Mapping[str, Lane],
        market: MarketData | None,
        encode_state: Callable[[], bytes],
        on_notice: Callable[[NoticeLine], None] | None = None,
        *,
        now: Callable[[], int] = lambda: 0,
    ) -> None:
        self.stamps = Stamps(now)
        self.replicator = replicator
        self.failed = ""
        self.notices: deque[NoticeLine] = deque(maxlen=NOTICES_MOST)
        self.events_handled = 0
        self._journal, self._lanes, self._market = journal, lanes, market
        self._together = lanes if isinstance(lanes, Lanes) else None
        self._encode_state, self._on_notice = encode_state, on_notice
        self._notice_number = 0
        self._committed_ns = self._checkpointed_ns = 0
        self._dirty = False

    @property
    def next_due_ns(self) -> int | None:
        """When the core wants to be woken, `None` for never or after a failure."""
        return None if self.failed else self.replicator.next_due_ns

    def handle(self, event: Event) -> None:
        """Decide on an event and carry out what was decided. After a failure nothing happens any more."""
        if self.failed:
            return
        try:
            commands = self.replicator.handle(event)
            self._journal.append(event, commands)
            self._dirty = True
            if self._must_commit(event, commands):
                self._commit(event.at_ns)
        except (JournalFailed, BrokenInvariant) as error:
            self.fail(str(error), event.at_ns)
            return
        except Exception as error:  # noqa: BLE001  the top of the engine's thread: a bug stops sending, and says so
            self.fail(f"a fault in the program: {type(error).__name__}: {error}", event.at_ns)
            return
        self.events_handled += 1
        late = self._overdue(commands)
        self._carry_out([command for command in commands if command not in late] if late else commands)
        for command in late:
            self._take_back(command)
        since_ns = event.at_ns - self._checkpointed_ns
        if since_ns >= CHECKPOINT_LATEST_NS or (since_ns >= CHECKPOINT_EVERY_NS and not self.replicator.is_in_haste):
            self.checkpoint(event.at_ns)

    def _overdue(self, commands: list[Command]) -> list[PlaceOrder]:
        """Entries that got too old while the disk took its time."""
        placed = [command for command in commands if isinstance(command, PlaceOrder)]
        now_ns = self.stamps.now_ns() if placed else 0
        return [command for command in placed if self.replicator.is_overdue(command.tag, now_ns)]

    def _take_back(self, order: PlaceOrder) -> None:
        """An order is not sent after all: the core is told as it is told of one that never left."""
        self.handle(unsent(order, HELD_UP, self.stamps.now_ns()))

    def _carry_out(self, commands: list[Command]) -> None:
        """Send what is durable now, and tell people."""
        placed = [command.tag for command in commands if isinstance(command, PlaceOrder)]
        if placed:
            self.stamps.durable(placed)
        for command in commands:
            if not isinstance(command, Notify | Record):
                self._dispatch(command)
        if self._together is not None:
            self._together.release()
        if placed:
            self.stamps.handed(placed)
        for command in commands:  # people are told last: a log that cannot be written holds up no order
            if isinstance(command, Notify):
                self.note(command)

    def _must_commit(self, event: Event, commands: list[Command]) -> bool:
        return (
            any(isinstance(command, WRITES) for command in commands)
            or isinstance(event, OperatorEvent | SessionStarted | SessionStopped)
            or event.at_ns - self._committed_ns >= COMMIT_EVERY_NS
        )

    def _commit(self, now_ns: int) -> None:
        self._journal.commit()
        self._committed_ns, self._dirty = now_ns, False

    def checkpoint(self, now_ns: int) -> None:
        """Write the readable checkpoint of the day."""
        if self.failed:
            return
        self._checkpointed_ns = now_ns
        try:
            self._commit(now_ns)
            self._journal.checkpoint(self._encode_state())
        except JournalFailed as error:
            self.fail(str(error), now_ns)

    def _dispatch(self, command: Command) -> None:
        if isinstance(command, Subscribe):
            if self._market is not None:
                self._market.subscribe(command.instruments)
        elif self._together is not None:
            self._together.submit(command)
        elif not isinstance(command, Notify | Record) and (lane := self._lanes.get(command.account)) is not None:
            lane.submit(command)

    def note(self, notice: Notify) -> None:
        """Keep a line for people."""
        self._notice_number += 1
        line = NoticeLine(
            number=self._notice_number,
            at_ns=notice.at_ns,
            severity=notice.severity,
            text=notice.text,
            account=notice.account,
            symbol=notice.symbol,
        )
        self.notices.append(line)
        if self._on_notice is not None:
            with suppress(Exception):  # a log or a terminal that fails must not stop the engine
                self._on_notice(line)

    def fail(self, reason: str, at_ns: int) -> None:
        """Stop for good: what cannot be recorded or must not happen is not sent."""
        self.failed = reason
        text = f"the engine stopped, nothing is sent any more: {reason}"
        self.note(Notify(at_ns=at_ns, severity=Severity.ALARM, text=text))
