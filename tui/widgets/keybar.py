"""The key line at the bottom. Textual's Footer keeps every key it ever showed; this is one line. Pure builder."""

from tui.text import Line, first_fitting, keys

_TIERS = (
    (
        ("?", "help"), ("enter", "more"), ("c", "confirm"), ("space", "pause"), ("r", "resync"), ("m", "mode"),
        ("f", "flatten"), ("F12", "KILL"), ("1-7", "panels"), ("/", "find"), ("^p", "all"), ("q", "quit"),
    ),
    (
        ("?", "help"), ("c", "confirm"), ("space", "pause"), ("r", "resync"), ("m", "mode"), ("F12", "KILL"),
        ("1-7", "panels"), ("q", "quit"),
    ),
    (("?", "help"), ("c", "confirm"), ("space", "pause"), ("F12", "KILL"), ("q", "quit")),
    (("?", "help"), ("F12", "KILL"), ("q", "quit")),
)  # fmt: skip


def key_line(width: int) -> Line:
    """As many keys as fit; help, kill and quit always."""
    return first_fitting(width, lambda tier: keys(*_TIERS[tier]), range(len(_TIERS)))
