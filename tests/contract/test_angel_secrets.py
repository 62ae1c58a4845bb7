"""No secret of an Angel One account is ever shown, whatever Angel says and whatever goes wrong."""

import traceback
from collections.abc import Iterator, Mapping
from decimal import Decimal

import pyotp
import pytest

from brokers.angel_one.checkup import Checkup
from brokers.angel_one.line import AngelLine
from brokers.angel_one.symbols import Symbols
from brokers.catalogue import Listing
from config.schema import AngelOneUrls
from engine.commands import CancelOrder, ModifyOrder
from engine.errors import ReadFailed
from tests.contract.angel_desk import AngelError
from tests.contract.angel_server import AngelServer
from tests.contract.desks import INSTRUMENTS, angel_credentials
from tests.contract.overheard import Overheard
from tests.contract.overheard import overheard as overheard  # noqa: PLC0414  a fixture
from tests.contract.test_angel_line import DAY, STALE_NS, until
from tests.unit.paper.builders import order, quote

USER = "CANARYUSER"
PIN = "CANARYPIN"


@pytest.fixture
def server() -> Iterator[AngelServer]:
    with AngelServer([(USER, Decimal(1_000_000))], INSTRUMENTS) as made:
        account = made.desk.accounts[USER]
        account.pin, account.api_key = PIN, "CANARYKEY"
        account.totp_secret = "CANARYSECRETCANARYSECRETCANARYSE"
        yield made


class Told:
    """What is told in the words of this adapter."""

    def __init__(self, overheard: Overheard) -> None:
        self.texts, self.answer = overheard.texts, overheard.answer

    def link(self, _on: bool, why: str) -> None:
        self.texts.append(why)

    def error(self, error: BaseException) -> None:
        self.texts += [str(error), repr(error), "".join(traceback.format_exception(error))]


def secrets_of(server: AngelServer) -> set[str]:
    account = server.desk.accounts[USER]
    step = server.clock.now_ns() // 1_000_000_000
    codes = {pyotp.TOTP(account.totp_secret).at(step - 30 * n) for n in range(-1, 4)}
    tokens = {f"{kind}.{USER}.{n}" for kind in ("jwt", "feed") for n in range(1, 9)} | {f"refresh.{USER}"}
    return codes | tokens | {account.user, account.pin, account.api_key, account.totp_secret}


def work(server: AngelServer, line: AngelLine, told: Told) -> None:
    """Everything that can be asked for."""
    for read in (line.broker.orders, line.broker.positions, line.broker.funds):
        try:
            told.texts.append(repr(read()))
        except ReadFailed as error:
            told.error(error)
    told.answer(line.broker.place(order(account=USER)))
    told.answer(line.broker.modify(ModifyOrder(account=USER, tag="T", order_id="1", price_inr=Decimal(1))))
    told.answer(line.broker.cancel(CancelOrder(account=USER, tag="T", order_id="1")))
    told.texts += [repr(thing) for thing in (line, line.broker, line._keeper, line._client, line._orders, line._quotes)]
    server.clock.move(32)


def echoing(server: AngelServer) -> None:
    """From now on the server refuses everything and repeats what it was sent, and all tokens that it ever gave."""
    account = server.desk.accounts[USER]
    tokens = [f"{kind}.{USER}.{n}" for kind in ("jwt", "feed") for n in range(1, account.logins + 1)]

    def unknown(authorization: str, api_key: str | None = None) -> object:
        raise AngelError("AB1009", f"{account.user} {authorization} {api_key} {' '.join(tokens)}", is_gateway=True)

    def wrong(api_key: str, body: Mapping[str, object]) -> object:
        raise AngelError("AB1000", f"{api_key} {dict(body)}")

    server.desk.account_of = unknown  # type: ignore[method-assign, assignment]
    server.desk.log_in = wrong  # type: ignore[method-assign, assignment]


def test_no_secret_is_ever_shown(server: AngelServer, overheard: Overheard) -> None:
    overheard.listen("SmartApi", "websocket", "logzero_default", "urllib3")
    told = Told(overheard)
    urls = AngelOneUrls(
        root_url=server.root_url, ticker_url=server.ticker_url, order_stream_url=server.order_stream_url,
        scrip_url=server.scrip_url,
    )  # fmt: skip
    credentials = angel_credentials(server.desk.accounts[USER])
    server.quote(quote(at_ns=server.clock.now_ns()))
    line = AngelLine("A1", credentials, urls, server.clock.now_ns, STALE_NS, sleep=server.clock.move)
    try:
        line.symbols = Symbols(line.dump().encode(), DAY)
        listed = Listing(INSTRUMENTS[0], 1, server.desk.scrips[INSTRUMENTS[0].id]["token"])
        line.subscribe([listed])
        note = told.texts.append
        line.listen(lambda row: note(repr(row)), lambda found: note(repr(found)), told.link, told.link)
        until(lambda: told.texts.count("") == 2)
        work(server, line, told)
        for kind in ("server_error", "rate_limited", "unavailable", "html", "truncated", "dropped_after", "no_id"):
            server.fault("any", kind, times=4)
            work(server, line, told)
        server.end_sessions()
        server.drop_streams()
        work(server, line, told)
        work(server, line, told)
        echoing(server)
        server.drop_streams()
        work(server, line, told)
        line.log_in(angel_credentials(server.desk.accounts[USER], password="CANARYWRONG"))
        server.clock.move(32)
        work(server, line, told)
        told.texts += [repr(f) for f in Checkup("A1", credentials, urls, None, server.clock.now_ns).findings()]
        until(lambda: any("refuses the login" in text for text in told.texts))
        told.texts += [repr(credentials), repr(line)]
    finally:
        line.close()
    overheard.assert_hidden(secrets_of(server) | {"CANARYWRONG"}, "CANARYKEY")
