"""What the operator is asked, in lines and choices: each names accounts, symbols and quantities. Pure builders."""

from collections.abc import Sequence
from decimal import Decimal

from engine.model import LegId, split_leg
from engine.snapshot import Cell, CellState, EngineState, WorkingOrder
from tui import format as fmt
from tui.frame import Frame, Open, children_with_something_open, open_cells, running
from tui.marks import child_mark
from tui.screens.held_lines import held, order_words
from tui.text import Line, Span, Tone, clean, line, name_column, pad, pad_title, shorten, wrap
from tui.widgets.live_table import Row

NAME_LEAST = 10
ALL = "*"
"Key of the choice that means every child."
REAL = frozenset({"", "sandbox"})
"Sources whose accounts go on without this program: real brokers, and the sandbox, which is another process."
BEHIND = frozenset({CellState.DRIFT, CellState.HELD, CellState.UNKNOWN, CellState.SKIPPED})


def lift_lines(frame: Frame, width: int, level: int) -> list[Line]:
    """What lowering the kill switch to `level` means."""
    text = "no kill switch" if level == 0 else "level 1: exits are sent again"
    head = line(f"From level {frame.kill_level} to ", Span(text, Tone.BOLD), ". Open now:")
    return [head, *held(frame, width)]


def flatten_lines(frame: Frame, width: int, children: tuple[str, ...]) -> list[Line]:
    """What is exited and which orders are cancelled, of the children named (all when empty)."""
    warn = Span(" The kill switch does not stop this." if frame.kill_level else "", Tone.WARN)
    entries = any(order.entry for one in open_cells(frame.snapshot, children) for order in one.orders)
    what = "Entries cancelled, the rest exited at the market now:" if entries else "Exited at the market now:"
    head = line(Span(what, Tone.BOLD), warn)
    end = line(Span("They take no entries until the next strategy or a resync.", Tone.DIM))
    return [head, *held(frame, width, children), end]


def exit_lines(frame: Frame, width: int, child: str, leg: str) -> list[Line]:
    """What is exited of one leg of a child, and what that means for the others."""
    warn = Span(" The kill switch does not stop this." if frame.kill_level else "", Tone.WARN)
    head = line(Span("Exited at the market now:", Tone.BOLD), warn)
    rule = (
        "The other legs stay. While this one is missing the child gets no further shorts and futures, "
        "until a resync offers it again or the strategy ends."
    )
    return [head, *held(frame, width, (child,), leg), *(line(Span(part, Tone.DIM)) for part in wrap(rule, width))]


def resume_lines(frame: Frame, width: int) -> list[Line]:
    """What resuming means."""
    snapshot = frame.snapshot
    why = f" {snapshot.engine_reason}" if snapshot.engine_reason else ""
    return [
        line("The engine is ", Span(snapshot.engine.value.upper(), Tone.WARN), f":{clean(why)}" if why else "."),
        line(f"Entries are sent again to {_children_of(frame)}."),
        line(Span("Entries missed meanwhile are not caught up; r offers them. Open now:", Tone.DIM)),
        *held(frame, width),
    ]


def _children_of(frame: Frame) -> str:
    """How many children trade, and where."""
    total = len(frame.snapshot.children)
    live = sum(child.live for child in frame.snapshot.children) if frame.live else 0
    if not live:
        return f"{total} children, on paper"
    return f"{live} children, LIVE" + (f", and {total - live} on paper" if live < total else "")


def reset_lines(frame: Frame, width: int) -> list[Line]:
    """What a reset clears and what stays."""
    return [
        line("The ratios are cleared and entries stop. ", Span("What is open stays, exit-only:", Tone.BOLD)),
        *held(frame, width),
        line(Span("It is exited when the master exits. New ratios only after the master is flat.", Tone.DIM)),
    ]


def live_lines(frame: Frame, width: int) -> list[Line]:
    """Who would trade live, and from when."""
    snapshot = frame.snapshot
    when = "from the next strategy on: one is running" if running(snapshot) else "now"
    out = [line(Span("Real orders", Tone.BAD), f" {when}. These children trade live:")]
    live = [c for c in snapshot.children if c.live]
    names = name_column(frame.accounts, NAME_LEAST - 1)
    for child in live:
        cap = "no cap" if child.max_capital_inr is None else f"cap {fmt.rupees(child.max_capital_inr)}"
        out.append(
            line(Span(f"  {names.pad(child.id)}", Tone.BOLD), f"available {fmt.rupees(child.available_inr)}, {cap}")
        )
    if not live:
        out.append(line(Span("  none: every child is `live: false` and stays on paper", Tone.WARN)))
    return [*out, *_waiting(frame, width)]


