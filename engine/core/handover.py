"""Legs that were handed over to the owner of the account: ours no more, and shown until the position is gone.

It sends nothing: what still worked was cancelled before (`engine.core.settle`).
"""

from engine.core.plans import store_plan
from engine.core.results import mark_inr
from engine.core.sizing import Plan
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import WARNING, Turn, exits_open
from engine.model import sign, split_leg


def orphan(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """What is held becomes the owner's; what fills later in the same leg too."""
    units = leg.allocation_units
    store_plan(leg, Plan())
    leg.due, leg.due_reason, leg.due_since_ns, leg.exit_granted = False, "", 0, False
    leg.exit_after_ns, leg.exit_tries, leg.entry_pending = 0, 0, False
    leg.lacking, leg.flattening, leg.suspicion, leg.rebuilt = False, False, None, False
    leg.surfaced = False
    if not units:
        return
    _hand(turn, child, leg, units)
    turn.notify(WARNING, f"{units} units were handed over: not traded any more", child.id, split_leg(leg.leg)[1])


def keep_excess(turn: Turn, child: Child, leg: ChildLeg, units: int) -> None:
    """Some lots of a leg become the owner's, of those that are in no exit; the rest stays ours.

    `units`: how many at most, as a number without sign.
    """
    gone = sign(leg.allocation_units) * min(units, abs(leg.allocation_units) - exits_open(turn, leg))
    if gone * leg.allocation_units <= 0:
        return
    _hand(turn, child, leg, gone)
    text = f"{gone} units filled for an order of the master that ended without: kept as the owner's, not traded"
    turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])


def _hand(turn: Turn, child: Child, leg: ChildLeg, units: int) -> None:
    """Units of ours (signed) leave our result at the last price, at cost where there is none, and are the owner's."""
    held = abs(leg.allocation_units)
    leg.cash_inr += units * (mark_inr(turn.quote(leg.leg)) or leg.open_cost_inr / held)
    leg.open_cost_inr = leg.open_cost_inr * (held - abs(units)) / held
    leg.allocation_units -= units
    leg.orphaned_units += units
    child.external[leg.leg] = child.external.get(leg.leg, 0) + units
    child.want_positions = True


def note_gone(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """A read said what of the position is not ours: what the owner closed of a handed-over leg is shown no more."""
    side = sign(leg.orphaned_units)
    left = min(abs(leg.orphaned_units), max(0, child.external.get(leg.leg, 0) * side))
    if left == abs(leg.orphaned_units):
        return
    leg.orphaned_units = side * left
    if not left:
        turn.notify(WARNING, "what was handed over is closed", child.id, split_leg(leg.leg)[1])
