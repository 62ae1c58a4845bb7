"""The daily loss, held against what the accounts at the simulated exchange made, and what follows.

It reckons by the exchange's own ledgers, charges with them. Days go over no night here.
"""

from collections.abc import Callable
from decimal import Decimal

from config.schema import OnMaxLoss, Settings
from engine.core.state import State
from engine.core.state_child import Child, ChildOrder
from engine.model import NS_PER_S
from paper.verify.truth import Truth

SEEN_WITHIN_NS = 3 * NS_PER_S
"""Fills and prices are known to the engine so long after they happened; it looks at losses with each poll."""
ROUNDING_INR = Decimal(1)
HALF_SPREAD_INR = Decimal("0.05")
"""The exchange values what is open at the middle of the touch, the engine at the last trade."""
ALL = "all children"


class Losses:
    """Judges the limits of the daily loss.

    Args:
        truth: The judge's book; violations go there.
        settings: The settings of the day.
        net_inr: What an account made today, charges taken off; `None` while a price is missing.
    """

    def __init__(self, truth: Truth, settings: Settings, net_inr: Callable[[str], Decimal | None]) -> None:
        self._truth, self._net_inr = truth, net_inr
        self._within_ns = int(settings.timing.poll_interval_s * NS_PER_S) + SEEN_WITHIN_NS
        self._exits_all = settings.risk.on_max_loss is OnMaxLoss.EXIT_ALL
        own = {child.id: child.risk.max_daily_loss_inr for child in settings.children}
        self._limits = {name: limit for name, limit in own.items() if limit is not None}
        if settings.risk.max_daily_loss_inr is not None:
            self._limits[ALL] = settings.risk.max_daily_loss_inr
        self._below_ns: dict[str, int] = {}
        "Since when more than a limit is lost, as the engine can know."
        self._lost_ns: dict[str, int] = {}
        "When more than a limit was last lost."
        self._hit: set[str] = set()
        "Limits that the engine knows to be reached."
        self._lasting: set[str] = set()
        "Those of which that was durable: no restart forgets them."

    # What is told

    def died(self) -> None:
        """A process is gone, and with it what was not durable."""
        self._hit = set(self._lasting)
        self._below_ns.clear()

    def resumed(self, for_ns: int) -> None:
        """A process that was not run for so long goes on: what it had not looked at yet is a moment ago for it."""
        self._lost_ns = {name: at_ns + for_ns for name, at_ns in self._lost_ns.items()}

    def handed_over(self, child: Child, order: ChildOrder) -> None:
        """An entry is handed over."""
        if self._limits and self._hit & {child.id, ALL}:
            self._broken("I12", child.id, f"{order.leg}: entry {order.tag} after the daily loss was reached")

    # What is looked at

    def looked(self, state: State, now_ns: int, *, is_durable: bool) -> None:
        """A limit that is reached is known soon, and no other one is."""
        for name, limit in self._limits.items():
            self._look_at(state, name, limit, now_ns)
        if is_durable:
            self._lasting |= self._hit

    def _look_at(self, state: State, name: str, limit: Decimal, now_ns: int) -> None:
        children = [child for child in state.children.values() if name in (child.id, ALL)]
        nets = [self._net_inr(child.id) for child in children]
        is_hit = state.loss_hit if name == ALL else state.children[name].loss_hit
        if not is_hit and name in self._hit:
            self._broken("I12", name, "the daily loss was reached, and that is forgotten")
            self._hit.discard(name)
        net = sum((each for each in nets if each is not None), Decimal(0))
        slack = ROUNDING_INR + HALF_SPREAD_INR * sum(self._open_units(child.id) for child in children)
        if None not in nets and net <= slack - limit:
            self._lost_ns[name] = now_ns
        if is_hit and name not in self._hit:
            self._hit.add(name)
            lost_ns = self._lost_ns.get(name, 0)
            if all(self._is_known(child) for child in children) and now_ns - lost_ns > self._within_ns:
                self._broken("I12", name, f"the daily loss is called reached at {net}, the limit is {limit}")
        is_lost = None not in nets and net <= -limit - slack and all(self._is_known(each) for each in children)
        if is_hit or not is_lost:
            self._below_ns.pop(name, None)
        elif now_ns - self._below_ns.setdefault(name, now_ns) > self._within_ns:
            self._broken("I12", name, f"{net} is lost, the limit is {limit}, and entries go on")

    def _open_units(self, account: str) -> int:
        return sum(abs(units) for (child, _), units in self._truth.ours.items() if child == account)

    def _is_clear(self, child: Child) -> bool:
        """Whether everything at the account is ours, and nothing that was given up."""
        keys = {(child.id, leg) for leg in child.legs}
        return not keys & self._truth.surfaced and not any(account == child.id for account, _ in self._truth.manual)

    def _is_known(self, child: Child) -> bool:
        """Whether the engine knows every fill of a child that the judge knows."""
        ours = {leg: units for (account, leg), units in self._truth.ours.items() if account == child.id and units}
        known = {leg.leg: leg.allocation_units for leg in child.legs.values() if leg.allocation_units}
        return self._is_clear(child) and ours == known

    def at_rest(self) -> list[str]:
        """By `on_max_loss: exit_all` nothing is held any more where a limit was reached."""
        if not self._exits_all:
            return []
        return [
            f"I5 {account} {leg}: holds {units} after the daily loss was reached"
            for (account, leg), units in self._truth.ours.items()
            if units and self._hit & {account, ALL} and (account, leg) not in self._truth.manual
        ]

    def _broken(self, rule: str, name: str, what: str) -> None:
        self._truth.violations.append(f"{rule} {name} {what}")
