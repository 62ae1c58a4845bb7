"""Draws what crosses: something changes while what was decided before is still under way.

The master adds and reduces again before exits have ended, reduces while entries wait or are being cancelled, falls
while a prompt is open, or turns round where exits find nobody; an owner trades beside a fill that is told late. It must
not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from engine import events
from engine.model import NS_PER_MS, NS_PER_S, BookStatus, LegId, OrderType, Quote, Side, instrument_id, leg_id
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.verify.draft import LOT, PRICE_INR, START_NS, WARM_NS, Draft, quote
from paper.verify.ordinary import fill
from paper.verify.plan import PushTrouble
from paper.verify.resting import RestingOrder

SHARE = 0.1
"""The share of days on which something crosses."""
FIRST_ORDER = 200
"""The master's orders of these stories are numbered from here on."""
FIRST_ORDER_BACK = 600
"""Those of the story of coming back, which may be told beside another."""
MS = NS_PER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where a story happens: in one leg of the master's, and at one child."""

    draft: Draft
    rng: Random
    child: str
    symbol: str
    leg: LegId
    sign: int
    "Which way the master trades."
    begin_ns: int
    end_ns: int
    "Nothing is drawn after it: then the troubles are over."

    def master(self, lots: int, at_ns: int) -> None:
        """The master adds lots, or reduces by them when negative."""
        if lots and at_ns <= self.end_ns:
            fill(self.draft, self.leg, self.sign * lots * LOT, at_ns)

    def fault(self, on: FaultOn, kind: FaultKind, at_ns: int, *, times: int, after_ns: int = 60 * NS_PER_S) -> None:
        """Calls of the child fail from `at_ns` on."""
        fault = act.ArmFault(child=self.child, on=on, kind=kind, times=times, after_ns=after_ns, by_ns=0)
        self.draft.add(at_ns, fault, kind.value)

    def say(self, event: events.Operator) -> None:
        """The operator orders something."""
        if event.at_ns <= self.end_ns:
            self.draft.add(event.at_ns, act.Operate(event=event), "operator")

    def dry_up(self, at_ns: int, for_ns: int) -> None:
        """Exits of the leg find nobody for a while."""
        side = {"ask_inr": PRICE_INR, "ask_units": LOT} if self.sign > 0 else {"bid_inr": PRICE_INR, "bid_units": LOT}
        bare = Quote(instrument=instrument_id("NFO", self.symbol), at_ns=at_ns, **side)  # type: ignore[arg-type]
        self.draft.add(at_ns, act.Quotes(quotes=(bare,)))
        back_ns = at_ns + for_ns
        self.draft.add(back_ns, act.Quotes(quotes=(quote(self.symbol, back_ns),)))


def crossing(draft: Draft, rng: Random) -> None:
    """On one day in ten, one of the stories below, mostly in a leg that nothing else happens in.

    `rng`: chance of its own, so that what else belongs to a day stays as it is.
    """
    if rng.random() < SHARE:
        story = rng.choice(STORIES)
        story(_stage(draft, rng, FIRST_ORDER))


