"""Draws days on which prices move against what is held, and a daily loss is limited.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import msgspec

from config.schema import Child, CopyAs, OnMaxLoss
from engine.model import NS_PER_S, Instrument
from paper import scenario as act
from paper.verify.draft import PRICE_INR, START_NS, WARM_NS
from paper.verify.plan import Happening, Plan, even_quote

LOSING = 0.06
"""The share of days on which a daily loss is limited."""
OWN_INR = (Decimal(300), Decimal(1_000), Decimal(3_000), Decimal(10_000))
OF_ALL_INR = (Decimal(1_000), Decimal(5_000), Decimal(20_000))
WAITING = 0.5
"""The share of them on which entries wait for the master's price: some work when the loss is reached."""
MOVES_PCT = (-15, -7, -1, 1, 7, 15)
BLANK = 0.2
"""The share of moves after which nobody knows a price."""


def with_losses(plan: Plan, rng: Random) -> Plan:
    """The plan, now and then with limits of the daily loss and prices that move.

    `rng`: chance of its own.
    """
    if rng.random() >= LOSING:
        return plan
    settings = plan.scenario.settings
    risk = msgspec.structs.replace(settings.risk, on_max_loss=rng.choice(list(OnMaxLoss)))
    if rng.random() < 0.4:
        risk = msgspec.structs.replace(risk, max_daily_loss_inr=rng.choice(OF_ALL_INR))
    children = tuple(_limited(child, rng) if rng.random() < 0.7 else child for child in settings.children)
    settings = msgspec.structs.replace(settings, risk=risk, children=children)
    moves = price_moves(plan, rng)
    if rng.random() < WAITING:
        wait_s = rng.choice((Decimal(3), Decimal(20)))
        waits = msgspec.structs.replace(settings.copy, as_=CopyAs.LIMIT, limit_buffer_ticks=0, chase_after_s=wait_s)
        settings = msgspec.structs.replace(settings, copy=waits)
    return plan.with_more(*moves).with_settings(settings)


def _limited(child: Child, rng: Random) -> Child:
    return msgspec.structs.replace(
        child, risk=msgspec.structs.replace(child.risk, max_daily_loss_inr=rng.choice(OWN_INR))
    )


def price_moves(plan: Plan, rng: Random) -> list[Happening]:
    """Prices of the day's instruments that move away and mostly come back."""
    return [move for instrument in plan.scenario.instruments for move in _moves(instrument, plan.calm_ns, rng)]


def _moves(instrument: Instrument, calm_ns: int, rng: Random) -> Iterator[Happening]:
    """Prices of one instrument: away or not known, mostly back after a while, and perhaps away again."""
    at_ns = START_NS + WARM_NS
    for _ in range(rng.choice((0, 1, 1, 2))):
        at_ns += rng.randrange(1, 20) * NS_PER_S + rng.randrange(NS_PER_S)
        if at_ns >= calm_ns:
            return
        is_blank = rng.random() < BLANK
        yield _move(instrument, at_ns, None if is_blank else PRICE_INR * (100 + rng.choice(MOVES_PCT)) / 100)
        at_ns += rng.choice((1, 3, 8, 20)) * NS_PER_S
        if rng.random() < 0.8 and at_ns < calm_ns:
            yield _move(instrument, at_ns, PRICE_INR)


def _move(instrument: Instrument, at_ns: int, price_inr: Decimal | None) -> Happening:
    return Happening(at_ns=at_ns, trouble=act.Quotes(quotes=(even_quote(instrument.id, at_ns, price_inr),)))
