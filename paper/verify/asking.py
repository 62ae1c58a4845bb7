"""Draws what an operator asks for while something moves: a resync, and another word before it has been carried out.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from collections.abc import Callable
from random import Random

from engine import events
from engine.model import NS_PER_MS, LegId, Side
from paper import scenario as act
from paper.verify.draft import START_NS, WARM_NS, Draft

SHARE = 0.1
"""The share of days with a second word."""
LEGS = 0.05
"""The share of days on which a leg is exited by hand."""


def second_word(draft: Draft, rng: Random) -> None:
    """On one day in ten: a resync while something moves, and what the operator says before it has been carried out.

    `rng`: chance of its own, so that what else belongs to a day stays as it is.
    """
    if rng.random() >= SHARE:
        return
    child = rng.choice(draft.children)
    missed_ns, trade_ns = _missed_and_next(draft, rng)

    def say(at_ns: int, word: Callable[[int], events.Operator]) -> None:
        at_ns = max(START_NS, min(at_ns, START_NS + WARM_NS + draft.span_ns))
        draft.add(at_ns, act.Operate(event=word(at_ns)), "operator")

    how = rng.random()  # something is missed before, so that there is something to offer
    if how < 0.5:
        say(missed_ns - 50 * NS_PER_MS, lambda at_ns: events.Paused(at_ns=at_ns))
        say(missed_ns + 1500 * NS_PER_MS, lambda at_ns: events.Resumed(at_ns=at_ns))
    elif how < 0.8:
        say(missed_ns + 1500 * NS_PER_MS, lambda at_ns: events.Flattened(at_ns=at_ns, children=(child,)))
    asked_ns = trade_ns + rng.randrange(-4000, 500) * NS_PER_MS
    say(asked_ns, lambda at_ns: events.ChildResynced(at_ns=at_ns, child=child))
    then_ns = max(asked_ns, trade_ns + rng.randrange(-500, 1500) * NS_PER_MS)
    what = rng.random()
    if what < 0.25:
        say(then_ns, lambda at_ns: events.Flattened(at_ns=at_ns, children=(child,)))
    elif what < 0.85:
        say(then_ns, lambda at_ns: events.PromptAnswered(at_ns=at_ns, approve=True))


def leg_by_hand(draft: Draft, rng: Random) -> None:
    """On one day in twenty one leg is exited by hand, mostly soon after a trade in it.

    `rng`: chance of its own, so that what else belongs to a day stays as it is.
    """
    if rng.random() >= LEGS:
        return
    trades = [h for h in draft.happenings if isinstance(h.trouble, act.MasterTrades) and h.trouble.report.filled]
    if not trades:
        return
    trade = rng.choice(trades)
    assert isinstance(trade.trouble, act.MasterTrades)  # noqa: S101  chosen so
    at_ns = trade.at_ns + rng.choice((200, 900, 3000, 12_000)) * NS_PER_MS
    children = (rng.choice(draft.children),) if rng.random() < 0.7 else ()
    event = events.LegExited(at_ns=at_ns, leg=trade.trouble.report.leg, children=children)
    draft.add(at_ns, act.Operate(event=event), "operator")


def _missed_and_next(draft: Draft, rng: Random) -> tuple[int, int]:
    """Two of the master's trades in one leg: one that is missed, and one beside which the child is resynced.

    Mostly he adds to what he holds and reduces it later: then lots are held, missing and exited at once.
    """
    legs: dict[LegId, list[tuple[int, Side]]] = {}
    for happening in sorted(draft.happenings, key=lambda h: h.at_ns):
        trouble = happening.trouble
        if isinstance(trouble, act.MasterTrades) and trouble.report.filled:
            legs.setdefault(trouble.report.leg, []).append((happening.at_ns, trouble.report.side))
    pairs, best = [], []
    for rows in legs.values():
        for place, (missed_ns, side) in enumerate(rows):
            for trade_ns, other in rows[place + 1 :]:
                pairs.append((missed_ns, trade_ns))
                if place and rows[place - 1][1] is side is not other:
                    best.append((missed_ns, trade_ns))
    if best and rng.random() < 0.6:
        return rng.choice(best)
    at_ns = START_NS + WARM_NS + rng.randrange(draft.span_ns)
    return rng.choice(pairs) if pairs else (at_ns, at_ns)
