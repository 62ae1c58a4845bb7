"""What follows the troubles of a day: everything works, the operator answers, and at rest there is a verdict.

Then every child is resynced, where the day has that, and the master goes out of everything; a verdict follows each.
"""

from abc import abstractmethod
from collections import deque
from enum import StrEnum

import msgspec

from engine.commands import CancelOrder
from engine.core.lifecycle import OrderState
from engine.core.reasons import UNTAGGED
from engine.core.state_child import ChildOrder
from engine.core.turn import Turn
from engine.events import ChildResynced, KillSwitched, Operator, PromptAnswered, Resumed
from engine.model import NS_PER_S, TERMINAL_BOOK, BookStatus, LegId, OrderReport, Side
from paper import scenario as act
from paper.simulate import Simulation
from paper.verify.course import Course
from paper.verify.disk import FaultyDisk
from paper.verify.judge import unrest, verdict
from paper.verify.losses import Losses
from paper.verify.missing import MissingShares
from paper.verify.ordinary import market_order
from paper.verify.plan import PEACE_INR, Happening, Plan
from paper.verify.statuses import Statuses
from paper.verify.truth import Truth
from paper.verify.windows import Windows

LOOK_NS = 2 * NS_PER_S
LOOKS = 3
"""So often in a row everything must be quiet before the verdict."""
NIGHT_NS = 12 * 3600 * NS_PER_S
REST_MOST_NS = 2400 * NS_PER_S
"""Not at rest so long after the troubles ended: something is forgotten (an unknown order may take 720 s, and what is
not believed for 600 s may have to wait for the open before)."""


class Phase(StrEnum):
    """The parts of a run, each ended by a verdict."""

    TROUBLES = "the troubles"
    RESYNC = "a resync of every child"
    OUT = "the master went out"


