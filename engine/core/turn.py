"""One turn of the core: the state, the time, the commands decided so far. Shared vocabulary of the core's modules."""

from collections.abc import Iterator
from decimal import Decimal

from config.schema import Child as ChildSettings
from config.schema import Settings, StrategyScope
from engine.commands import Command, Notify, Severity, Subscribe
from engine.core import reasons
from engine.core.state import Skip, State, Strategy
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import MasterLeg
from engine.core.symbols import parse_symbol
from engine.model import NS_PER_S, Instrument, InstrumentId, Kind, LegId, Quote, instrument_of, sign, split_leg

ACCOUNT_SCOPE = "ACCOUNT"
INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM


def seconds_ns(value: Decimal) -> int:
    """A duration in seconds as nanoseconds."""
    return int(value * NS_PER_S)


class Turn:
    """State, time and output of one handled event."""

    __slots__ = ("_places", "child_settings", "now_ns", "out", "settings", "state")

    def __init__(self, state: State, now_ns: int, child_settings: dict[str, ChildSettings]) -> None:
        self.state = state
        self.settings: Settings = state.settings
        self.now_ns = now_ns
        self.out: list[Command] = []
        self.child_settings = child_settings
        self._places: dict[str, int] = {}

    def place_of(self, account: str) -> int:
        """The child's place among all children, from 0."""
        if not self._places:
            self._places = {child: place for place, child in enumerate(self.state.children)}
        return self._places[account]

    def notify(self, severity: Severity, text: str, account: str = "", symbol: str = "") -> None:
        """Tell people."""
        self.out.append(Notify(at_ns=self.now_ns, severity=severity, text=text, account=account, symbol=symbol))

    def timer(self, name: str, at_ns: int) -> None:
        """Ask to be woken at `at_ns`; a second call of the same name moves it."""
        self.state.timers[name] = at_ns

    def instrument(self, account: str, instrument: InstrumentId) -> Instrument | None:
        """The instrument as that account's broker knows it, `None` when unknown there.

        An account whose broker has a file of its own is never reckoned by another broker's.
        """
        by_account = self.state.instruments
        known = by_account.get(account)
        if known is None:
            known = by_account.get("")
        return None if known is None else known.get(instrument)

    def why_unknown(self, account: str, leg: LegId) -> str:
        """Why a leg's instrument is unknown there, in the words of whoever looked."""
        instrument = instrument_of(leg)
        found = self.state.unusable.get(account, {}).get(instrument)
        return reasons.UNKNOWN_INSTRUMENT if found is None else f"{reasons.UNKNOWN_INSTRUMENT}: {found}"

    def leg_instrument(self, account: str, leg: LegId) -> Instrument | None:
        """The instrument of a leg as that account's broker knows it."""
        return self.instrument(account, instrument_of(leg))

    def quote(self, leg: LegId) -> Quote | None:
        """The newest quote of a leg's instrument."""
        return self.state.quotes.get(instrument_of(leg))

    def subscribe(self, leg: LegId) -> None:
        """Ask for quotes of a leg's instrument, once a process."""
        instrument = instrument_of(leg)
        if instrument not in self.state.subscribed:
            self.state.subscribed[instrument] = self.now_ns
            self.out.append(Subscribe(instruments=(instrument,)))

    def scope_of(self, leg: LegId) -> str:
        """The strategy scope that a leg belongs to."""
        if self.settings.strategy_scope is StrategyScope.ACCOUNT:
            return ACCOUNT_SCOPE
        return self.underlying_and_kind(leg)[0]

    def underlying_and_kind(self, leg: LegId) -> tuple[str, Kind | None]:
        """Underlying and kind of a leg, from the instrument file or else from the symbol."""
        instrument = self.leg_instrument(self.state.master.account, leg)
        if instrument is not None:
            return instrument.underlying, instrument.kind
        exchange, symbol, _ = split_leg(leg)
        parts = parse_symbol(exchange, symbol)
        return (symbol, None) if parts is None else (parts.underlying, parts.kind)

    def strategy(self, scope: str) -> Strategy:
        """The strategy record of a scope, made when missing."""
        found = self.state.strategies.get(scope)
        if found is None:
            found = self.state.strategies[scope] = Strategy(scope=scope)
        return found

    def child_leg(self, child: Child, leg: LegId) -> ChildLeg:
        """The child's record of a leg, made when missing."""
        found = child.legs.get(leg)
        if found is None:
            found = child.legs[leg] = ChildLeg(leg=leg)
        return found

    def open_orders(self, leg: ChildLeg) -> Iterator[ChildOrder]:
        """The leg's orders that are not finished, oldest first."""
        orders = self.state.orders
        return (orders[tag] for tag in leg.orders)

    def configured(self) -> list[Child]:
        """The children of the present configuration; others are only exited."""
        return [child for child in self.state.children.values() if child.id in self.child_settings]

    def skip(
        self, child: Child, leg: LegId, reason: str, *, in_part: bool = False, tells: bool = True, again: bool = False
    ) -> None:
        """Note that a copy was not made or only in part, and why.

        People are told of it once in a leg; of lots that were missed at another time they are told `again`.
        """
        symbol = split_leg(leg)[1]
        key = f"{child.id}|{symbol}|{reason}"
        known = self.state.skips.get(key)
        if known is not None and not (again and known.at_ns < self.now_ns):
            return
        kind = reasons.kind_of(reason)
        child.stops[kind] = child.stops.get(kind, 0) + 1
        self.state.skips[key] = Skip(child=child.id, symbol=symbol, reason=reason, at_ns=self.now_ns)
        if tells:
            self.notify(WARNING, f"{'copied in part' if in_part else 'not copied'}: {reason}", child.id, symbol)

    def unskip(self, child: Child, leg: LegId, reason: str) -> None:
        """Take back a skip that no longer holds."""
        self.state.skips.pop(f"{child.id}|{split_leg(leg)[1]}|{reason}", None)

    def is_loss_hit(self, child: Child) -> bool:
        """Whether a daily loss stops a child's entries: its own, or that of all."""
        return child.loss_hit or self.state.loss_hit

    @property
    def market_open(self) -> bool:
        """Whether a trading session is running."""
        return any(s.open_ns <= self.now_ns < s.close_ns for s in self.state.sessions)


