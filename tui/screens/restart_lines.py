"""The lines of the question of an unclean start: what is open, the master, what waits. Pure builders."""

from collections.abc import Sequence

from engine.snapshot import LeftOpen, RestartView, StrategyState
from tui import format as fmt
from tui.frame import Frame
from tui.text import Line, Names, Span, Tone, clean, line, name_column, pad_title, shorten, wrap

NAME_LEAST, REST_CELLS, NOTE_CELLS = 9, 48, 14
"Cells of the account, of what is held, and of what waits."


def question_lines(question: RestartView, frame: Frame, width: int) -> list[Line]:
    """Everything that the operator needs for his choice."""
    out = [_strategy_line(question, frame), *_master_lines(question, width), *_kill_lines(frame, width)]
    if question.exits_ns is not None:
        left = fmt.countdown(question.exits_ns, frame.now_ns)
        text = f"The master went out meanwhile: children exit without an answer ({left}); r lets them go now."
        out += [line(Span(part, Tone.BAD)) for part in wrap(text, width)]
    out.append(line())
    if question.rows:
        out.append(line(Span("Left open:", Tone.BOLD)))
        out += _row_lines(question.rows, frame, width)
    else:
        out.append(line("Nothing of ours is open."))
    out.append(line())
    rule = "Exits only until you answer; the engine goes on. Entries missed meanwhile are not caught up."
    return [*out, *(line(Span(part, Tone.DIM)) for part in wrap(rule, width))]


def _strategy_line(question: RestartView, frame: Frame) -> Line:
    if question.strategy_state is StrategyState.FLAT:
        return line("No strategy is recorded.")
    name = clean(question.strategy) or "strategy"
    since = "" if question.started_ns is None else f", begun {fmt.age(question.started_ns, frame.now_ns)} ago"
    return line(Span(name, Tone.BOLD), f" {question.strategy_state.value}{since}")


def _master_lines(question: RestartView, width: int) -> list[Line]:
    if not question.master_read:
        return [line(Span("The master is being read.", Tone.WARN))]
    held = ", ".join(f"{fmt.number(units, signed=True)} {clean(title)}" for title, units in question.master)
    return [line(part) for part in wrap(f"The master holds {held or 'nothing that is followed'}.", width)]


def _kill_lines(frame: Frame, width: int) -> list[Line]:
    text = {
        0: "",
        1: "Kill switch, level 1: no entries after r either, until F12 lifts it.",
        2: "Kill switch, level 2: exits are not sent either, until F12 lifts it.",
    }[frame.kill_level]
    return [line(Span(part, Tone.BAD)) for part in wrap(text, width)] if text else []


def _row_lines(rows: Sequence[LeftOpen], frame: Frame, width: int) -> list[Line]:
    room = width - REST_CELLS - NOTE_CELLS
    names = name_column((*frame.accounts, *(row.child for row in rows)), NAME_LEAST, room)
    return [_row_line(row, names, width) for row in rows]


def _row_line(row: LeftOpen, names: Names, width: int) -> Line:
    counts = [(row.working, "working"), (row.unknown, "UNKNOWN"), (row.held, "held")]
    orders = ", ".join(f"{number} {word}" for number, word in counts if number)
    more = " · ".join(part for part in (row.answer, orders, clean(row.due)) if part)
    units = f"{fmt.number(row.units, signed=True)} units"
    head = f"{pad_title(clean(row.title), 24)} {fmt.fit(units, 15)}  {clean(row.product)}"
    return line(
        Span(f"  {names.pad(row.child)}", Tone.BOLD),
        head,
        Span(f"  {shorten(more, max(width - 4 - names.width - len(head), 10))}" if more else "", Tone.WARN),
    )


def hand_over_lines(frame: Frame, width: int, children: tuple[str, ...]) -> list[Line]:
    """What is left to its owners, of the children named (all when empty)."""
    question = frame.snapshot.restart
    rows = () if question is None else question.rows
    rule = "Working orders are cancelled first. It is shown as orphaned until the owner has closed it."
    return [
        line(Span("Traded no more, left to the owner of the account:", Tone.BOLD)),
        *_row_lines([row for row in rows if not children or row.child in children], frame, width),
        *(line(Span(part, Tone.DIM)) for part in wrap(rule, width)),
    ]


def fresh_lines(_frame: Frame, width: int) -> list[Line]:
    """What a fresh start forgets."""
    rule = "The last strategy, its ratios and open prompts are forgotten. What the master holds becomes background."
    return [line(part) for part in wrap(rule, width)]
