"""Draws a broker that fails until it gets no entries any more, and two legs at once when it is tried again.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from random import Random

from engine.model import NS_PER_MS, NS_PER_S, leg_id
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.verify.draft import LOT, START_NS, WARM_NS, Draft
from paper.verify.ordinary import trade

SHARE = 0.03
"""The share of days with such a broker."""
FIRST_ORDER = 100
"""The master's orders of these days are numbered from here on."""
LOST = (FaultKind.TIMEOUT_NOT_ACCEPTED, FaultKind.ACCEPTED_THEN_TIMEOUT, FaultKind.SERVER_ERROR)


def failing_broker(draft: Draft, rng: Random) -> None:
    """Writes of one child stay without an answer until its entries stop; half a minute later two legs are entered.

    Only on days with two symbols that last long enough for the pause.
    """
    if rng.random() >= SHARE or len(draft.symbols) < 2 or draft.span_ns < 80 * NS_PER_S:
        return
    aside = Draft(rng, draft.children, draft.symbols, draft.span_ns, draft.happenings, FIRST_ORDER, dict(draft.units))
    begin_ns = START_NS + WARM_NS
    lost = act.ArmFault(
        child=aside.child(), on=FaultOn.PLACE, kind=rng.choice(LOST), times=rng.randint(3, 5), after_ns=0, by_ns=0
    )
    aside.add(begin_ns, lost, lost.kind.value)
    for at_ns in (begin_ns, begin_ns + 45 * NS_PER_S + rng.randrange(20_000) * NS_PER_MS):
        for symbol in rng.sample(aside.symbols, 2):
            trade(aside, leg_id("NFO", symbol, "NRML"), rng.choice((-1, 1)) * rng.choice((7, 10, 20)) * LOT, at_ns)