def _waiting(frame: Frame, width: int) -> list[Line]:
    if not running(frame.snapshot):
        return []
    return [line(Span("Open in the running strategy, in its frozen mode:", Tone.DIM)), *held(frame, width)]


def paper_lines(frame: Frame, width: int) -> list[Line]:
    """From when paper is in force."""
    when = "from the next strategy on; the running one stays LIVE" if running(frame.snapshot) else "now"
    return [line("Orders go to the paper exchange ", Span(when, Tone.BOLD), "."), *_waiting(frame, width)]


def quit_lines(frame: Frame, width: int) -> list[Line]:
    """What happens to what is open."""
    snapshot = frame.snapshot
    rule = " ".join(_quit_rules(frame))
    counts = (
        ("prompt", len(snapshot.prompts), "left without an answer"),
        ("order", len(snapshot.working), "still working"),
    )
    extra = [
        line(Span(f"{fmt.counted(count, name)} {'is' if count == 1 else 'are'} {what}.", Tone.WARN))
        for name, count, what in counts
        if count
    ]
    return [*(line(part) for part in wrap(rule, width)), *extra, *held(frame, width)]


def _quit_rules(frame: Frame) -> list[str]:
    snapshot = frame.snapshot
    failed, asked = snapshot.engine is EngineState.FAILED, snapshot.restart is not None
    if failed:
        rules = ["The engine has failed: what it decided is in the journal, and the next start asks what to do."]
    else:
        rules = ["Lockstep stops in an orderly way: no more entries, open calls are finished, the state is saved."]
    if frame.would_copy_live:
        rules.append("The market is open and the mode is LIVE: what the master trades from now on is not copied.")
    if asked and not failed:
        rules.append("The unclean stop is not answered for: the next start asks again.")
    if snapshot.source in REAL:
        where = "brokers (or on paper)" if frame.live else "paper exchange"
        rules.append(f"What is open stays open at the {where},")
        rules.append("and nobody follows the master out of it until Lockstep runs again.")
    elif not failed and not asked:
        what = "recorded day" if snapshot.source.startswith("replay ") else "simulated market"
        rules.append(f"This {what} ends with it; the next start begins anew.")
    return rules


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


def resync_rows(frame: Frame, width: int) -> list[Row]:
    """Every child with what it lacks."""
    return [child_choice(frame, i, _lacking(frame, i), width) for i in range(len(frame.snapshot.children))]


def child_rows(frame: Frame, width: int) -> list[Row]:
    """Every child with how it stands and why."""
    return [
        child_choice(frame, i, " · ".join(part for part in (child.name, child.reason) if part), width)
        for i, child in enumerate(frame.snapshot.children)
    ]


def join_rows(frame: Frame, width: int) -> list[Row]:
    """Children that are left out, with the reason."""
    return [
        child_choice(frame, i, child.left_out, width)
        for i, child in enumerate(frame.snapshot.children)
        if child.left_out
    ]


def hasten_rows(frame: Frame, width: int) -> list[Row]:
    """Children with exits whose outcome is not known."""
    return [
        child_choice(frame, i, f"{len(exits)} unknown", width)
        for i, child in enumerate(frame.snapshot.children)
        if (exits := unknown_exits(frame, child.id))
    ]


def unknown_exits(frame: Frame, child: str) -> list[WorkingOrder]:
    """A child's exits whose outcome is not known."""
    return [
        order
        for order in frame.snapshot.working
        if order.account == child and not order.entry and order.deadline_ns is not None
    ]


def hasten_lines(frame: Frame, width: int, child: str) -> list[Line]:
    """What is sent again, and when."""
    rows = [
        line(f"  {clean(o.title)}  {o.side} {fmt.number(o.units - o.filled_units)} units  {clean(o.tag)}")
        for o in unknown_exits(frame, child)
    ]
    text = (
        "Look into the broker's own order book first. Each goes out again when one more read of book and positions"
        " shows neither the order nor its fill; one that appears later is cancelled or made good."
    )
    return [line(Span(f"  {clean(child)}", Tone.BOLD)), *rows, (), *(line(part) for part in wrap(text, width))]


def child_choice(frame: Frame, index: int, what: str, width: int) -> Row:
    """A child among others, with a few words."""
    child = frame.snapshot.children[index]
    mark, word, tone = child_mark(child.state, known=frame.known)
    names = name_column(frame.accounts, NAME_LEAST)
    text = shorten(clean(what), width - 13 - names.width)
    return Row(child.id, line(Span(names.pad(child.id), Tone.BOLD), Span(pad(f"{mark} {word}", 12), tone), text))


