"""What happens to the engine's state from one step to the next: what no single look at it, or at the brokers, can show.

It keeps its own record of what the operator ordered, when processes died, what was filled and when, and holds the state
against it. It must not judge single orders at the moment of their sending (`conduct` does).
"""

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from config.schema import ConfirmWhen, Follow, OnLegRefused
from engine.core import hours, reasons
from engine.core.lifecycle import TERMINAL, OrderState
from engine.core.resting import ahead_units, rests
from engine.core.state import State, Strategy
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import Master, MasterLeg, MasterOrder
from engine.core.turn import Turn, held_units
from engine.events import (
    ChildJoined,
    ChildResynced,
    Event,
    Flattened,
    HandedOver,
    KillSwitched,
    Paused,
    PromptAnswered,
    Resumed,
    StartedFresh,
    StrategyReset,
    TicketWritten,
)
from engine.model import NS_PER_S, LegId, OrderReport, Side, is_delivery
from engine.snapshot import StrategyState
from paper.verify.backing import opens
from paper.verify.copies import Copies
from paper.verify.truth import Key, Truth
from paper.verify.windows import Windows

ABSENT_AFTER_NS = 120 * NS_PER_S
"""FAULTS, step 4: the judge's own number."""
DISAGREES_MOST_NS = 600 * NS_PER_S
STILL_NS = 20 * NS_PER_S
"""A leg in which nothing moved for so long is known to everybody who can read."""
CANCELLED_WITHIN_NS = 6 * NS_PER_S
SIGNAL_MOST_NS = 30 * NS_PER_S
"""I15: an older signal is not entered, it is shown."""
KNOWN_AFTER_NS = 2 * NS_PER_S
"""A book that was read so long after a fill must show it."""
ANSWERS = (Resumed, Flattened, HandedOver, StartedFresh)
"""What may answer the question of an unclean start."""
EXIT_MAY_WAIT = frozenset(
    {
        "", reasons.KILLED, reasons.NOT_CONFIGURED, reasons.NOT_READ, reasons.REBUILT, reasons.LOGIN_REQUIRED,
        reasons.IP_REFUSED, reasons.UNKNOWN_INSTRUMENT, reasons.MARKET_CLOSED, reasons.EARLIER_DAY, *hours.READ_FIRST,
        reasons.REFUSED_SOON_AGAIN, reasons.MASTER_NOT_READ_SINCE_OPEN, reasons.RESTART_EXIT, reasons.AWAITING,
        reasons.CUT_SHORT,
    }
)  # fmt: skip
"""PRODUCT 3.7: nothing else stops an exit (a changed contract is a text of its own)."""

GUARDS = frozenset({reasons.LONE_LEG, reasons.KILLED})
"""A copy that was taken off for one of these: when it is lifted, what the master's fill is worth is decided anew."""


@dataclass(slots=True)
class _Fill:
    """A fill at a broker that the engine has to learn of."""

    at_ns: int
    account: str
    leg: LegId
    order_id: str
    tag: str
    filled: int


