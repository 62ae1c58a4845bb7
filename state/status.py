"""What the running or the last session holds, read from its files without disturbing it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.rules import to_ist
from config.schema import Mode
from engine.core.lifecycle import OrderState
from engine.core.state import State
from engine.model import split_leg
from state.lock import is_locked
from state.session import fold
from state.store import latest_state, lock_path, mode_directory, state_files

Json = dict[str, object]

_UNANSWERED = "not answered for: it takes exits only until you answer in its dashboard"
_NOT_ENDED_WELL = "not ended well, or not answered for: the next start takes exits only until you answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One session's holdings."""

    document: Json

    def text(self) -> str:
        """For people."""
        rows = self.document
        lines = [
            f"{rows['session']} session of {rows['day']}, {rows['mode']}, last heard of at {rows['at']} IST",
            f"strategy {rows['strategy']}; ratios {_ratios(rows['ratios'])}",
        ]
        for account in ("master", "children"):
            lines += [f"  {name}: {_units(held)}" for name, held in _pairs(rows[account])]
        for key in ("working", "unknown", "held"):
            found = rows[key]
            if isinstance(found, list) and found:
                lines.append(f"  {key}: {', '.join(str(row) for row in found)}")
        if rows.get("orphaned"):
            orphaned = "; ".join(f"{name} {_units(held)}" for name, held in _pairs(rows["orphaned"]))
            lines.append(f"  handed over and not closed by their owners: {orphaned}")
        if rows.get("unclean"):
            lines.append(f"  {_UNANSWERED if rows['session'] == 'running' else _NOT_ENDED_WELL}")
        return "\n".join(lines)


def newest_status(roots: Sequence[Path]) -> Status | None:
    """The status of the session that was written last below any of the data directories, `None` when there is none.

    Raises:
        StateRefused: Its files are damaged or of another version.
    """
    found = newest_state(roots)
    return None if found is None else _status(found[0], is_running=found[1])


def newest_state(roots: Sequence[Path]) -> tuple[State, bool] | None:
    """The state of the session that was written last, and whether it runs; `None` when there is none.

    Raises:
        StateRefused: Its files are damaged or of another version.
    """
    found: list[tuple[float, Path, Mode]] = []
    for root in roots:
        for mode in Mode:
            files = state_files(mode_directory(root, mode))
            if files:
                found.append((max(file.stat().st_mtime for file in files), root, mode))
    for _, root, mode in sorted(found, key=lambda row: row[0], reverse=True):
        state, events = latest_state(root, mode)
        if state is not None or events:
            return fold(state, events, mode_directory(root, mode)).state, is_locked(lock_path(root))
    return None


def _status(state: State, *, is_running: bool) -> Status:
    strategy = next(iter(state.strategies.values()), None)
    # An order that was sent is on its way while the program runs; when it does not, nobody heard the answer.
    on_its_way = {OrderState.SENT} if is_running else set()
    unanswered = set() if is_running else {OrderState.SENT}
    return Status(
        document={
            "session": "running" if is_running else "last",
            "day": state.day,
            "mode": state.mode.value,
            "at": to_ist(state.now_ns).strftime("%H:%M:%S"),
            "strategy": "FLAT" if strategy is None else strategy.state.value,
            "ratios": {} if strategy is None else {c: str(r) for c, r in strategy.ratios.items()},
            "master": {
                state.master.account: {
                    split_leg(leg.leg)[1]: leg.units for leg in state.master.legs.values() if leg.units
                }
            },
            "children": {
                child.id: {
                    split_leg(leg.leg)[1]: leg.allocation_units for leg in child.legs.values() if leg.allocation_units
                }
                for child in state.children.values()
            },
            "working": _tags(state, {OrderState.QUEUED, OrderState.WORKING} | on_its_way),
            "unknown": _tags(state, {OrderState.UNKNOWN} | unanswered),
            "held": _tags(state, {OrderState.HELD}),
            "orphaned": {
                child.id: orphaned
                for child in state.children.values()
                if (
                    orphaned := {
                        split_leg(leg.leg)[1]: leg.orphaned_units for leg in child.legs.values() if leg.orphaned_units
                    }
                )
            },
            "unclean": state.unclean or not (is_running or state.stopped),
            "armed": state.armed,
            "paused": state.paused,
            "kill": state.kill,
        }
    )


def _pairs(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _units(held: object) -> str:
    return ", ".join(f"{units:+d} {symbol}" for symbol, units in _pairs(held)) or "nothing"


def _ratios(ratios: object) -> str:
    return ", ".join(f"{child} {ratio}" for child, ratio in _pairs(ratios)) or "none"


def _tags(state: State, wanted: Collection[OrderState]) -> list[str]:
    return [order.tag for order in state.orders.values() if order.state in wanted]
