"""A master at one broker and children at both: the program as a process, both client libraries, TCP, two books."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from engine.commands import PlaceOrder
from engine.model import Instrument, OrderReport, Side
from paper.exchange import Exchange
from paper.sandbox.sandbox import Plan, Sandbox, SandboxThread
from tests.contract import angel_rows
from tests.contract.angel_server import AngelServer
from tests.test_live import DAY, LOT, PATIENCE_S, Program, StillMarket

T = TypeVar("T")
ZERODHA, ANGEL = ("ZM0001", "ZC0001"), ("AM0001", "AC0001")
CAPITAL = {"M": Decimal(3_500_000), "C": Decimal(1_050_000)}


def capital(account: str) -> Decimal:
    return CAPITAL[account[1]]


class Twin:
    """Both brokers with the same contracts under the exchange's own numbers, and the program against them."""

    def __init__(
        self, sandbox: Sandbox, thread: SandboxThread, angel: AngelServer, directory: Path, more: str = ""
    ) -> None:
        """`more`: further lines of the configuration."""
        self.sandbox, self._thread, self.angel, self.directory = sandbox, thread, angel, directory
        self._more = more
        for instrument in angel.exchange.instruments():
            number = sandbox.desk.tokens.by_id[instrument.id] >> 8
            angel.desk.scrips[instrument.id] = angel_rows.scrip_row(instrument, str(number))
            quote = sandbox.exchange.newest(instrument.id)
            if quote is not None:
                angel.quote(quote)
        self.program = Program(directory)

    def configure(self, master: str, children: tuple[str, ...], ids: Mapping[str, str] | None = None) -> Path:
        """`ids`: what the configuration calls accounts, where it is not by their names at the broker."""
        directory = self.directory / "config"
        directory.mkdir()

        def account(name: str) -> str:
            known_as = (ids or {}).get(name, name)
            file = directory / f"{known_as}.txt"
            file.touch(mode=0o600)
            file.write_text(self._credentials(name), encoding="utf-8")
            return f"id: {known_as}, broker: {'zerodha' if name in ZERODHA else 'angel_one'}, credentials: {file}"

        angel = self.angel
        lines = [
            "confirm: {when: never}",
            f"master: {{{account(master)}}}",
            "children:",
            *(f"  - {{{account(child)}, live: true}}" for child in children),
            "brokers:",
            f'  zerodha: {{root_url: "{self.sandbox.root_url}", ticker_url: "{self.sandbox.ticker_url}"}}',
            f'  angel_one: {{root_url: "{angel.root_url}", ticker_url: "{angel.ticker_url}",'
            f' order_stream_url: "{angel.order_stream_url}", scrip_url: "{angel.scrip_url}"}}',
            self._more,
        ]
        path = directory / "config.yaml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def _credentials(self, name: str) -> str:
        if name in ZERODHA:
            z = self.sandbox.desk.accounts[name]
            key = f"api_key = {z.api_key}\napi_secret = {z.api_secret}\nuser_id = {z.user_id}\n"
            return f"{key}access_token = {z.access_token}\n"
        a = self.angel.desk.accounts[name]
        return f"api_key = {a.api_key}\nusername = {a.user}\npassword = {a.pin}\ntotp_token = {a.totp_secret}\n"

    def trade(self, master: str, symbol: str, side: Side, lots: int, lot_units: int = LOT) -> None:
        at, now_ns = self._exchange(master), self.sandbox.clock.now_ns()
        answer = self._call(master, lambda: at.trade(master, symbol, "NFO", side, lots * lot_units, "NRML", now_ns))
        assert answer.order_id, answer

    def lots(self, account: str) -> dict[str, int]:
        return {symbol: units // LOT for symbol, units in self.units(account).items()}

    def units(self, account: str) -> dict[str, int]:
        found = self._call(account, lambda: self._exchange(account).positions(account))
        return {p.symbol: p.net_units for p in found if p.net_units}

    def orders(self, account: str) -> list[OrderReport]:
        return list(self._call(account, lambda: self._exchange(account).orders(account)))

    def place(self, order: PlaceOrder) -> None:
        """An order of an owner's, by another program of his."""
        account, now_ns = order.account, self.sandbox.clock.now_ns()
        answer = self._call(account, lambda: self._exchange(account).place(order, now_ns))
        assert answer.order_id, answer

    def _exchange(self, account: str) -> Exchange:
        return self.sandbox.exchange if account in ZERODHA else self.angel.exchange

    def _call(self, account: str, work: Callable[[], T]) -> T:
        return self._thread.call(work) if account in ZERODHA else self.angel.call(work)

    def doctor(self, config: Path) -> str:
        """What the doctor prints."""
        return subprocess.run(
            self.program.command("doctor", "--config", str(config), "--json"),
            check=False,
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
        ).stdout

    def legs(self) -> list[Instrument]:
        """A hedge and a short, near the money."""
        calls = [i for i in self.sandbox.exchange.instruments() if i.kind.value == "CE"]
        middle = sorted(calls, key=lambda i: i.strike_inr or 0)[len(calls) // 2 :]
        return [middle[4], middle[1]]


@dataclass
class Case:
    master: str
    children: tuple[str, ...]


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    market = StillMarket()
    plan = Plan(day=DAY, market=market, accounts=[(name, capital(name)) for name in ZERODHA])
    thread = SandboxThread(plan)
    with thread:
        sandbox = thread.sandbox
        assert sandbox is not None
        accounts = [(name, capital(name)) for name in ANGEL]
        with AngelServer(accounts, market.instruments(), day=DAY, enforces_limits=True) as angel:
            made = Twin(sandbox, thread, angel, tmp_path)
            yield made
            made.program.kill()


CASES = [Case("ZM0001", ("ZC0001", "AC0001")), Case("AM0001", ("AC0001", "ZC0001"))]


@pytest.mark.parametrize("case", CASES, ids=["a master at Zerodha", "a master at Angel One"])
def test_children_at_both_brokers_follow_in_and_out(twin: Twin, case: Case) -> None:
    twin.program.start(twin.configure(case.master, case.children))
    twin.program.armed(twin.sandbox.clock.now_ns)
    hedge, short = (leg.symbol for leg in twin.legs())
    twin.trade(case.master, hedge, Side.BUY, 10)
    twin.trade(case.master, short, Side.SELL, 10)
    held = {hedge: 3, short: -3}
    twin.program.wait("both legs", lambda: [twin.lots(child) for child in case.children] == [held, held])
    twin.trade(case.master, short, Side.BUY, 10)
    twin.trade(case.master, hedge, Side.SELL, 10)
    twin.program.wait("everybody flat", lambda: [twin.lots(child) for child in case.children] == [{}, {}])
    assert twin.program.stop() == 0
    assert twin.lots(case.master) == {}


def test_contract_that_the_childs_broker_does_not_have_is_skipped_there_with_the_reason(twin: Twin) -> None:
    hedge, _ = twin.legs()
    del twin.angel.desk.scrips[hedge.id]
    twin.program.start(twin.configure("ZM0001", ("ZC0001", "AC0001")))
    twin.program.armed(twin.sandbox.clock.now_ns)
    twin.trade("ZM0001", hedge.symbol, Side.BUY, 10)
    twin.program.wait("the other child", lambda: twin.lots("ZC0001") == {hedge.symbol: 3})
    twin.program.wait(
        "the reason",
        lambda: any("AC0001" in line and "not listed at Angel One" in line for line in twin.program.lines),
    )
    assert twin.program.stop() == 0
    assert twin.lots("AC0001") == {}


def test_number_that_means_another_contract_there_is_not_believed(twin: Twin) -> None:
    hedge, short = twin.legs()
    number = twin.angel.desk.scrips[hedge.id]["token"]
    wrong = replace(short, symbol=hedge.symbol)
    twin.angel.desk.scrips[hedge.id] = angel_rows.scrip_row(wrong, number)
    twin.program.start(twin.configure("ZM0001", ("ZC0001", "AC0001")))
    twin.program.armed(twin.sandbox.clock.now_ns)
    twin.trade("ZM0001", hedge.symbol, Side.BUY, 10)
    twin.program.wait(
        "the reason",
        lambda: any("AC0001" in line and "another contract at Angel One" in line for line in twin.program.lines),
    )
    assert twin.program.stop() == 0
    assert twin.lots("AC0001") == {}


def test_no_secret_of_either_broker_is_written_anywhere(twin: Twin) -> None:
    for account in twin.angel.desk.accounts.values():
        account.pin = f"CANARYPIN{account.user}"
    ids = {"AM0001": "master", "AC0001": "one", "ZC0001": "two"}
    config = twin.configure("AM0001", ("AC0001", "ZC0001"), ids)
    doctor = twin.doctor(config)
    twin.program.start(config)
    twin.program.armed(twin.sandbox.clock.now_ns)
    hedge, _ = twin.legs()
    twin.trade("AM0001", hedge.symbol, Side.BUY, 10)
    twin.program.wait("the copies", lambda: twin.lots("ZC0001") == twin.lots("AC0001") == {hedge.symbol: 3})
    accounts = list(twin.angel.desk.accounts.values())
    jwt = [account.jwt for account in accounts if account.jwt]
    assert jwt
    twin.angel.end_sessions()
    twin.program.wait("a new session", lambda: all(twin.angel.logins(name) >= 3 for name in ANGEL))
    assert twin.program.stop() == 0
    secrets = [text for a in accounts for text in (a.user, a.pin, a.api_key, a.totp_secret, a.jwt, a.feed) if text]
    zerodha = twin.sandbox.desk.accounts["ZC0001"]
    secrets += [*jwt, zerodha.user_id, zerodha.api_key, zerodha.api_secret, zerodha.access_token]
    assert not [secret for secret in secrets if secret in doctor]
    files = [path for path in twin.directory.rglob("*") if path.is_file() and "config" not in path.parts[-2:]]
    assert {".sqlite3", ".txt"} <= {path.suffix for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path


def test_doctor_looks_at_both_brokers(twin: Twin) -> None:
    told = twin.doctor(twin.configure("ZM0001", ("AC0001",)))
    found = {(f["account"], f["check"]): f["level"] for f in json.loads(told)["findings"]}
    assert found["ZM0001", "session"] == "good"
    assert found["AC0001", "margin"] == "good"
