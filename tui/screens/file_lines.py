"""The configuration file as it is now beside the session: what the next start would change. Pure lines."""

from collections.abc import Callable, Iterator

from config.errors import ConfigError, all_messages
from config.schema import Child, Settings, SizingMode
from engine.core.sizing import stricter
from tui.frame import Frame, child_of
from tui.screens.cap_lines import next_words
from tui.screens.setting_rows import NOT_SHOWN, OF_ACCOUNT, setting_rows
from tui.text import Line, Span, Tone, clean, line, wrap

Reread = Callable[[], Settings]
"""Reads the configuration file again. Raises `ConfigError`."""
OF_THE_ACCOUNT = "its broker, credentials, name or money"
"What stands in the file of an account itself is not shown."
NEW, GONE = "new: it takes part from the next start on", "gone: it is left to its owner at the next start"


def file_lines(frame: Frame, width: int, settings: Settings, found: Settings | ConfigError | None) -> list[Line]:
    """What the file says by now; `None` where there is none. Lines of at most `width` cells."""
    if found is None:
        return []
    head = line(Span("the file now", Tone.BOLD))
    if isinstance(found, ConfigError):
        texts = ["The next start would refuse it:", *all_messages(found)]
        return [line(), head, *(line(Span(part, Tone.WARN)) for text in texts for part in wrap(clean(text), width - 2))]
    changes = list(_changes(frame, settings, found))
    if not changes:
        return [line(), head, line(Span("  as this session was started", Tone.DIM))]
    out = [line(), line(*head, Span("  from the next start on", Tone.DIM))]
    for name, what in changes:
        lead, *more = wrap(what, max(20, width - len(name) - 4))
        out.append(line(f"  {name}  ", Span(lead, Tone.INFO)))
        out += [line(" " * (len(name) + 4), Span(part, Tone.INFO)) for part in more]
    return out


def reread(read: Reread | None) -> Settings | ConfigError | None:
    """The file as it is now, or what is wrong with it."""
    try:
        return None if read is None else read()
    except ConfigError as error:
        return error


def _changes(frame: Frame, before: Settings, after: Settings) -> Iterator[tuple[str, str]]:
    """(what, how it changes) of everything that differs, children last."""
    now = {path: value for path, value, _ in setting_rows(before, without=NOT_SHOWN)}
    for path, value, _ in setting_rows(after, without=NOT_SHOWN):
        if now[path] != value:
            yield path, clean(f"{now[path]} → {value}")
    if before.master.id != after.master.id:
        yield "master", clean(f"{before.master.id} → {after.master.id}")
    elif before.master != after.master:
        yield "master", OF_THE_ACCOUNT
    if before.brokers != after.brokers:
        yield "brokers", "their addresses"
    if before.demo != after.demo:
        yield "demo", "its market"
    known, kept = ({child.id: child for child in each.children} for each in (before, after))
    for name, child in kept.items():
        if name not in known:
            yield clean(name), NEW
        else:
            yield from _child_changes(frame, known[name], child, after)
    for name in known:
        if name not in kept:
            yield clean(name), GONE


def _child_changes(frame: Frame, before: Child, after: Child, settings: Settings) -> Iterator[tuple[str, str]]:
    was = {path: value for path, value, _ in setting_rows(before, without=OF_ACCOUNT)}
    if any(getattr(before, name) != getattr(after, name) for name in OF_ACCOUNT):
        yield clean(after.id), OF_THE_ACCOUNT
    for path, value, _ in setting_rows(after, without=OF_ACCOUNT):
        if was[path] != value:
            yield clean(f"{after.id} {path}"), clean(f"{was[path]} → {value}")
    column = child_of(frame.snapshot, after.id)
    if column is None or column.next_ratio is None or after.sizing.mode is not SizingMode.FROZEN_RATIO:
        return
    then = column.next_ratio.with_most(stricter(settings.ratio.max_ratio, after.max_ratio))
    kept = before.max_capital_inr == after.max_capital_inr  # then a cap that the operator has set stays
    if (ratio := then.capped(column.max_capital_inr if kept else after.max_capital_inr)) != column.next_ratio.ratio:
        yield clean(f"{after.id} ratio"), f"{next_words(ratio)} with the next strategy, by the margins of now"
