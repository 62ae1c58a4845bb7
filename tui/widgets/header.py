"""The first line (mode, clock, master, engine, lockstep count) and the banner for what must not be overlooked.

Pure builders; the widest wording that fits is taken, and nothing that matters depends on a colour.
"""

from config.schema import Mode
from engine.snapshot import EngineState, Snapshot
from tui import format as fmt
from tui.frame import Frame, open_cells, running
from tui.marks import ENGINE_WORDS
from tui.text import EMPTY, Line, Span, Tone, clean, first_fitting, line, shorten


def header_line(frame: Frame, width: int) -> Line:
    """The header in at most `width` cells."""
    return first_fitting(width, lambda level: _header(frame, level), range(8))


def _header(frame: Frame, level: int) -> Line:
    """0 says all; then go the words that explain, the time zone, the pushes, the name, the closing time, entries."""
    snapshot = frame.snapshot
    gap = "   " if level < 1 else "  "
    return line(
        mode_span(frame),
        Span(" LOCKSTEP" if level < 4 else "", Tone.BOLD),
        *_source(snapshot),
        gap,
        *_market(frame, level),
        gap,
        *_master(frame, level),
        gap,
        *_engine(snapshot, level),
        gap,
        *_count(frame, level),
    )


def mode_span(frame: Frame) -> Span:
    """LIVE in red or PAPER, calm, with what comes after the running strategy."""
    pending = frame.snapshot.mode_next
    word = "LIVE" if frame.live else "PAPER"
    after = f"→{pending.value.upper()}" if pending is not None and pending is not frame.snapshot.mode else ""
    return Span(f" {word}{after} ", Tone.ON_BAD if frame.live else Tone.ON_CALM)


def _source(snapshot: Snapshot) -> list[Span]:
    words = " ".join(part for part in (clean(snapshot.source), fmt.speed(snapshot.speed)) if part)
    return [Span(" "), Span(words, Tone.INFO)] if words else []


def _market(frame: Frame, level: int) -> list[Span]:
    snapshot, now = frame.snapshot, frame.now_ns
    if snapshot.market_open:
        until = fmt.short_clock(snapshot.market_closes_ns)
        state = Span(f"open till {until}" if level < 5 else "open", Tone.GOOD)
    else:
        opens = fmt.day_clock(snapshot.market_opens_ns, now) if snapshot.market_opens_ns else ""
        state = Span(f"CLOSED, opens {opens}" if opens and level < 6 else "CLOSED", Tone.WARN)
    name, zone = "NSE " if level < 4 else "", " IST" if level not in {2, 3, 7} else ""
    return [Span(f"{name}{fmt.clock(now)}{zone} "), state]


def _master(frame: Frame, level: int) -> list[Span]:
    link, now = frame.snapshot.master, frame.now_ns
    label = ("master " if level < 1 else "") + clean(link.account)
    book = f"book {fmt.age(link.read_at_ns, now)}" if level < 7 else fmt.age(link.read_at_ns, now)
    push = f"push {fmt.age(link.push_at_ns, now)} · " if level < 3 and link.push_at_ns is not None else ""
    if not link.connected:
        return [Span(f"{label} "), Span("✖ LOST", Tone.BAD), Span(f" {book}", Tone.DIM)]
    if frame.master_stale and not frame.snapshot.market_open:
        return [Span(f"{label} "), Span("○", Tone.DIM), Span(f" {book}", Tone.DIM)]
    if frame.master_stale:
        return [Span(f"{label} "), Span("▲ STALE", Tone.BAD), Span(f" {book}", Tone.WARN)]
    return [Span(f"{label} "), Span("●", Tone.GOOD), Span(f" {push}{book}", Tone.DIM)]


def _engine(snapshot: Snapshot, level: int) -> list[Span]:
    word, tone = ENGINE_WORDS[snapshot.engine]
    spans = [Span("engine " if level < 1 else ""), Span(f" {word} " if " on " in tone else word, tone)]
    if level < 6:
        open_ones = running(snapshot)
        exits_only = bool(open_ones) and all(strategy.exit_only for strategy in open_ones)
        on = snapshot.engine is EngineState.ARMED and not exits_only
        spans += [Span(" entries ", Tone.DIM), Span("on" if on else "OFF", Tone.GOOD if on else Tone.WARN)]
    return spans


def _count(frame: Frame, level: int) -> list[Span]:
    total, found = len(frame.snapshot.children), frame.in_step
    shown = "?" if found is None else str(found)  # what was last known is no news
    tone = Tone.BAD if found is None else Tone.GOOD if found == total else Tone.WARN
    if level < 1:
        return [Span(f"{shown} of {total} in lockstep", tone)]
    return [Span(f"{shown}/{total} in {'lockstep' if level < 5 else 'step'}", tone)]