def is_of_an_earlier_day(state: State, order: ChildOrder) -> bool:
    """Whether an order was left over by an earlier day: only positions tell what it filled."""
    return order.day not in (state.day, "")


def earlier_orders(turn: Turn, leg: ChildLeg) -> list[ChildOrder]:
    """The leg's unfinished orders of earlier days, oldest first."""
    return [order for order in turn.open_orders(leg) if is_of_an_earlier_day(turn.state, order)] if leg.orders else []


def entry_units_open(turn: Turn, leg: ChildLeg) -> int:
    """Reserved units without those in a prompt: queued, sent, working, unknown or held entries."""
    if not leg.orders:
        return 0
    return sum(order.remaining for order in turn.open_orders(leg) if order.entry)


def reserved(turn: Turn, leg: ChildLeg) -> int:
    """Reserved units: awaiting confirmation, queued, sent, working, unknown or held entries."""
    return leg.awaiting_units + entry_units_open(turn, leg)


def exits_open(turn: Turn, leg: ChildLeg) -> int:
    """Units of unfinished exits."""
    if not leg.orders:
        return 0
    return sum(order.remaining for order in turn.open_orders(leg) if not order.entry)


def net_units(child: Child, leg: LegId) -> int:
    """The broker's net position: the last complete read plus our own fills learned since that read began."""
    return child.positions.get(leg, 0) + sum(fill.units for fill in child.own_fills if fill.leg == leg)


def exit_room(child: Child, leg: ChildLeg, *, keeps: bool = True) -> int:
    """How much exits may take of what the broker holds: never across zero, and never below what is to stay.

    An exit that rests for a later fall of the target takes from what is to stay until then (`keeps` false).

    The last complete read plus our own fills since it began; before the first one no exit is sent. Where the broker
    shows less than our ledger, something was closed that the ledger does not know of, perhaps by an exit of ours. Of a
    fill that the read may hold or not the worse case counts; the next read tells.
    """
    side = sign(leg.allocation_units)
    keep = leg.target_units if side == leg.sign and keeps else 0
    fills = [fill for fill in child.own_fills if fill.leg == leg.leg and 0 < fill.filled_ns <= child.positions_began_ns]
    in_doubt = max(0, side * sum(fill.units for fill in fills))
    return max(0, net_units(child, leg.leg) * side - in_doubt - keep)


def held_units(leg: ChildLeg) -> int:
    """The allocation in the plan's direction; negative when it stands against it."""
    return leg.allocation_units * leg.sign


def is_busy(turn: Turn, child: Child, scope: str) -> bool:
    """Whether a child still has an allocation or an unfinished order in a scope."""
    return any(
        leg.allocation_units or leg.orders or leg.awaiting_units
        for leg in child.legs.values()
        if turn.scope_of(leg.leg) == scope
    )


def followed_legs(turn: Turn, scope: str) -> list[MasterLeg]:
    """The master's legs of a scope in which he holds followed lots."""
    return [leg for leg in turn.state.master.legs.values() if leg.units and leg.scope == scope]