def _lacking(frame: Frame, index: int) -> str:
    parts = [
        f"{clean(leg.title)} {fmt.lots(cell.have_lots)}/{fmt.lots(_whole(cell))}"
        for leg in frame.snapshot.legs
        if (cell := leg.cells[index]).state in BEHIND or cell.missing_lots
    ]
    return ", ".join(parts) or "nothing is missing"


def _whole(cell: Cell) -> Decimal:
    """What the child would have had it missed nothing: the target was lowered when lots were missed."""
    return cell.have_lots + cell.missing_lots if cell.missing_lots else cell.want_lots


def flatten_rows(frame: Frame, width: int) -> list[Row]:
    """All, or one child that has something open."""
    snapshot = frame.snapshot
    children = children_with_something_open(snapshot)
    names = name_column(frame.accounts, NAME_LEAST)
    all_of_them = Span(pad("all", names.width), Tone.BOLD)
    rows = [Row(ALL, line(all_of_them, f"{len(children)} children have something open"))]
    for child in children:
        text = _holdings(open_cells(snapshot, (child,)), width - names.width - 1)
        rows.append(Row(child, line(Span(names.pad(child), Tone.BOLD), text)))
    return rows


def leg_rows(frame: Frame, width: int, child: str) -> list[Row]:
    """All that a child has open, or one leg of it."""
    rows = [Row(ALL, line(Span(pad("all legs", 26), Tone.BOLD), "no entries until the next strategy or a resync"))]
    for cell, leg, orders in open_cells(frame.snapshot, (child,)):
        text = ", ".join(
            [f"{fmt.in_lots(cell.have_lots)} {clean(leg.product)}", *(order_words(order, leg) for order in orders)]
        )
        rows.append(Row(leg.leg, line(Span(pad_title(clean(leg.title), 26), Tone.BOLD), shorten(text, width - 27))))
    return rows


def _holdings(found: Sequence[Open], width: int) -> str:
    text = ", ".join(
        f"{fmt.lots(one.cell.have_lots)} {clean(one.leg.title)}{_with_orders(one.orders)}" for one in found
    )
    return shorten(text, width)


def _with_orders(orders: Sequence[WorkingOrder]) -> str:
    return "" if not orders else " and 1 order" if len(orders) == 1 else f" and {len(orders)} orders"


def adopt_rows(frame: Frame, width: int) -> list[Row]:
    """The master's background legs that can be adopted."""
    rows = []
    legs = [row for row in frame.snapshot.background if row.adoptable]
    for leg in legs:
        text = f"{fmt.lots_or_units(leg.background_lots, leg.lot_units)} {clean(leg.exchange)} {clean(leg.product)}"
        if sum(other.symbol == leg.symbol for other in legs) > 1:
            text += ", asked about with the others of this symbol"
        rows.append(Row(leg.leg, line(Span(pad_title(clean(leg.title), 26), Tone.BOLD), shorten(text, width - 27))))
    return rows


def changed_rows(frame: Frame, width: int) -> list[Row]:
    """The legs whose instrument changed over night."""
    return [
        Row(leg.leg, line(Span(pad(clean(leg.symbol), 26), Tone.BOLD), shorten(clean(leg.changed), width - 27)))
        for leg in frame.snapshot.legs
        if leg.changed
    ]


def terms_lines(frame: Frame, width: int, leg: str) -> list[Line]:
    """What changed, and who holds what of it."""
    row = next((found for found in frame.snapshot.legs if found.leg == leg), None)
    if row is None:
        return [line(Span("nothing of it is held any more", Tone.DIM))]
    out = [line(Span(clean(row.symbol), Tone.BOLD), f" {clean(row.product)}")]
    out += [line(part) for part in wrap(clean(row.changed), width)]
    out += [line(f"  master {fmt.lots_or_units(row.master_lots, row.lot_units)}")]
    names = name_column(frame.accounts, NAME_LEAST)
    out += [
        line(f"  {names.pad(cell.child)}{fmt.lots(cell.have_lots)} of ours") for cell in row.cells if cell.have_lots
    ]
    text = "Type its symbol of today. The master and all children move together; units change only as the broker says."
    return [*out, line(), *(line(part) for part in wrap(text, width))]


def terms_preview(text: str, leg: str) -> Line | None:
    """How the typed symbol is understood, `None` when it cannot be a symbol."""
    symbol = text.strip().upper()
    old = split_leg(LegId(leg))[1]
    if not symbol or len(symbol) > 40 or not all(c.isalnum() or c in "&-_." for c in symbol):
        return None
    return line(f" accept the new terms of {old}" if symbol == old else f" {old} becomes {symbol}")
