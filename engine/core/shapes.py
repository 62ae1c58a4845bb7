"""What traders call a set of option legs. Only shapes that cannot be mistaken; everything else is `custom`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.core.state_master import MasterLeg
from engine.core.turn import Turn
from engine.model import Instrument, Kind

CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option leg; `lots` are signed, and a product of its own makes no leg of its own."""

    call: bool
    strike_inr: Decimal
    expiry: str
    lots: Decimal

    @property
    def size(self) -> Decimal:
        """Lots without their sign."""
        return abs(self.lots)


def strategy_name(turn: Turn, legs: Sequence[MasterLeg]) -> str:
    """The name of the strategy that the master's followed legs make, '' when he has none."""
    found: list[tuple[Instrument, int]] = []
    for leg in legs:
        instrument = turn.leg_instrument(turn.state.master.account, leg.leg)
        if instrument is None:
            return CUSTOM
        found.append((instrument, leg.units))
    return name_of(found)


def name_of(legs: Sequence[tuple[Instrument, int]]) -> str:
    """The name of legs given as (instrument, signed units), '' for none."""
    if not legs:
        return ""
    if len({instrument.underlying for instrument, _ in legs}) > 1:
        return CUSTOM
    if len(legs) == 1 and not legs[0][0].is_option:
        instrument, units = legs[0]
        what = "future" if instrument.kind is Kind.FUTURE else "shares"
        return f"{'long' if units > 0 else 'short'} {what}"
    options = _options(legs)
    if options is None:
        return CUSTOM
    by_count = {1: _single, 2: _pair, 3: _three, 4: _four}.get(len(options))
    return CUSTOM if by_count is None else by_count(options)


def _options(legs: Sequence[tuple[Instrument, int]]) -> list[Option] | None:
    """The legs by strike, calls behind puts of the same one; `None` when one is no option."""
    net: dict[tuple[Decimal, bool, str], Decimal] = {}
    for instrument, units in legs:
        if not instrument.is_option or instrument.strike_inr is None or instrument.expiry is None:
            return None
        key = (instrument.strike_inr, instrument.kind is Kind.CALL, instrument.expiry)
        net[key] = net.get(key, Decimal(0)) + Decimal(units) / instrument.lot_units
    return [
        Option(call=call, strike_inr=strike, expiry=expiry, lots=lots)
        for (strike, call, expiry), lots in sorted(net.items())
        if lots
    ]


def _single(options: list[Option]) -> str:
    (one,) = options
    return f"{_word(one)} {'call' if one.call else 'put'}"


def _pair(options: list[Option]) -> str:
    low, high = options
    is_one_expiry, is_even = low.expiry == high.expiry, low.size == high.size
    if low.lots * high.lots > 0:
        if low.call or not high.call or not is_one_expiry or not is_even:
            return CUSTOM
        return f"{_word(low)} {'straddle' if low.strike_inr == high.strike_inr else 'strangle'}"
    if low.call != high.call:
        return CUSTOM
    if not is_one_expiry:
        return "calendar" if low.strike_inr == high.strike_inr and is_even else CUSTOM
    kind = "call" if low.call else "put"
    return f"{kind} vertical" if is_even else f"{kind} ratio"


def _three(options: list[Option]) -> str:
    first, second, third = options
    if len({option.expiry for option in options}) > 1:
        return CUSTOM
    if len({option.call for option in options}) == 1:
        is_fly = first.lots == third.lots and second.lots == -2 * first.lots
        is_even = second.strike_inr - first.strike_inr == third.strike_inr - second.strike_inr
        return f"{_word(first)} {'call' if first.call else 'put'} butterfly" if is_fly and is_even else CUSTOM
    is_lizard = not first.call and second.call and third.call and first.lots == second.lots == -third.lots < 0
    return "jade lizard" if is_lizard and first.strike_inr < second.strike_inr else CUSTOM


def _four(options: list[Option]) -> str:
    puts, calls = options[:2], options[2:]
    if len({option.expiry for option in options}) > 1 or len({option.size for option in options}) > 1:
        return CUSTOM
    if any(put.call for put in puts) or not all(call.call for call in calls):
        return CUSTOM
    signs = [option.lots > 0 for option in options]
    name = "iron fly" if puts[1].strike_inr == calls[0].strike_inr else "iron condor"
    if signs == [True, False, False, True]:
        return name
    return f"long {name}" if signs == [False, True, True, False] else CUSTOM


def _word(option: Option) -> str:
    return "long" if option.lots > 0 else "short"
