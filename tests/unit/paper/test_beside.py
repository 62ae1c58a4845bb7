"""Children on paper beside a real master: opened when their capital is known, traded by their own broker's file."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.schema import Account, Child, Paper, Settings
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.commands import CancelOrder, ModifyOrder, ReadAccount
from engine.events import AccountRead, Event, OrderUpdated, Outcome, RequestAnswered
from engine.loop import EngineLoop
from engine.model import NS_PER_S, BookStatus, Instrument, InstrumentId, OrderType
from paper.beside import UNKNOWN_MARGIN, PaperBeside
from state.files import write_durably
from tests.unit.paper.builders import NOW, ns, option, order, quote

DAY = date(2026, 11, 2)
CHILDREN = (
    Child(id="Z1", broker="zerodha", credentials="z1"),
    Child(id="A1", broker="angel_one", credentials="a1"),
    Child(id="P1", broker="paper", capital_inr=Decimal(500_000)),
)


class Session:
    """One process on a directory of paper accounts."""

    def __init__(self, directory: Path, start_ns: int = NOW, day: date = DAY) -> None:
        self.capital: dict[str, Decimal] = {}
        self.listed: dict[str, Instrument] = dict.fromkeys(("Z1", "A1", "P1"), option())
        self.loop = EngineLoop(VirtualClock(start_ns), Agenda())
        self.events: list[Event] = []
        vars(self.loop)["post"] = self.events.append  # nobody handles them here
        settings = Settings(
            master=Account(id="M", broker="zerodha", credentials="m"),
            children=CHILDREN,
            paper=Paper(margins=False, latency_ms=50),
        )
        self.paper = PaperBeside(
            settings,
            self.loop,
            day,
            directory,
            find=self._find,
            capital_of=lambda account: self.capital.get(account.id, account.capital_inr),
            write=write_durably,
        )
        for child in CHILDREN:
            self.paper.open(child)

    def _find(self, account: str, name: InstrumentId) -> Instrument | str:
        found = self.listed[account]
        return found if found.id == name else "not listed"

    def run(self, seconds: float = 1) -> list[Event]:
        """Let time pass; what came of it."""
        self.loop.run(until_ns=self.loop.now_ns() + int(seconds * NS_PER_S))
        found, self.events[:] = list(self.events), []
        return found

    def read(self, account: str) -> AccountRead:
        self.paper.lanes[account].submit(ReadAccount(account=account, orders=True, positions=True, funds=True))
        (event,) = [event for event in self.run() if isinstance(event, AccountRead)]
        return event

    def answer(self, account: str, **terms: object) -> RequestAnswered:
        self.paper.lanes[account].submit(order(account=account, **terms))  # type: ignore[arg-type]
        found = self.run()
        self.pushed = [event for event in found if isinstance(event, OrderUpdated)]
        (event,) = [event for event in found if isinstance(event, RequestAnswered)]
        return event


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def test_account_is_unknown_until_its_margin_was_read(session: Session) -> None:
    before = session.read("Z1")
    assert (before.orders, before.positions, before.available_inr, before.error) == (None, None, None, UNKNOWN_MARGIN)
    session.capital["Z1"] = Decimal(700_000)
    after = session.read("Z1")
    assert (after.orders, after.positions, after.available_inr, after.error) == ((), (), Decimal(700_000), "")


def test_account_keeps_what_it_began_with(tmp_path: Path) -> None:
    first = Session(tmp_path)
    first.capital["Z1"] = Decimal(700_000)
    first.read("Z1")
    assert first.paper.knows("Z1")
    second = Session(tmp_path)
    second.capital["Z1"] = Decimal(1)
    assert second.read("Z1").available_inr == Decimal(700_000)


def test_order_before_the_margin_is_known_is_refused(session: Session) -> None:
    answered = session.answer("Z1")
    assert (answered.outcome, answered.reason) == (Outcome.REJECTED, UNKNOWN_MARGIN)


def test_order_is_filled_at_the_real_quotes_and_pushed(session: Session) -> None:
    session.paper.quote([quote()], NOW)
    answered = session.answer("P1")
    assert answered.outcome is Outcome.ACKED
    assert [event.report.status for event in session.pushed] == [BookStatus.OPEN, BookStatus.COMPLETE]
    assert session.pushed[-1].report.average_price_inr == Decimal("100.10")
    assert session.pushed[-1].at_ns > NOW


def test_lots_are_those_of_the_childs_own_broker(session: Session) -> None:
    session.capital["A1"] = Decimal(700_000)
    session.read("A1")
    session.listed["A1"] = Instrument(
        **{field: getattr(option(), field) for field in option().__struct_fields__} | {"lot_units": 130}
    )
    assert session.answer("A1", quantity=65).outcome is Outcome.REJECTED
    assert session.answer("P1", quantity=65).outcome is Outcome.ACKED


def test_instrument_that_nobody_lists_is_refused(session: Session) -> None:
    assert session.answer("P1", symbol="NIFTY26NOV99999CE").outcome is Outcome.REJECTED


def test_resting_order_is_cancelled_at_the_close_and_its_books_begin_anew(tmp_path: Path) -> None:
    session = Session(tmp_path, ns("15:39"))
    session.answer("P1", order_type=OrderType.LIMIT, price="90")
    session.run(120)
    (row,) = session.read("P1").orders or ()
    assert row.status is BookStatus.CANCELLED
    session.paper.start_day(date(2026, 11, 3), ns("06:00", 3))
    assert session.read("P1").orders == ()


def test_working_order_is_there_after_a_restart_and_can_be_cancelled(tmp_path: Path) -> None:
    first = Session(tmp_path)
    answered = first.answer("P1", order_type=OrderType.LIMIT, price="90")
    second = Session(tmp_path, NOW + NS_PER_S)
    second.paper.lanes["P1"].submit(CancelOrder(account="P1", tag="T1", order_id=answered.order_id))
    second.run()
    assert [row.status for row in second.read("P1").orders or ()] == [BookStatus.CANCELLED]


def test_working_order_can_be_changed_after_a_restart(tmp_path: Path) -> None:
    first = Session(tmp_path)
    answered = first.answer("P1", order_type=OrderType.LIMIT, price="90")
    second = Session(tmp_path, NOW + NS_PER_S)
    change = ModifyOrder(account="P1", tag="T1", order_id=answered.order_id, price_inr=Decimal("91.50"))
    second.paper.lanes["P1"].submit(change)
    second.run()
    assert [row.price_inr for row in second.read("P1").orders or ()] == [Decimal("91.50")]
