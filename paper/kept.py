"""A paper exchange whose books outlive the process: what it has accepted is on disk before anybody hears of it.

It must not know accounts at brokers or the engine; how bytes become durable is handed in.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from config.rates import ChargeRates
from config.schema import Paper
from engine.errors import JournalFailed, StateRefused
from engine.model import Instrument, OrderReport, Quote, TradingSession
from paper.exchange import Exchange, OnUpdate

WriteDurably = Callable[[Path, bytes], None]
"""Replaces a file so that after any crash it holds the old bytes or all of the new ones. Raises `OSError`."""
VERSION: Final = 1


class _File(msgspec.Struct):
    version: int
    day: str
    "Trading date (ISO) of the books."
    exchange: msgspec.Raw


class KeptExchange:
    """One exchange and its file.

    Args:
        path: The file; it need not exist.
        paper: How orders are matched.
        day: The trading day that runs.
        sessions: Trading sessions around it.
        charges: Charge rates of the day.
        now_ns: The engine's clock.
        on_update: Told of every changed order, when that is durable.
        write: How the file is written.

    Raises:
        StateRefused: The file is damaged or of another version; the text says what to do.
    """

    def __init__(
        self,
        path: Path,
        *,
        paper: Paper,
        day: date,
        sessions: Sequence[TradingSession],
        charges: ChargeRates | None,
        now_ns: Callable[[], int],
        on_update: OnUpdate,
        write: WriteDurably,
    ) -> None:
        self._path, self._write, self._now_ns, self._on_update = path, write, now_ns, on_update
        self._day = day.isoformat()
        self._told: list[tuple[str, OrderReport]] = []
        kept = _read(path)
        if kept is None:
            self.exchange = Exchange(
                paper=paper, sessions=sessions, instruments=(), charges=charges, on_update=self._updated
            )
            return
        try:
            self.exchange = Exchange.from_bytes(
                bytes(kept.exchange),
                paper=paper,
                sessions=sessions,
                instruments=(),
                charges=charges,
                on_update=self._updated,
            )
        except StateRefused as error:
            raise StateRefused(_refusal(path, str(error))) from None
        if kept.day != self._day:
            self.start_day(day, sessions, now_ns())

    def start_day(self, day: date, sessions: Sequence[TradingSession], now_ns: int) -> None:
        """Another trading day: books begin anew, positions are carried, expired contracts settled."""
        self._day = day.isoformat()
        self.exchange.start_day(sessions, (), now_ns)
        self.save()

    def list_once(self, instrument: Instrument) -> None:
        """List an instrument of today; what is listed already stays as it is."""
        if not self.exchange.is_listed(instrument.id):
            self.exchange.add_instruments((instrument,))

    def quote(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """New market data; what it fills is durable before it is told."""
        self.exchange.update_quotes(quotes, now_ns)
        self.save_if_changed()

    def save_if_changed(self) -> None:
        """Make durable what has changed, and tell of it."""
        if self._told:
            self.save()

    def save(self) -> None:
        """Write the books, then tell of what changed.

        Raises:
            JournalFailed: They cannot be written. Nothing that happened since may be told.
        """
        file = _File(VERSION, self._day, msgspec.Raw(self.exchange.to_bytes()))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write(self._path, msgspec.json.encode(file))
        except OSError as error:
            text = f"the paper accounts cannot be written to {self._path}: {error.strerror}"
            raise JournalFailed(f"{text}. Make room or mend the disk, then start again") from error
        told, self._told = self._told, []
        for account, report in told:
            self._on_update(account, report)

    def _updated(self, account: str, report: OrderReport) -> None:
        self._told.append((account, report))


def _read(path: Path) -> _File | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateRefused(_refusal(path, str(error.strerror))) from None
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise StateRefused(_refusal(path, "it is damaged")) from None
    if file.version != VERSION:
        raise StateRefused(_refusal(path, f"it is of version {file.version}, this program has {VERSION}"))
    return file


def _refusal(path: Path, why: str) -> str:
    return (
        f"The paper accounts in {path} cannot be used: {why}. Nothing was started. Put a good copy back; or begin with "
        "fresh paper accounts: move the file away, and with it the other files of its directory, which remember what "
        "these accounts hold."
    )
