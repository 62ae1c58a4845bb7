"""What a child was sized by in the strategies of the journal: for people, read beside the writer."""

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from engine.errors import LockstepError
from engine.trail import PastRatio
from state.schema import is_empty, stoppable

_RATIOS = (
    "SELECT started_ns, name, scope, source, baseline_inr, (SELECT value FROM json_each(ratios) WHERE key = ?)"
    " FROM v_strategies ORDER BY started_ns DESC, seq DESC LIMIT ?"
)


def past_ratios(journal: Path, account: str, most: int, stopped: Callable[[], bool]) -> Sequence[PastRatio]:
    """The newest strategies with a child's ratio in each, newest first; the one that runs is among them.

    Args:
        journal: The file.
        account: The child.
        most: Strategies at most.
        stopped: Asked now and then whether nobody waits for it any more.

    Raises:
        LockstepError: It cannot be read now.
    """
    try:
        with stoppable(journal, stopped) as connection:
            rows = [] if is_empty(connection) else connection.execute(_RATIOS, (account, most)).fetchall()
        return [
            PastRatio(
                started_ns=started_ns,
                name=name,
                scope=scope,
                source=source,
                baseline_inr=None if baseline is None else Decimal(baseline),
                ratio=Fraction(ratio) if ratio else None,
            )
            for started_ns, name, scope, source, baseline, ratio in rows
        ]
    except (sqlite3.Error, OSError, LockstepError, ValueError, TypeError, ArithmeticError) as error:
        raise LockstepError(f"Earlier ratios cannot be read now: {error}. It concerns this page alone.") from None
