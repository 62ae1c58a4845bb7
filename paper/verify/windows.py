"""What each account's broker receives in a second, a minute, an hour and a day, held against what it takes (I13).

A write counts when it arrives, whatever becomes of it there. The windows slide: a broker's clock may begin its seconds
anywhere. Nothing here looks at what the engine believes to have sent.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence

from config.order_limits import OrderLimits
from engine.core.state_child import Child, ChildOrder
from engine.model import NS_PER_S, OrderReport
from paper.faults import FaultOn
from paper.verify.truth import Truth

MINUTE_S, HOUR_S = 60, 3600
ANSWERED_MOST_S = 31
"""The engine counts a write until a whole window after its answer, and waits no longer for that."""


class Windows:
    """Counts the writes of every account.

    Args:
        truth: The judge's book; violations go there.
        limits: What each account's broker takes; an account that is not there has no limit.
    """

    def __init__(self, truth: Truth, limits: Mapping[str, OrderLimits]) -> None:
        self._truth, self._limits = truth, limits
        self._arrived_ns: dict[str, list[int]] = {}
        self._handed_over_ns: dict[str, list[int]] = {}
        "Also what does not arrive counts for the engine, until it is known not to."
        self._placed: dict[str, int] = {}

    def is_full(self, account: str, now_ns: int) -> bool:
        """Whether a write may wait for its turn: a window is full, or was until writes of it were answered."""
        limits, times = self._limits.get(account), self._handed_over_ns.get(account, [])
        if limits is None:
            return False
        so_far = bisect_right(times, now_ns)
        return any(
            most is not None and so_far - bisect_right(times, now_ns - (span_s + ANSWERED_MOST_S) * NS_PER_S) >= most
            for _, span_s, most in _spans(limits)
        )

    def holds_back(self, child: Child, tag: str, now_ns: int) -> bool:
        """Whether a change of an order waits for its turn."""
        return any(change.tag == tag for change in child.traffic.changes) and self.is_full(child.id, now_ns)

    def were_full(self, since_ns: int) -> frozenset[str]:
        """Accounts of which a window was full then, or at a moment since."""
        return frozenset(
            account
            for account, times in self._handed_over_ns.items()
            if any(self.is_full(account, at_ns) for at_ns in (since_ns, *(ns for ns in times if ns > since_ns)))
        )

    def used_up(self, orders: Collection[ChildOrder], rows_of: Callable[[str], Sequence[OrderReport]]) -> str:
        """An account whose broker may take no further order on this day, '' while each does.

        Args:
            orders: The engine's: each of their sendings counts, whether it arrived or not.
            rows_of: An account's book: what the engine did not place counts, too.
        """
        for account, limits in self._limits.items():
            if (most := limits.day_placements) is None:
                continue
            ours = {order.tag: order.tries for order in orders if order.account == account}
            rows = rows_of(account)
            if sum(ours.values()) + len(rows) - len({row.tag for row in rows} & ours.keys()) >= most:
                return account
        return ""

    def began_day(self) -> None:
        """Another trading day: its orders are counted anew."""
        self._placed.clear()

    def handed_over(self, account: str, now_ns: int) -> None:
        """A write goes to its lane."""
        self._handed_over_ns.setdefault(account, []).append(now_ns)

    def arrived(self, account: str, on: FaultOn, now_ns: int) -> None:
        """A broker receives a write."""
        limits = self._limits.get(account)
        if limits is None:
            return
        times = self._arrived_ns.setdefault(account, [])
        times.append(now_ns)
        for name, span_s, most in _spans(limits):
            count = len(times) - bisect_right(times, now_ns - span_s * NS_PER_S)
            if most is not None and count > most:
                self._broken(account, f"{count} writes within a {name}, at most {most}")
        if on is FaultOn.PLACE:
            self._placed[account] = placed = self._placed.get(account, 0) + 1
            if limits.day_placements is not None and placed > limits.day_placements:
                self._broken(account, f"{placed} orders on a day, at most {limits.day_placements}")

    def _broken(self, account: str, what: str) -> None:
        self._truth.violations.append(f"I13 {account}: {what}")


def _spans(limits: OrderLimits) -> tuple[tuple[str, int, int | None], ...]:
    return ("second", 1, limits.second), ("minute", MINUTE_S, limits.minute), ("hour", HOUR_S, limits.hour)
