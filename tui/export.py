"""What a panel shows as a table of plain values, for the clipboard and for CSV files. Pure, but for what writes them.

Amounts are plain decimals without grouping, times are IST; text of brokers is kept from being taken for a formula.
"""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from engine.model import split_leg
from engine.snapshot import ChildColumn, Snapshot
from tui import format as fmt
from tui.record import ChildDay
from tui.text import clean
from tui.widgets.attention import keyed
from tui.widgets.matrix import BACKGROUND
from tui.widgets.orders import key_of

Table = list[list[str]]
"""Head line first."""
FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would reckon when a text begins with it."""


def table_of(panel: str, snapshot: Snapshot, shown: Iterable[str] | None = None) -> Table:
    """The table of a panel (`matrix`, `copies`, `needs`, `events`, `orders`, `accounts`), head line first.

    Args:
        panel: Its name.
        snapshot: What it is drawn from.
        shown: Keys of the rows that it shows, in their order; all when `None`.
    """
    heads, rows = _TABLES[panel]
    lines: dict[str, list[list[str]]] = {}
    for key, row in rows(snapshot):
        lines.setdefault(key, []).append([_text(value) for value in row])
    keys = lines if shown is None else shown
    return [heads.split(), *(row for key in keys for row in lines.get(key, ()))]


def table_of_day(children: Iterable[tuple[ChildColumn, ChildDay]]) -> Table:
    """What each child made, and what its copies were as the screen saw them."""
    heads = "account day_inr charges_inr pnl_inr realised_inr slippage_inr fills median_ms slowest_ms"
    return [heads.split(), *([_text(value) for value in row] for row in _days(children))]


def count(table: Table) -> str:
    """How many lines it has below its heads, in words."""
    rows = len(table) - 1
    return "1 line" if rows == 1 else f"{rows} lines"


def as_tabs(table: Table) -> str:
    """Lines with tabs, as a spreadsheet takes them from the clipboard."""
    return "\n".join("\t".join(row) for row in table)


def write_csv(table: Table, path: Path) -> None:
    """Write a table to a new file. Raises `OSError`."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    write_new(text.getvalue(), path)


def write_new(text: str, path: Path) -> None:
    """Write a new file that only its owner can read. Raises `OSError`, also when it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


Row = Sequence[object]


Keyed = Iterator[tuple[str, Row]]
"""Rows, each with the key of the panel's row that it belongs to."""


def _legs(snapshot: Snapshot) -> Keyed:
    followed = {leg.leg for leg in snapshot.legs}
    for leg in (*snapshot.legs, *snapshot.background):
        key = leg.leg if leg.followed else f"{BACKGROUND}{leg.leg}"
        where = leg.exchange, leg.symbol, leg.product, "yes" if leg.followed else "background"
        his = leg.master_lots if leg.followed else leg.background_lots
        yield key, (*where, snapshot.master.account, "", his, "", leg.master_average_inr, leg.master_pnl_inr, "")
        for cell in () if leg.leg in followed and not leg.followed else leg.cells:  # what a child has stands once
            held = cell.have_lots, cell.want_lots, cell.average_inr, cell.pnl_inr
            yield key, (*where, cell.child, cell.state.value, *held, cell.reason)


def _copies(snapshot: Snapshot) -> Keyed:
    for copy in snapshot.copies:
        what = split_leg(copy.leg)[1], copy.side.value, _kind(entry=copy.entry)
        his = copy.id, fmt.clock(copy.at_ns), *what, copy.master_lots, copy.master_price_inr
        for part in copy.lines:
            ours = part.units, part.filled_units, part.status, part.average_inr, part.slippage_inr, part.latency_ms
            yield str(copy.id), (*his, part.child, *ours, part.reason)


def _needs(snapshot: Snapshot) -> Keyed:
    for key, item in keyed(snapshot.attention):
        yield key, (item.severity.value, item.account, item.symbol, item.text)


def _events(snapshot: Snapshot) -> Keyed:
    for notice in snapshot.notices:
        about = notice.severity.value, notice.account, notice.symbol
        yield str(notice.number), (notice.number, fmt.clock(notice.at_ns), *about, notice.text)


def _orders(snapshot: Snapshot) -> Keyed:
    for order in snapshot.working:
        what = split_leg(order.leg)[1], order.side.value, _kind(entry=order.entry)
        state = order.units, order.filled_units, order.order_type.value, order.status, fmt.clock(order.since_ns)
        number = f"'{order.order_id}" if order.order_id else ""  # too long to be a number for a spreadsheet
        yield key_of(order), (order.account, order.tag, number, *what, *state, order.reason)


def _accounts(snapshot: Snapshot) -> Keyed:
    for child in snapshot.children:
        who = child.id, child.name, child.broker, "yes" if child.live else "no", child.state.value
        sized = (
            child.sizing,
            _ratios(child),
            child.capital_inr,
            child.capital_now_inr,
            child.available_inr,
            child.max_capital_inr,
        )
        result = child.day_inr, child.charges_inr, child.pnl_inr, child.realised_inr, child.drift_lots
        yield child.id, (*who, *sized, *result, child.reason or child.entries_stopped)


def _days(children: Iterable[tuple[ChildColumn, ChildDay]]) -> Iterator[Row]:
    for child, day in children:
        slowest = day.latencies_ms[-1] if day.latencies_ms else None
        result = child.day_inr, child.charges_inr, child.pnl_inr, child.realised_inr, day.slippage_inr
        yield child.id, *result, len(day.latencies_ms), day.median_ms, slowest


def _ratios(child: ChildColumn) -> str:
    """Its ratio, or where it has several each with its strategy."""
    if len(child.ratios) > 1:
        return "; ".join(f"{part.scope} {_ratio(part.ratio)}" for part in child.ratios)
    return _ratio(child.ratio)


def _ratio(value: Fraction | None) -> str:
    """As a decimal number: a spreadsheet takes 3/10 for a day in October."""
    return "" if value is None else f"{round(Decimal(value.numerator) / value.denominator, 6).normalize():f}"


def _kind(*, entry: bool) -> str:
    return "entry" if entry else "exit"


_TABLES: dict[str, tuple[str, Callable[[Snapshot], Keyed]]] = {
    "matrix": (
        "exchange symbol product followed account state have_lots want_lots average_inr pnl_inr reason",
        _legs,
    ),
    "copies": (
        "copy at_ist symbol side kind master_lots master_price_inr account units filled_units status average_inr"
        " slippage_inr latency_ms reason",
        _copies,
    ),
    "needs": ("severity account symbol what", _needs),
    "events": ("number at_ist severity account symbol what", _events),
    "orders": ("account tag order_id symbol side kind units filled_units type status since_ist reason", _orders),
    "accounts": (
        "account name broker live state sizing ratio baseline_inr capital_now_inr available_inr max_capital_inr day_inr"
        " charges_inr pnl_inr realised_inr drift_lots reason",
        _accounts,
    ),
}
"""By panel: the heads, and the rows."""


def _text(value: object) -> str:
    """A value as a cell; foreign text never moves a cursor nor becomes a formula, `None` is empty."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return str(value if value == round(value, 4) else round(value, 4))  # an average may have no end
    if not isinstance(value, str):
        return str(value)
    text = clean(value)
    return f"'{text}" if text.startswith(FORMULA) else text
