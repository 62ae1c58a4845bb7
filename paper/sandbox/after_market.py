"""Orders that are taken while the market is closed, and wait for the opening. They are not at the exchange.

Kite shows them as AMO REQ RECEIVED and pushes nothing of them [staff, 2020; seen live, 19 Sep 2026].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from engine.commands import ModifyOrder, PlaceOrder
from engine.events import Outcome
from engine.model import BookStatus, Instrument, InstrumentId, OrderReport
from engine.ports import Answer
from paper import rejections
from paper.matching import needs_trigger
from paper.sandbox.account import Account, Entry
from paper.sandbox.book import Book, ended
from paper.sandbox.errors import refused
from paper.sandbox.rows import Terms


@dataclass(slots=True)
class _Kept:
    """One order that waits."""

    account: Account
    entry: Entry
    order: PlaceOrder
    modifications: int = 0


class AfterMarket:
    """All orders that wait.

    Args:
        book: Where they are shown.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._kept: dict[str, _Kept] = {}

    def has(self, entry: Entry) -> bool:
        """Whether an order waits."""
        return entry.order_id in self._kept

    def keep(self, account: Account, order: PlaceOrder, terms: Terms, now_ns: int) -> Entry:
        """Take an order for the opening."""
        entry = self._book.keep(account, _report(order, now_ns), terms)
        self._kept[entry.order_id] = _Kept(account, entry, order)
        return entry

    def modify(
        self, account: Account, entry: Entry, change: ModifyOrder, listed: Mapping[InstrumentId, Instrument]
    ) -> None:
        """Change an order that waits."""
        kept = self._kept[entry.order_id]
        if kept.modifications >= rejections.MODIFICATIONS_MAX:
            raise refused(rejections.TOO_MANY_MODIFICATIONS)
        names = ("order_type", "quantity", "price_inr", "trigger_price_inr")
        given = {name: value for name in names if (value := getattr(change, name)) is not None}
        order = msgspec.structs.replace(kept.order, **given)
        if text := rejections.bad_terms(order, listed[entry.report.instrument]):
            raise refused(text)
        kept.order, kept.modifications = order, kept.modifications + 1
        entry.terms = entry.coming or entry.terms
        self._book.change_kept(account, entry, _report(order, entry.report.placed_ns))

    def cancel(self, account: Account, entry: Entry, now_ns: int) -> None:
        """Drop an order that waits."""
        del self._kept[entry.order_id]
        self._book.change_kept(account, entry, ended(entry.report, BookStatus.CANCELLED, "", now_ns))

    def send(self, place: Callable[[Account, Entry, PlaceOrder], Answer]) -> None:
        """The market is open: send everything. What the exchange's side refuses is shown as refused."""
        kept, self._kept = self._kept, {}
        for one in kept.values():
            answer = place(one.account, one.entry, one.order)
            if answer.outcome is not Outcome.ACKED:
                self._book.refuse_kept(one.account, one.entry, answer.reason)


def _report(order: PlaceOrder, placed_ns: int) -> OrderReport:
    """What was asked for; the id that the exchange gives is not known yet."""
    waits = needs_trigger(order.order_type)
    return OrderReport(
        order_id="",
        exchange=order.exchange,
        symbol=order.symbol,
        product=order.product,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        status=BookStatus.TRIGGER_PENDING if waits else BookStatus.OPEN,
        price_inr=order.price_inr,
        trigger_price_inr=order.trigger_price_inr,
        tag=order.tag,
        placed_ns=placed_ns,
        updated_ns=placed_ns,
        validity=order.validity,
    )
