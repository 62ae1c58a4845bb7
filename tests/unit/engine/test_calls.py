"""Commands become calls, and answers become events."""

from decimal import Decimal

import pytest

from engine.calls import broken, perform
from engine.commands import AskMargin, Command, ReadAccount, Subscribe
from engine.errors import NeedsLogin, ReadFailed
from engine.events import AccountRead, MarginTold, Outcome, Request, RequestAnswered
from engine.model import Basket, BasketOrder, Funds, Position, Side, leg_id
from engine.ports import Answer
from tests.unit.engine.fakes import ScriptedBroker, Ticking, cancel, modify, notice, place, read
from tests.unit.paper.builders import CALL, NOW, nfo

WRITES: list[tuple[Command, Request]] = [
    (place(), Request.PLACE),
    (modify(), Request.MODIFY),
    (cancel(), Request.CANCEL),
]
IDS = ["place", "modify", "cancel"]


def position() -> Position:
    return Position(exchange="NFO", symbol=CALL, product="NRML", net_units=65)


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize(("command", "request_"), WRITES, ids=IDS)
def test_write_is_called_once_and_its_answer_told_as_it_is(
    command: Command, request_: Request, outcome: Outcome
) -> None:
    broker = ScriptedBroker()
    order_id = "O7" if outcome is Outcome.ACKED else ""
    reason = "" if outcome is Outcome.ACKED else "in the broker's words"
    broker.answers[request_.value] = Answer(outcome=outcome, order_id=order_id, reason=reason)
    event = perform(broker, command, Ticking())
    assert broker.calls == [f"{request_.value} T1"]
    assert event == RequestAnswered(
        at_ns=NOW + 1, account="C1", request=request_, tag="T1", outcome=outcome, order_id=order_id, reason=reason
    )


@pytest.mark.parametrize("command", [notice(), Subscribe(instruments=(nfo(CALL),))], ids=["notice", "subscribe"])
def test_command_that_is_not_for_brokers_calls_nobody(command: Command) -> None:
    broker = ScriptedBroker()
    assert perform(broker, command, Ticking()) is None
    assert broker.calls == []


def test_read_takes_orders_then_positions_then_funds_and_says_when_it_began() -> None:
    broker = ScriptedBroker()
    row = position()
    broker.reads = {
        "orders": [],
        "positions": [row],
        "funds": Funds(available_inr=Decimal("12.50"), used_inr=Decimal("7.25")),
    }
    event = perform(broker, read(), Ticking())
    assert broker.calls == ["orders", "positions", "funds"]
    assert event == AccountRead(
        at_ns=NOW + 2,
        account="C1",
        began_ns=NOW + 1,
        orders=(),
        positions=(row,),
        available_inr=Decimal("12.50"),
        used_inr=Decimal("7.25"),
    )


@pytest.mark.parametrize(
    ("orders", "positions", "funds", "calls"),
    [
        (True, False, False, ["orders"]),
        (False, True, False, ["positions"]),
        (False, False, True, ["funds"]),
        (False, False, False, []),
    ],
)
def test_only_what_is_asked_for_is_read(orders: bool, positions: bool, funds: bool, calls: list[str]) -> None:
    broker = ScriptedBroker()
    event = perform(broker, ReadAccount(account="C1", orders=orders, positions=positions, funds=funds), Ticking())
    assert broker.calls == calls
    assert isinstance(event, AccountRead)
    known = (event.orders is not None, event.positions is not None, event.available_inr is not None)
    assert known == (orders, positions, funds)


PARTS = ("orders", "positions", "funds")


@pytest.mark.parametrize("failing", PARTS)
def test_part_that_fails_is_unknown_and_the_others_are_kept(failing: str) -> None:
    broker = ScriptedBroker()
    broker.reads[failing] = ReadFailed("HTTP 502")
    event = perform(broker, read(), Ticking())
    assert isinstance(event, AccountRead)
    known = {"orders": event.orders, "positions": event.positions, "funds": event.available_inr}
    assert [part for part in PARTS if known[part] is None] == [failing]
    assert (event.error, event.needs_login) == ("HTTP 502", False)
    assert broker.calls == list(PARTS)


def test_read_that_fails_whole_is_unknown_in_every_part_and_says_each_reason_once() -> None:
    broker = ScriptedBroker()
    broker.reads = {
        "orders": ReadFailed("timed out"),
        "positions": ReadFailed("HTTP 502"),
        "funds": ReadFailed("timed out"),
    }
    event = perform(broker, read(), Ticking())
    assert isinstance(event, AccountRead)
    assert (event.orders, event.positions, event.available_inr) == (None, None, None)
    assert event.error == "timed out; HTTP 502"


@pytest.mark.parametrize("part", PARTS)
def test_session_that_is_over_is_told_whichever_part_notices_it(part: str) -> None:
    broker = ScriptedBroker()
    broker.reads[part] = NeedsLogin("token expired")
    event = perform(broker, read(), Ticking())
    assert isinstance(event, AccountRead)
    assert event.needs_login


class Knowing(ScriptedBroker):
    """A broker that says what orders would block, or what it is told to raise."""

    def __init__(self, told: Decimal | Exception) -> None:
        super().__init__()
        self.told = told

    def basket_margin(self, basket: Basket) -> Decimal:
        self.calls.append(f"margin {len(basket.orders)}")
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


BASKET = Basket(account="C1", orders=(BasketOrder(leg=leg_id("NFO", CALL, "NRML"), side=Side.SELL, units=65),))


@pytest.mark.parametrize("told", [Decimal("66432.50"), ReadFailed("no answer")])
def test_margin_is_asked_once_and_told_or_unknown(told: Decimal | Exception) -> None:
    broker = Knowing(told)
    event = perform(broker, AskMargin(account="C1", basket=BASKET), Ticking())
    needed = told if isinstance(told, Decimal) else None
    assert event == MarginTold(at_ns=NOW + 1, account="C1", basket=BASKET, needed_inr=needed)
    assert broker.calls == ["margin 1"]


def test_broker_that_knows_no_margins_is_not_asked() -> None:
    broker = ScriptedBroker()
    event = perform(broker, AskMargin(account="C1", basket=BASKET), Ticking())
    assert event == MarginTold(at_ns=NOW + 1, account="C1", basket=BASKET)
    assert broker.calls == []


def test_fault_of_an_adapter_that_is_asked_for_margin_tells_nothing() -> None:
    event = broken(AskMargin(account="C1", basket=BASKET), ValueError("secret"), NOW)
    assert event == MarginTold(at_ns=NOW, account="C1", basket=BASKET)
