"""The order book of Kite's side: what the exchange reports becomes rows with their history, trades and updates.

It must not place anything. An order's life in its history, interim statuses included [kiteconnect-mocks,
order_info.json; Kite Connect v3, "Orders"]:

    PUT ORDER REQ RECEIVED, VALIDATION PENDING -> REJECTED
                                               -> OPEN PENDING, OPEN | TRIGGER PENDING -> COMPLETE
    MODIFY VALIDATION PENDING, MODIFY PENDING, MODIFIED, then its status again
    CANCEL PENDING, CANCELLED
    AMO REQ RECEIVED, and at the opening as above
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec

from engine.model import TERMINAL_BOOK, BookStatus, LegId, OrderReport, Side
from paper.sandbox import rows
from paper.sandbox.account import Account, Entry, Traded
from paper.sandbox.ids import OrderIds
from paper.sandbox.rows import Json, Terms, Tokens

RECEIVED: Final = ("PUT ORDER REQ RECEIVED", "VALIDATION PENDING")
OPENS: Final = "OPEN PENDING"
AMO: Final = "AMO REQ RECEIVED"
MODIFIES: Final = ("MODIFY VALIDATION PENDING", "MODIFY PENDING")
MODIFIED: Final = "MODIFIED"
CANCELS: Final = "CANCEL PENDING"
UPDATE: Final = "UPDATE"
"""Stands in pushed updates only, never in the book: a modification or a partial fill."""
FIRST_EXCHANGE_ID: Final = 1_500_000_000_000_001
WORKING: Final = (BookStatus.OPEN, BookStatus.TRIGGER_PENDING)

OnFrame = Callable[[str, Json], None]
"""(account, row): an order update for whoever listens to the account."""


class Book:
    """Everybody's orders.

    Args:
        now_ns: The server's clock.
        on_frame: Takes order updates.
    """

    def __init__(self, now_ns: Callable[[], int], on_frame: OnFrame) -> None:
        self.tokens = Tokens(())
        self._now_ns, self._on_frame = now_ns, on_frame
        self._ids = OrderIds()
        self._exchange_ids = itertools.count(FIRST_EXCHANGE_ID)
        self._trade_numbers = itertools.count(1)
        self._placing: Entry | Terms | None = None

    def new_id(self) -> str:
        """An id that no order has."""
        return self._ids.new(self._now_ns())

    @contextmanager
    def placing(self, what: Entry | Terms) -> Iterator[None]:
        """The exchange's next new order is this one: terms of a new order, or an order that waited for the opening."""
        self._placing = what
        try:
            yield
        finally:
            self._placing = None

    def updated(self, account: Account, report: OrderReport) -> None:
        """The exchange changed an order, or has a new one."""
        entry = account.at_exchange.get(report.order_id)
        if entry is None:
            entry = self._enter(account, report)
            before = None
        else:
            before, entry.report = entry.report, report
            if before.status is report.status and before.filled == report.filled and _same_terms(before, report):
                return  # the exchange's remarks on why an order waits are not Kite's
        self._write_interim(account, entry, before)
        row = self._row(account, entry)
        entry.rows.append(row)
        self._book_trade(account, entry, before)
        self._push(account, entry, row, before)

    def keep(self, account: Account, report: OrderReport, terms: Terms) -> Entry:
        """Take an order for the opening. Kite pushes nothing [staff, 2020; seen live, 19 Sep 2026]."""
        now_ns = self._now_ns()
        entry = Entry(self.new_id(), report, replace(terms, asked_ns=now_ns))
        account.entries[entry.order_id] = entry
        entry.rows += [self._row(account, entry, RECEIVED[0]), self._row(account, entry, AMO)]
        return entry

    def change_kept(self, account: Account, entry: Entry, report: OrderReport) -> None:
        """An order that waits for the opening has changed, or is done with."""
        entry.terms = replace(entry.terms, asked_ns=self._now_ns(), is_modified=report.status in WORKING)
        entry.report = report
        entry.rows.append(self._row(account, entry, None if report.status in TERMINAL_BOOK else AMO))

    def refuse_kept(self, account: Account, entry: Entry, text: str) -> None:
        """At the opening the exchange's side refuses an order."""
        before = entry.report
        entry.report = ended(before, BookStatus.REJECTED, text, self._now_ns())
        row = self._row(account, entry)
        entry.rows.append(row)
        self._push(account, entry, row, before)

    # Inside

    def _enter(self, account: Account, report: OrderReport) -> Entry:
        placing, self._placing = self._placing, None
        now_ns = self._now_ns()
        if isinstance(placing, Entry):
            entry, entry.report = placing, report
        else:
            terms = replace(placing or Terms(), asked_ns=report.placed_ns or now_ns)
            entry = Entry(self.new_id(), report, terms)
            account.entries[entry.order_id] = entry
        entry.terms = replace(
            entry.terms, exchange_order_id=str(next(self._exchange_ids)), exchange_ns=report.placed_ns or now_ns
        )
        account.at_exchange[report.order_id] = entry
        return entry

    def _write_interim(self, account: Account, entry: Entry, before: OrderReport | None) -> None:
        report = entry.report
        if before is None:
            words = RECEIVED if report.status is BookStatus.REJECTED else (*RECEIVED, OPENS)
            entry.rows += [self._row(account, entry, word, is_at_exchange=False) for word in words]
        elif report.status is BookStatus.CANCELLED:
            entry.terms = replace(entry.terms, asked_ns=report.updated_ns)
            entry.rows.append(self._row(account, entry, CANCELS, report=before))
        elif not _same_terms(before, report):
            entry.terms = replace(entry.terms, asked_ns=report.updated_ns)
            entry.rows += [self._row(account, entry, word, report=before) for word in MODIFIES]
            coming = entry.coming or entry.terms
            entry.terms = replace(coming, asked_ns=report.updated_ns, exchange_ns=report.updated_ns, is_modified=True)
            entry.rows.append(self._row(account, entry, MODIFIED, report=before))

    def _row(
        self,
        account: Account,
        entry: Entry,
        status: str | None = None,
        *,
        report: OrderReport | None = None,
        is_at_exchange: bool = True,
    ) -> Json:
        shown = report or entry.report
        token = self.tokens.by_id.get(shown.instrument, 0)
        at_exchange = is_at_exchange and bool(entry.terms.exchange_order_id)
        return rows.order_row(
            entry.order_id, shown, entry.terms, account.user_id, token, status=status, is_at_exchange=at_exchange
        )

    def _book_trade(self, account: Account, entry: Entry, before: OrderReport | None) -> None:
        report = entry.report
        filled_before = 0 if before is None else before.filled
        units = report.filled - filled_before
        if units <= 0:
            return
        value = _value(report) - (Decimal(0) if before is None else _value(before))
        price = (value / units).quantize(Decimal("0.0001"))
        number = next(self._trade_numbers)
        account.trades.append(rows.trade_row(entry.rows[-1], number, units, price, report.updated_ns))
        add_traded(account, report.leg, report.side, units, value)

    def _push(self, account: Account, entry: Entry, row: Json, before: OrderReport | None) -> None:
        """Kite pushes trades, ends and changes; that an order was merely opened it does not push."""
        report = entry.report
        if before is None and report.status in WORKING and not report.filled:
            return
        status = report.status.value
        triggered = before is not None and before.status is BookStatus.TRIGGER_PENDING and not report.filled
        if report.status in WORKING and not (triggered and report.status is BookStatus.OPEN):
            status = UPDATE
        self._on_frame(account.user_id, rows.update_of(row, status, account.api_secret))


def add_traded(account: Account, leg: LegId, side: Side, units: int, value_inr: Decimal) -> None:
    """Count units of a leg as traded today; negative ones as taken back."""
    traded = account.traded.setdefault(leg, Traded())
    if side is Side.BUY:
        traded.bought, traded.bought_inr = traded.bought + units, traded.bought_inr + value_inr
    else:
        traded.sold, traded.sold_inr = traded.sold + units, traded.sold_inr + value_inr


def ended(report: OrderReport, status: BookStatus, text: str, now_ns: int) -> OrderReport:
    """The report of an order that is done."""
    return msgspec.structs.replace(report, status=status, status_text=text, updated_ns=now_ns)


def _value(report: OrderReport) -> Decimal:
    return (report.average_price_inr or Decimal(0)) * report.filled


def _same_terms(one: OrderReport, other: OrderReport) -> bool:
    names = ("order_type", "quantity", "price_inr", "trigger_price_inr")
    return all(getattr(one, name) == getattr(other, name) for name in names)
