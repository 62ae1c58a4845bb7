"""Situations that the demo cannot be in, made of what it shows: LIVE at brokers, an unclean start, accounts to log in.

For pictures only. The words of the doctor and of the login are those of the program; no broker is asked.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from config.schema import Mode, Settings
from engine.commands import Severity
from engine.findings import Finding, Level
from engine.snapshot import (
    Attention,
    CellState,
    ChildState,
    EngineState,
    LeftOpen,
    NoticeLine,
    RestartView,
    Snapshot,
    StrategyState,
)

BROKERS = {"ZM0001": "zerodha", "ZC0001": "zerodha", "ZC0002": "zerodha", "AC0003": "angel_one"}
"""The accounts in the pictures that are not of the demo's."""
LOGGED_OUT = "ZC0002"
KITE_LOGIN = "https://kite.zerodha.com/connect/login?api_key=YOUR-APP-KEY&v=3"
REDIRECT = "http://127.0.0.1:8766/"
"""As `brokers` has them, which measurements do not load."""
Stage = Callable[[Snapshot], Snapshot]


def at_brokers(settings: Settings) -> Settings:
    """The demo's settings with accounts that are called as at brokers."""
    master, *children = BROKERS
    named = [replace(child, id=name) for child, name in zip(settings.children, children, strict=True)]
    return replace(settings, master=replace(settings.master, id=master), children=tuple(named))


def as_live(snapshot: Snapshot) -> Snapshot:
    """LIVE: every child trades at its broker."""
    return replace(
        snapshot,
        mode=Mode.LIVE,
        source="",
        strategies=tuple(replace(strategy, mode=Mode.LIVE) for strategy in snapshot.strategies),
        children=tuple(replace(child, live=True, broker=BROKERS[child.id]) for child in snapshot.children),
        notices=tuple(replace(notice, text=notice.text.replace("PAPER", "LIVE")) for notice in snapshot.notices),
    )


def after_a_crash(snapshot: Snapshot) -> Snapshot:
    """The program ended while the strategy ran, with one order of the last child's on its way."""
    seen = _unknown(as_live(snapshot))
    rows = [
        LeftOpen(
            child=cell.child, leg=leg.leg, title=leg.title, product=leg.product,
            units=int(cell.have_lots * (leg.lot_units or 0)), working=0, unknown=int(bool(cell.unknown_lots)), held=0,
            due="", answer="",
        )
        for cells in zip(*(leg.cells for leg in seen.legs), strict=True)
        for leg, cell in zip(seen.legs, cells, strict=True)
    ]  # fmt: skip
    question = RestartView(
        rows=tuple(rows),
        master=tuple((leg.title, int(leg.master_lots * (leg.lot_units or 0))) for leg in seen.legs),
        master_read=True,
        strategy=seen.strategies[0].name,
        strategy_state=StrategyState.ACTIVE,
        started_ns=seen.strategies[0].started_ns,
        exits_ns=None,
        may_start_fresh=False,
    )
    why = "what the last session left open waits"
    text = "the last session did not end well: exits only until you answer"
    notice = NoticeLine(number=1, at_ns=snapshot.at_ns, severity=Severity.ALARM, text=text)
    disarmed = replace(seen, engine=EngineState.DISARMED, engine_reason=why, restart=question)
    return replace(disarmed, attention=(), notices=(notice,))


def _unknown(snapshot: Snapshot) -> Snapshot:
    """The last child has a lot less of the last leg than it wants, and an order without an answer."""
    leg, child = snapshot.legs[-1], snapshot.children[-1]
    lot = Decimal(1 if leg.cells[-1].want_lots > 0 else -1)
    cell = replace(leg.cells[-1], state=CellState.UNKNOWN, have_lots=leg.cells[-1].want_lots - lot, unknown_lots=lot)
    child = replace(child, state=ChildState.UNKNOWN, reason="sent, outcome not known", drift_lots=abs(lot))
    return replace(
        snapshot,
        in_step=snapshot.in_step - 1,
        legs=(*snapshot.legs[:-1], replace(leg, cells=(*leg.cells[:-1], cell))),
        children=(*snapshot.children[:-1], child),
    )


def in_the_morning(snapshot: Snapshot) -> Snapshot:
    """Nothing is traded yet, and one child is not logged in."""
    seen, why = as_live(snapshot), "login required"
    children = [
        replace(child, state=ChildState.LOGIN_REQUIRED, reason=why) if child.id == LOGGED_OUT else child
        for child in seen.children
    ]
    text = "LOGIN REQUIRED: the account is stopped until a login"
    notices = tuple(
        replace(notice, severity=Severity.ALARM, text=text) if notice.account == LOGGED_OUT else notice
        for notice in seen.notices
    )
    item = Attention(severity=Severity.ALARM, text=why, key="a", account=LOGGED_OUT)
    return replace(seen, children=tuple(children), in_step=seen.in_step - 1, attention=(item,), notices=notices)


class Talk:
    """A login that waits for its owner."""

    url, redirect = KITE_LOGIN, REDIRECT

    def caught(self) -> str | None:
        """Nothing came back."""
        return None

    def finish(self, given: str) -> str:
        """Nobody finishes it."""
        return given

    def close(self) -> None:
        """Nobody listens."""


class Desk:
    """The accounts of the pictures: one of them wants a login."""

    accounts = tuple(BROKERS)

    def examine(self) -> Iterator[Finding]:
        """As on a morning before the login of one child."""
        yield _found("", "calendar", "a trading day")
        yield _found("", "tables", "freeze quantities and charges of today")
        for account, broker in BROKERS.items():
            kite = broker == "zerodha"
            yield _found(account, "clock", f"+0 s beside {'Kite' if kite else 'Angel'}'s")
            if account == LOGGED_OUT:
                todo = f"run: python runner.py login {account}"
                yield _found(account, "session", "the token is over; it ends at 06:00 each day", Level.BAD, todo)
                continue
            yield _found(account, "session", f"logged in as {account}" if kite else "logged in with PIN and code")
            yield _found(account, "margin", f"{'equity.net' if kite else 'net'} is {MARGINS[account]}")

    def why_no_login(self, account: str) -> str:
        """One is needed."""
        return ""

    def log_in(self, account: str) -> Talk:
        """Begin."""
        return Talk()


MARGINS = {"ZM0001": "₹35,00,000.00", "ZC0001": "₹10,50,000.00", "AC0003": "₹14,00,000.00"}


def _found(account: str, check: str, text: str, level: Level = Level.GOOD, todo: str = "") -> Finding:
    return Finding(account=account, check=check, level=level, text=text, todo=todo)
