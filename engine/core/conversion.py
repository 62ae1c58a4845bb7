"""A product change of the master without an order: the leg keeps its identity, the operator is asked, no order follows.

The broker lists part of a leg under another product from then on; his later fills there reduce the leg. It must not
send anything: the children keep their product until somebody converts them by hand or flattens them.
"""

from collections.abc import Mapping

from engine.core.state_master import MasterLeg, Suspicion
from engine.core.turn import ALARM, INFO, Turn
from engine.model import NS_PER_S, LegId, instrument_of, is_delivery, sign, split_leg

READS_APART_NS = NS_PER_S


def expected_net(turn: Turn, leg: MasterLeg) -> int:
    """What the broker should list of a leg: strategy and background lots, less what was converted away, and back."""
    brought = sum(other.moved_units for other in turn.state.master.legs.values() if other.moved_to == leg.leg)
    return leg.units + leg.background_units - leg.moved_units + brought


def close_moved(turn: Turn, leg: LegId, units: int) -> list[tuple[MasterLeg, int]]:
    """Which legs a fill in `leg` reduces because they were converted to it: each with its signed units."""
    found: list[tuple[MasterLeg, int]] = []
    for other in turn.state.master.legs.values():
        if other.moved_to == leg and other.moved_units * units < 0:
            closed = sign(units) * min(abs(units), abs(other.moved_units))
            found.append((other, closed))
            units -= closed
    return found


def keep_within(leg: MasterLeg) -> None:
    """What was converted is never more than what the leg still holds."""
    if abs(leg.moved_units) > abs(leg.units):
        leg.moved_units = leg.units
    if not leg.moved_units:
        leg.moved_to = None


def pairs(turn: Turn, net: Mapping[LegId, int]) -> dict[LegId, tuple[MasterLeg, MasterLeg, int]]:
    """Legs whose positions say that lots changed their product: by leg (from, to, signed units that left `from`).

    Args:
        turn: The turn.
        net: The master's net units by leg, of a complete read; every leg of it has a record.
    """
    legs = turn.state.master.legs
    off = {key: net.get(key, 0) - expected_net(turn, leg) for key, leg in legs.items()}
    found: dict[LegId, tuple[MasterLeg, MasterLeg, int]] = {}
    for key, leg in legs.items():
        if not off[key] or not leg.units or key in found:
            continue
        for other_key, other in legs.items():
            matches = instrument_of(other_key) == instrument_of(key) and off[other_key] == -off[key]
            if other_key == key or not matches or not _is_possible(leg, other, -off[key]):
                continue
            found[key] = found[other_key] = (leg, other, -off[key])
            break
    return found


def may_have_come(turn: Turn, leg: MasterLeg, gained: int, net: Mapping[LegId, int], new: Mapping[LegId, int]) -> bool:
    """Whether units that a leg gained while nobody looked are those that another product's strategy lots lost.

    Args:
        turn: The turn.
        leg: The leg that gained.
        gained: Signed units.
        net: The master's net units by leg.
        new: Signed units of fills that are not taken in yet.
    """
    return gained != 0 and any(
        other.units != 0
        and other.leg != leg.leg
        and instrument_of(other.leg) == instrument_of(leg.leg)
        and net.get(other.leg, 0) - expected_net(turn, other) - new.get(other.leg, 0) == -gained
        for other in turn.state.master.legs.values()
    )


def _is_possible(leg: MasterLeg, other: MasterLeg, left: int) -> bool:
    """Whether `left` signed units may have gone from a leg's strategy lots to the other product, or come back."""
    if is_delivery(other.leg) and leg.units < 0:
        return False  # a short that is delivered from shares of his own is closed by them
    if leg.moved_to not in (None, other.leg):
        return False
    moved = leg.moved_units + left
    return moved * leg.units >= 0 and abs(moved) <= abs(leg.units)


def note(turn: Turn, leg: MasterLeg, other: MasterLeg, left: int, net: int, began_ns: int) -> None:
    """Believe a conversion when two complete reads say the same."""
    seen = leg.suspicion
    if seen is None or seen.net_units != net:
        leg.suspicion = Suspicion(net_units=net, began_ns=began_ns, since_ns=turn.now_ns)
        return
    if began_ns - seen.began_ns < READS_APART_NS:
        return
    leg.suspicion, other.suspicion = None, None
    leg.moved_to, leg.moved_units = other.leg, leg.moved_units + left
    keep_within(leg)
    _, symbol, product = split_leg(leg.leg)
    account, there = turn.state.master.account, split_leg(other.leg)[2]
    if not leg.moved_units:
        turn.notify(INFO, f"converted back to {product}: everything is there again", account, symbol)
        return
    text = (
        f"{abs(leg.moved_units)} units were converted from {product} to {there} without an order; the children keep"
        f" {product}: convert them by hand or flatten them"
    )
    turn.notify(ALARM, text, account, symbol)
