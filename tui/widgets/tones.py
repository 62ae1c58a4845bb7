"""Tones as Rich styles of the current theme, looked up once a theme."""

from rich.style import Style as RichStyle
from textual.style import Style
from textual.widget import Widget

from tui.text import Tone

_known: dict[tuple[str, Tone], RichStyle] = {}
"At most themes times tones."


def rich_tone(widget: Widget, tone: Tone) -> RichStyle | None:
    """The style of a tone in the theme of the widget's app."""
    if not tone:
        return None
    key = (widget.app.theme, tone)
    if key not in _known:
        _known[key] = Style.parse(tone.value, widget.app.theme_variables).rich_style
    return _known[key]
