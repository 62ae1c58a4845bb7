"""What traders call a set of option legs. Only shapes that cannot be mistaken; everything else is `custom`."""

from collections.abc import Sequence
from decimal import Decimal

from engine.core.state import MasterLeg
from engine.core.turn import Turn
from engine.model import Kind


def strategy_name(turn: Turn, legs: Sequence[MasterLeg]) -> str:
    """The name of the strategy that the master's followed legs make, '' when he has none."""
    if not legs:
        return ""
    shape: dict[tuple[Kind, int], Decimal] = {}
    for leg in legs:
        instrument = turn.leg_instrument(turn.state.master.account, leg.leg)
        if instrument is None or not instrument.is_option or instrument.strike_inr is None:
            return "custom"
        key = (instrument.kind, 1 if leg.units > 0 else -1)
        if key in shape:
            return "custom"
        shape[key] = instrument.strike_inr
    return _name(shape)


def _name(shape: dict[tuple[Kind, int], Decimal]) -> str:
    short_call, short_put = shape.get((Kind.CALL, -1)), shape.get((Kind.PUT, -1))
    long_call, long_put = shape.get((Kind.CALL, 1)), shape.get((Kind.PUT, 1))
    if len(shape) == 4 and short_call is not None and short_put is not None:
        if long_call is not None and long_put is not None and long_put < short_put <= short_call < long_call:
            return "iron fly" if short_put == short_call else "iron condor"
        return "custom"
    if len(shape) == 2:
        for call, put, word in ((short_call, short_put, "short"), (long_call, long_put, "long")):
            if call is not None and put is not None:
                return f"{word} straddle" if call == put else f"{word} strangle"
        if (short_call is None) == (long_call is None) and (short_put is None) == (long_put is None):
            return "call vertical" if long_call is not None else "put vertical"
        return "custom"
    if len(shape) == 1:
        (kind, sign), _ = next(iter(shape.items()))
        return f"{'long' if sign > 0 else 'short'} {'call' if kind is Kind.CALL else 'put'}"
    return "custom"
