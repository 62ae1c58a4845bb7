"""What really happened at the brokers, kept apart from what the engine believes: the judge's own book.

It is told of every command that leaves the engine and of every change at the exchange, and keeps the invariants that
only both sides together show (FAULTS: I1, I2, I3, I4, I6, I8, I10).
"""

from collections.abc import Callable, Mapping
from fractions import Fraction

from config.schema import Child, SizingMode
from engine.commands import PlaceOrder
from engine.core.lifecycle import OrderState
from engine.core.state import State
from engine.core.state_child import ChildOrder
from engine.core.turn import Turn
from engine.events import TicketWritten
from engine.model import TERMINAL_BOOK, BookStatus, Instrument, InstrumentId, LegId, OrderReport, instrument_of, sign
from paper.verify.backing import backed_units, sells_shares

Key = tuple[str, LegId]
GIVEN_UP = frozenset({OrderState.ABSENT, OrderState.WITHDRAWN, OrderState.HELD})
"""States of an order that the engine counts on no more: at the broker after all it surfaced."""


class Truth:
    """The judge's book.

    Args:
        children: The children's settings.
        instruments: What is listed.
        state: The engine's state at this moment, `None` while no process runs.
        is_durable: Whether a tag's intent is on disk.
    """

    def __init__(
        self,
        children: Mapping[str, Child],
        instruments: Mapping[InstrumentId, Instrument],
        state: Callable[[], State | None],
        is_durable: Callable[[str], bool],
    ) -> None:
        self._children, self._instruments = children, instruments
        self._state, self._is_durable = state, is_durable
        self.violations: list[str] = []
        self.ours: dict[Key, int] = {}
        "Signed units that orders of the engine filled."
        self.manual: dict[Key, int] = {}
        "Signed units that the owner traded himself. He may have closed ours: then only the books at rest tell."
        self.master: dict[LegId, int] = {}
        self.surfaced: set[Key] = set()
        "Legs in which an order filled that the engine had given up: judged after their repair."
        self.entries: dict[str, bool] = {}
        "Of every order that was handed over: whether it is an entry."
        self._rows: dict[tuple[str, str], OrderReport] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._open: dict[Key, dict[str, OrderReport]] = {}
        self._under_way: dict[Key, set[str]] = {}
        "Tags that were handed over and are not in the book yet: they may arrive late."
        self._peak: dict[Key, int] = {}
        self._by_hand: dict[Key, int] = {}
        self.taken_off: set[Key] = set()
        "Legs of which tickets took lots off."
        self._known: dict[LegId, int] = {}

    # What is told

    def handed_over(self, command: PlaceOrder, order: ChildOrder, state: State) -> None:
        """The engine handed an order to its lane."""
        self.entries[command.tag] = order.entry
        self._under_way.setdefault((command.account, order.leg), set()).add(command.tag)
        self.master_known(order.leg, backed_units(state, order.leg))
        if not order.entry:
            return
        if sells_shares(order.leg, command.side):
            self._broken("I2", command.account, order.leg, f"entry {command.tag} sells shares")
        if not state.armed:
            self._broken("I10", command.account, order.leg, f"entry {command.tag} while disarmed")
        if state.kill or state.paused:
            self._broken("I10", command.account, order.leg, f"entry {command.tag} while killed or paused")

    def ticket_written(self, event: TicketWritten) -> None:
        """The operator may have so many lots more from now on."""
        instrument = self.instrument(event.leg)
        for child in event.children or tuple(self._children):
            if instrument is not None and child in self._children:
                key = (child, event.leg)
                self._by_hand[key] = self._by_hand.get(key, 0) + max(0, event.lots) * instrument.lot_units
                if event.lots < 0:
                    self.taken_off.add(key)

    def children(self) -> tuple[str, ...]:
        """The ids of all children."""
        return tuple(self._children)

    def by_hand_units(self, key: Key) -> int | None:
        """Units that tickets may have added to a leg on this day, `None` where no ticket was written."""
        return self._by_hand.get(key)

    def master_traded(self, leg: LegId, units: int) -> None:
        """The master's book shows `units` more of a leg (signed)."""
        self.master[leg] = self.master.get(leg, 0) + units

    def master_known(self, leg: LegId, units: int) -> None:
        """The engine knows of this holding of the master's, what works of his included, without sign.

        With pushes out of order it may never have been his.
        """
        if self._known.get(leg) == units:
            return
        self._known[leg] = units
        for child in self._children:
            self._raise_peak((child, leg))

    def changed(self, account: str, row: OrderReport) -> None:
        """An order changed at the exchange."""
        if account not in self._children:
            return
        before = self._rows.get((account, row.order_id))
        self._rows[account, row.order_id] = row
        key = (account, row.leg)
        self._check_row(account, row, before)
        is_open = row.status not in ("COMPLETE", "CANCELLED", "REJECTED")
        book = self._open.setdefault(key, {})
        self._under_way.get(key, set()).discard(row.tag)
        if row.tag and is_open:
            book[row.order_id] = row
        else:
            book.pop(row.order_id, None)
        new = row.filled - (0 if before is None else before.filled)
        if new > 0:
            self._filled(key, row, new * row.side.sign)
        if row.tag:
            self._check_most(key)

    # What is checked

    def _check_row(self, account: str, row: OrderReport, before: OrderReport | None) -> None:
        if before is not None:
            if row.filled < before.filled:
                self._broken("I6", account, row.leg, f"{row.order_id} filled {before.filled} and then {row.filled}")
            return
        if not row.tag:
            return
        known = self._ids.setdefault((account, row.tag), row.order_id)
        if known != row.order_id:
            self._broken("I1", account, row.leg, f"two orders carry {row.tag}")
        if not self._is_durable(row.tag):
            self._broken("I4", account, row.leg, f"{row.tag} was sent without a durable intent")
        instrument = self._instruments.get(instrument_of(row.leg))
        if instrument is None:
            return
        if instrument.freeze_units is not None and row.quantity > instrument.freeze_units:
            self._broken("I8", account, row.leg, f"{row.quantity} units are above the freeze quantity")
        is_to_zero = row.quantity == abs(self.ours.get((account, row.leg), 0))
        if row.quantity % instrument.lot_units and not is_to_zero:
            self._broken("I8", account, row.leg, f"{row.quantity} units are no whole lots")

    def _filled(self, key: Key, row: OrderReport, units: int) -> None:
        if not row.tag:
            self.manual[key] = self.manual.get(key, 0) + units
            return
        before = self.ours.get(key, 0)
        after = self.ours[key] = before + units
        if self._is_given_up(row.tag):
            self.surfaced.add(key)
        is_judged = key not in self.surfaced and key not in self.manual
        if is_judged and not self.entries.get(row.tag, True) and before * after <= 0 and after:
            self._broken("I3", *key, f"exit {row.tag} went from {before} beyond zero to {after}")
        if not after and not self._open.get(key) and not self._under_way.get(key):
            self._peak[key] = 0
            self._raise_peak(key)

    def _is_given_up(self, tag: str) -> bool:
        state = self._state()
        order = None if state is None else state.orders.get(tag)
        return order is not None and order.state in GIVEN_UP

    def _raise_peak(self, key: Key) -> None:
        self._peak[key] = max(self._peak.get(key, 0), abs(self._known.get(key[1], 0)))

    def _check_most(self, key: Key) -> None:
        """What a child holds and has working must never be more than its share of the master's largest holding."""
        most = self._most_units(key)
        if most is None or key in self.surfaced or key in self.manual:
            return
        held = self.ours.get(key, 0)
        working = sum(
            r.side.sign * (r.quantity - r.filled) for r in self._open.get(key, {}).values() if self.entries.get(r.tag)
        )
        if held * working >= 0 and abs(held + working) > most:
            self._broken("I2", *key, f"holds {held} with {working} working, at most {most}")

    def _most_units(self, key: Key) -> int | None:
        return self.bound_units(key, self._peak.get(key, 0))

    def bound_units(self, key: Key, master_units: int, *, round_up: bool = False) -> int | None:
        """The most that a child may have for so many units of the master's: its share, and what tickets added."""
        share = self.share_units(key, master_units, round_up=round_up)
        return None if share is None else share + self._by_hand.get(key, 0)

    def share_units(self, key: Key, master_units: int, *, round_up: bool = False) -> int | None:
        """A child's share of so many units of the master's, in whole lots; `None` where its mode does not say."""
        instrument = self._instruments.get(instrument_of(key[1]))
        if instrument is None:
            return None
        sizing, lot = self._children[key[0]].sizing, instrument.lot_units
        if sizing.mode is SizingMode.FIXED_LOTS and sizing.lots is not None:
            return sizing.lots * lot if master_units else 0
        ratio = self.ratio(*key)
        if ratio is None:
            return None
        lots = Fraction(master_units * ratio.numerator, ratio.denominator * lot)
        return (-(-lots.numerator // lots.denominator) if round_up else lots.numerator // lots.denominator) * lot

    def instrument(self, leg: LegId) -> Instrument | None:
        """What is listed of a leg."""
        return self._instruments.get(instrument_of(leg))

    def ratio(self, child: str, leg: LegId) -> Fraction | None:
        """A child's ratio in a leg: its own in the modes that fix it, else the frozen one of the newest strategy."""
        sizing, most = self._children[child].sizing, self._children[child].max_ratio
        if sizing.mode is SizingMode.FIXED_RATIO and sizing.ratio is not None:
            return sizing.ratio if most is None else min(sizing.ratio, most)
        state = self._state()
        if state is None or sizing.mode is not SizingMode.FROZEN_RATIO:
            return None
        strategy = state.strategies.get(Turn(state, state.now_ns, {}).scope_of(leg))
        return None if strategy is None else strategy.ratios.get(child) or strategy.last_ratios.get(child)

    def has_manual(self, key: Key) -> bool:
        """Whether the owner ever traded a leg himself."""
        return key in self.manual

    def open_rows(self) -> list[OrderReport]:
        """Orders of the engine that work at the exchange."""
        return [row for _, row in self.open_orders()]

    def open_orders(self) -> list[tuple[str, OrderReport]]:
        """Orders of the engine that work at the exchange, with their accounts."""
        return [(account, row) for (account, _), book in self._open.items() for row in book.values()]

    def asked(self, account: str, tag: str, order_id: str = "") -> int:
        """The whole quantity of an order of the engine as the exchange has it, 0 while it does not."""
        row = self._rows.get((account, self._ids.get((account, tag), order_id)))
        return 0 if row is None else row.quantity

    def refused_units(self, key: Key, since_ns: int) -> int:
        """Units of entries that the broker took in and refused since a time: what they had not filled."""
        return sum(
            row.quantity - row.filled
            for (account, _), row in self._rows.items()
            if (account, row.leg) == key
            and row.status is BookStatus.REJECTED
            and row.updated_ns >= since_ns
            and self.entries.get(row.tag)
        )

    def is_over(self, account: str, order_id: str) -> bool:
        """Whether an order has ended at the exchange, whatever status its broker shows."""
        row = self._rows.get((account, order_id))
        return row is not None and row.status in TERMINAL_BOOK

    def handed_to_the_owner(self, key: Key, units: int) -> None:
        """Units of ours that the engine says are the owner's now."""
        self.ours[key] = self.ours.get(key, 0) - units
        self.manual[key] = self.manual.get(key, 0) + units

    def filled(self, account: str, tag: str, order_id: str = "") -> int:
        """Units that an order of the engine filled at the exchange; by its id where the broker lost the tag."""
        row = self._rows.get((account, self._ids.get((account, tag), order_id)))
        return 0 if row is None else row.filled

    def _broken(self, rule: str, child: str, leg: LegId, what: str) -> None:
        self.violations.append(f"{rule} {child} {leg}: {what}")


def same_direction(units: int, master_units: int) -> bool:
    """Whether a holding stands the master's way, or is nothing."""
    return not units or sign(units) == sign(master_units)
