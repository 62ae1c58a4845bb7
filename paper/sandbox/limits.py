"""Kite's request limits for one account, on the server's own clock. Pure but for its counters.

10 orders a calendar second, 400 a minute, 5,000 a day; one quote request a second, three for candles; 10 of everything
else [Kite Connect v3, "Exceptions and errors", 2026-07-14]. The day counts what is placed, refused orders included.
"""

from dataclasses import dataclass, field
from typing import Final

from engine.model import NS_PER_S

ORDERS_PER_SECOND: Final = 10
ORDERS_PER_MINUTE: Final = 400
ORDERS_PER_DAY: Final = 5000
READS_PER_SECOND: Final = {"quotes": 1, "candles": 3}
OTHERS_PER_SECOND: Final = 10
TOO_MANY: Final = "Too many requests"
REFUSED: Final = "Maximum allowed order requests exceeded."


@dataclass(slots=True)
class Limits:
    """The counters of one account.

    Args:
        enforced: Whether anything is refused at all.
    """

    enforced: bool = True
    placed_today: int = 0
    _day: int = -1
    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def takes_order(self, now_ns: int, *, places: bool) -> str:
        """Count a write; the refusal in Kite's words, '' when it is let through."""
        second = now_ns // NS_PER_S
        day = (second + 19_800) // 86_400
        if day != self._day:
            self._day, self.placed_today = day, 0
        if self._over("order", second, ORDERS_PER_SECOND):
            return TOO_MANY
        if self._over("minute", second // 60, ORDERS_PER_MINUTE):
            return REFUSED
        if places:
            self.placed_today += 1
            if self.enforced and self.placed_today > ORDERS_PER_DAY:
                return REFUSED
        return ""

    def takes_more(self, count: int) -> str:
        """Count further orders that one request makes: legs and slices. They are orders of the day, not requests."""
        self.placed_today += count
        return REFUSED if self.enforced and self.placed_today > ORDERS_PER_DAY else ""

    def takes_read(self, now_ns: int, on: str) -> str:
        """Count a read of `on`; the refusal in Kite's words, '' when it is let through."""
        most = READS_PER_SECOND.get(on, OTHERS_PER_SECOND)
        return TOO_MANY if self._over(on if on in READS_PER_SECOND else "read", now_ns // NS_PER_S, most) else ""

    def _over(self, name: str, window: int, most: int) -> bool:
        known, count = self._windows.get(name, (window, 0))
        count = count + 1 if known == window else 1
        self._windows[name] = (window, count)
        return self.enforced and count > most
