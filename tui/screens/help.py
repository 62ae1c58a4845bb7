"""Help, made from the bindings themselves, and what the marks mean. Pure lines."""

from collections.abc import Sequence

from textual.binding import Binding, BindingType

from engine.snapshot import CellState
from tui.marks import CELL_MARKS, OLD, UNITS
from tui.text import Line, Span, Tone, line, pad, wrap

KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "ctrl+p": "^p",
    "ctrl+q": "^q",
    "f12": "F12",
    "escape": "esc",
    "left": "←",
    "right": "→",
    "minus": "-",
    "plus": "+",
}
NAMES = 10
"Cells of the keys."
WORDS = {
    CellState.NONE: "nothing to do",
    CellState.IN_STEP: "in lockstep",
    CellState.SKIPPED: "skipped, with a short reason",
    CellState.AWAITING: "waits for your answer (c)",
    CellState.WORKING: "orders are working",
    CellState.DRIFT: "have/want differ",
    CellState.HELD: "stopped, waits for you",
    CellState.UNKNOWN: "sent, outcome not known",
}


def key_name(keys: str) -> str:
    """A binding's keys as people write them."""
    return " ".join(KEY_NAMES.get(key, key) for key in keys.split(","))


def help_lines(app: Sequence[BindingType], confirm: Sequence[BindingType], width: int) -> list[Line]:
    """All keys with what they do, then the marks."""
    out = [line(Span("Keys", Tone.BOLD)), *_keys(app, width), line(), line(Span("In a confirm dialog", Tone.BOLD))]
    out += [*_keys(confirm, width), line(), line(Span("Marks in the matrix (lots: have/want)", Tone.BOLD))]
    for state, (mark, tone) in CELL_MARKS.items():
        out.append(line(Span(pad(f"  {mark}", 10), tone), WORDS[state]))
    out.append(line(pad("  ext", 10), "the child has lots of its own beside ours"))
    out.append(line(pad(f"  28.10{OLD}", 10), "an old price, or a result that was reckoned with one"))
    out.append(line(pad(f"  +65{UNITS}", 10), "units: how many make a lot is not known"))
    out.append(line(pad("  ####", 10), "a number that does not fit; enter shows it"))
    return out


def _keys(bindings: Sequence[BindingType], width: int) -> list[Line]:
    out: list[Line] = []
    for binding in bindings:
        if isinstance(binding, Binding) and (what := binding.tooltip or binding.description):
            first, *more = wrap(what, max(width - NAMES, 20))
            out.append(line(Span(pad(f"  {key_name(binding.key)}", NAMES), Tone.KEY), first))
            out += [line(" " * NAMES, part) for part in more]
    return out