class Course:
    """The course of one run.

    Args:
        truth: The judge's book; violations go there.
        copies: Judges what rests for the master's orders.
        windows: What the brokers take: a cancel may have to wait for its turn.
        deceived: Accounts whose reads may lie: what they must show is not judged.
    """

    def __init__(self, truth: Truth, copies: Copies, windows: Windows, deceived: Collection[str]) -> None:
        self._truth, self._copies, self._windows, self.deceived = truth, copies, windows, deceived
        self.must_resume = False
        "A process died: no entry before somebody answered."
        self._has_died = False
        "A process died since the last look."
        self.booted_ns = 0
        self.sent_ns: dict[str, int] = {}
        "When each order was handed over."
        self.cancelled: set[str] = set()
        "Tags whose cancel was handed over."
        self.offered_ns: dict[str, int] = {}
        "When the operator last asked for entries of a child."
        self.flattened: dict[str, dict[str, int]] = {}
        "Children that were flattened, with the number of each scope's strategy then."
        self._refused: dict[str, str] = {}
        "Tags whose refusal let a child leave a strategy, with its scope."
        self.moved_ns: dict[Key, int] = {}
        self.manual_ns: dict[Key, int] = {}
        self.lacking: set[Key] = set()
        "Legs that lacked lots at the last look."
        self.zero_ns: dict[LegId, int] = {}
        "When the engine last knew the master out of a leg."
        self._fell: set[LegId] = set()
        self._units: dict[LegId, int] = {}
        self._background: dict[LegId, int] | None = None
        "Lots of the master's that are not followed, as of the last look at a process that had read him."
        self._sold: dict[LegId, int] = {}
        "Shares that the master sold today, as far as the engine knows."
        self._day = ""
        "The first day; over a night the master may trade unseen."
        self._flattening: dict[str, dict[str, int]] = {}
        "The same of those that were flattened since the last look."
        self._reset = False
        self._switches = [(0, False)]
        "Kill level and pause as last seen, and as they may become by what was ordered since."
        self._orders: dict[str, tuple[OrderState, int]] = {}
        self._strategies: dict[str, tuple[int, StrategyState, dict[str, Fraction]]] = {}
        self._fills: list[_Fill] = []
        self._over_ns: dict[Key, int] = {}
        "Since when entries work above a leg's target."
        self._waiting: dict[Key, tuple[int, int]] = {}
        "Entries that wait: the time of their signal, and since when they are seen waiting for it."
        self._missed_copies: dict[tuple[str, LegId, str], tuple[int, str]] = {}
        self._decided: dict[Key, int] = {}
        self._beyond: dict[Key, int] = {}
        "By child, leg and order of the master's: how much of it the child's copy brings at most, and why not all."
        self._plans: dict[Key, tuple[int, int, int]] = {}
        "Sign, decided units and target of each leg at the last look."

    # What is told

    def died(self) -> None:
        """A process that had made something durable is gone; what was not durable never happened."""
        self.must_resume = True
        self._orders.clear()
        self._strategies.clear()
        self._flattening.clear()
        self._background = None
        self.lacking.clear()
        self._waiting.clear()
        self._plans.clear()
        self._copies.died()
        self._has_died = True

    def booted(self, now_ns: int) -> None:
        """A process starts."""
        self.booted_ns = now_ns
        self.offered_ns = dict.fromkeys(self.offered_ns, now_ns)  # a resync survives, and is offered anew

    def resumed(self, now_ns: int) -> None:
        """The process is run again that was suspended: what it had to do within a time counts from here."""
        self._over_ns = dict.fromkeys(self._over_ns, now_ns)
        self._copies.resumed(now_ns)

    def operated(self, event: Event, now_ns: int, state: State) -> None:
        """The operator ordered something, and the engine took it up."""
        if isinstance(event, ANSWERS):
            self.must_resume = False
        if isinstance(event, KillSwitched | Paused | Resumed):
            self._switches += [_switched(event, *before) for before in self._switches]
        if isinstance(event, StrategyReset):
            self._reset = True
        if isinstance(event, StartedFresh):
            self._background = None
        if isinstance(event, ChildJoined | ChildResynced):
            self.offered_ns[event.child] = now_ns
            self.flattened.pop(event.child, None)
            self._flattening.pop(event.child, None)
        if isinstance(event, TicketWritten):
            self._truth.ticket_written(event)
            self.offered_ns |= dict.fromkeys(event.children or self._truth.children(), now_ns)
        if isinstance(event, PromptAnswered) and event.approve:  # what he had asked for is offered when it can be
            self.offered_ns = dict.fromkeys(self.offered_ns, now_ns)
        if isinstance(event, Flattened):
            running = {scope: s for scope, s in state.strategies.items() if s.state is not StrategyState.FLAT}
            numbers = {scope: strategy.number for scope, strategy in running.items()}
            self._flattening |= {child: dict(numbers) for child in event.children}

    def changed(self, account: str, row: OrderReport, now_ns: int) -> None:
        """An order changed at the exchange."""
        self.moved_ns[account, row.leg] = now_ns
        if not row.tag:
            self.manual_ns[account, row.leg] = now_ns
        elif row.filled:
            self._fills.append(_Fill(now_ns, account, row.leg, row.order_id, row.tag, row.filled))

    def master_traded(self, row: OrderReport, now_ns: int) -> None:
        """The master's book shows more filled of an order."""
        self._fills.append(_Fill(now_ns, "", row.leg, row.order_id, "", row.filled))

    # What is looked at

    def looked(self, state: State) -> None:
        """Hold the state after a step against what was before."""
        if self._has_died:
            self._has_died = False
            self._forget_lost_refusals(state)
            self._forget_lost_misses(state)
        self._look_at_switches(state)
        self.flattened |= self._flattening
        self._flattening.clear()
        self._look_at_master(state)
        for scope, strategy in state.strategies.items():
            before = self._strategies.get(scope)
            if before is not None:
                self._look_at_strategy(state, strategy, before)
            if state.settings.follow is Follow.ORDERS and state.master.synced:
                self._look_at_working(state, strategy, None if before is None else before[1])
            self._strategies[scope] = strategy.number, strategy.state, dict(strategy.ratios)
        for order in state.orders.values():
            self._look_at_order(state, order)
        for child in state.children.values():
            for leg in child.legs.values():
                if leg.due:
                    self._look_at_exit(state, child, leg)
                if leg.lacking and not (leg.skipped == reasons.BELOW_ONE_LOT and not leg.target_units):
                    self.lacking.add((child.id, leg.leg))
                else:
                    self.lacking.discard((child.id, leg.leg))
                self._look_at_excess(state, child, leg)
                self._copies.looked(state, child, leg)
                self._look_at_waiting(child, leg, state.now_ns)
                self._look_at_target(state, child, leg)
                if leg.mirrors:
                    self._note_sums(state.master, child, leg)
                self._note_missed_copies(child, leg)
                is_told = leg.skipped == reasons.CLOSED_BY_HAND and not self._truth.has_manual((child.id, leg.leg))
                if is_told and child.id not in self.deceived:
                    self._broken(f"I20 {child.id} {leg.leg}: called closed by hand, and its owner never traded")
        self._look_at_fills(state)
        self._look_at_surfaced(state)

    def _look_at_switches(self, state: State) -> None:
        """Kill and pause change by the operator's word alone, restarts or not."""
        now = state.kill, state.paused
        if now in self._switches:
            self._switches = self._switches[self._switches.index(now) :]
            return
        self._broken(f"I10 kill and pause were {self._switches[0]} and are {now}; nobody ordered it")
        self._switches = [now]

    def _look_at_master(self, state: State) -> None:
        for leg in state.master.legs.values():
            before = self._units.get(leg.leg, 0)
            if is_delivery(leg.leg) and self._has_all(state, leg, before):
                self._broken(f"I5 {before - leg.units} shares of {leg.leg} are taken for gone, and the master has them")
            if not leg.units or leg.units * before < 0:
                self.zero_ns[leg.leg] = state.now_ns
                self._fell.discard(leg.leg)
            elif abs(leg.units) < abs(before):
                self._fell.add(leg.leg)
            self._units[leg.leg] = leg.units
        if not state.master.synced:
            return
        background = {leg.leg: leg.background_units for leg in state.master.legs.values()}
        self._day = self._day or state.day
        if self._background is not None and state.day == self._day:
            for leg_id, units in background.items():
                is_own_sale = units < 0 and is_delivery(leg_id) and not state.master.legs[leg_id].units
                if abs(units) > abs(self._background.get(leg_id, 0)) and not is_own_sale:
                    self._broken(f"I5 {units} units of the master's {leg_id} are not followed any more")
        self._background = background

    def _has_all(self, state: State, leg: MasterLeg, before: int) -> bool:
        """Whether copied shares became fewer without a sale that the engine saw, and the master has all of them."""
        rows = (order for order in state.master.orders.values() if order.leg == leg.leg and order.side is Side.SELL)
        sold, known = sum(order.filled for order in rows), self._sold.get(leg.leg)
        self._sold[leg.leg] = sold
        is_without_a_sale = leg.units < before and sold == known and self._background is not None
        has_all = self._truth.master.get(leg.leg, 0) >= before + max(0, leg.background_units)
        return is_without_a_sale and has_all and _is_copied(state, leg.leg)

    def _look_at_strategy(
        self, state: State, strategy: Strategy, before: tuple[int, StrategyState, dict[str, Fraction]]
    ) -> None:
        old_number, old, old_ratios = before
        if old is StrategyState.FLAT:
            return
        if strategy.number == old_number:
            for child, ratio in strategy.ratios.items():
                if old_ratios.get(child, ratio) != ratio:
                    self._broken(f"I2 {child}: its ratio {old_ratios[child]} became {ratio} during a strategy")
        if strategy.state is not StrategyState.FLAT:
            return
        turn = Turn(state, state.now_ns, {})
        for key, units in self._truth.ours.items():
            is_judged = key not in self._truth.surfaced and key not in self._truth.manual
            if units and is_judged and turn.scope_of(key[1]) == strategy.scope:
                self._broken(f"I5 {key[0]} {key[1]}: the strategy ended and the child holds {units}")

    def _look_at_working(self, state: State, strategy: Strategy, before: StrategyState | None) -> None:
        """A strategy lasts while an order of the master's works that opens lots, and starts with no less (R4.7)."""
        turn = Turn(state, state.now_ns, {})
        working = [state.master.orders[order_id] for order_id in state.master.working]
        is_opening = any(opens(state, order) and turn.scope_of(order.leg) == strategy.scope for order in working)
        if is_opening and strategy.state is not StrategyState.ACTIVE:
            self._broken(f"I2 {strategy.scope}: the master's orders open lots, and the strategy is {strategy.state}")
        has_lots = any(leg.units and leg.scope == strategy.scope for leg in state.master.legs.values())
        is_new = before is StrategyState.FLAT and strategy.state is StrategyState.ACTIVE
        if is_new and not has_lots and not is_opening:
            self._broken(f"I2 {strategy.scope}: a strategy started, and the master opens nothing")

    def _look_at_order(self, state: State, order: ChildOrder) -> None:
        now = (order.state, order.filled)
        before = self._orders.get(order.tag)
        if before == now:
            return
        self._orders[order.tag] = now
        if before is not None and order.filled < before[1]:
            self._broken(f"I6 {order.account} {order.tag}: filled {before[1]} and then {order.filled}")
        if before is not None and before[0] in TERMINAL and order.state is not before[0]:
            self._broken(f"I6 {order.account} {order.tag}: was {before[0]} and is {order.state}")
        is_new = before is not None and before[0] is not order.state
        if is_new and order.state in (OrderState.ABSENT, OrderState.HELD) and order.reason == reasons.NEVER_APPEARED:
            self._look_at_absence(state, order)
        if is_new and order.entry and order.reason.startswith(reasons.refused("")):
            self._look_at_refusal(state, order)

    def _look_at_refusal(self, state: State, order: ChildOrder) -> None:
        """By `on_leg_refused: unwind` a strategy of which a leg was refused is left at once, until a resync."""
        if state.settings.risk.on_leg_refused is not OnLegRefused.UNWIND or order.state is OrderState.WORKING:
            return
        if self._truth.by_hand_units((order.account, order.leg)):
            return  # a ticket's lots, which the strategy is whole without
        turn = Turn(state, state.now_ns, {})
        scope = turn.scope_of(order.leg)
        if scope in state.strategies:
            self.flattened.setdefault(order.account, {})[scope] = state.strategies[scope].number
            self._refused[order.tag] = scope
        for leg in state.children[order.account].legs.values():
            if turn.scope_of(leg.leg) == scope and leg.target_units:
                what = f"{order.tag} was refused and {leg.target_units} of {leg.leg} are still wanted"
                self._broken(f"I11 {order.account} {what}")

    def _forget_lost_refusals(self, state: State) -> None:
        """What a process learnt and did not make durable before it died never let a child leave anything."""
        for tag, scope in list(self._refused.items()):
            order = state.orders.get(tag)
            if order is not None and not order.reason.startswith(reasons.refused("")):
                self.flattened.get(order.account, {}).pop(scope, None)
                del self._refused[tag]

    def _look_at_absence(self, state: State, order: ChildOrder) -> None:
        since_ns = max(self.sent_ns.get(order.tag, 0), self.booted_ns)
        after_ns = state.now_ns - since_ns
        if after_ns < ABSENT_AFTER_NS:
            self._broken(f"I9 {order.account} {order.tag}: called absent after {after_ns / NS_PER_S:g} s")
        key = (order.account, order.leg)
        is_still = state.now_ns - self.moved_ns.get(key, 0) >= STILL_NS
        if not is_still or order.account in self.deceived or after_ns >= ABSENT_AFTER_NS + DISAGREES_MOST_NS:
            return
        net = self._truth.ours.get(key, 0) + self._truth.manual.get(key, 0)
        known = state.children[order.account].legs[order.leg].allocation_units + order.external_units
        if net != known:
            self._broken(f"I9 {order.account} {order.tag}: called absent with {known} known and {net} at the broker")

    def _look_at_exit(self, state: State, child: Child, leg: ChildLeg) -> None:
        why = leg.due_reason
        is_wrong = why not in EXIT_MAY_WAIT and why != leg.changed
        is_wrong = is_wrong or (why == reasons.KILLED and state.kill < 2)
        is_wrong = is_wrong or (why == reasons.AWAITING and state.settings.confirm.when is not ConfirmWhen.ALL)
        if is_wrong:
            self._broken(f"I12 {child.id} {leg.leg}: an exit waits ({why})")

    def _look_at_excess(self, state: State, child: Child, leg: ChildLeg) -> None:
        """Entries that work above the target are cancelled, the newest first; all, where entries are stopped (R6.3)."""
        key = (child.id, leg.leg)
        orders = [state.orders[tag] for tag in leg.orders]  # one that filled whole may still be shown as open
        working = [order for order in orders if order.entry and not rests(order) and order.remaining]
        ahead = ahead_units(Turn(state, state.now_ns, {}), leg) if leg.mirrors else 0
        against = [order for order in working if order.side.sign == -leg.sign]
        open_units = sum(order.remaining for order in working)
        is_stopped = child.loss_hit or state.loss_hit or state.kill or against
        over = open_units if is_stopped else held_units(leg) - ahead + open_units - leg.target_units
        newest = (against or working)[-1] if working else None
        if over <= 0 or newest is None or newest.state is not OrderState.WORKING or newest.day != state.day:
            self._over_ns.pop(key, None)
            return
        if self._windows.holds_back(child, newest.tag, state.now_ns):
            self._over_ns[key] = state.now_ns
        is_due = state.now_ns - self._over_ns.setdefault(key, state.now_ns) >= CANCELLED_WITHIN_NS
        if is_due and newest.tag not in self.cancelled and not child.ip_refused and child.synced:
            self._broken(f"I5 {child.id} {leg.leg}: {newest.tag} works above the target and is not cancelled")

    def _look_at_waiting(self, child: Child, leg: ChildLeg, now_ns: int) -> None:
        """An entry that waits when its signal is old is told as missed with the next read (PRODUCT 2.2)."""
        key = (child.id, leg.leg)
        if not leg.entry_pending or not child.synced:
            self._waiting.pop(key, None)
            return
        signal_ns, since_ns = self._waiting.get(key, (leg.entry_signal_ns, now_ns))
        if signal_ns != leg.entry_signal_ns:
            signal_ns, since_ns = leg.entry_signal_ns, now_ns
        self._waiting[key] = signal_ns, since_ns
        read_ns = max(child.orders_at_ns or 0, child.positions_at_ns or 0)
        if read_ns > max(since_ns, signal_ns + SIGNAL_MOST_NS):
            age = f"{(now_ns - signal_ns) / NS_PER_S:g} s after its signal"
            self._broken(f"I15 {child.id} {leg.leg}: an entry still waits {age}, and nobody was told")

    def _look_at_target(self, state: State, child: Child, leg: ChildLeg) -> None:
        """Only a trade of the master's, or lots that are missing, let a target rise (PRODUCT 3.1)."""
        key = (child.id, leg.leg)
        before, now = self._plans.get(key), (leg.sign, leg.decided_units, leg.target_units)
        self._plans[key] = now
        master = state.master.legs.get(leg.leg)
        if before is None or before[:2] != now[:2] or before[2] >= now[2] or master is None:
            return
        most = self._truth.bound_units(key, leg.decided_units, round_up=leg.sign > 0)  # a hedge, after an exit
        is_decided = abs(master.units) == leg.decided_units
        if is_decided and most is not None and leg.target_units > most:
            what = f"its target rose from {before[2]} to {leg.target_units}, its share is {most}"
            self._broken(f"I2 {child.id} {leg.leg}: the master did not trade, and {what}")

    def _look_at_fills(self, state: State) -> None:
        """A book that was read after a fill shows it, and then the engine has counted it."""
        left: list[_Fill] = []
        for fill in self._fills:
            child = state.children.get(fill.account)
            began_ns = state.master.book_began_ns if child is None else child.orders_began_ns
            if fill.at_ns < hours.day_start_ns(state.day):
                continue  # today's book does not show it; what positions show of it is judged at rest
            if began_ns <= fill.at_ns + KNOWN_AFTER_NS:
                left.append(fill)
            elif child is None:
                row = state.master.orders.get(fill.order_id)
                if row is not None and row.filled < fill.filled:
                    self._broken(
                        f"I20 the master's {fill.order_id} filled {fill.filled}, the engine counts {row.filled}"
                    )
            elif fill.account not in self.deceived:
                order = state.orders.get(fill.tag)
                if order is not None and order.filled < fill.filled:
                    what = f"{fill.tag} filled {fill.filled}, was read, and counts {order.filled}"
                    self._broken(f"I20 {fill.account} {fill.leg}: {what}")
        self._fills = left

    def _look_at_surfaced(self, state: State) -> None:
        """An order that was given up and works at the broker is cancelled as soon as it is seen."""
        for account, row in self._truth.open_orders():
            order, child = state.orders.get(row.tag), state.children[account]
            if order is None or order.state not in (OrderState.ABSENT, OrderState.WITHDRAWN):
                continue
            if self._windows.holds_back(child, row.tag, state.now_ns):
                continue
            seen = child.orders_began_ns > self.moved_ns.get((account, row.leg), 0) + KNOWN_AFTER_NS
            if seen and row.tag not in self.cancelled and not child.ip_refused and account not in self.deceived:
                self._broken(
                    f"I1 {account} {row.leg}: {row.tag} was given up, works at the broker, and is not cancelled"
                )

    def _note_missed_copies(self, child: Child, leg: ChildLeg) -> None:
        """Remember which orders of the master's were not mirrored whole: their records go with their ends."""
        for mirror in leg.mirrors.values():
            name = (child.id, leg.leg, mirror.order_id)
            if mirror.entry and mirror.missed_units:
                self._missed_copies[name] = mirror.sized_units - mirror.missed_units, mirror.reason
            else:
                self._missed_copies.pop(name, None)

    def _note_sums(self, master: Master, child: Child, leg: ChildLeg) -> None:
        """Remember the most that all orders of the master's together were worth beyond each by itself.

        Such lots were entered when an order's own fills were not worth one, and stay when they are.
        """
        key = (child.id, leg.leg)
        if self._decided.get(key) == (decided := leg.decided_units):
            return
        self._decided[key] = decided
        since_ns = self.zero_ns.get(leg.leg, 0)
        alone = sum(self._worth(master, o, child, since_ns) for o in master.orders.values() if o.leg == leg.leg)
        together = self._truth.share_units(key, decided) or 0
        most = self._beyond.get(key, 0) if decided else 0
        self._beyond[key] = max(most, together - alone)

    def _forget_lost_misses(self, state: State) -> None:
        """What was missed of an order and was not durable never happened: else its record would be on disk.

        Records go with the ends of orders: where the end is older than this process, what was missed counts.
        """
        for child_id, leg_id, order_id in list(self._missed_copies):
            order, leg = state.master.orders.get(order_id), state.children[child_id].legs.get(leg_id)
            has_ended = order is not None and 0 < order.ended_ns < self.booted_ns
            if not has_ended and (leg is None or order_id not in leg.mirrors):
                del self._missed_copies[child_id, leg_id, order_id]

    def caught_up(self, state: State) -> list[str]:
        """Legs of children that were not copied in part, and nevertheless hold their whole share (PRODUCT 2.2)."""
        found: list[str] = []
        for child in state.children.values():
            if child.id in self.offered_ns or self._reset:
                continue
            for leg in child.legs.values():
                key = (child.id, leg.leg)
                since_ns = self.zero_ns.get(leg.leg, 0)
                master = state.master.legs.get(leg.leg)
                if master is None or not master.units or leg.leg in self._fell or key in self._truth.surfaced:
                    continue
                if any(_reduced(order, master, since_ns) for order in state.master.orders.values()):
                    continue  # he fell while no process looked
                skipped = self._skipped(state, child, leg.leg, since_ns)
                share = self._truth.share_units(key, abs(master.units))
                if skipped and share and abs(leg.allocation_units) >= share:
                    found.append(f"I2 {child.id} {leg.leg}: not copied ({skipped[0]}), and holds all of {share}")
        return found

    def _skipped(self, state: State, child: Child, leg: LegId, since_ns: int) -> list[str]:
        """Why lots of the master's were not copied; of an order that rested, those that it filled."""
        if state.settings.follow is Follow.ORDERS:
            beyond = self._beyond.get((child.id, leg), 0)
            return [
                reason
                for (child_id, leg_id, order_id), (most_units, reason) in self._missed_copies.items()
                if (child_id, leg_id) == (child.id, leg)
                and reason not in GUARDS
                and self._worth(state.master, state.master.orders.get(order_id), child, since_ns) > most_units + beyond
            ]
        return [
            copy.skipped[child.id]
            for copy in state.copies
            if copy.leg == leg and copy.entry and copy.at_ns > since_ns and child.id in copy.skipped
        ]

    def _worth(self, master: Master, order: MasterOrder | None, child: Child, since_ns: int) -> int:
        """What lots that an order of the master's opened in what he holds now are worth for a child."""
        if order is None or order.filled_ns < since_ns or master.legs[order.leg].units * order.side.sign < 0:
            return 0
        return self._truth.share_units((child.id, order.leg), order.opened_units) or 0

    def _broken(self, text: str) -> None:
        self._truth.violations.append(text)


def _is_copied(state: State, leg_id: LegId) -> bool:
    """Whether a child has lots of a leg."""
    legs = (child.legs.get(leg_id) for child in state.children.values())
    return any(leg is not None and leg.allocation_units for leg in legs)


def _reduced(order: MasterOrder, master: MasterLeg, since_ns: int) -> bool:
    """Whether an order of the master's made what he holds smaller."""
    is_against = order.leg == master.leg and order.side.sign * master.units < 0
    return is_against and order.filled > 0 and order.filled_ns >= since_ns


def _switched(event: KillSwitched | Paused | Resumed, kill: int, paused: bool) -> tuple[int, bool]:
    return (event.level, paused) if isinstance(event, KillSwitched) else (kill, isinstance(event, Paused))
