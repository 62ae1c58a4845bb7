"""Draws the market, and what the master does in it: the part of a plan that is nobody's fault."""

from decimal import Decimal

import msgspec

from engine import events
from engine.model import (
    NS_PER_MS,
    NS_PER_S,
    BookStatus,
    LegId,
    OrderReport,
    OrderType,
    Quote,
    Side,
    instrument_id,
    leg_id,
    split_leg,
)
from paper import scenario as act
from paper.scenario import MASTER
from paper.verify.draft import LOT, PRICE_INR, SHARES, START_NS, WARM_NS, Draft, quote

MARGINS_INR = (Decimal(1_000_000), Decimal(900_000), Decimal(640_000), Decimal(350_000))


def market(draft: Draft) -> None:
    """Quotes from the start; now and then one side is missing, or little is on offer."""
    for symbol in draft.symbols:
        draft.add(START_NS, act.Quotes(quotes=(quote(symbol, START_NS),)))
    for _ in range(draft.rng.choice((0, 0, 1, 3))):
        at_ns = draft.moment()
        symbol = draft.rng.choice(draft.symbols)
        what = draft.rng.random()
        thin = draft.rng.choice((LOT, LOT, 2 * LOT))
        if what < 0.4:
            bare = Quote(instrument=instrument_id("NFO", symbol), at_ns=at_ns, bid_inr=PRICE_INR, bid_units=thin)
            draft.add(at_ns, act.Quotes(quotes=(bare,)))
            back_ns = at_ns + draft.rng.randrange(12) * NS_PER_S
            draft.add(back_ns, act.Quotes(quotes=(quote(symbol, back_ns),)))
        else:
            draft.add(at_ns, act.Quotes(quotes=(quote(symbol, at_ns, units=thin),)))
            for step in range(1, draft.rng.randint(2, 6)):
                later_ns = at_ns + step * 700 * NS_PER_MS
                draft.add(later_ns, act.Quotes(quotes=(quote(symbol, later_ns, units=thin),)))


def background(draft: Draft) -> dict[LegId, int]:
    """Positions that the master holds before the engine first looks, by leg, in units; usually none."""
    if draft.rng.random() > 0.15:
        return {}
    leg = leg_id("NFO", draft.rng.choice(draft.symbols), "NRML")
    return {leg: draft.rng.choice((-5, -2, 3)) * LOT}


def master_day(draft: Draft) -> None:
    """What the master does: enters, adds, goes out in steps or at once, turns round."""
    rng = draft.rng
    at_ns = START_NS + WARM_NS + rng.randrange(2 * NS_PER_S)
    for _ in range(rng.randint(1, 9)):
        _master_order(draft, at_ns)
        at_ns += rng.choice((0, 40 * NS_PER_MS, 300 * NS_PER_MS, 2 * NS_PER_S, 7 * NS_PER_S, 15 * NS_PER_S))
        if at_ns > START_NS + WARM_NS + draft.span_ns:
            break


def _master_order(draft: Draft, at_ns: int) -> None:
    rng = draft.rng
    leg = leg_id("NFO", rng.choice(draft.symbols), "NRML")
    held = draft.units.get(leg, 0) // LOT
    lots = rng.choice((1, 2, 3, 5, 7, 10, 20))
    what = rng.random()
    if held and what < 0.25:
        change = -held
    elif held and what < 0.45:
        change = -(1 if held > 0 else -1) * rng.randint(1, abs(held))
    elif held and what < 0.55:
        change = -held - (1 if held > 0 else -1) * lots
    elif held:
        change = (1 if held > 0 else -1) * lots
    else:
        change = rng.choice((-1, 1)) * lots
    trade(draft, leg, change * LOT, at_ns)


def trade(draft: Draft, leg: LegId, units: int, at_ns: int) -> None:
    """One order of the master's: at once, in parts, cancelled on the way, or refused."""
    rng = draft.rng
    draft.orders += 1
    number, size = draft.orders, abs(units)
    side = Side.BUY if units > 0 else Side.SELL
    parts = sorted({rng.randrange(1, size // LOT) * LOT for _ in range(rng.randint(1, 2))}) if size > LOT else []
    style = rng.random()
    rows: list[tuple[int, int, BookStatus]] = []
    if style < 0.55:
        rows = [(0, size, BookStatus.COMPLETE)]
    elif style < 0.9:
        pause_ns = rng.choice((0, 60 * NS_PER_MS, 500 * NS_PER_MS, 3 * NS_PER_S))
        rows = [(0, 0, BookStatus.OPEN)]
        rows += [((i + 1) * pause_ns, part, BookStatus.OPEN) for i, part in enumerate(parts)]
        last = (len(parts) + 1) * pause_ns
        is_whole = rng.random() < 0.75
        filled = size if is_whole else (parts[-1] if parts else 0)
        rows.append((last, filled, BookStatus.COMPLETE if is_whole else BookStatus.CANCELLED))
    else:
        rows = [(0, 0, BookStatus.REJECTED)]
    for after_ns, filled, status in rows:
        _row(draft, leg, side, size, filled, status, number, at_ns, at_ns + after_ns)
    draft.units[leg] = draft.units.get(leg, 0) + side.sign * rows[-1][1]


def fill(draft: Draft, leg: LegId, units: int, at_ns: int) -> None:
    """One order of the master's that fills at once and whole."""
    draft.orders += 1
    side, size = (Side.BUY if units > 0 else Side.SELL), abs(units)
    _row(draft, leg, side, size, size, BookStatus.COMPLETE, draft.orders, at_ns, at_ns)
    draft.units[leg] = draft.units.get(leg, 0) + units


def _row(
    draft: Draft, leg: LegId, side: Side, size: int, filled: int, status: BookStatus, number: int, placed: int, at: int
) -> None:
    report = market_order(leg, side, size, order_id=f"M{number}", placed_ns=placed, updated_ns=at)
    average = PRICE_INR if filled else None
    report = msgspec.structs.replace(report, filled=filled, average_price_inr=average, status=status)
    draft.add(at, act.MasterTrades(report=report))


def market_order(leg: LegId, side: Side, size: int, *, order_id: str, placed_ns: int, updated_ns: int) -> OrderReport:
    """A row of the master's book: a market order of which nothing is filled yet."""
    exchange, symbol, product = split_leg(leg)
    return OrderReport(
        order_id=order_id,
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=side,
        order_type=OrderType.MARKET,
        quantity=size,
        placed_ns=placed_ns,
        updated_ns=updated_ns,
    )


def attentive(draft: Draft) -> None:
    """Somebody approves what is asked, every few seconds, and goes away in the middle of the day."""
    for at_ns in range(START_NS + WARM_NS, START_NS + WARM_NS + draft.span_ns // 2, 3 * NS_PER_S):
        draft.add(at_ns, act.Operate(event=events.PromptAnswered(at_ns=at_ns, approve=True)))


def margins(draft: Draft) -> None:
    """What the master's orders block, and what the children's do: available margins change with his trades."""
    for happening in list(draft.happenings):
        if isinstance(happening.trouble, act.MasterTrades) and draft.rng.random() < 0.6:
            amounts = [(MASTER, draft.rng.choice(MARGINS_INR))]
            amounts += [(child, draft.rng.choice(SHARES)) for child in draft.children if draft.rng.random() < 0.3]
            after_ns = draft.rng.choice((0, 100, 1500)) * NS_PER_MS
            draft.add(happening.at_ns + after_ns, act.SetAvailable(amounts=tuple(amounts)))
