"""Not one write reaches the broker of an account that is only looked at."""

from decimal import Decimal

from brokers.read_only import ONLY_READ, ReadOnlyBroker
from config.schema import Paper
from engine.commands import CancelOrder, ModifyOrder
from engine.events import Outcome
from engine.model import Funds
from tests.contract.desks import ACCOUNT, PaperDesk
from tests.unit.paper.builders import order, quote


def test_writes_end_here_and_reads_go_through() -> None:
    desk = PaperDesk(Paper(margins=False, latency_ms=0), {})
    desk.quote(quote())
    broker = ReadOnlyBroker(desk.broker)
    answers = [
        broker.place(order(account=ACCOUNT)),
        broker.modify(ModifyOrder(account=ACCOUNT, tag="T", order_id="1")),
        broker.cancel(CancelOrder(account=ACCOUNT, tag="T", order_id="1")),
    ]
    assert {(answer.outcome, answer.reason) for answer in answers} == {(Outcome.NOT_SENT, ONLY_READ)}
    assert (list(desk.broker.orders()), list(broker.orders()), list(broker.positions())) == ([], [], [])
    assert (broker.account, broker.funds()) == (ACCOUNT, Funds(available_inr=Decimal(1_000_000), used_inr=Decimal(0)))
    assert broker.instruments() == desk.broker.instruments()
