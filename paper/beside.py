"""Children on paper beside a real master: their accounts at paper exchanges that trade on the master's real quotes.

One exchange for each broker, because lots and ticks are those of the broker's own file. Everything happens on the
engine's thread. It must not know brokers: instruments and margins are asked of whoever is handed in.
"""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from config.limits import PAPER_BROKER
from config.rules import charge_rates
from config.schema import Account, Settings
from engine.agenda import Rank
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import ReadFailed
from engine.events import OrderUpdated, Outcome
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, Funds, Instrument, InstrumentId, OrderReport, Position, Quote, instrument_id
from engine.opening import sessions_of
from engine.ports import Answer
from paper.broker import PaperBroker
from paper.faults import FaultyBroker
from paper.kept import KeptExchange, WriteDurably
from paper.lane import AgendaLane

UNKNOWN_MARGIN: Final = "what the account has at its broker was not read yet"
FindInstrument = Callable[[str, InstrumentId], Instrument | str]
"""(account, name): the instrument as the account's broker lists it today, or why there is none."""
CapitalOf = Callable[[Account], Decimal | None]
"""What an account begins with on paper, `None` while it is not known."""


class PaperBeside:
    """The paper accounts of one session.

    Args:
        settings: The configuration.
        loop: The engine's loop.
        day: The trading day.
        directory: Where their books are kept.
        find: Where instruments are looked up.
        capital_of: What an account begins with.
        write: How a file is written durably.

    Raises:
        StateRefused: Their books cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        loop: EngineLoop,
        day: date,
        directory: Path,
        *,
        find: FindInstrument,
        capital_of: CapitalOf,
        write: WriteDurably,
    ) -> None:
        self._settings, self._loop, self._day, self._directory = settings, loop, day, directory
        self._find, self._capital_of, self._write = find, capital_of, write
        self._latency_ns = settings.paper.latency_ms * NS_PER_MS
        self._kept: dict[str, KeptExchange] = {}
        self._plans: dict[int, int] = {}
        "How often an exchange's next work was planned, by exchange: an older plan is dropped."
        self.lanes: dict[str, AgendaLane] = {}

    def open(self, account: Account) -> None:
        """Trade this account on paper."""
        kept = self._exchange_of(account.broker or self._settings.master.broker or "")
        inner = KeptBroker(kept, account, self._loop, self._find, self._capital_of)
        broker = FaultyBroker(inner, self._loop.agenda, self._loop.now_ns)
        self.lanes[account.id] = AgendaLane(
            broker, self._loop.agenda, self._loop.post, self._loop.now_ns, self._latency_ns
        )

    def knows(self, account: str) -> bool:
        """Whether the account has books already."""
        return any(kept.exchange.has_account(account) for kept in self._kept.values())

    def quote(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """New market data."""
        for kept in self._kept.values():
            kept.quote(quotes, now_ns)

    def start_day(self, day: date, now_ns: int) -> None:
        """Another trading day."""
        self._day = day
        for kept in self._kept.values():
            kept.start_day(day, sessions_of(day), now_ns)
            self._watch(kept, now_ns)

    def _exchange_of(self, broker: str) -> KeptExchange:
        name = (self._settings.master.broker or "") if broker == PAPER_BROKER else broker
        if name not in self._kept:
            kept = self._kept[name] = KeptExchange(
                self._directory / f"accounts-{name or PAPER_BROKER}.json",
                paper=self._settings.paper,
                day=self._day,
                sessions=sessions_of(self._day),
                charges=charge_rates(self._day),
                now_ns=self._loop.now_ns,
                on_update=self._updated,
                write=self._write,
            )
            self._watch(kept, self._loop.now_ns())
        return self._kept[name]

    def _updated(self, account: str, report: OrderReport) -> None:
        """An order changed: its push is on its way."""

        def push(at_ns: int) -> None:
            self._loop.post(OrderUpdated(at_ns=at_ns, account=account, report=report))

        self._loop.agenda.at(self._loop.now_ns() + self._latency_ns, push, Rank.ANSWER)

    def _watch(self, kept: KeptExchange, now_ns: int) -> None:
        """What an exchange does by itself: square-off, the end of the day."""
        number = self._plans[id(kept)] = self._plans.get(id(kept), 0) + 1
        due_ns = kept.exchange.next_due_ns()
        if due_ns is not None:
            self._loop.agenda.at(max(due_ns, now_ns), lambda at_ns: self._due(kept, number, at_ns))

    def _due(self, kept: KeptExchange, number: int, now_ns: int) -> None:
        if number != self._plans[id(kept)]:
            return
        kept.exchange.run_due(now_ns)
        kept.save()
        self._watch(kept, now_ns + 1)


class KeptBroker(PaperBroker):
    """An account at a kept exchange: opened when its capital is known, and every change durable before its answer."""

    def __init__(
        self, kept: KeptExchange, account: Account, loop: EngineLoop, find: FindInstrument, capital_of: CapitalOf
    ) -> None:
        super().__init__(kept.exchange, account.id, loop)
        self._kept, self._owner, self._find, self._capital_of = kept, account, find, capital_of

    def place(self, order: PlaceOrder) -> Answer:
        """Place the order, once; its instrument is listed from the broker's file when it is traded first."""
        self._list(instrument_id(order.exchange, order.symbol))
        try:
            self._opened()
        except ReadFailed as error:
            return Answer(outcome=Outcome.REJECTED, reason=str(error))
        answer = super().place(order)
        self._kept.save_if_changed()
        return answer

    def modify(self, order: ModifyOrder) -> Answer:
        """Change an open order, once."""
        for row in super().orders():
            if row.order_id == order.order_id:
                self._list(row.instrument)
        answer = super().modify(order)
        self._kept.save_if_changed()
        return answer

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel an open order, once."""
        answer = super().cancel(order)
        self._kept.save_if_changed()
        return answer

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        self._opened()
        return super().orders()

    def positions(self) -> Sequence[Position]:
        """All positions, carried ones included."""
        self._opened()
        return super().positions()

    def funds(self) -> Funds:
        """What may be used for a new order, and what is blocked."""
        self._opened()
        return super().funds()

    def _list(self, name: InstrumentId) -> None:
        """List what is traded from the broker's file of today."""
        found = self._find(self.account, name)
        if isinstance(found, Instrument):
            self._kept.list_once(found)

    def _opened(self) -> None:
        """Open the account the first time that its capital is known. Raises `ReadFailed` before."""
        exchange = self._kept.exchange
        if exchange.has_account(self.account):
            return
        capital = self._capital_of(self._owner)
        if capital is None:
            raise ReadFailed(UNKNOWN_MARGIN)
        exchange.add_account(self.account, capital)
        self._kept.save()
