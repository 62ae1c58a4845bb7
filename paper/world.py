"""The paper world: exchange, accounts and the lines to them, on one agenda. It outlives the process that trades in it.

Simulations, the demo and replays differ only in what feeds it: quotes, and what the master does.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from config.rates import ChargeRates
from config.schema import Settings
from engine.agenda import Agenda, Rank
from engine.clock import EngineClock
from engine.events import Event, OrderUpdated
from engine.feed import QuoteFeed
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, Instrument, LegId, OrderReport, Quote, TradingSession
from paper.broker import PaperBroker
from paper.exchange import Exchange
from paper.faults import FaultyBroker
from paper.lane import AgendaLane


class World:
    """Everything outside the process.

    Args:
        settings: Accounts and the paper exchange's settings.
        sessions: Trading sessions around the day.
        instruments: What is listed.
        charges: Charge rates of the day.
        loop: The loop whose clock and agenda everything runs on.
        overnight: The master's positions from before the start.
        quote_interval_ns: The least time between two batches of quotes for the core.
        push_master: Whether the exchange pushes the master's order updates (false: whoever records them does).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sessions: Sequence[TradingSession],
        instruments: Sequence[Instrument],
        charges: ChargeRates | None,
        loop: EngineLoop,
        overnight: Mapping[LegId, int] | None = None,
        quote_interval_ns: int = 0,
        push_master: bool = True,
    ) -> None:
        self.settings, self.loop = settings, loop
        self.agenda: Agenda = loop.agenda
        self.master = settings.master.id
        self.feed: QuoteFeed | None = None
        self._latency_ns = settings.paper.latency_ms * NS_PER_MS
        self._quote_interval_ns, self._push_master = quote_interval_ns, push_master
        self.exchange = Exchange(
            paper=settings.paper,
            sessions=sessions,
            instruments=instruments,
            charges=charges,
            on_update=self._updated,
        )
        self.brokers: dict[str, FaultyBroker] = {}
        self.on_change: Callable[[str, OrderReport], None] | None = None
        "Told of every change of an order at the exchange, at once: for whoever judges a run."
        self.push_delays_ns: Callable[[str], Sequence[int]] = lambda _account: (self._latency_ns,)
        "After how long an account's pushed update arrives: nothing for a lost one, several for a repeated one."
        self.before_work: Callable[[int], None] | None = None
        "Told the time up to which the market must be known, before a request arrives or the exchange's clock strikes."
        self.past_orders: dict[str, list[OrderReport]] = {}
        "Orders of earlier days by account."
        self._lanes: dict[str, AgendaLane] = {}
        self._process = 0
        for account in (settings.master, *settings.children):
            capital = account.capital_inr if account.capital_inr is not None else Decimal(0)
            self.exchange.add_account(account.id, capital, overnight if account.id == self.master else None)
            inner = PaperBroker(self.exchange, account.id, loop)
            self.brokers[account.id] = FaultyBroker(inner, self.agenda, loop.now_ns)
        self._watch_exchange(self.clock.now_ns())

    @property
    def clock(self) -> EngineClock:
        """The loop's clock of now: a rebuilt world goes on with another one than it was rebuilt with."""
        return self.loop.clock

    def connect(self) -> tuple[dict[str, AgendaLane], QuoteFeed]:
        """Lines for a process that starts: fresh ones, or those that a rebuilt world has, as busy as they are."""
        self._process += 1
        for lane in (self._lanes or self.lines()).values():
            lane.listen(self.loop.post)
        self.feed = QuoteFeed(self.loop.post, self.exchange.newest, self._quote_interval_ns)
        return self._lanes, self.feed

    def lines(self) -> Mapping[str, AgendaLane]:
        """Fresh lines on which nobody listens: for what processes sent that are gone."""
        self._lanes = {
            account: AgendaLane(
                broker, self.agenda, _unheard, self.loop.now_ns, self._latency_ns, on_arrival=self._before_arrival
            )
            for account, broker in self.brokers.items()
        }
        return self._lanes

    def disconnect(self) -> None:
        """The process is gone: what was sent arrives, nothing is heard any more."""
        self._process += 1
        for lane in self._lanes.values():
            lane.die()
        self._lanes, self.feed = {}, None

    @property
    def is_connected(self) -> bool:
        """Whether a process listens."""
        return self.feed is not None

    def quote(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """New market data: the exchange matches, the process hears of what it subscribed to."""
        self.exchange.update_quotes(quotes, now_ns)
        if self.feed is not None:
            self.feed.offer(quotes, now_ns)

    def start_day(self, sessions: Sequence[TradingSession], instruments: Sequence[Instrument], now_ns: int) -> None:
        """Another trading day: the books of the last one are kept aside, the exchange begins anew."""
        for account in self.brokers:
            self.past_orders.setdefault(account, []).extend(self.exchange.orders(account))
        self.exchange.start_day(sessions, instruments, now_ns)

    def orders(self, account: str) -> tuple[OrderReport, ...]:
        """All orders of an account, those of earlier days first."""
        return (*self.past_orders.get(account, ()), *self.exchange.orders(account))

    def record_master(self, report: OrderReport, now_ns: int) -> None:
        """A row of the master's book that happened elsewhere; pushed at once."""
        self.exchange.record(self.master, report, now_ns)
        self.brokers[self.master].remember()
        if self.is_connected:
            self.loop.post(OrderUpdated(at_ns=now_ns, account=self.master, report=report))

    def net_positions(self, account: str) -> dict[str, int]:
        """An account's net units by symbol, zeros left out."""
        found: dict[str, int] = {}
        for position in self.exchange.positions(account):
            found[position.symbol] = found.get(position.symbol, 0) + position.net_units
        return {symbol: units for symbol, units in found.items() if units}

    def _updated(self, account: str, report: OrderReport) -> None:
        """An order changed at the exchange: a push is on its way to the process that runs now."""
        self.brokers[account].remember()
        if self.on_change is not None:
            self.on_change(account, report)
        if not self.is_connected or (account == self.master and not self._push_master):
            return
        process = self._process
        for delay_ns in self.push_delays_ns(account):
            due_ns = self.clock.now_ns() + delay_ns
            self.agenda.at(due_ns, lambda at_ns: self._push(process, account, report, at_ns), Rank.ANSWER)

    def _push(self, process: int, account: str, report: OrderReport, at_ns: int) -> None:
        if process == self._process:
            self.loop.post(OrderUpdated(at_ns=at_ns, account=account, report=self.brokers[account].shown(report)))

    def _watch_exchange(self, now_ns: int) -> None:
        """What the exchange does by itself: square-off, the end of the day."""
        due_ns = self.exchange.next_due_ns()
        if due_ns is not None:
            self.agenda.at(max(due_ns, now_ns), self._exchange_due)

    def _before_arrival(self, now_ns: int) -> None:
        if self.before_work is not None:
            self.before_work(now_ns)

    def _exchange_due(self, now_ns: int) -> None:
        if self.before_work is not None:
            self.before_work(now_ns - 1)  # the exchange's own work comes before the quotes of its instant
        self.exchange.run_due(now_ns)
        self._watch_exchange(now_ns + 1)


def _unheard(_event: Event) -> None:
    """An answer to a process that is gone."""
