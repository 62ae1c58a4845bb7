"""Whether an account's broker pushes order updates: without them its book is polled, and what was missed is read."""

from engine.core.turn import INFO, WARNING, Turn
from engine.events import LinkChanged


def take_link(turn: Turn, event: LinkChanged) -> None:
    """The connection of an account's updates was made, or is lost. The master is read with every poll anyway."""
    unheard = turn.state.unheard
    if not event.connected:
        if event.account not in unheard:
            text = f"order updates are not heard, the book is polled: {event.why}"
            turn.notify(WARNING, text, event.account)
        unheard[event.account] = event.why
        return
    if unheard.pop(event.account, None) is not None:
        turn.notify(INFO, "order updates are heard again", event.account)
    child = turn.state.children.get(event.account)
    if child is not None and child.synced:
        child.want_orders = child.want_positions = True
