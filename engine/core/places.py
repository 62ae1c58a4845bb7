"""Where a child's orders go, and that it does not change under what the child holds."""

from collections.abc import Sequence

from config.schema import Child as ChildSettings
from config.schema import Mode
from engine.core.state import State

PAPER_BROKER = "paper"
"""As the configuration spells it."""


def trades_live(child: ChildSettings, mode: Mode) -> bool:
    """Whether a child's orders go to its broker in a mode; else they stay on paper."""
    return child.live and mode is Mode.LIVE and (child.broker or PAPER_BROKER) != PAPER_BROKER


def place_of(child: ChildSettings, mode: Mode) -> str:
    """Where a child's orders go in a mode."""
    return f"{'live' if trades_live(child, mode) else 'on paper'} at {child.broker or PAPER_BROKER}"


def moved(state: State, children: Sequence[ChildSettings], mode: Mode) -> list[str]:
    """Children that hold something where their orders would not go any more, in words for people.

    Another account under the same name would be empty: what is held would be called closed by hand, and stay.
    """
    found = []
    for settings in children:
        child = state.children.get(settings.id)
        if child is None or not child.traded_at:
            continue
        is_open = child.watches or any(leg.allocation_units or leg.orders for leg in child.legs.values())
        if is_open and child.traded_at != (now := place_of(settings, mode)):
            found.append(f"{child.id} has something open {child.traded_at} and would trade {now}")
    return found
