"""Our themes, and defaults of our own variables so that every built-in theme works too. Colours live only here."""

from textual.theme import Theme

DARK = "lockstep"
COLOUR_BLIND = "lockstep-colour-blind"
LIGHT = "lockstep-light"

_OWN = {
    "muted": "#94a1ae",
    "frame": "#3a4652",
    "cursor": "#233444",
    "live": "#c8102e",
    "live-dim": "#4a0d16",
    "live-text": "#ffffff",
}

_OWN_LIGHT = {**_OWN, "muted": "#4c5660", "frame": "#a8b0b8", "cursor": "#c5d8ea", "live-dim": "#f3c6cc"}

THEMES = (
    Theme(
        name=DARK,
        primary="#5aa9e6",
        secondary="#7f8fa3",
        accent="#7fd1ff",
        success="#5fd38d",
        warning="#f2c14e",
        error="#ff6b6b",
        foreground="#dbe4ec",
        background="#0d1319",
        surface="#141c24",
        panel="#1b2630",
        variables=_OWN,
    ),
    # Orange and blue are told apart with every common colour blindness; sign, mark and word say it anyway.
    Theme(
        name=COLOUR_BLIND,
        primary="#5fafff",
        secondary="#9aa5b1",
        accent="#c6e2ff",
        success="#5fafff",
        warning="#ffd75f",
        error="#ff8700",
        foreground="#e4e4e4",
        background="#101010",
        surface="#1a1a1a",
        panel="#262626",
        variables={**_OWN, "live": "#b34700", "live-dim": "#4a2300"},
    ),
    Theme(
        name=LIGHT,
        primary="#0b5cad",
        secondary="#55606b",
        accent="#0a558f",
        success="#075c2b",
        warning="#7d4e00",
        error="#b3001b",
        foreground="#16202a",
        background="#fbfcfd",
        surface="#f0f3f6",
        panel="#e4e9ee",
        dark=False,
        variables=_OWN_LIGHT,
    ),
)

DEFAULTS = _OWN
"For themes that do not define our variables."
LIGHT_DEFAULTS = _OWN_LIGHT
