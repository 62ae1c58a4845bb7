"""A paper account behind its faults and its lane, on a virtual clock: for the tests of both."""

from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.commands import Command
from engine.events import AccountRead, Event, RequestAnswered
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, NS_PER_S
from paper.broker import PaperBroker
from paper.faults import Fault, FaultKind, FaultOn, FaultyBroker
from paper.lane import AgendaLane
from tests.unit.paper.builders import NOW, World, quote

LATENCY = 50 * NS_PER_MS


class Line:
    """One lane to one account at a real paper exchange; answers are collected with the time they arrived."""

    def __init__(self, latency_ns: int = LATENCY) -> None:
        self.clock, self.agenda = VirtualClock(NOW), Agenda()
        self.market = World()
        self.market.quotes(quote())
        inner = PaperBroker(self.market.exchange, "C1", self.clock)
        self.broker = FaultyBroker(inner, self.agenda, self.clock.now_ns)
        self.heard: list[tuple[int, Event]] = []
        self.lane = AgendaLane(self.broker, self.agenda, self._hear, self.clock.now_ns, latency_ns)
        self._loop = EngineLoop(self.clock, self.agenda)

    def _hear(self, event: Event) -> None:
        self.heard.append((self.clock.now_ns() - NOW, event))

    def submit(self, *commands: Command) -> None:
        for command in commands:
            self.lane.submit(command)

    def run(self, until_ms: int) -> None:
        self._loop.run(until_ns=NOW + until_ms * NS_PER_MS)

    def arm(
        self, kind: FaultKind, on: FaultOn = FaultOn.PLACE, *, times: int = 1, after_s: int = 60, by_ms: int = 10_000
    ) -> None:
        self.broker.arm(Fault(on, kind, times, after_s * NS_PER_S, by_ms * NS_PER_MS))

    def answers(self) -> list[tuple[int, str, str]]:
        """(milliseconds, tag, outcome) of every write's answer."""
        return [
            (at_ns // NS_PER_MS, event.tag, event.outcome.value)
            for at_ns, event in self.heard
            if isinstance(event, RequestAnswered)
        ]

    def reads(self) -> list[tuple[int, AccountRead]]:
        return [(at_ns // NS_PER_MS, event) for at_ns, event in self.heard if isinstance(event, AccountRead)]

    def at_exchange(self) -> list[tuple[int, str]]:
        """(milliseconds, tag) of every order that the exchange accepted."""
        return [((row.placed_ns - NOW) // NS_PER_MS, row.tag) for row in self.market.exchange.orders("C1")]
