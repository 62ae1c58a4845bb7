"""The dashboard as HTML: the same lines as on the terminal, all panels below each other. Foreign text is escaped."""

from collections.abc import Iterable
from html import escape

from tui.frame import Frame
from tui.text import Line, Span, Tone, clean, line, wrap
from tui.theme import DARK, THEMES
from tui.widgets import accounts, attention, copies, events, matrix, orders
from tui.widgets.header import banner_line, header_line
from tui.widgets.strategy_line import strategy_line

WIDTH = 150
"Cells of a line."
EVENTS_MOST = 60
NOTHING = "The engine has not published anything yet."

_CLASSES = {tone: tone.name.lower().replace("_", "-") for tone in Tone}
_THEME = next(theme for theme in THEMES if theme.name == DARK)
STYLE = f"""
:root {{ color-scheme: dark }}
body {{ background: {_THEME.background}; color: {_THEME.foreground}; margin: 1rem; }}
pre, h2, #state {{ font: 14px/1.35 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
pre {{ margin: 0; overflow-x: auto; }}
h2 {{ margin: 1rem 0 .2rem; font-weight: bold; border-bottom: 1px solid {_THEME.variables["frame"]}; }}
#state {{ position: sticky; top: 0; padding: .2rem .5rem; background: {_THEME.panel}; }}
#state.lost {{ background: {_THEME.variables["live"]}; color: #fff; font-weight: bold; }}
#state.lost + main {{ opacity: .35; }}
.dim {{ color: {_THEME.variables["muted"]} }} .bold, .key, .bad {{ font-weight: bold }}
.good {{ color: {_THEME.success} }}
.info, .key {{ color: {_THEME.accent} }} .warn {{ color: {_THEME.warning} }} .bad {{ color: {_THEME.error} }}
.on-good, .on-calm, .on-warn, .on-bad {{ font-weight: bold; color: {_THEME.background} }}
.on-good {{ background: {_THEME.success} }} .on-calm {{ background: {_THEME.primary} }}
.on-warn {{ background: {_THEME.warning} }} .on-bad {{ background: {_THEME.variables["live"]}; color: #fff }}
"""

SCRIPT = """
const state = document.getElementById("state"), main = document.querySelector("main");
const key = location.hash.slice(1);
let last = null;
async function look() {
  try {
    const answer = await fetch("/picture", {headers: {"X-Lockstep-Key": key}, cache: "no-store"});
    if (answer.status === 403) throw new Error("the address is not the one that the terminal shows (v)");
    if (!answer.ok) throw new Error("answer " + answer.status);
    main.innerHTML = await answer.text();
    last = new Date();
    state.className = "";
    state.textContent = "read only · looked at " + last.toLocaleTimeString();
  } catch (error) {
    state.className = "lost";
    const since = last ? "OLD: last looked at " + last.toLocaleTimeString() : "nothing seen yet";
    state.textContent = since + " · " + (error instanceof TypeError ? "Lockstep does not answer" : error.message);
  }
  setTimeout(look, 1000);
}
look();
"""


def shell(nonce: str) -> str:
    """The page around the picture. It holds nothing of the engine's: the key stands behind the # of its address."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lockstep · read only</title>'
        f'<style nonce="{nonce}">{STYLE}</style></head><body><div id="state">looking …</div><main></main>'
        f'<script nonce="{nonce}">{SCRIPT}</script></body></html>'
    )


def picture(frame: Frame | None) -> str:
    """Everything that the dashboard's panels show, as HTML without scripts or styles."""
    if frame is None:
        return _block([line(NOTHING)])
    snapshot, now_ns = frame.snapshot, frame.now_ns
    top = [header_line(frame, WIDTH), strategy_line(frame, WIDTH), banner_line(frame, WIDTH)]
    needs = [row.line for row in attention.attention_rows(snapshot.attention, now_ns, WIDTH)]
    names = orders.name_cells((*frame.accounts, *(order.account for order in snapshot.working)), WIDTH)
    working = [orders.order_line(order, names, now_ns, WIDTH) for order in snapshot.working]
    told = [events.event_line(notice, WIDTH) for notice in snapshot.notices[: -EVENTS_MOST - 1 : -1]]
    head, rows = accounts.account_rows(frame, WIDTH, sort="configuration")
    sections = [
        ("Legs · have/want in lots", _legs(frame)),
        ("Needs you", needs or [attention.nothing_line(frame)]),
        ("Copies", copies.copy_lines(snapshot.copies, WIDTH) or [line(Span(copies.NOTHING, Tone.DIM))]),
        ("Working orders", [orders.head_line(names), *working] if working else [line(Span(orders.NOTHING, Tone.DIM))]),
        ("Accounts", [head, *(row.line for row in rows)]),
        ("Events", told or [line(Span(events.NOTHING, Tone.DIM))]),
    ]
    return _block(top) + "".join(f"<h2>{escape(name)}</h2>{_block(lines)}" for name, lines in sections)


def _legs(frame: Frame) -> list[Line]:
    """The matrix; more children than fit follow in further blocks of columns."""
    snapshot = frame.snapshot
    if not snapshot.legs and not snapshot.background:
        return [line(Span(part, Tone.DIM)) for part in wrap(matrix.empty_sentence(frame), WIDTH)]
    out: list[Line] = []
    for columns in matrix.pages(snapshot, WIDTH):
        if out:
            out.append(line())
        out.append(matrix.head_line(snapshot, columns, ""))
        out += [matrix.leg_line(leg, columns, known=frame.known) for leg in (*snapshot.legs, *snapshot.background)]
        rows = matrix.summary_lines(snapshot, columns, live=frame.live, known=frame.known)
        out += [row.line for row in rows]
    return out


def _block(lines: Iterable[Line]) -> str:
    return "<pre>" + "\n".join(map(_html, lines)) + "</pre>"


def _html(spans: Line) -> str:
    return "".join(
        f'<span class="{_CLASSES[tone]}">{escape(clean(text))}</span>' if tone else escape(clean(text))
        for text, tone in spans
    )