class Peaceful(Simulation):
    """The part of a run that begins when its troubles are over. What happens before is `trial`'s."""

    plan: Plan
    disk: FaultyDisk
    truth: Truth
    windows: Windows
    course: Course
    losses: Losses
    _statuses: Statuses
    _missing_shares: MissingShares
    _resting: dict[str, OrderReport]
    "Orders of the master that work, in `follow: orders`."
    _pushes: dict[str, tuple[tuple[int, ...], int]]
    _again: tuple[int, ...]
    _phases: deque[Phase]
    _down_ns = _phase_ns = _still_since_ns = _late_until_ns = _quiet_looks = 0
    _ended = False

    @abstractmethod
    def _happen(self, happening: Happening, now_ns: int) -> None: ...

    @abstractmethod
    def _restart(self, now_ns: int, for_ns: int) -> None: ...

    @abstractmethod
    def _log_in(self, child: str, now_ns: int) -> None: ...

    @abstractmethod
    def _found(self, text: str) -> None: ...

    @abstractmethod
    def _tell(self, text: str) -> None: ...

    def _calm(self, now_ns: int) -> None:
        """The troubles are over: everything works, and the operator answers whatever is asked."""
        self._tell("peace: everything works from now on")
        self.disk.heal()
        self._again = ()
        self._down_ns = 0
        self._pushes.clear()
        self._statuses.heal()
        for broker in self.world.brokers.values():
            broker.heal()
        self.world.quote(tuple(self.plan.peace_quotes(now_ns)), now_ns)
        if self.loop.host is not None and self.loop.host.failed:
            self._restart(now_ns, 0)
        for order_id, report in list(self._resting.items()):
            if now_ns - report.placed_ns > NIGHT_NS:
                continue  # it ended with its day
            ended = msgspec.structs.replace(report, status=BookStatus.CANCELLED, updated_ns=now_ns)
            self._happen(Happening(at_ns=now_ns, trouble=act.MasterTrades(report=ended)), now_ns)
            self._resting.pop(order_id, None)
        self._phase_ns = self._still_since_ns = now_ns
        self.agenda.at(now_ns + 1, self._look)

    def _look(self, now_ns: int) -> None:
        """Answer what is asked, and see whether everything is at rest."""
        host = self.loop.host
        if host is None or host.failed:
            self._boot_if_down(now_ns)
        self._answer(now_ns)
        state = self.replicator.state
        if spent := self.windows.used_up(state.orders.values(), self.world.exchange.orders):
            self._tell(f"the broker of {spent} takes no further order today: nobody is at rest, there is no verdict")
            self._ended = True
            return
        why = "late orders may still arrive" if now_ns < self._late_until_ns else ""
        why = why or unrest(state, self.truth, self._still_since_ns)
        self._quiet_looks = 0 if why else self._quiet_looks + 1
        if why and now_ns - self._phase_ns > REST_MOST_NS:
            self._found(f"I9 not at rest {REST_MOST_NS // NS_PER_S} s after the troubles: {why}")
            self._ended = True
        elif self._quiet_looks >= LOOKS:
            self._next_phase(now_ns)
        if not self._ended:
            self.agenda.at(now_ns + LOOK_NS, self._look)

    def _answer(self, now_ns: int) -> None:
        """What an operator does who wants everything to go on."""
        state = self.replicator.state
        if state.kill:
            self._order(KillSwitched(at_ns=now_ns, level=0))
        if state.unclean or state.paused:
            self._order(Resumed(at_ns=now_ns))
        if state.prompts:
            self._order(PromptAnswered(at_ns=now_ns, approve=True))
        for child in state.children.values():
            if child.needs_login:
                self._log_in(child.id, now_ns)
        for order in state.orders.values():
            if order.state is OrderState.UNKNOWN and order.reason == UNTAGGED:
                self._cancel_twin(order, now_ns)
        for answer in self._missing_shares.answers(state, now_ns):
            self._tell(f"operator: {answer}")
            self._order(answer)

    def _cancel_twin(self, order: ChildOrder, now_ns: int) -> None:
        """The owner looks at the broker's and cancels what looks like an exit that the engine does not find."""
        for row in self.world.exchange.orders(order.account):
            is_like_it = (row.leg, row.side, row.quantity) == (order.leg, order.side, order.units)
            if is_like_it and row.tag != order.tag and row.status not in TERMINAL_BOOK:
                cancel = CancelOrder(account=order.account, tag="", order_id=row.order_id)
                self.world.exchange.cancel(cancel, now_ns)

    def _order(self, event: Operator) -> None:
        """The operator orders something of the process that runs."""
        self.loop.post(event)

    def _next_phase(self, now_ns: int) -> None:
        """Everything is at rest: the verdict, and then the next part."""
        state = self.replicator.state
        turn = Turn(state, state.now_ns, {child.id: child for child in state.settings.children})
        phase = self._phases.popleft()
        crowded = self.windows.were_full(self._phase_ns)
        resynced_ns = self._phase_ns if phase is Phase.RESYNC else None
        wrong = verdict(turn, self.truth, resynced_ns=resynced_ns, crowded=crowded)
        wrong += self.losses.at_rest()
        if phase is Phase.TROUBLES:
            wrong += self.course.caught_up(state)
        for text in wrong:
            self._found(f"{text} (after {phase})")
        self._phase_ns = self._still_since_ns = now_ns
        self._quiet_looks = 0
        if self.violations or not self._phases:
            self._ended = True
        elif self._phases[0] is Phase.RESYNC:
            self._tell("the operator resyncs every child")
            for child in self.scenario.settings.children:
                self._order(ChildResynced(at_ns=now_ns, child=child.id))
        else:
            self._tell("the master goes out of everything")
            self._master_out(now_ns)

    def _master_out(self, now_ns: int) -> None:
        """Out of everything, or on every second day out of the strategy and not of what he held before it."""
        legs = self.replicator.state.master.legs
        keeps_background = bool(self.plan.seed % 2)
        for number, (leg, held) in enumerate(self.truth.master.copy().items()):
            units = legs[leg].units if keeps_background and leg in legs else held
            if units:
                report = _closing(leg, units, f"OUT{number}", now_ns)
                self._happen(Happening(at_ns=now_ns, trouble=act.MasterTrades(report=report)), now_ns)


def _closing(leg: LegId, units: int, order_id: str, now_ns: int) -> OrderReport:
    """The master's order that closes a leg."""
    side, size = (Side.SELL if units > 0 else Side.BUY), abs(units)
    bare = market_order(leg, side, size, order_id=order_id, placed_ns=now_ns, updated_ns=now_ns)
    return msgspec.structs.replace(bare, filled=size, average_price_inr=PEACE_INR, status=BookStatus.COMPLETE)
