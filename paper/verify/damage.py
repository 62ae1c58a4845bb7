"""Damages the newest checkpoint between two processes; and draws on which days that happens.

It must not touch the journal, from which everything can be rebuilt, nor the chance of the day itself.
"""

from collections.abc import Collection
from pathlib import Path
from random import Random

from engine.model import NS_PER_MS, NS_PER_S
from paper.verify.draft import is_drawn
from paper.verify.plan import Damage, DamagesCheckpoint, Happening, Plan

SHARE = 0.04
"""The share of days on which it happens."""
CHECKPOINT = "checkpoint"
FIRST_NS = 3 * NS_PER_S


def damage(directory: Path, older: bytes | None, what: DamagesCheckpoint) -> bool:
    """Damage the newest checkpoint in a directory; false where there is none, or no older one.

    Args:
        directory: Where the checkpoints lie.
        older: What the file held before it was written last.
        what: What becomes of it.
    """
    files = sorted(directory.glob("????-??-??.json"))
    if not files:
        return False
    path, data = files[-1], files[-1].read_bytes()
    match what.how:
        case Damage.TORN:
            path.write_bytes(data[: int(len(data) * what.where)])
        case Damage.EMPTY:
            path.write_bytes(b"")
        case Damage.ZEROS:
            path.write_bytes(b"\0" * len(data))
        case Damage.CHANGED:
            path.write_bytes(_with_a_digit_changed(data, what.where))
        case Damage.MISSING:
            path.unlink()
        case Damage.OLDER:
            if older is None:
                return False
            path.write_bytes(older)
    return True


def _with_a_digit_changed(data: bytes, where: float) -> bytes:
    state = data.index(b'"state"')
    digits = [place for place in range(state, len(data)) if data[place : place + 1].isdigit()]
    place = digits[int(len(digits) * where)]
    changed = (int(data[place : place + 1]) + 1) % 10
    return data[:place] + str(changed).encode() + data[place + 1 :]


def with_damage(plan: Plan, rng: Random, faults: Collection[str] | None) -> Plan:
    """The plan, or the same with a damaged checkpoint; `faults`: those that were chosen, `None` for all."""
    if not is_drawn(CHECKPOINT, SHARE, rng, faults):
        return plan
    from_ns = plan.scenario.start_ns + FIRST_NS
    at_ns = from_ns + rng.randrange(plan.calm_ns - from_ns)
    if plan.trades_ns and rng.random() < 0.5:
        at_ns = rng.choice(plan.trades_ns) + rng.randrange(1100) * NS_PER_MS
    trouble = DamagesCheckpoint(
        how=rng.choice(list(Damage)),
        for_ns=rng.choice((0, 0, 1, 20)) * NS_PER_S,
        where=rng.random(),
        again=tuple(rng.randint(1, 25) for _ in range(rng.choice((0, 0, 0, 1, 2)))),
    )
    return plan.with_more(Happening(at_ns=at_ns, trouble=trouble, kind=CHECKPOINT))
