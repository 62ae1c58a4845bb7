"""A broker that says of its orders what no adapter knows: an unknown status counts as one that is still open.

What is filled is told as it is. Shows the rows, and draws the days.
"""

from collections.abc import Collection
from random import Random

from msgspec.structs import replace

from engine.model import NS_PER_MS, NS_PER_S, BookStatus, OrderReport
from paper.verify.draft import is_drawn
from paper.verify.plan import Happening, Plan, UnknownStatus

SHARE = 0.04
"""The share of days on which it happens."""
STATUS = "unknown_status"


class Statuses:
    """What accounts' orders are shown as."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}
        self._shown: set[tuple[str, str]] = set()
        "Orders that were shown with an unknown status, by account and id."

    @property
    def count(self) -> int:
        """How many orders were shown so."""
        return len(self._shown)

    def trouble(self, what: UnknownStatus, now_ns: int) -> None:
        """What changes in an account from now on is shown so until the end of it."""
        self._windows[what.child] = now_ns, now_ns + what.for_ns

    def heal(self) -> None:
        """Everything is shown as it is."""
        self._windows.clear()

    def as_shown(self, account: str, row: OrderReport, now_ns: int) -> OrderReport:
        """A row as the account's adapter gives it."""
        from_ns, until_ns = self._windows.get(account, (0, 0))
        if not from_ns <= row.updated_ns <= now_ns < until_ns:
            return row
        self._shown.add((account, row.order_id))
        return replace(row, status=BookStatus.OPEN)


def with_unknown_statuses(plan: Plan, rng: Random, faults: Collection[str] | None) -> Plan:
    """The plan, or the same with a broker of unknown statuses; `faults`: those that were chosen, `None` for all."""
    if not is_drawn(STATUS, SHARE, rng, faults):
        return plan
    child = rng.choice([child.id for child in plan.scenario.settings.children])
    trouble = UnknownStatus(child=child, for_ns=rng.choice((2, 5, 20, 60, 200)) * NS_PER_S)
    at_ns = plan.scenario.start_ns + rng.randrange(plan.calm_ns - plan.scenario.start_ns)
    if plan.trades_ns and rng.random() < 0.8:
        at_ns = rng.choice(plan.trades_ns) + rng.randrange(1000) * NS_PER_MS
    return plan.with_more(Happening(at_ns=at_ns, trouble=trouble, kind=STATUS))
