"""Writes: orders of every variety placed, modified, cancelled, and what later comes of them by itself.

The exchange decides what is done with an order; here is what Kite does before and after: market protection, tags, the
legs of icebergs, slices, orders that wait for the opening. What is refused raises `KiteError`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.events import Outcome
from engine.model import (
    NS_PER_S,
    BookStatus,
    Instrument,
    InstrumentId,
    OrderType,
    TradingSession,
    instrument_id,
)
from engine.ports import Answer
from paper import rejections
from paper.exchange import Exchange
from paper.sandbox import errors, forms, rows, slices
from paper.sandbox.account import Account, Entry
from paper.sandbox.after_market import AfterMarket
from paper.sandbox.book import Book
from paper.sandbox.errors import INPUT, MARGIN, NETWORK, PERMISSION, KiteError, refused
from paper.sandbox.forms import Form
from paper.sandbox.rows import Json, Terms
from paper.trading_day import is_open

REGULAR, AMO, ICEBERG = "regular", "amo", "iceberg"
VARIETIES: Final = (REGULAR, AMO, ICEBERG)
SLICED: Final = "autoslice"
WITHOUT_SL_M: Final = ("BSE", "BFO")
"""BSE takes none at all any more; NSE none on options since 27 Sep 2021."""
NS_PER_MINUTE: Final = 60 * NS_PER_S


class Purse(Protocol):
    """Who knows margins."""

    def needed_inr(self, account: Account, order: PlaceOrder) -> Decimal:
        """What an order would block on top of the positions."""
        ...


@dataclass(slots=True)
class _Leg:
    """The leg of an iceberg order that is at the exchange."""

    account: Account
    entry: Entry
    first_id: str


class Orders:
    """The order desk.

    Args:
        book: Where orders are kept.
        exchange: Where they go.
        sessions: When the exchange is open.
        purse: Who knows margins.
        now_ns: The server's clock.
    """

    def __init__(
        self,
        book: Book,
        exchange: Exchange,
        sessions: Sequence[TradingSession],
        purse: Purse,
        now_ns: Callable[[], int],
    ) -> None:
        self._book, self._exchange, self._sessions, self._purse = book, exchange, sessions, purse
        self._now_ns = now_ns
        self._listed: Mapping[InstrumentId, Instrument] = {one.id: one for one in exchange.instruments()}
        self._waiting = AfterMarket(book)
        self._legs: list[_Leg] = []
        self._ending: list[tuple[int, Account, Entry]] = []
        "Orders that hold for some minutes, with when they end."

    def place(self, account: Account, variety: str, form: Form) -> Json:
        """Place an order, or several where one request makes several."""
        self._admit(account, places=True)
        if variety not in VARIETIES:
            raise refused(errors.NO_VARIETY.format(variety=variety))
        order, terms = forms.order_of(account.user_id, form), forms.terms_of(variety, form)
        instrument = self._listed.get(instrument_id(order.exchange, order.symbol))
        if instrument is None:
            raise refused(rejections.UNKNOWN_INSTRUMENT)
        if order.order_type is OrderType.SL_M and (instrument.is_option or instrument.exchange in WITHOUT_SL_M):
            raise refused(errors.NO_SL_M)
        terms = self._protected(order, terms, instrument, forms.protection_of(order.order_type, form))
        if variety == AMO:
            return self._place_amo(account, order, terms, instrument)
        if variety == ICEBERG:
            return self._place_iceberg(account, order, terms, form)
        if form.get(SLICED, "").lower() == "true":
            return self._place_sliced(account, order, terms, instrument)
        entry = self._send(account, order, terms)
        return {"order_id": entry.order_id}

    def modify(self, account: Account, order_id: str, form: Form) -> Json:
        """Change an open order."""
        self._admit(account, places=False)
        entry = self.entry(account, order_id)
        kind = form.get("order_type")
        order_type = None if kind is None else forms.member(OrderType, kind, "order_type")
        # A market order that stays one keeps its protection [staff, comment/52331].
        if order_type is not None and order_type is not entry.report.order_type:
            entry.coming = self._changed(account, entry, order_type, forms.protection_of(order_type, form))
        try:
            self._change(account, entry, order_type, form)
        finally:
            entry.coming = None
        self._settle()
        return {"order_id": order_id}

    def cancel(self, account: Account, order_id: str) -> Json:
        """Cancel an open order; of an iceberg the leg that is there, and with it what would have followed."""
        self._admit(account, places=False)
        entry = self.entry(account, order_id)
        if self._waiting.has(entry):
            self._waiting.cancel(account, entry, self._now_ns())
        else:
            order = CancelOrder(account=account.user_id, tag="", order_id=entry.report.order_id)
            _accepted(self._exchange.cancel(order, self._now_ns()))
        self._settle()
        return {"order_id": order_id}

    def entry(self, account: Account, order_id: str) -> Entry:
        """An order of the account's."""
        if (found := account.entries.get(order_id)) is None:
            raise refused(rejections.UNKNOWN_ORDER)
        return found

    def waits(self, entry: Entry) -> bool:
        """Whether an order waits for an opening."""
        return self._waiting.has(entry)

    def is_open(self, now_ns: int) -> bool:
        """Whether orders reach the exchange."""
        return is_open(self._sessions, now_ns)

    def send_triggered(self, account: Account, order: PlaceOrder) -> str:
        """Place an order that a trigger of the account's asks for; its id. It counts as no request of anybody's."""
        return self._send(account, order, Terms()).order_id

    def start_day(self, sessions: Sequence[TradingSession]) -> None:
        """A new day: what was at the exchange is over."""
        self._sessions = sessions
        self._legs.clear()
        self._ending.clear()

    def run_due(self, now_ns: int) -> None:
        """What happens by the clock, or follows a fill: openings, ends of minutes, next legs."""
        if self.is_open(now_ns):
            self._waiting.send(lambda account, entry, order: self._try(account, order, entry))
        for due in [due for due in self._ending if due[0] <= now_ns]:
            self._ending.remove(due)
            order = CancelOrder(account=due[1].user_id, tag="", order_id=due[2].report.order_id)
            self._exchange.cancel(order, now_ns)  # one that is done is refused, and stays as it is
        self._settle()

    # Inside

    def _change(self, account: Account, entry: Entry, order_type: OrderType | None, form: Form) -> None:
        change = ModifyOrder(
            account=account.user_id,
            tag="",
            order_id=entry.report.order_id,
            order_type=order_type,
            quantity=forms.number(form, "quantity"),
            price_inr=forms.price(form, "price"),
            trigger_price_inr=forms.price(form, "trigger_price"),
        )
        if self._waiting.has(entry):
            self._waiting.modify(account, entry, change, self._listed)
        else:
            _accepted(self._exchange.modify(change, self._now_ns()))

    def _changed(self, account: Account, entry: Entry, order_type: OrderType, given: Decimal) -> Terms:
        """The terms of an order that becomes one of another type."""
        kept = tuple(mark for mark in entry.terms.marks if not mark.startswith(rows.PROTECTED_TAG))
        terms = replace(entry.terms, marks=kept, protected_inr=None)
        order = msgspec.structs.replace(forms.order_again(account.user_id, entry.report), order_type=order_type)
        return self._protected(order, terms, self._listed[entry.report.instrument], given)

    def _admit(self, account: Account, *, places: bool) -> None:
        if text := account.limits.takes_order(self._now_ns(), places=places):
            raise KiteError(429, NETWORK, text)
        if not account.ip_allowed:
            raise KiteError(403, PERMISSION, errors.WRONG_ADDRESS)

    def _protected(self, order: PlaceOrder, terms: Terms, instrument: Instrument, given: Decimal) -> Terms:
        """A market order's terms: it becomes a limit order at its protection, and is marked so."""
        if not given:
            return terms
        quote = self._exchange.newest(instrument.id)
        at_once = order.order_type is OrderType.MARKET  # a stop's price is that of the moment of its trigger
        market = quote.touch(order.side) if quote is not None and at_once else None
        if market is None:
            return replace(terms, marks=(rows.PROTECTED_TAG,))
        limit, mark = rows.protected(given, order.side, market, instrument)
        return replace(terms, marks=(rows.PROTECTED_TAG, mark), protected_inr=limit)

    def _try(self, account: Account, order: PlaceOrder, what: Entry | Terms) -> Answer:
        with self._book.placing(what):
            return self._exchange.place(order, self._now_ns())

    def _send(self, account: Account, order: PlaceOrder, terms: Terms) -> Entry:
        """Have one order at the exchange."""
        if account.rejects:
            with self._book.placing(terms):
                answer = self._exchange.set_aside(order, self._now_ns())
            text = rejections.insufficient_funds(Decimal("95417.84"), Decimal("74251.80"))
            self._exchange.reject(account.user_id, answer.order_id, text, self._now_ns())
        else:
            answer = self._try(account, order, terms)
        entry = account.at_exchange[_accepted(answer)]
        if terms.ttl_minutes:
            self._ending.append((self._now_ns() + terms.ttl_minutes * NS_PER_MINUTE, account, entry))
        self._settle()
        return entry

    def _place_amo(self, account: Account, order: PlaceOrder, terms: Terms, instrument: Instrument) -> Json:
        if self.is_open(self._now_ns()):
            raise refused(errors.AMO_WHILE_OPEN)
        if text := rejections.bad_terms(order, instrument):
            raise refused(text)
        return {"order_id": self._waiting.keep(account, order, terms, self._now_ns()).order_id}

    def _place_iceberg(self, account: Account, order: PlaceOrder, terms: Terms, form: Form) -> Json:
        leg = slices.first_leg(form, order.quantity)
        if text := account.limits.takes_more(leg.legs - 1):
            raise KiteError(429, NETWORK, text)
        order = msgspec.structs.replace(order, quantity=leg.leg_units)
        entry = account.at_exchange[_accepted(self._try(account, order, replace(terms, iceberg=leg)))]
        self._legs.append(_Leg(account, entry, entry.order_id))
        self._settle()
        return {"order_id": entry.order_id}

    def _place_sliced(self, account: Account, order: PlaceOrder, terms: Terms, instrument: Instrument) -> Json:
        """Each slice is an order of its own; one that is refused does not stop the others."""
        units = slices.slices(order.quantity, instrument)
        if text := account.limits.takes_more(len(units) - 1):
            raise KiteError(429, NETWORK, text)
        parent_id = self._book.new_id()
        terms = replace(terms, marks=(SLICED, f"{SLICED}:{parent_id}", *terms.marks))
        children: list[Json] = []
        for quantity in units:
            one = msgspec.structs.replace(order, quantity=quantity)
            try:
                self._check_funds(account, one)
                children.append({"order_id": self._send(account, one, terms).order_id})
            except KiteError as error:
                told = {"code": error.status, "error_type": error.error_type, "message": str(error), "data": None}
                children.append({"error": told})
        return {"order_id": parent_id, "children": children}

    def _check_funds(self, account: Account, order: PlaceOrder) -> None:
        needed = self._purse.needed_inr(account, order)
        available = self._exchange.available_inr(account.user_id)
        if needed > available:
            raise KiteError(400, MARGIN, errors.no_funds(needed, available))

    def _settle(self) -> None:
        """Send the next leg of every iceberg whose leg is filled; one whose leg ended otherwise is over."""
        while done := [leg for leg in self._legs if leg.entry.report.status not in _LIVE]:
            for leg in done:
                self._legs.remove(leg)
                if leg.entry.report.status is BookStatus.COMPLETE:
                    self._follow(leg)

    def _follow(self, leg: _Leg) -> None:
        report, terms = leg.entry.report, leg.entry.terms
        following = None if terms.iceberg is None else slices.next_leg(terms.iceberg)
        if following is None:
            return
        order = msgspec.structs.replace(forms.order_again(leg.account.user_id, report), quantity=following.leg_units)
        terms = replace(terms, iceberg=following, parent_id=leg.first_id, is_modified=False)
        answer = self._try(leg.account, order, terms)
        if answer.outcome is Outcome.ACKED:
            leg.entry = leg.account.at_exchange[answer.order_id]
            self._legs.append(leg)


_LIVE: Final = (BookStatus.OPEN, BookStatus.TRIGGER_PENDING)


def _accepted(answer: Answer) -> str:
    """The id, or the order desk's refusal."""
    if answer.outcome is not Outcome.ACKED:
        is_margin = answer.reason.startswith("Insufficient funds")
        raise KiteError(400, MARGIN if is_margin else INPUT, answer.reason)
    return answer.order_id
