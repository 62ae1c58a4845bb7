"""Events, newest first, with a filter. Keeps its own ring, longer than the snapshot's; says when lines were missed."""

from collections import deque
from collections.abc import Callable

from engine.commands import Severity
from engine.snapshot import NoticeLine
from tui import format as fmt
from tui.frame import Frame
from tui.marks import SEVERITY_MARKS
from tui.text import Line, Span, Tone, clean, line, shorten
from tui.widgets.live_table import Row
from tui.widgets.panel import Panel

NOTHING = "No events yet."
KEPT = 1000
"Older events are in the journal and the log."


class EventRing:
    """The newest events seen, in order of their numbers; remembers where numbers are missing."""

    def __init__(self, kept: int = KEPT) -> None:
        self.notices: deque[NoticeLine] = deque(maxlen=kept)
        self.missed: dict[int, int] = {}
        "Number of an event -> how many before it were never seen."

    def add(self, notices: tuple[NoticeLine, ...]) -> None:
        """Take what is new."""
        newest = self.notices[-1].number if self.notices else None
        if newest is not None and notices and notices[-1].number < newest:
            self.notices.clear()
            self.missed.clear()
            newest = None
        for notice in notices:
            if newest is not None and notice.number <= newest:
                continue
            if newest is not None and notice.number > newest + 1:
                self.missed[notice.number] = notice.number - newest - 1
            self.notices.append(notice)
            newest = notice.number
        oldest = self.notices[0].number if self.notices else 0
        self.missed = {number: count for number, count in self.missed.items() if number >= oldest}


def text_of(notice: NoticeLine) -> str:
    """Everything of an event that a filter looks at, also what its line has no room for."""
    return f"{notice.severity.value} {notice.account} {notice.symbol} {notice.text} {fmt.clock(notice.at_ns)}"


def event_line(notice: NoticeLine, width: int) -> Line:
    """One event in at most `width` cells."""
    mark, tone = SEVERITY_MARKS[notice.severity]
    account = f"{clean(notice.account)} " if notice.account and notice.account not in notice.text else ""
    symbol = f"{clean(notice.symbol)} " if notice.symbol and notice.symbol not in notice.text else ""
    room = width - 8 - 3 - len(account) - len(symbol)
    text_tone = Tone.PLAIN if tone is Tone.DIM else tone
    return line(
        Span(fmt.clock(notice.at_ns), Tone.DIM),
        Span(f" {mark} ", tone),
        Span(account, Tone.BOLD),
        Span(symbol),
        Span(shorten(clean(notice.text), room), text_tone),
    )


_GRAVE = tuple(Severity)
_SORTS: dict[str, Callable[[NoticeLine], tuple[str | int, ...]]] = {
    "time": lambda _notice: (),
    "severity": lambda notice: (-_GRAVE.index(notice.severity),),
    "account": lambda notice: (not notice.account, notice.account),
}
"""By name; the newest first among equals, and what is about no account last."""


class Events(Panel):
    """The event list."""

    SORTS = tuple(_SORTS)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.ring = EventRing()

    def show_frame(self, frame: Frame) -> None:
        self.ring.add(frame.snapshot.notices)
        super().show_frame(frame)

    def notice(self, key: str) -> NoticeLine | None:
        """The event of a row."""
        return next((n for n in self.ring.notices if str(n.number) == key), None)

    def draw(self, frame: Frame, width: int) -> None:
        self.newest_first = self.is_usual
        rows: list[Row] = []
        rank = _SORTS[self.order]
        for notice in sorted(self.ring.notices, key=lambda each: (*rank(each), -each.number)):
            if not self.matches(text_of(notice)):
                continue
            rows.append(Row(str(notice.number), event_line(notice, width)))
            if self.is_usual and (missed := self.ring.missed.get(notice.number)):
                verb = "is" if missed == 1 else "are"
                text = f"         … {fmt.counted(missed, 'event')} {verb} only in the journal"
                rows.append(Row("", line(Span(text, Tone.WARN))))
        self.set_title(line("Events", *self.told(len(rows))))
        self.show_found(rows, of=len(self.ring.notices), nothing=NOTHING)
