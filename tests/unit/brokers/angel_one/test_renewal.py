"""An order whose session has to be taken anew first: sent at once after it, or not at all."""

import pytest

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient
from brokers.angel_one.login import Keeper
from brokers.angel_one.logins import Logins
from brokers.angel_one.renewal import RenewingBroker
from brokers.transport import Transport
from config.credentials import Secret
from engine.events import Outcome
from tests.unit.brokers.angel_one.payloads import LOGGED_IN, success
from tests.unit.brokers.angel_one.test_broker import ORDER_ID, PLACED, SYMBOLS, place
from tests.unit.brokers.angel_one.test_login import KEY, S, Time, credentials
from tests.unit.brokers.raw_server import RawServer, Request, answer, says, serving


@pytest.mark.parametrize(("takes_s", "outcome", "order_id"), [(4, Outcome.ACKED, ORDER_ID), (25, Outcome.NOT_SENT, "")])
def test_order_is_not_sent_after_a_login_that_took_long(takes_s: int, outcome: Outcome, order_id: str) -> None:
    """It may be given up by then; proven unsent, it is decided anew whether it goes."""
    clock = Time()

    def slow_login(server: RawServer, request: Request, sock: object) -> bool:
        clock.now_ns += takes_s * S
        return says(answer(success(LOGGED_IN)))(server, request, sock)  # type: ignore[arg-type]

    with serving(slow_login, PLACED) as server:
        transport = Transport(server.url)
        client = AngelClient(Secret(KEY), transport)
        keeper = Keeper(credentials(), transport, lambda: clock.now_ns, clock.sleep, Logins())
        broker = AngelBroker("A1", client, SYMBOLS, lambda: clock.now_ns, clock.sleep)
        renewing = RenewingBroker(broker, client, keeper, lambda: clock.now_ns, lambda: None)
        told = renewing.place(place())
        transport.close()
    assert (told.outcome, told.order_id) == (outcome, order_id)
    assert len(server.requests) == (2 if outcome is Outcome.ACKED else 1)
