"""The connection doctor: configuration, calendar, files, and every account at its broker. Never sends an order."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from brokers.files import SUFFIX
from config.credentials import load_credentials
from config.errors import ConfigError, all_messages
from config.limits import PAPER_BROKER
from config.rules import charge_rates, freeze_units, is_covered, order_limits, trading_sessions
from config.schema import Account, Settings
from engine.findings import Finding, Level

AHEAD_DAYS: Final = 30
ADDRESS: Final = "address"
INDICES: Final = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "SENSEX")


def examine(settings: Settings, day: date, cache: Path, now_ns: Callable[[], int]) -> Iterator[Finding]:
    """Every check, one after the other.

    Args:
        settings: The configuration.
        day: Today in India.
        cache: Where instrument dumps are kept.
        now_ns: The machine's clock.
    """
    yield from _calendar(day)
    real = [account for account in (settings.master, *settings.children) if account.broker != PAPER_BROKER]
    if not real:
        text = "every account is on paper: nothing to connect"
        yield Finding(account="", check="accounts", level=Level.NOTE, text=text)
        return
    for broker in sorted({name for account in real if (name := _broker_of(account))}):
        yield _kept(broker, day, cache)
    told: set[str] = set()
    for account in real:
        for finding in _account(account, settings, day, now_ns):
            # What is true of a broker is said once, with whoever comes first.
            if finding.check != ADDRESS or finding.text not in told:
                yield finding
            told.add(finding.text)


def _calendar(day: date) -> Iterator[Finding]:
    if not is_covered(day):
        text, todo = (
            f"the holidays of {day.year} are not known",
            "install a newer version; without them nothing is entered, and exits go in the usual hours",
        )
        yield Finding(account="", check="calendar", level=Level.BAD, text=text, todo=todo)
    elif not is_covered(day + timedelta(days=AHEAD_DAYS)):
        text = f"the holidays of {day.year + 1} are not known yet"
        yield Finding(account="", check="calendar", level=Level.NOTE, text=text, todo="install a newer version in time")
    else:
        text = "a trading day" if trading_sessions(day) else "no trading today"
        yield Finding(account="", check="calendar", level=Level.GOOD, text=text)
    unknown = [name for name in INDICES if freeze_units(name, day) is None]
    if unknown or charge_rates(day) is None:
        text = f"no freeze quantity of {', '.join(unknown)}" if unknown else "no charges of today"
        yield Finding(account="", check="tables", level=Level.NOTE, text=text, todo="install a newer version")
    else:
        yield Finding(account="", check="tables", level=Level.GOOD, text="freeze quantities and charges of today")


def _broker_of(account: Account) -> str:
    """Where an account is, '' while its credentials do not say so."""
    try:
        return account.broker or load_credentials(Path(account.credentials or "")).broker
    except ConfigError:
        return ""  # which is found with the account


def _kept(broker: str, day: date, cache: Path) -> Finding:
    """The newest instrument file of a broker on the disk."""
    kept = sorted(cache.glob(f"{broker}-*.{SUFFIX[broker]}"))
    newest = kept[-1].stem.removeprefix(f"{broker}-") if kept else ""
    level = Level.GOOD if newest == day.isoformat() else Level.NOTE
    text = f"{broker}: the kept file is of {newest}" if newest else f"{broker}: none kept yet"
    text += "" if level is Level.GOOD else "; today's is read at the start"
    return Finding(account="", check="instruments", level=level, text=text)


def _account(account: Account, settings: Settings, day: date, now_ns: Callable[[], int]) -> Iterator[Finding]:
    path = Path(account.credentials or "")
    try:
        credentials = load_credentials(path, account.broker)
    except ConfigError as error:
        for message in all_messages(error):
            yield Finding(
                account=account.id, check="credentials", level=Level.BAD, text=str(message), todo="correct it"
            )
        return
    text = f"{path} is private and complete"
    yield Finding(account=account.id, check="credentials", level=Level.GOOD, text=text)
    limits = order_limits(credentials.broker, day)
    if credentials.broker == "angel_one":
        from brokers.angel_one.checkup import Checkup as AngelCheckup

        yield from AngelCheckup(account.id, credentials, settings.brokers.angel_one, limits, now_ns).findings()
    else:
        from brokers.zerodha.checkup import Checkup

        yield from Checkup(account.id, credentials, settings.brokers.zerodha, limits, now_ns).findings()
