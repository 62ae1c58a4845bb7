"""Working orders: every child order that is not finished. Pure lines and the panel of them."""

from collections.abc import Callable, Iterable

from engine.snapshot import WorkingOrder
from tui import format as fmt
from tui.frame import Frame
from tui.text import (
    EMPTY,
    Line,
    Names,
    Span,
    Tone,
    clean,
    line,
    name_column,
    pad,
    pad_title,
    shorten,
    width_of,
)
from tui.widgets.live_table import Row
from tui.widgets.panel import Panel

NOTHING = "No order is working."
NAME_LEAST, REST_CELLS = 9, 66
"Cells of the account, and of the columns from there to the status."
BEHIND = 22, 9, 0
"Cells of age and type, of the age alone, of nothing: as much as there is room for stays beside a long account."


def name_cells(accounts: Iterable[str], width: int) -> Names:
    """The column of the accounts for lines of `width` cells."""
    spare = width - NAME_LEAST - REST_CELLS
    more = next((spare - kept for kept in BEHIND if spare >= kept), 0)
    return name_column(accounts, NAME_LEAST, NAME_LEAST + more)


def key_of(order: WorkingOrder) -> str:
    """The key of an order's row."""
    return f"{order.account}|{order.tag}"


def kind_of(order: WorkingOrder) -> str:
    """Type, prices, and whether it opens or closes."""
    limit = "" if order.limit_inr is None else f" {fmt.price(order.limit_inr)}"
    trigger = "" if order.trigger_inr is None else f" trigger {fmt.price(order.trigger_inr)}"
    return f"{order.order_type.value}{limit}{trigger} {'entry' if order.entry else 'exit'}"


def head_line(names: Names) -> Line:
    """The names of the columns."""
    rest = f"{'':<5}{'filled':>11} {'leg':<21} {'status':<27}{'since':>8}  type"
    return line(Span(f"{pad('account', names.width)}{rest}", Tone.DIM))


def order_line(order: WorkingOrder, names: Names, now_ns: int, width: int) -> Line:
    """One order in at most `width` cells; what matters least comes last and is cut off."""
    unknown = "unknown" in order.status.lower()
    absent = "" if order.deadline_ns is None else f", absent in {fmt.seconds_left(order.deadline_ns, now_ns)} s"
    quantity = f"{fmt.number(order.filled_units)}/{fmt.number(order.units)}"
    lead = line(
        Span(names.pad(order.account), Tone.BOLD),
        Span(f"{order.side.value:<4} ", Tone.GOOD if order.side.sign > 0 else Tone.WARN),
        f"{fmt.fit(quantity, 11)} {pad_title(clean(order.title), 21)} ",
        Span(pad(f"{clean(order.status).upper()}{absent}", 27), Tone.BAD if unknown else Tone.INFO),
    )
    note = " · ".join(part for part in (order.reason, order.order_id) if part)
    rest = f"{fmt.fit(fmt.age(order.since_ns, now_ns), 8)}  {kind_of(order)} {clean(note)}"
    room = width - width_of(lead)
    return line(*lead, Span(shorten(rest, room) if room > 8 else "", Tone.DIM))


_SORTS: dict[str, Callable[[WorkingOrder], tuple[str | int, ...]]] = {
    "account": lambda _order: (),
    "age": lambda order: (order.since_ns,),
    "leg": lambda order: (order.title, order.account),
    "status": lambda order: (order.status, order.since_ns),
}
"""By name; the usual one is the engine's own: by account, then as they were decided."""


class Orders(Panel):
    """All working orders."""

    SORTS = tuple(_SORTS)

    def draw(self, frame: Frame, width: int) -> None:
        snapshot = frame.snapshot
        orders = sorted(snapshot.working, key=_SORTS[self.order])
        names = name_cells((*frame.accounts, *(order.account for order in orders)), width)
        rows = [
            Row(key_of(order), order_line(order, names, frame.now_ns, width))
            for order in orders
            if self.matches(_text(order))
        ]
        told = self.told(len(rows))
        self.set_title(line(f"Working orders · {snapshot.entries_last_minute} entries sent in the last minute", *told))
        self.show_found(rows, of=len(orders), nothing=NOTHING, head=head_line(names) if rows else EMPTY)


def _text(order: WorkingOrder) -> str:
    """What a filter looks at, also what the line has no room for."""
    kind = f"{order.side.value} {kind_of(order)}"
    return f"{order.account} {order.leg} {order.title} {kind} {order.status} {order.reason} {order.order_id}"