def banner_line(frame: Frame, width: int) -> Line:
    """The most important thing that is wrong or unusual; empty on a normal day."""
    text, tone = _banner(frame)
    if asked := _asked(frame):
        text, tone = f"{asked} · {text}" if text else asked, tone or Tone.ON_WARN
    if not text:
        return EMPTY
    shown = shorten(clean(text), width - 2)
    return line(Span(f" {shown}".ljust(width), tone))


def _asked(frame: Frame) -> str:
    """How many prompts wait out of sight, and how long the first of them does; '' for none."""
    if not frame.unseen:
        return ""
    first = min(frame.unseen, key=lambda prompt: prompt.deadline_ns)
    count = "1 prompt" if len(frame.unseen) == 1 else f"{len(frame.unseen)} prompts"
    return f"{count}, {fmt.countdown(first.deadline_ns, frame.now_ns)}, then {first.at_deadline}"


def _banner(frame: Frame) -> tuple[str, Tone]:
    snapshot = frame.snapshot
    if frame.stalled:
        return (
            f"NO NEW DATA FROM THE ENGINE FOR {int(frame.age_s)} s: everything below is old. q leaves the dashboard",
            Tone.ON_BAD,
        )
    for find in (_engine_banner, _login_banner, _starting_banner, _link_banner, _calm_banner):
        text, tone = find(frame)
        if text:
            return text, tone
    if snapshot.finished:
        return (
            f"{snapshot.source or 'The recording'} has come to its end: nothing further happens. q quits",
            Tone.ON_GOOD,
        )
    return "", Tone.PLAIN


def _engine_banner(frame: Frame) -> tuple[str, Tone]:
    snapshot = frame.snapshot
    state, why = snapshot.engine, f": {snapshot.engine_reason}" if snapshot.engine_reason else ""
    if state is EngineState.FAILED:
        return f"ENGINE FAILED, NOTHING IS SENT. Look at the brokers' own screens{why}", Tone.ON_BAD
    if state is EngineState.KILLED_ALL:
        return (
            f"KILLED, LEVEL 2: no orders, no exits either · F12 lifts, f flattens · {_still_open(snapshot)}",
            Tone.ON_BAD,
        )
    if state is EngineState.KILLED_ENTRIES:
        return "KILLED, LEVEL 1: no entries; exits go on · F12 lifts", Tone.ON_BAD
    if state is EngineState.DISARMED:
        return f"DISARMED, exits only{why} · space answers", Tone.ON_WARN
    if state is EngineState.STOPPED and not snapshot.finished:
        return f"ENGINE STOPPED: nothing is sent{why}", Tone.ON_WARN
    if state is EngineState.PAUSED:
        return "PAUSED: exits only; entries missed now are not caught up · space resumes", Tone.ON_WARN
    return "", Tone.PLAIN


def _starting_banner(frame: Frame) -> tuple[str, Tone]:
    if frame.snapshot.engine is EngineState.STARTING:
        return "Starting: books and positions are being read, nothing is sent", Tone.ON_WARN
    return "", Tone.PLAIN


def _still_open(snapshot: Snapshot) -> str:
    held = open_cells(snapshot)
    children = len({one.cell.child for one in held})
    whose = "1 child" if children == 1 else f"{children} children"
    return f"STAYS OPEN: {fmt.counted(len(held), 'leg')} of {whose}" if held else "Nothing is open"


def _login_banner(frame: Frame) -> tuple[str, Tone]:
    link = frame.snapshot.master
    if link.needs_login and not frame.snapshot.finished:
        return f"LOGIN REQUIRED at the master {link.account}: its trades are not seen · a logs in", Tone.ON_BAD
    return "", Tone.PLAIN


def _link_banner(frame: Frame) -> tuple[str, Tone]:
    link = frame.snapshot.master
    why = f": {link.error}" if link.error else ""
    if frame.snapshot.finished:
        return "", Tone.PLAIN
    if not link.connected:
        return f"MASTER {link.account} NOT CONNECTED{why}. Its trades are not seen", Tone.ON_BAD
    if frame.master_stale and frame.snapshot.market_open:
        read = fmt.age(link.read_at_ns, frame.now_ns)
        return f"MASTER {link.account} STALE: last complete read {read} ago{why}", Tone.ON_BAD
    return "", Tone.PLAIN


def _calm_banner(frame: Frame) -> tuple[str, Tone]:
    snapshot = frame.snapshot
    pending = snapshot.mode_next
    if pending is not None and pending is not snapshot.mode and running(snapshot):
        word = "LIVE" if pending is Mode.LIVE else "PAPER"
        return f"{word} was asked for: it begins with the next strategy · m takes it back", Tone.ON_WARN
    return "", Tone.PLAIN
