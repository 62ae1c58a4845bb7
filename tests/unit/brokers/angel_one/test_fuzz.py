"""Whatever Angel answers: a write ends as an answer, a read as data or `ReadFailed`, a login as a session or `NeedsLogin`."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient
from brokers.angel_one.login import Keeper
from brokers.angel_one.logins import Logins
from brokers.angel_one.symbols import Symbols
from brokers.transport import Reply, Transport
from config.credentials import Secret
from engine.commands import CancelOrder, ModifyOrder
from engine.errors import ReadFailed
from engine.events import Outcome
from engine.ports import Answer
from tests.unit.brokers.angel_one.payloads import LOGGED_IN, RMS, order_row, position_row, scrip_master, success
from tests.unit.brokers.angel_one.test_broker import ORDER_ID, place
from tests.unit.brokers.angel_one.test_login import credentials
from tests.unit.paper.builders import NOW

SYMBOLS = Symbols(scrip_master(), date(2026, 11, 2))
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=9),
    st.sampled_from(["NaN", "1e999999", "9" * 5000, "31-Dec-9999 23:59:59", ORDER_ID, "\ud800", "a\nb"]),
    st.lists(st.none() | st.just({}), max_size=2),
    st.dictionaries(
        st.sampled_from(["orderid", "net", "jwtToken", "feedToken"]), st.integers() | st.text(max_size=4), max_size=3
    ),
)
ENVELOPE = st.dictionaries(
    st.sampled_from(["status", "success", "message", "errorcode", "errorCode", "data", "error_type"]), ODD, max_size=5
)
WHOLE = [
    success([order_row()]),
    success([position_row()]),
    success(RMS),
    success(LOGGED_IN),
    success({"orderid": ORDER_ID}),
]
BODIES = st.one_of(
    st.binary(max_size=40),
    ENVELOPE.map(lambda found: json.dumps({"status": True, "data": None} | found).encode()),
    st.tuples(st.sampled_from(WHOLE), st.integers(0, 900), st.binary(max_size=5)).map(
        lambda given_: given_[0][: given_[1]] + given_[2] + given_[0][given_[1] + 2 :]
    ),
)
STATUSES = st.sampled_from([200, 400, 403, 429, 500, 502])


class Canned(Transport):
    """Connections that answer what they were given."""

    def __init__(self, body: bytes, status: int) -> None:
        super().__init__("http://127.0.0.1:1")
        self._reply = Reply(status, "application/json", body)

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        return self._reply


def broker(body: bytes, status: int) -> AngelBroker:
    made = AngelBroker(
        "A1", AngelClient(Secret("k"), Canned(success([order_row()]), 200)), SYMBOLS, lambda: NOW, lambda _s: None
    )
    made.orders()  # an order is known, so that changes are sent
    made._client._transport = Canned(body, status)
    return made


@given(BODIES, STATUSES)
def test_every_write_ends_as_an_answer(body: bytes, status: int) -> None:
    made = broker(body, status)
    for answer in (
        made.place(place()),
        made.modify(ModifyOrder(account="A1", tag="T", order_id=ORDER_ID, price_inr=Decimal(90))),
        made.cancel(CancelOrder(account="A1", tag="T", order_id=ORDER_ID)),
    ):
        assert isinstance(answer, Answer)
        assert (answer.outcome is Outcome.ACKED) == bool(answer.order_id)
        assert answer.outcome is not Outcome.NOT_SENT  # it was sent
        if answer.outcome is Outcome.ACKED:
            assert json.loads(body)["status"] is True
        msgspec.msgpack.encode(answer)


@given(BODIES, STATUSES)
def test_every_read_ends_as_data_or_fails(body: bytes, status: int) -> None:
    for read in (AngelBroker.orders, AngelBroker.positions, AngelBroker.funds):
        try:
            found = read(broker(body, status))
        except ReadFailed as error:
            assert len(str(error)) < 600
            continue
        msgspec.msgpack.encode(found)
        assert json.loads(body)["status"] is True or json.loads(body).get("success") is True


@given(BODIES, STATUSES)
def test_every_login_ends_as_a_session_or_says_why_there_is_none(body: bytes, status: int) -> None:
    made = Keeper(credentials(), Canned(body, status), lambda: NOW, lambda _s: None, Logins())
    try:
        session = made.session()
    except ReadFailed as error:
        assert len(str(error)) < 800
        return
    assert session.jwt.reveal().isprintable()
    assert session.feed
