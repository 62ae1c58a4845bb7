"""The whole live path: the program as a process, Zerodha's client library, TCP, and a sandbox that keeps the books."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from kiteconnect import KiteConnect
from msgspec.structs import replace

from config.rules import ist
from config.schema import Mode
from engine.model import NS_PER_S, Instrument, Quote
from engine.opening import sessions_of
from paper.market import SimulatedMarket
from paper.sandbox.configuration import write_configuration
from paper.sandbox.faults import Fault, Kind
from paper.sandbox.sandbox import Plan, SandboxThread

DAY = date(2026, 11, 2)
ROOT = Path(__file__).resolve().parent.parent
MASTER, CHILDREN = "ZM0001", ("ZC0001", "ZC0002", "ZC0003")
LOT = 65
PATIENCE_S = 60.0
"For what takes a second or two on an idle machine, and an overtaken call's 15 s."


class StillMarket:
    """The option market of the sandbox, in which no price moves: a busy machine makes no slippage."""

    def __init__(self) -> None:
        start_ns = ist(DAY, "10:00:00")
        market = SimulatedMarket(7, start_ns, DAY, sessions_of(DAY))
        self._instruments = market.instruments()
        self._quotes = tuple(replace(quote, stale_at_ns=None) for quote in market.advance(start_ns))

    def instruments(self) -> Sequence[Instrument]:
        return self._instruments

    def advance(self, now_ns: int) -> Sequence[Quote]:
        quotes, self._quotes = self._quotes, ()
        return quotes


class Program:
    """The program as a process in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, str(ROOT / "runner.py"), *arguments]

    def start(self, config: Path, *options: str, mode: Mode = Mode.LIVE) -> None:
        how = ("--live", "--typed", "LIVE") if mode is Mode.LIVE else ("--paper",)
        self.output = self.directory / f"output{len(list(self.directory.glob('output*')))}.txt"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                self.command("run", "--headless", *how, "--config", str(config), *options),
                cwd=self.directory,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def lines(self) -> list[str]:
        return self.output.read_text().splitlines()

    def wait(self, what: str, found: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        until_s = time.monotonic() + patience_s
        while not found():
            told = "\n".join(self.lines[-40:])
            assert time.monotonic() < until_s, f"never seen: {what}\n{told}"
            time.sleep(0.05)

    def armed(self, now_ns: Callable[[], int]) -> None:
        self.wait("armed", lambda: any(line.endswith(" armed") for line in self.lines))
        self.wait("all margins", self._margins_known)
        due_ns = now_ns() + 3 * NS_PER_S  # a baseline is a margin from before the master's order
        self.wait("samples of the margins", lambda: now_ns() >= due_ns)

    def _margins_known(self) -> bool:
        """The start-up is over, and whoever was named as without a margin has one by now."""
        lines = self.lines
        named = [line.split(": ")[1:] for line in lines if "margins not known yet: " in line]
        if not named:
            return False
        missing = set(named[-1][-1].split(", ")) - {"none"}
        return all(any(line.endswith(f"{account}: margin is known") for line in lines) for account in missing)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Live:
    """A sandbox, the program against it, and the master's own client."""

    def __init__(self, thread: SandboxThread, directory: Path, children: Sequence[str] = CHILDREN) -> None:
        assert thread.sandbox is not None
        self.thread, self.sandbox, self.directory = thread, thread.sandbox, directory
        self.children = children
        self.config = write_configuration(directory / "config", self.sandbox)
        account = self.sandbox.desk.accounts[MASTER]
        self.kite = KiteConnect(account.api_key, account.access_token, root=self.sandbox.root_url)
        self.kite.reqsession.trust_env = False
        self.program = Program(directory)

    def start(self, *options: str, mode: Mode = Mode.LIVE) -> None:
        self.program.start(self.config, *options, mode=mode)

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self.program.process

    @property
    def lines(self) -> list[str]:
        return self.program.lines

    def wait(self, what: str, found: Callable[[], bool]) -> None:
        self.program.wait(what, found)

    def armed(self) -> None:
        self.program.armed(self.sandbox.clock.now_ns)

    def stop(self) -> int:
        return self.program.stop()

    def trade(self, symbol: str, side: str, lots: int) -> None:
        self.kite.place_order(
            "regular", "NFO", symbol, side, lots * LOT, "NRML", "MARKET", tag="own", market_protection=-1
        )

    def log_in(self, child: str, *arguments: str) -> str:
        """The operator's login in another terminal, with the token that Kite's page gives; what is printed."""
        done = subprocess.run(
            self.program.command("login", *arguments, "--config", str(self.config)),
            check=False,
            cwd=self.directory,
            input=f"{self.sandbox.desk.accounts[child].request_token}\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        assert self.sandbox.desk.accounts[child].access_token not in done.stdout + done.stderr
        return done.stdout

    def positions(self) -> dict[str, dict[str, int]]:
        desk = self.sandbox.desk

        def look() -> dict[str, dict[str, int]]:
            return {
                child: {
                    row["tradingsymbol"]: row["quantity"] // LOT
                    for row in desk.positions(desk.accounts[child])["net"]
                    if row["quantity"]
                }
                for child in self.children
            }

        return self.thread.call(look)

    def paper_positions(self, mode: Mode) -> dict[str, dict[str, int]]:
        """What children hold on paper, by the books that are kept."""
        path = self.directory / "state" / "data" / mode.value / "accounts-zerodha.json"
        if not path.exists():
            return {}
        accounts = json.loads(path.read_bytes())["exchange"]["accounts"]
        return {
            child: {
                leg.split(":")[1]: holding["net_units"] // LOT
                for leg, holding in account["ledger"]["holdings"].items()
                if holding["net_units"]
            }
            for child, account in accounts.items()
        }

    def orders(self, child: str) -> list[tuple[str, str, int]]:
        """(tag, side, lots filled) of every order that was not refused."""
        account = self.sandbox.desk.accounts[child]
        rows = self.thread.call(lambda: self.sandbox.desk.orders(account))
        return [(r["tag"], r["transaction_type"], r["filled_quantity"] // LOT) for r in rows if r["filled_quantity"]]


@pytest.fixture
def live(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Live]:
    """Children of equal capital, or the first with what the test gives it."""
    usual = Decimal(1_050_000)
    money = [getattr(request, "param", usual), usual, usual]
    plan = Plan(
        day=DAY,
        market=StillMarket(),
        accounts=[(MASTER, Decimal(3_500_000)), *zip(CHILDREN, money, strict=True)],
    )
    thread = SandboxThread(plan)
    with thread:
        made = Live(thread, tmp_path)
        yield made
        made.program.kill()


def equal(children: Sequence[str] = CHILDREN) -> Plan:
    """A sandbox whose children have equal capital, in a market in which nothing moves."""
    accounts = [(MASTER, Decimal(3_500_000)), *((child, Decimal(1_050_000)) for child in children)]
    return Plan(day=DAY, market=StillMarket(), accounts=accounts)


def symbols(live: Live) -> list[str]:
    """The four legs of a condor around the money: hedges first."""
    listed = {(i.strike_inr, i.kind.value): i.symbol for i in live.sandbox.exchange.instruments()}
    strikes = sorted({strike for strike, _ in listed if strike is not None})
    middle = len(strikes) // 2
    wanted = ((middle + 6, "CE"), (middle - 6, "PE"), (middle + 2, "CE"), (middle - 2, "PE"))
    return [listed[strikes[place], kind] for place, kind in wanted]


def enter(live: Live) -> dict[str, int]:
    legs = symbols(live)
    for symbol, side in zip(legs, ("BUY", "BUY", "SELL", "SELL"), strict=True):
        live.trade(symbol, side, 10)
    return dict(zip(legs, (3, 3, -3, -3), strict=True))


def leave(live: Live) -> None:
    for symbol, side in zip(reversed(symbols(live)), ("BUY", "BUY", "SELL", "SELL"), strict=True):
        live.trade(symbol, side, 10)


def test_condor_is_copied_into_every_child_and_out_again(live: Live) -> None:
    live.start("--until-flat")
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    leave(live)
    live.wait("everybody flat", lambda: live.positions() == {child: {} for child in CHILDREN})
    assert live.process is not None
    assert live.process.wait(PATIENCE_S) == 0
    for child in CHILDREN:
        found = live.orders(child)
        assert sorted((side, lots) for _, side, lots in found) == [("BUY", 3)] * 4 + [("SELL", 3)] * 4
        assert len({tag for tag, _, _ in found}) == 8


def test_no_secret_is_written_anywhere(live: Live) -> None:
    live.start()
    live.armed()
    account = live.sandbox.desk.accounts["ZC0001"]
    live.thread.call(lambda: live.sandbox.server.script.arm([Fault("place", Kind.TOKEN_EXPIRED, "ZC0001")]))
    enter(live)
    live.wait("the login is asked for", lambda: any("login" in line for line in live.lines))
    assert live.stop() == 0
    canaries = [text.encode() for a in live.sandbox.desk.accounts.values() for text in (a.api_key, a.api_secret)]
    canaries += [f"token{child.lower()}".encode() for child in (MASTER, *CHILDREN)]
    files = [path for path in live.directory.rglob("*") if path.is_file() and "config" not in path.parts[-2:]]
    assert any(path.suffix == ".sqlite3" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [canary for canary in canaries if canary in content], path
    assert account.access_token == ""


FAULTS = [
    Kind.TIMED_OUT_400,
    Kind.TRUNCATED,
    Kind.DROPPED_AFTER,
    Kind.RATE_LIMITED,
    *(
        pytest.param(kind, marks=pytest.mark.slow)
        for kind in (Kind.ACCEPTED_THEN_TIMEOUT, Kind.UNAVAILABLE, Kind.HTML, Kind.NO_ID, Kind.SLOW)
    ),
]


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_of_the_broker_changes_nothing_in_the_end(live: Live, kind: Kind) -> None:
    live.start()
    live.armed()
    faults = [Fault("place", kind, child, 1, 2.0) for child in CHILDREN[:2]]
    live.thread.call(lambda: live.sandbox.server.script.arm(faults))
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    assert live.sandbox.server.script.hits == {kind.value: 2}
    assert [len(live.orders(child)) for child in CHILDREN] == [4, 4, 4]
    assert live.stop() == 0


def test_killed_in_the_middle_and_started_again_nothing_is_doubled_or_lost(live: Live) -> None:
    live.start()
    live.armed()
    condor = enter(live)
    live.wait("first orders", lambda: any(live.orders(child) for child in CHILDREN))
    assert live.process is not None
    live.process.kill()
    live.process.wait()
    live.start()
    live.wait("the question", lambda: any("unclean" in line or "nobody can answer" in line for line in live.lines))
    live.wait("the books", lambda: any("differences" in line for line in live.lines))
    assert not any("changed over night" in line for line in live.lines)
    leave(live)
    live.wait("everybody flat", lambda: live.positions() == {child: {} for child in CHILDREN})
    for child in CHILDREN:
        bought = sum(lots for _, side, lots in live.orders(child) if side == "BUY")
        sold = sum(lots for _, side, lots in live.orders(child) if side == "SELL")
        assert bought == sold
        assert bought <= sum(abs(lots) for lots in condor.values())
    assert live.stop() == 4


def test_login_in_another_terminal_lets_a_running_session_go_on(live: Live) -> None:
    live.start()
    live.armed()
    child = live.sandbox.desk.accounts["ZC0001"]
    live.thread.call(lambda: setattr(child, "access_token", ""))
    live.wait("the login is asked for", lambda: any("ZC0001" in line and "login" in line for line in live.lines))
    told = live.log_in("ZC0001")
    assert [line for line in told.splitlines() if "logged in already" in line] != []
    live.wait("the login is heard", lambda: any("ZC0001: " in line and "logged in" in line for line in live.lines))
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    assert live.stop() == 0


def test_children_on_paper_follow_a_real_master_and_no_order_reaches_their_broker(live: Live) -> None:
    live.start(mode=Mode.PAPER)
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.paper_positions(Mode.PAPER) == dict.fromkeys(CHILDREN, condor))
    assert live.process is not None
    live.process.kill()
    live.process.wait()
    assert live.paper_positions(Mode.PAPER) == dict.fromkeys(CHILDREN, condor)
    live.start(mode=Mode.PAPER)
    live.wait("the books", lambda: any("differences: none" in line for line in live.lines))
    leave(live)
    live.wait("everybody flat", lambda: live.paper_positions(Mode.PAPER) == {child: {} for child in CHILDREN})
    assert live.stop() == 4
    assert [live.orders(child) for child in CHILDREN] == [[], [], []]
    assert not (live.directory / "state" / "data" / "live").exists()


def test_child_that_is_not_live_stays_on_paper_beside_live_ones(live: Live) -> None:
    lines = live.config.read_text().splitlines()
    live.config.write_text(
        "\n".join(line.replace("live: true", "live: false") if "ZC0002" in line else line for line in lines)
    )
    live.start()
    live.armed()
    condor = enter(live)
    real = {"ZC0001": condor, "ZC0002": {}, "ZC0003": condor}
    live.wait("the condor at the broker", lambda: live.positions() == real)
    live.wait("the condor on paper", lambda: live.paper_positions(Mode.LIVE) == {"ZC0002": condor})
    assert live.stop() == 0
    assert live.orders("ZC0002") == []


def test_paper_account_begins_with_what_is_configured(live: Live) -> None:
    lines = live.config.read_text().splitlines()
    live.config.write_text(
        "\n".join(
            line.replace("live: true", "paper_capital_inr: 350000") if "ZC0001" in line else line for line in lines
        )
    )
    live.start(mode=Mode.PAPER)
    live.armed()
    condor = enter(live)
    live.wait("the larger children", lambda: live.paper_positions(Mode.PAPER).get("ZC0002") == condor)
    tenth = {symbol: lots // abs(lots) for symbol, lots in condor.items()}
    live.wait("the small one", lambda: live.paper_positions(Mode.PAPER).get("ZC0001") == tenth)
    assert live.stop() == 0


def test_live_child_that_holds_lots_is_not_put_on_paper_under_them(live: Live) -> None:
    live.start()
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    assert live.stop() == 0
    lines = live.config.read_text().splitlines()
    changed = [line.replace("live: true", "live: false") if "ZC0002" in line else line for line in lines]
    live.config.write_text("\n".join(changed))
    live.start()
    assert live.process is not None
    assert live.process.wait(PATIENCE_S) == 4
    assert any("ZC0002 has something open live at zerodha" in line for line in live.lines)
    assert live.positions() == dict.fromkeys(CHILDREN, condor)


@pytest.mark.parametrize("live", [Decimal(120_000)], indirect=True)
def test_child_with_little_money_gets_what_its_broker_says_it_can_have(live: Live) -> None:
    text = live.config.read_text()
    poor = f"id: {CHILDREN[0]}, "
    assert poor in text
    live.config.write_text(text.replace(poor, f"{poor}sizing: {{mode: fixed_ratio, ratio: 3/10}}, "))
    live.start()
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: all(live.positions()[child] == condor for child in CHILDREN[1:]))
    live.wait("the word of the broker", lambda: any("(the broker says)" in line for line in live.lines))
    shorts = symbols(live)[2:]
    live.wait("the shorts", lambda: all(live.positions()[CHILDREN[0]].get(short) for short in shorts))
    held = live.positions()[CHILDREN[0]]
    assert all(-3 < held[short] < 0 for short in shorts)
    assert all(abs(held[hedge]) >= abs(held[short]) for hedge, short in zip(symbols(live)[:2], shorts, strict=True))
    desk = live.sandbox.desk
    rows = live.thread.call(lambda: desk.orders(desk.accounts[CHILDREN[0]]))
    assert {row["status"] for row in rows} == {"COMPLETE"}
    leave(live)
    live.wait("everybody flat", lambda: live.positions() == {child: {} for child in CHILDREN})
