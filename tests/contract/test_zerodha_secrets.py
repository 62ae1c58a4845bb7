"""No secret of a Zerodha account is ever shown, whatever Kite says and whatever goes wrong."""

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokers.catalogue import Listing
from brokers.zerodha.checkup import Checkup
from brokers.zerodha.line import ZerodhaLine
from brokers.zerodha.login import Login, LoginFailed
from config.credentials import Credentials, Secret
from config.schema import BrokerUrls
from engine.commands import CancelOrder, ModifyOrder
from engine.errors import ReadFailed
from engine.model import NS_PER_S, Basket, BasketOrder, Side, leg_id
from paper.sandbox.errors import GENERAL, INPUT, TOKEN, KiteError
from paper.sandbox.faults import Fault, Kind, PushFault
from paper.sandbox.sandbox import Plan, SandboxThread
from tests.contract.desks import CALL, INSTRUMENTS, PATIENCE_S, StillMarket
from tests.contract.overheard import Overheard
from tests.contract.overheard import overheard as overheard  # noqa: PLC0414  a fixture
from tests.unit.paper.builders import order, quote

USER = "CANARYUSER"
KEY, API_SECRET, GIVEN = "CANARYKEY", "CANARYSECRET", "CANARYREQUEST"
WENT_WRONG = (Kind.SERVER_ERROR, Kind.RATE_LIMITED, Kind.UNAVAILABLE, Kind.HTML, Kind.TRUNCATED, Kind.DROPPED_AFTER, Kind.NO_ID)  # fmt: skip
STALE_NS = 10 * NS_PER_S


class Server:
    """The sandbox with one account, and everything that was ever a secret of it."""

    def __init__(self, thread: SandboxThread) -> None:
        assert thread.sandbox is not None
        self.thread, self.sandbox = thread, thread.sandbox
        self.account = self.sandbox.desk.accounts[USER]
        self.account.api_key, self.account.api_secret = KEY, API_SECRET
        self.account.access_token, self.account.request_token = "CANARYTOKEN1", GIVEN
        self.secrets = {USER, KEY, API_SECRET, GIVEN, "CANARYTOKEN1"}
        self.urls = BrokerUrls(root_url=self.sandbox.root_url, ticker_url=self.sandbox.ticker_url)

    def credentials(self) -> Credentials:
        account = self.account
        values = {"api_key": KEY, "api_secret": API_SECRET, "user_id": USER, "access_token": account.access_token}
        self.secrets.add(account.access_token)
        held = {name: Secret(value) for name, value in values.items()}
        return Credentials(path=Path("credentials_zerodha.txt"), broker="zerodha", values=held)

    def fault(self, kind: Kind, times: int) -> None:
        self.thread.call(lambda: self.sandbox.server.script.arm([Fault("any", kind, times=times)]))

    def drop_streams(self) -> None:
        self.thread.call(lambda: self.sandbox.stream.arm(PushFault("disconnect")))

    def echoing(self, error_type: str) -> None:
        """From now on the server refuses everything, and repeats what it was sent and all that it knows of the account."""
        account = self.account
        everything = " ".join((USER, KEY, API_SECRET, account.access_token))

        def unknown(authorization: str) -> object:
            raise KiteError(403 if error_type == TOKEN else 400, error_type, f"{authorization} {everything}")

        def refused(form: Mapping[str, str]) -> object:
            raise KiteError(403, error_type, f"{dict(form)} {everything}")

        self.sandbox.desk.account_of = unknown  # type: ignore[method-assign, assignment]
        self.sandbox.desk.sessions.start = refused  # type: ignore[method-assign, assignment]


@pytest.fixture
def server() -> Iterator[Server]:
    plan = Plan(day=date(2026, 11, 2), accounts=[(USER, Decimal(1_000_000))], market=StillMarket())
    thread = SandboxThread(plan)
    with thread:
        yield Server(thread)


class Told:
    """What is told in the words of this adapter."""

    def __init__(self, overheard: Overheard) -> None:
        self.texts, self.answer = overheard.texts, overheard.answer

    def link(self, on: bool, why: str) -> None:
        self.texts.append(f"link {on} {why}")

    def attempt(self, work: Callable[[], object]) -> None:
        try:
            self.texts.append(repr(work()))
        except (ReadFailed, LoginFailed) as error:
            self.texts += [str(error), repr(error), "".join(traceback.format_exception(error))]

    def links(self, on: bool) -> int:
        return sum(text.startswith(f"link {on}") for text in self.texts)


def until(found: Callable[[], object]) -> None:
    for _ in range(int(PATIENCE_S / 0.01)):
        if found():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def work(server: Server, line: ZerodhaLine, told: Told) -> None:
    """Everything that can be asked for, by the line, the morning login and the doctor."""
    broker = line.broker
    basket = Basket(account="A1", orders=(BasketOrder(leg=leg_id("NFO", CALL, "NRML"), side=Side.BUY, units=65),))
    for read in (
        broker.orders,
        broker.positions,
        broker.funds,
        lambda: line.basket_margin(basket),
        lambda: line.dump()[:9],
    ):
        told.attempt(read)
    for tag in ("T1", "no tag!"):
        told.answer(broker.place(order(account=USER, tag=tag)))
    told.answer(broker.modify(ModifyOrder(account=USER, tag="T", order_id="1", price_inr=Decimal(1))))
    told.answer(broker.cancel(CancelOrder(account=USER, tag="T", order_id="1")))
    credentials = server.credentials()
    login = Login(credentials, server.urls)
    told.attempt(lambda: bool(login.holder(credentials["access_token"])))
    for given in ("CANARYWRONG", f"http://127.0.0.1:8766/?request_token=CANARYWRONG&user={USER}", "CANARY WRONG"):
        told.attempt(lambda given=given: login.exchange(given))  # type: ignore[misc]
    login.close()
    told.texts += [
        repr(f) for f in Checkup("A1", credentials, server.urls, None, server.sandbox.clock.now_ns).findings()
    ]
    told.texts += [repr(thing) for thing in (credentials, login, line, broker, line._client, line._stream)]


def test_no_secret_is_ever_shown(server: Server, overheard: Overheard) -> None:
    overheard.listen("kiteconnect", "autobahn", "twisted", "urllib3")
    told = Told(overheard)
    fresh = quote(at_ns=server.sandbox.clock.now_ns())
    server.thread.call(lambda: server.sandbox.quote([fresh]))
    line = ZerodhaLine("A1", server.credentials(), server.urls, server.sandbox.clock.now_ns, STALE_NS)
    try:
        line.subscribe([Listing(INSTRUMENTS[0], server.sandbox.desk.tokens.by_id[INSTRUMENTS[0].id], "1")])
        note = told.texts.append
        line.listen(lambda row: note(repr(row)), lambda found: note(repr(found)), told.link)
        until(lambda: told.links(True) == 1)
        work(server, line, told)
        for kind in WENT_WRONG:
            server.fault(kind, 12)
            work(server, line, told)
        server.drop_streams()
        until(lambda: told.links(True) == 2)
        server.account.access_token = "CANARYTOKEN2"  # the old one is over
        work(server, line, told)
        line.log_in(server.credentials())
        until(lambda: told.links(True) == 3)
        for error_type in (GENERAL, INPUT, TOKEN):
            server.echoing(error_type)
            work(server, line, told)
        server.drop_streams()
        until(lambda: any("the login is over" in text for text in told.texts))
    finally:
        line.close()
    overheard.assert_hidden(server.secrets | {"CANARYWRONG"}, "CANARY")
