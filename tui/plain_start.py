"""What a start asks on a plain terminal, before the dashboard or without it. It starts nothing and knows no files."""

import sys
from collections.abc import Callable, Sequence

from tui.compliance import LINES, WORD
from tui.plain_question import typed


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def typed_live(master: str, live: Sequence[str]) -> bool:
    """Whether the operator types LIVE."""
    lines = [f"LIVE: orders with real money, from {master} to {', '.join(live)}."]
    if not has_terminal():
        lines.append("Start in a terminal and type LIVE; --typed LIVE counts at a sandbox on this machine only.")
        print("\n".join(lines), file=sys.stderr)
        return False
    return typed(lines, "LIVE")


def acknowledged(is_known: bool, keep: Callable[[], None]) -> bool:
    """Whether the rules of exchanges and brokers were read before LIVE; asked once, and kept."""
    if is_known:
        return True
    if not has_terminal():
        print("The first LIVE start needs a terminal: it shows the rules that apply and asks once.", file=sys.stderr)
        return False
    if not typed(LINES, WORD):
        return False
    keep()
    return True


def goes_on_beside(left_open: str, word: str) -> bool:
    """Whether the operator types the mode to start beside what the other mode left open."""
    lines = [f"Not closed: {left_open}.", f"Nobody follows the master out of it while the program runs in {word}."]
    if not has_terminal():
        lines.append(f"Start in a terminal and type {word} to go on beside it, or close it in its own mode first.")
        print("\n".join(lines), file=sys.stderr)
        return False
    return typed(lines, word)
