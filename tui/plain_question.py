"""A question on a plain terminal, before the dashboard or without it: lines to read and one word to type.

It knows nothing of what is asked and uses no Textual.
"""

from collections.abc import Callable, Sequence

from tui.text import clean


def typed(
    lines: Sequence[str], word: str, *, write: Callable[[str], object] = print, read: Callable[[], str] = input
) -> bool:
    """Show the lines; whether exactly `word` was typed. Anything else, the end of the input, and Ctrl-C are a no."""
    for text in lines:
        write(clean(text))
    write(f"Type {word} to go on. Anything else stops here.")
    try:
        return read().strip() == word
    except (EOFError, KeyboardInterrupt):
        return False
