"""A lane on the agenda: the way to a paper account with its latency, in the engine's own thread and on its clock.

In turn like every lane (`engine.lanes`): the next command starts when the one before it was answered, or has been
silent for `OVERTAKE_NS`. A process that dies takes the waiting commands and the answers with it; what was sent arrives.
"""

from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from engine.agenda import Agenda, Rank
from engine.calls import perform, unsent
from engine.commands import Command, PlaceOrder, ReadAccount
from engine.events import Event
from engine.lanes import LATE, OVERTAKE_NS
from paper.faults import FaultyBroker

Post = Callable[[Event], None]


class AgendaLane:
    """A lane (an `engine.ports.Lane`).

    Args:
        broker: The account, with whatever faults stand before it.
        agenda: Where arrivals and answers are scheduled.
        post: Takes the answers.
        now: The engine's clock.
        latency_ns: One way, for writes; reads are answered at once.
        on_arrival: Called with the time just before a command arrives, for a market that is brought up to date then.
    """

    def __init__(
        self,
        broker: FaultyBroker,
        agenda: Agenda,
        post: Post,
        now: Callable[[], int],
        latency_ns: int,
        on_arrival: Callable[[int], None] | None = None,
    ) -> None:
        self._broker, self._agenda, self._post, self._now = broker, agenda, post, now
        self._latency_ns, self._on_arrival = latency_ns, on_arrival
        self._waiting: deque[tuple[Command, Post]] = deque()
        "With whom each answer is for."
        self._turn = 0
        "Number of the command that the others wait for; 0 when they need not wait."
        self._started = 0
        self._alive, self._is_suspended = True, False

    def submit(self, command: Command) -> None:
        """Carry out the command after those before it."""
        self._waiting.append((command, self._post))
        self._start_next()

    def listen(self, post: Post) -> None:
        """Another process takes the line over as it is: it hears the answers to what it submits itself."""
        self._post = post

    def die(self) -> None:
        """The process is gone: nothing further is sent, no answer is heard."""
        self._alive = False
        self._waiting.clear()

    def suspend(self) -> None:
        """The process is not run for a while: nothing further is sent; what was sent arrives."""
        self._is_suspended = True

    def resume(self) -> None:
        """The process is run again: orders that waited so long are not sent, as `engine.lanes` has it."""
        self._is_suspended = False
        waiting, self._waiting = self._waiting, deque()
        for command, post in waiting:
            answer = unsent(command, LATE, self._now()) if isinstance(command, PlaceOrder) else None
            if answer is None:
                self._waiting.append((command, post))
            else:
                post(answer)
        self._start_next()

    def _start_next(self) -> None:
        if self._turn or not self._waiting or not self._alive or self._is_suspended:
            return
        self._started += 1
        number = self._turn = self._started
        command, post = self._waiting.popleft()
        one_way_ns = 0 if isinstance(command, ReadAccount) else self._latency_ns
        due_ns = self._now() + one_way_ns
        self._agenda.at(due_ns, lambda at_ns: self._arrive(number, command, post, at_ns, one_way_ns), Rank.ARRIVAL)

    def _arrive(self, number: int, command: Command, post: Post, at_ns: int, one_way_ns: int) -> None:
        if self._on_arrival is not None:
            self._on_arrival(at_ns)
        self._broker.extra_ns = 0
        event = perform(self._broker, command, self._now)
        extra_ns = self._broker.extra_ns
        answered_ns = at_ns + (max(0, extra_ns - one_way_ns) if extra_ns else one_way_ns)
        self._agenda.at(answered_ns, lambda answer_ns: self._answer(number, event, post, answer_ns), Rank.ANSWER)
        if answered_ns - at_ns > OVERTAKE_NS:
            self._agenda.at(at_ns + OVERTAKE_NS, lambda _at_ns: self._let_next(number), Rank.ANSWER)

    def _answer(self, number: int, event: Event | None, post: Post, at_ns: int) -> None:
        if self._alive and event is not None:
            post(with_time(event, at_ns))
        self._let_next(number)

    def _let_next(self, number: int) -> None:
        """The command that the others wait for was answered, or is overtaken."""
        if self._turn == number:
            self._turn = 0
            self._start_next()


def with_time(event: Event, at_ns: int) -> Event:
    """The same event, learned of at another time."""
    if event.at_ns == at_ns:
        return event
    return replace(event, at_ns=at_ns)