def coming_back(draft: Draft, rng: Random) -> None:
    """Where orders are followed, on one day in forty: he leaves a leg of which something was missed, and comes back.

    His order that rested is over before that: what was missed of it is missed of nothing that he does later. `rng`:
    chance of its own.
    """
    if rng.random() >= SHARE / 4:
        return
    stage = _stage(draft, rng, FIRST_ORDER_BACK)
    lots, at_ns = rng.choice((6, 10, 20)), stage.begin_ns
    filled = rng.choice((0, lots // 2, lots // 2, lots - 1, lots))
    stage.say(events.Paused(at_ns=at_ns - 50 * MS))
    _rests(stage, lots, at_ns, filled=filled, ends_ns=at_ns + 900 * MS)
    stage.say(events.Resumed(at_ns=at_ns + rng.choice((300, 1200)) * MS))
    at_ns += 1300 * MS
    again = rng.choice((5, 10, 20))
    steps = (lots, -lots - filled, again, 3) if rng.random() < 0.5 else (-filled, again, 2)
    for step in steps:
        stage.master(step, at_ns)
        at_ns += rng.choice((300, 700, 1500)) * MS


def _rests(stage: _Stage, lots: int, at_ns: int, *, filled: int, ends_ns: int) -> None:
    """An order of the master's rests, and ends with so many lots filled."""
    draft = stage.draft
    draft.orders += 1
    side = Side.BUY if stage.sign > 0 else Side.SELL
    order = RestingOrder(f"M{draft.orders}", stage.leg, side, OrderType.LIMIT, at_ns, lots * LOT, PRICE_INR)
    draft.add(at_ns, act.MasterTrades(report=order.row(at_ns, BookStatus.OPEN)))
    order.filled = filled * LOT
    end = BookStatus.COMPLETE if filled == lots else BookStatus.CANCELLED
    draft.add(ends_ns, act.MasterTrades(report=order.row(ends_ns, end)))
    draft.units[stage.leg] = draft.units.get(stage.leg, 0) + side.sign * order.filled


def _stage(draft: Draft, rng: Random, first_order: int) -> _Stage:
    """A leg that nothing else happens in, where there is one."""
    aside = Draft(rng, draft.children, draft.symbols, draft.span_ns, draft.happenings, first_order, dict(draft.units))
    traded = {h.trouble.report.symbol for h in draft.happenings if isinstance(h.trouble, act.MasterTrades)}
    symbol = rng.choice([symbol for symbol in draft.symbols if symbol not in traded] or draft.symbols)
    return _Stage(
        draft=aside,
        rng=rng,
        child=aside.child(),
        symbol=symbol,
        leg=leg_id("NFO", symbol, "NRML"),
        sign=rng.choice((-1, 1)),
        begin_ns=START_NS + WARM_NS + rng.randrange(draft.span_ns // 4),
        end_ns=START_NS + WARM_NS + draft.span_ns,
    )


def _changes_his_mind(stage: _Stage) -> None:
    """He reduces, adds and reduces again while the children's exits are under way."""
    rng, at_ns = stage.rng, stage.begin_ns
    held = rng.choice((5, 7, 10, 20))
    stage.master(held, at_ns)
    at_ns += rng.choice((1500, 3000)) * MS
    if rng.random() < 0.8:
        stage.dry_up(at_ns - 50 * MS, rng.choice((3, 6, 12)) * NS_PER_S)
    for change in (-rng.randint(1, held - 1), held + rng.randint(0, 10), -rng.randint(1, held // 2), 2, -3):
        stage.master(change, at_ns)
        at_ns += rng.choice((40, 350, 700, 1200)) * MS


def _reduces_while_entries_wait(stage: _Stage) -> None:
    """An entry waits to be sent again, others work, and he reduces: they are cancelled, and that takes a while."""
    rng, at_ns = stage.rng, stage.begin_ns
    refused, wait_ns = rng.choice(((2, 2 * NS_PER_S), (3, 4 * NS_PER_S)))
    last_ns = at_ns + (refused - 1) * NS_PER_S + (refused - 2) * NS_PER_S
    stage.fault(FaultOn.PLACE, FaultKind.RATE_LIMITED, at_ns - 500 * MS, times=refused)
    stage.fault(FaultOn.PLACE, FaultKind.ACCEPTED_THEN_REJECTED, at_ns - 500 * MS, times=2, after_ns=20 * NS_PER_S)
    lost = rng.choice((FaultKind.TIMEOUT_NOT_ACCEPTED, FaultKind.ACCEPTED_LATE))
    stage.fault(FaultOn.CANCEL, lost, at_ns, times=2)
    first, more = rng.choice((3, 5, 7, 10)), rng.choice((7, 10, 20))
    stage.master(first, at_ns)
    added_ns = last_ns + rng.randrange(100, wait_ns // MS - 900) * MS
    stage.master(more, added_ns)
    stage.master(-rng.randint(1, more), added_ns + rng.choice((300, 600, 1050)) * MS)


def _falls_while_lots_are_offered(stage: _Stage) -> None:
    """Lots are missed, a resync offers them, and he falls before its prompt is approved."""
    rng, at_ns = stage.rng, stage.begin_ns
    held, more = rng.choice((5, 7, 10, 20)), rng.choice((3, 5, 7))
    stage.master(held, at_ns)
    stage.say(events.PromptAnswered(at_ns=at_ns + 1300 * MS, approve=True))
    missed_ns = at_ns + 2500 * MS
    stage.say(events.Paused(at_ns=missed_ns - 100 * MS))
    stage.master(more, missed_ns)
    stage.say(events.Resumed(at_ns=missed_ns + 1500 * MS))
    asked_ns = missed_ns + 2000 * MS
    stage.say(events.ChildResynced(at_ns=asked_ns, child=stage.child))
    fallen_ns = asked_ns + rng.randrange(500, 9000) * MS
    if rng.random() < 0.5:
        stage.dry_up(fallen_ns - 1, 3 * NS_PER_S)
    stage.master(-rng.randint(more, held + more - 1), fallen_ns)
    stage.say(events.PromptAnswered(at_ns=fallen_ns + rng.choice((5, 200, 700, 1500)) * MS, approve=True))


def _owner_closes_beside_a_fill(stage: _Stage) -> None:
    """An owner closes lots by hand, then a read holds a fill that is told only afterwards, and the master reduces.

    Another entry works meanwhile, so that positions are read again and again; quotes let the engine do so.
    """
    rng, works_ns = stage.rng, stage.begin_ns + 2 * NS_PER_S
    held, more = rng.choice((5, 7, 10)), rng.choice((7, 10, 20))
    stage.master(held, stage.begin_ns)
    stage.fault(FaultOn.PLACE, FaultKind.ACCEPTED_THEN_REJECTED, works_ns, times=1, after_ns=20 * NS_PER_S)
    late_ns = rng.choice((700, 950)) * MS
    stage.draft.add(works_ns, PushTrouble(child=stage.child, delays_ns=(late_ns,), for_ns=20 * NS_PER_S), "push")
    stage.master(5, works_ns + 100 * MS)
    by_hand_ns = works_ns + 2500 * MS
    _close_by_hand(stage, rng.choice((2, held // 2, held)), by_hand_ns)
    at_ns = by_hand_ns + rng.randrange(200, 1500) * MS
    for wait_ms in rng.sample((150, 500, 1250), 3):
        stage.master(more, at_ns)
        stage.master(-rng.randint(more - 2, more), at_ns + wait_ms * MS)
        at_ns += rng.choice((2100, 2600)) * MS
    stage.master(-held, at_ns)
    for tick_ns in range(works_ns, at_ns, 200 * MS):
        stage.draft.add(tick_ns, act.Quotes(quotes=(quote(stage.symbol, tick_ns),)))


def _close_by_hand(stage: _Stage, lots: int, at_ns: int) -> None:
    trade = act.OwnTrade(
        child=stage.child,
        exchange="NFO",
        symbol=stage.symbol,
        product="NRML",
        side=Side.SELL if stage.sign > 0 else Side.BUY,
        quantity=lots * LOT,
    )
    stage.draft.add(at_ns, trade, "manual")


def _turns_round_where_nobody_buys(stage: _Stage) -> None:
    """He turns round in a leg whose exits find nobody, for longer than the signal of the entry behind them is fresh."""
    rng, at_ns = stage.rng, stage.begin_ns
    held = rng.choice((5, 7, 10))
    stage.master(held, at_ns)
    turned_ns = at_ns + 2 * NS_PER_S
    stage.dry_up(turned_ns - 100 * MS, rng.choice((20, 40, 60)) * NS_PER_S)
    stage.master(-held - rng.choice((5, 7, 10)), turned_ns)
    if rng.random() < 0.5:  # nobody knows what became of the entry, and it may fill long after he turned round
        lost = rng.choice((FaultKind.TIMEOUT_NOT_ACCEPTED, FaultKind.ACCEPTED_LATE))
        stage.fault(FaultOn.PLACE, lost, at_ns - 500 * MS, times=1)
    if rng.random() < 0.7:  # he adds when what he turned to is too old to be entered
        stage.master(-rng.choice((3, 7, 10)), turned_ns + rng.choice((32, 34, 37)) * NS_PER_S)


STORIES: tuple[Callable[[_Stage], None], ...] = (
    _changes_his_mind,
    _reduces_while_entries_wait,
    _falls_while_lots_are_offered,
    _owner_closes_beside_a_fill,
    _turns_round_where_nobody_buys,
)
