"""Draws what an operator asks for while something moves: a resync and another word before it, an exit, a ticket.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from collections.abc import Callable
from random import Random

from engine import events
from engine.model import NS_PER_MS, LegId, Side
from paper import scenario as act
from paper.verify.draft import START_NS, WARM_NS, Draft
from paper.verify.plan import Happening

SHARE = 0.1
"""The share of days with a second word."""
LEGS = 0.05
"""The share of days on which a leg is exited by hand."""
TICKETS = 0.06
"""The share of days on which tickets are written."""


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
    trades = _trades(draft)
    if not trades:
        return
    trade = rng.choice(trades)
    assert isinstance(trade.trouble, act.MasterTrades)  # noqa: S101  chosen so
    at_ns = trade.at_ns + rng.choice((200, 900, 3000, 12_000)) * NS_PER_MS
    children = (rng.choice(draft.children),) if rng.random() < 0.7 else ()
    event = events.LegExited(at_ns=at_ns, leg=trade.trouble.report.leg, children=children)
    draft.add(at_ns, act.Operate(event=event), "operator")


def ticket(draft: Draft, rng: Random) -> None:
    """On one day in sixteen the operator writes a ticket for a leg that the master traded, mostly soon after it.

    `rng`: chance of its own, so that what else belongs to a day stays as it is.
    """
    if rng.random() >= TICKETS:
        return
    trades = _trades(draft)
    if not trades:
        return
    for _ in range(rng.choice((1, 1, 2))):
        trade = rng.choice(trades)
        assert isinstance(trade.trouble, act.MasterTrades)  # noqa: S101  chosen so
        leg = trade.trouble.report.leg
        later = [h.at_ns for h in trades if h.at_ns > trade.at_ns and _leg_of(h) == leg]
        at_ns = trade.at_ns + rng.choice((200, 900, 1500, 3000, 12_000)) * NS_PER_MS
        then_ns = at_ns + rng.choice((10, 400, 2000, 8000)) * NS_PER_MS
        if later and rng.random() < 0.6:  # approved beside his next trade in the leg
            then_ns = later[0] + rng.choice((-50, 150, 150, 500, 1500)) * NS_PER_MS
            at_ns = min(at_ns, then_ns - 10 * NS_PER_MS)
        in_ratio = rng.random() < 0.3
        lots = rng.choice((1, 2, 3, -1, -1, -2)) * (4 if in_ratio else 1)
        children = (rng.choice(draft.children),) if rng.random() < 0.7 else ()
        if rng.random() < 0.15:
            draft.add(at_ns, act.Operate(event=events.Flattened(at_ns=at_ns, children=children)), "operator")
            at_ns += rng.choice((50, 1500)) * NS_PER_MS
        event = events.TicketWritten(at_ns=at_ns, leg=leg, lots=lots, children=children, in_ratio=in_ratio)
        draft.add(at_ns, act.Operate(event=event), "operator")
        if lots > 0 and rng.random() < 0.9:
            then_ns = max(then_ns, at_ns)
            draft.add(then_ns, act.Operate(event=events.PromptAnswered(at_ns=then_ns, approve=True)), "operator")


def _trades(draft: Draft) -> list[Happening]:
    """The master's orders that fill."""
    return [h for h in draft.happenings if isinstance(h.trouble, act.MasterTrades) and h.trouble.report.filled]


def _leg_of(happening: Happening) -> LegId | None:
    return happening.trouble.report.leg if isinstance(happening.trouble, act.MasterTrades) else None


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
