"""One paper account's money and positions: average prices, realised and open profit, charges, what is available.

It must not know orders or quotes: fills, prices and spots are handed in. All sums are exact; a share of a cost is
rounded to 1/100 of a paisa and the rest stays with the position, so nothing is ever lost or made by rounding:
the cash of all fills = realised profit - cost of what is open.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec

from engine.core.margin import MarginPosition, portfolio_margin
from engine.model import Funds, Instrument, InstrumentId, LegId, Position, Side, Value, instrument_of, sign, split_leg

PriceOf = Callable[[InstrumentId], Decimal | None]
"""Today's price of one unit in rupees, `None` when there is none."""

_GRAIN = Decimal("0.0001")


class AccountPnl(Value, frozen=True):
    """Profit and loss of one day in rupees; `None` where it is unknown."""

    realised: Decimal
    open: Decimal | None
    "`None` while an open position has no price."
    charges: Decimal | None
    "`None` when the day's rates are unknown and something was traded."
    net: Decimal | None
    "realised + open - charges."


class Holding(msgspec.Struct, kw_only=True):
    """One position. Mutable: owned by its ledger."""

    net_units: int = 0
    overnight_units: int = 0
    "Units carried from the previous day."
    cost_inr: Decimal = Decimal(0)
    "What the open units cost: + paid for a long position, - received for a short one."
    has_basis: bool = True
    "Whether `cost_inr` is known. A position brought along without a price gets its basis from its first fill."
    realised_inr: Decimal = Decimal(0)

    @property
    def average_inr(self) -> Decimal | None:
        """Average price of the open units."""
        return per_unit(self.cost_inr, self.net_units) if self.net_units and self.has_basis else None

    def trade(self, side: Side, units: int, value_inr: Decimal) -> None:
        """Apply a fill of `units` (positive) for `value_inr` (positive) in all."""
        if not self.has_basis:
            self.cost_inr = self.net_units * per_unit(value_inr, units)
            self.has_basis = True
        closing = min(units, abs(self.net_units)) if sign(self.net_units) == -side.sign else 0
        closed_value = value_inr if closing == units else _part(value_inr, closing, units)
        if closing:
            closed_cost = _part(self.cost_inr, closing, abs(self.net_units))
            self.realised_inr -= side.sign * closed_value + closed_cost
            self.cost_inr -= closed_cost
        self.cost_inr += side.sign * (value_inr - closed_value)
        self.net_units += side.sign * units


