"""Asks brokers what the entries of open prompts would block, beside the engine and for people's eyes only.

Nothing is decided by it: an answer that is late, or never comes, leaves the program's own estimate on the screen. It
must not know any broker, and asks about one basket at a time.
"""

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from engine.errors import ReadFailed
from engine.model import Basket
from engine.snapshot import Snapshot

LOOK_EVERY_S: Final = 0.25
AGAIN_AFTER_LOOKS: Final = 20
"""A basket whose question failed is asked about again so many looks later."""


Ask = Callable[[Basket], Decimal | None]
"""What a basket would block at its broker, `None` where nobody knows (an account on paper). Raises `ReadFailed`."""


class MarginAdviser:
    """Looks at the newest picture for baskets that nobody has asked about.

    Args:
        newest: The newest picture.
        ask: Asks a broker; may take seconds.
    """

    def __init__(self, newest: Callable[[], Snapshot | None], ask: Ask) -> None:
        self._newest, self._ask = newest, ask
        self._known: Mapping[Basket, Decimal] = {}
        self._asked: dict[Basket, int] = {}
        "Looks until a basket is asked about again; below 0 for never."
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="margins-of-baskets", daemon=True)

    def start(self) -> None:
        """Look until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; a question under way is left to its time-out."""
        self._ended.set()

    def margins(self) -> Mapping[Basket, Decimal]:
        """What is known; immutable, from any thread."""
        return self._known

    def look(self) -> None:
        """Ask about what is new, and forget what is asked no more."""
        snapshot = self._newest()
        prompts = () if snapshot is None else snapshot.prompts
        wanted = {margin.basket: None for prompt in prompts for margin in prompt.margins}
        self._asked = {one: looks - 1 for one, looks in self._asked.items() if one in wanted}
        self._known = {one: amount for one, amount in self._known.items() if one in wanted}
        for basket in wanted:
            if self._asked.get(basket, 0) != 0 or self._ended.is_set():
                continue
            self._asked[basket] = -1
            try:
                amount = self._ask(basket)
            except ReadFailed:
                self._asked[basket] = AGAIN_AFTER_LOOKS
                continue
            if amount is not None:
                self._known = {**self._known, basket: amount}

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.look()
