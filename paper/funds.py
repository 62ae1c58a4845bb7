"""What orders of the paper exchange need, what accounts have available, and what fills cost.

It must not know orders' lives: it prices positions and terms that are handed in.
"""

from collections.abc import Mapping
from decimal import Decimal

from config.rates import ChargeRates
from engine.core.charges import order_charges, segment_of
from engine.core.margin import MarginPosition, order_margin
from engine.model import Basket, Funds, Instrument, InstrumentId, OrderReport, instrument_of
from paper.book import BookOrder, PaperAccount
from paper.ledger import per_unit
from paper.quotes import QuoteBoard


class Cashier:
    """Margins and charges by the newest quotes. With margins off nothing blocks and what was set is available."""

    def __init__(
        self,
        *,
        margins: bool,
        rates: ChargeRates | None,
        instruments: Mapping[InstrumentId, Instrument],
        quotes: QuoteBoard,
    ) -> None:
        self._margins = margins
        self._rates = rates
        self._instruments = instruments
        self._quotes = quotes

    def funds(self, owner: PaperAccount) -> Funds:
        """What the account may use for a new order, and what its positions and orders block."""
        if not self._margins:
            return Funds(available_inr=owner.available_inr, used_inr=Decimal(0))
        return owner.ledger.funds(self._instruments, self._quotes.mark_inr, self._spots(owner), owner.blocked_inr())

    def set_available(self, owner: PaperAccount, amount_inr: Decimal) -> None:
        """Make exactly this available; with margins on as if the difference had been paid in or out."""
        if self._margins:
            owner.ledger.capital_inr += amount_inr - self.funds(owner).available_inr
        owner.available_inr = amount_inr

    def needed_inr(self, owner: PaperAccount, report: OrderReport, instrument: Instrument) -> Decimal:
        """Margin for the open units of an order on top of the positions; open orders do not hedge each other.

        A price is the order's own, else the quote's; without any the smallest one, so that a short option still needs
        its underlying's margin.
        """
        if not self._margins:
            return Decimal(0)
        price = report.price_inr or self._quotes.mark_inr(instrument.id) or report.trigger_price_inr
        added = MarginPosition(
            instrument=instrument,
            units=report.side.sign * (report.quantity - report.filled),
            price_inr=price or instrument.tick_inr,
        )
        existing = owner.ledger.margin_positions(self._instruments, self._quotes.mark_inr)
        return order_margin(existing, (added,), self._spots(owner, instrument.underlying))

    def basket_inr(self, owner: PaperAccount, basket: Basket) -> Decimal:
        """Margin of orders through the market together, which hedge each other, on top of the positions."""
        if not self._margins:
            return Decimal(0)
        added = [
            MarginPosition(
                instrument=instrument,
                units=order.side.sign * order.units,
                price_inr=self._quotes.mark_inr(instrument.id) or instrument.tick_inr,
            )
            for order in basket.orders
            if (instrument := self._instruments.get(instrument_of(order.leg))) is not None
        ]
        existing = owner.ledger.margin_positions(self._instruments, self._quotes.mark_inr)
        return order_margin(existing, added, self._spots(owner, *(p.instrument.underlying for p in added)))

    def book_fill(self, owner: PaperAccount, row: BookOrder, units: int, value_inr: Decimal) -> None:
        """Let the ledger follow what a row has newly filled, with the charges that the order has cost by now."""
        report = row.report
        owner.ledger.trade(report.leg, report.side, units, value_inr)
        instrument = self._instruments.get(report.instrument)
        if self._rates is None or instrument is None:
            owner.ledger.charge(None)
            return
        segment = segment_of(instrument, report.product)
        if segment not in self._rates.segments:
            owner.ledger.charge(None)
            return
        average = per_unit(row.fill_value_inr, report.filled)
        total = order_charges(self._rates, segment, report.side, report.filled, average).total
        owner.ledger.charge(total - row.charges_inr)
        row.charges_inr = total

    def book_record(self, owner: PaperAccount, row: BookOrder, units: int) -> None:
        """The same for a recorded row: all its fills together have its average price."""
        report = row.report
        mark = self._quotes.mark_inr(report.instrument)
        average = report.average_price_inr or report.price_inr or mark or Decimal(0)
        value = max(average * report.filled - row.fill_value_inr, Decimal(0))
        row.fill_value_inr += value
        self.book_fill(owner, row, units, value)

    def _spots(self, owner: PaperAccount, *further: str) -> dict[str, Decimal]:
        held = (self._instruments.get(instrument_of(leg)) for leg in owner.ledger.holdings)
        names = {instrument.underlying for instrument in held if instrument is not None} | set(further)
        found = {name: self._quotes.spot_inr(name) for name in sorted(names)}
        return {name: spot for name, spot in found.items() if spot is not None}