class Ledger(msgspec.Struct, kw_only=True):
    """Money and positions of one account. Mutable: owned by the exchange."""

    capital_inr: Decimal
    "What the account had before the trades of the day; collateral included."
    holdings: dict[LegId, Holding] = {}
    charges_inr: Decimal = Decimal(0)
    charges_known: bool = True

    def trade(self, leg: LegId, side: Side, units: int, value_inr: Decimal) -> None:
        """Apply a fill of `units` of `leg` for `value_inr` in all."""
        self.holdings.setdefault(leg, Holding()).trade(side, units, value_inr)

    def charge(self, amount_inr: Decimal | None) -> None:
        """Add charges; `None`: they are due and unknown."""
        if amount_inr is None:
            self.charges_known = False
        else:
            self.charges_inr += amount_inr

    def net_units(self, leg: LegId) -> int:
        """Signed units of a leg."""
        holding = self.holdings.get(leg)
        return 0 if holding is None else holding.net_units

    def positions(self) -> tuple[Position, ...]:
        """All positions of the day, closed ones (net 0) included, as Kite shows them."""
        return tuple(_position(leg, holding) for leg, holding in self.holdings.items())

    def pnl(self, price_of: PriceOf) -> AccountPnl:
        """Profit and loss since the day began (for positions brought along without a price: since their first fill)."""
        realised = sum((holding.realised_inr for holding in self.holdings.values()), Decimal(0))
        opened: Decimal | None = Decimal(0)
        for leg, holding in self._open():
            price = price_of(instrument_of(leg))
            if price is None or opened is None:
                opened = None
            elif holding.has_basis:
                opened += holding.net_units * price - holding.cost_inr
        charges = self.charges_inr if self.charges_known else None
        net = None if opened is None or charges is None else realised + opened - charges
        return AccountPnl(realised=realised, open=opened, charges=charges, net=net)

    def margin_positions(
        self, instruments: Mapping[InstrumentId, Instrument], price_of: PriceOf
    ) -> list[MarginPosition]:
        """The open positions for the margin model; without a price at what they cost, unknown instruments left out."""
        found: list[MarginPosition] = []
        for leg, holding in self._open():
            key = instrument_of(leg)
            instrument = instruments.get(key)
            if instrument is not None:
                price = price_of(key) or holding.average_inr or instrument.tick_inr
                found.append(MarginPosition(instrument=instrument, units=holding.net_units, price_inr=price))
        return found

    def funds(
        self,
        instruments: Mapping[InstrumentId, Instrument],
        price_of: PriceOf,
        spots: Mapping[str, Decimal],
        blocked_inr: Decimal,
    ) -> Funds:
        """What is used is the requirement of the positions and `blocked_inr` of open orders; the rest is available.

        Together they are capital + realised + open profit - charges. The requirement contains the premium of bought
        options at today's prices and the open profit what they gained since, so what was paid for them is what is
        missing.
        """
        total = self.capital_inr - self.charges_inr
        for leg, holding in self.holdings.items():
            total += holding.realised_inr
            price = price_of(instrument_of(leg)) if holding.net_units and holding.has_basis else None
            if price is not None:
                total += holding.net_units * price - holding.cost_inr
        used = blocked_inr + portfolio_margin(self.margin_positions(instruments, price_of), spots)
        return Funds(available_inr=total - used, used_inr=used)

    def settle(self, leg: LegId, price_inr: Decimal | None) -> None:
        """Close a leg that expired at `price_inr`; `None`: at what it cost. No charges."""
        holding = self.holdings[leg]
        if holding.net_units and holding.has_basis and price_inr is not None:
            holding.realised_inr += holding.net_units * price_inr - holding.cost_inr
        holding.net_units, holding.cost_inr, holding.has_basis = 0, Decimal(0), True

    def convert(self, leg: LegId, to: LegId, units: int) -> None:
        """Move `units` (positive) of a leg to another product at what they cost; no more than there are."""
        holding = self.holdings.setdefault(leg, Holding())
        moved = min(units, abs(holding.net_units)) * sign(holding.net_units)
        if not moved:
            return
        cost = _part(holding.cost_inr, abs(moved), abs(holding.net_units))
        target = self.holdings.setdefault(to, Holding(has_basis=holding.has_basis))
        holding.net_units, holding.cost_inr = holding.net_units - moved, holding.cost_inr - cost
        target.net_units, target.cost_inr = target.net_units + moved, target.cost_inr + cost

    def start_day(self) -> None:
        """Carry over to a new day: profit and charges become capital, positions overnight, closed ones disappear."""
        self.capital_inr -= self.charges_inr
        self.charges_inr, self.charges_known = Decimal(0), True
        for holding in self.holdings.values():
            self.capital_inr += holding.realised_inr
            holding.realised_inr = Decimal(0)
            holding.overnight_units = holding.net_units
        self.holdings = dict(self._open())

    def _open(self) -> Iterable[tuple[LegId, Holding]]:
        return ((leg, holding) for leg, holding in self.holdings.items() if holding.net_units)


def per_unit(value_inr: Decimal, units: int) -> Decimal:
    """`value_inr / units`, rounded to 1/100 of a paisa where it does not come out even."""
    price = value_inr / units
    return price if price == price.quantize(_GRAIN) else price.quantize(_GRAIN)


def _part(amount: Decimal, units: int, of_units: int) -> Decimal:
    if units == of_units:
        return amount
    return (amount * units / of_units).quantize(_GRAIN)


def _position(leg: LegId, holding: Holding) -> Position:
    exchange, symbol, product = split_leg(leg)
    return Position(
        exchange=exchange,
        symbol=symbol,
        product=product,
        net_units=holding.net_units,
        overnight_units=holding.overnight_units,
        average_price_inr=holding.average_inr,
    )
