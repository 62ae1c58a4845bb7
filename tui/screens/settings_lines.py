"""The settings of the session with what each means, those first that differ from the default. Pure lines.

They come from the configuration that the session was started with; what changed since then comes from the snapshot.
"""

from collections.abc import Iterator, Mapping

from config.errors import ConfigError
from config.schema import Settings
from tui import format as fmt
from tui.frame import Frame
from tui.screens.cap_lines import ratio_words
from tui.screens.file_lines import file_lines
from tui.screens.setting_rows import NOT_SHOWN, OF_ACCOUNT, Setting, setting_rows
from tui.text import Line, Span, Tone, clean, line, pad, width_of, wrap

NAMES = 32
VALUES_MOST = 20
MEANING_LEAST, BELOW = 30, 6
"Cells of a meaning beside its setting; where there are fewer it stands below, indented by so many."
WHEN = (
    "As this session was started. A change of the file holds from the next start; a frozen ratio stays until its"
    " strategy ends. At once: space pauses entries, k sets a child's capital cap, m changes paper and live (with a"
    " strategy running from the next one on), F12 kills."
)


def settings_lines(
    frame: Frame,
    width: int,
    settings: Settings,
    meanings: Mapping[str, str],
    file: Settings | ConfigError | None = None,
) -> list[Line]:
    """Lines of at most `width` cells. `file`: what the configuration file says by now."""
    rows = list(setting_rows(settings, without=NOT_SHOWN))
    changed = [row for row in rows if row[1] != row[2]]
    out = [line(Span(part, Tone.DIM)) for part in wrap(WHEN, width)]
    out += [line(), line(Span("now", Tone.BOLD)), *_now(frame)]
    out += file_lines(frame, width, settings, file)
    out += [line(), line(Span(f"{len(changed)} settings of yours", Tone.BOLD))]
    out += _listed(changed, meanings, width) or [line(Span("everything has its default", Tone.DIM))]
    of_child = {path.removeprefix("children."): text for path, text in meanings.items()}
    for child in settings.children:
        own = [row for row in setting_rows(child, without=OF_ACCOUNT) if row[1] != row[2]]
        if own:
            out += [line(), line(Span(clean(child.id), Tone.BOLD), "  its own")]
            out += _listed(own, of_child, width)
    out += [line(), line(Span("defaults", Tone.BOLD))]
    return out + _listed([row for row in rows if row[1] == row[2]], meanings, width)


def _now(frame: Frame) -> Iterator[Line]:
    """What is in force at this moment."""
    snapshot = frame.snapshot
    after = "" if snapshot.mode_next is None else f", {snapshot.mode_next.value} with the next strategy"
    facts = [
        ("mode", f"{snapshot.mode.value}{after}"),
        ("entries", snapshot.engine.value),
        ("asking", snapshot.confirm.value),
    ]
    facts += [(f"ratio of {clean(c.id)}", words) for c in snapshot.children if (words := ratio_words(c))]
    facts += [
        (f"cap of {clean(c.id)}", fmt.rupees(c.max_capital_inr))
        for c in snapshot.children
        if c.max_capital_inr is not None
    ]
    for name, value in facts:
        yield line(pad(f"  {name}", NAMES), Span(value, Tone.INFO))


def _listed(rows: list[Setting], meanings: Mapping[str, str], width: int) -> list[Line]:
    out: list[Line] = []
    values = min(VALUES_MOST, max((len(value) for _, value, _ in rows), default=0))
    for path, value, default in rows:
        is_own = value != default
        lead = line(
            pad(f"  {path}", NAMES), Span(pad(clean(value), values) + "  ", Tone.INFO if is_own else Tone.PLAIN)
        )
        meaning = meanings.get(path, "")
        if is_own:
            meaning = f"default {default}; {meaning}".rstrip("; ")
        if len(value) > values:
            meaning = f"{clean(value)}; {meaning}"
        indent = width_of(lead)
        is_beside = width - indent >= MEANING_LEAST
        indent = indent if is_beside else BELOW
        parts = wrap(meaning, max(width - indent, MEANING_LEAST)) if meaning else []
        out.append(line(*lead, Span(parts.pop(0), Tone.DIM)) if is_beside and parts else line(*lead))
        out += [line(" " * indent, Span(part, Tone.DIM)) for part in parts]
    return out
