"""The settings of the session with what each means, those first that differ from the default. Pure lines.

They come from the configuration that the session was started with; what changed since then comes from the snapshot.
"""

from collections.abc import Iterator, Mapping

import msgspec

from config.schema import Account, Settings
from tui import format as fmt
from tui.frame import Frame
from tui.text import Line, Span, Tone, clean, line, pad, width_of, wrap

NAMES = 32
VALUES_MOST = 20
NOT_SHOWN = frozenset({"master", "children", "brokers", "demo"})
WHEN = (
    "As this session was started. A change of the file holds from the next start; a frozen ratio stays until its"
    " strategy ends. At once: space pauses entries, k sets a child's capital cap, m changes paper and live (with a"
    " strategy running from the next one on), F12 kills."
)


def settings_lines(frame: Frame, width: int, settings: Settings, meanings: Mapping[str, str]) -> list[Line]:
    """Lines of at most `width` cells."""
    rows = list(_rows(settings))
    changed = [row for row in rows if row[1] != row[2]]
    out = [line(Span(part, Tone.DIM)) for part in wrap(WHEN, width)]
    out += [line(), line(Span("now", Tone.BOLD)), *_now(frame)]
    out += [line(), line(Span(f"{len(changed)} settings of yours", Tone.BOLD))]
    out += _listed(changed, meanings, width) or [line(Span("everything has its default", Tone.DIM))]
    for child in settings.children:
        own = [row for row in _rows_of(child, "") if row[1] != row[2]]
        if own:
            out += [line(), line(Span(clean(child.id), Tone.BOLD), "  its own")]
            out += _listed(own, {path.removeprefix("children."): text for path, text in meanings.items()}, width)
    out += [line(), line(Span("defaults", Tone.BOLD))]
    return out + _listed([row for row in rows if row[1] == row[2]], meanings, width)


def viewer_lines(width: int, url: str) -> list[Line]:
    """Where a browser on this machine may look on, or how to have that."""
    if not url:
        text = "No browser may look on. Start with --serve to have a read-only picture for one on this machine."
        return [line(part) for part in wrap(text, width)]
    port = url.partition("#")[0].rstrip("/").rpartition(":")[2]
    text = (
        "Open this in a browser on this machine. It shows what the panels show and orders nothing. The part behind # is"
        " the key: whoever has it and is on this machine sees your accounts. It ends with this program."
        f" From another machine: ssh -L {port}:127.0.0.1:{port} and the same address there."
    )
    return [line(Span(url, Tone.KEY)), line(), *(line(Span(part, Tone.DIM)) for part in wrap(text, width))]


def _now(frame: Frame) -> Iterator[Line]:
    """What is in force at this moment."""
    snapshot = frame.snapshot
    after = "" if snapshot.mode_next is None else f", {snapshot.mode_next.value} with the next strategy"
    facts = [
        ("mode", f"{snapshot.mode.value}{after}"),
        ("entries", snapshot.engine.value),
        ("asking", snapshot.confirm.value),
    ]
    facts += [
        (f"cap of {clean(c.id)}", fmt.rupees(c.max_capital_inr))
        for c in snapshot.children
        if c.max_capital_inr is not None
    ]
    for name, value in facts:
        yield line(pad(f"  {name}", NAMES), Span(value, Tone.INFO))


Setting = tuple[str, str, str]
"""Path, value, default."""


def _rows(settings: Settings) -> Iterator[Setting]:
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if field.name in NOT_SHOWN:
            continue
        if isinstance(value, msgspec.Struct):
            yield from _rows_of(value, f"{field.encode_name}.")
        else:
            yield field.encode_name, _text(value), _text(field.default)


def _rows_of(section: msgspec.Struct, prefix: str) -> Iterator[Setting]:
    """Keys of a section with those below it; of an account only what it is traded by."""
    skipped = {field.name for field in msgspec.structs.fields(Account)} if isinstance(section, Account) else set()
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if field.name in skipped:
            continue
        if isinstance(value, msgspec.Struct):
            yield from _rows_of(value, f"{prefix}{field.encode_name}.")
        else:
            yield f"{prefix}{field.encode_name}", _text(value), _text(field.default)


def _text(value: object) -> str:
    """A value as it stands in the file."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "[]"
    return str(value)


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
        first, *more = wrap(meaning, max(width - width_of(lead), 20))
        out.append(line(*lead, Span(first, Tone.DIM)))
        out += [line(" " * width_of(lead), Span(part, Tone.DIM)) for part in more]
    return out
