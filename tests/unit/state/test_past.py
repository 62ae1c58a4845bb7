"""What a child was sized by in the strategies so far, out of the journal's views."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.commands import RecordStrategy
from engine.errors import LockstepError
from state import schema
from state.journal import SqliteJournal
from state.past import past_ratios
from tests.unit.state.samples import tick
from tests.unit.state.test_journal import NAME, change

S = 1_000_000_000


def strategy(number: int, state: str, ratios: dict[str, str], name: str = "iron condor") -> RecordStrategy:
    return RecordStrategy(
        scope="ACCOUNT",
        strategy=number,
        started_ns=number * 100 * S,
        state=state,
        name=name,
        source="PAPER",
        baseline_inr=None if number == 3 else Decimal(35_00_000),
        ratios=ratios,
    )


def journal_of(path: Path) -> Path:
    """Three strategies; the child's ratio changed in the first, and it was left out of the second."""
    journal = SqliteJournal(path / NAME)
    journal.append(tick(1 * S), [strategy(1, "ACTIVE", {"C1": "3/10", "C2": "1"})])
    journal.append(tick(2 * S), [strategy(1, "FLAT", {"C1": "2/5", "C2": "1"})])
    journal.append(tick(3 * S), [strategy(2, "FLAT", {"C2": "1"}, name="")])
    journal.append(tick(4 * S), [strategy(3, "ACTIVE", {"C1": "1/7"})])
    journal.commit()
    journal.close()
    return path / NAME


def test_the_last_ratio_of_every_strategy_newest_first(tmp_path: Path) -> None:
    found = past_ratios(journal_of(tmp_path), "C1", 10, lambda: False)
    assert [(one.started_ns // S, one.name, one.source, one.baseline_inr, one.ratio) for one in found] == [
        (300, "iron condor", "PAPER", None, Fraction(1, 7)),
        (200, "", "PAPER", Decimal(35_00_000), None),
        (100, "iron condor", "PAPER", Decimal(35_00_000), Fraction(2, 5)),
    ]


def test_no_more_than_is_wanted_and_nothing_of_a_journal_without_strategies(tmp_path: Path) -> None:
    path = journal_of(tmp_path)
    assert [one.started_ns // S for one in past_ratios(path, "C1", 2, lambda: False)] == [300, 200]
    (tmp_path / "new").mkdir()
    SqliteJournal(tmp_path / "new" / NAME).close()
    assert past_ratios(tmp_path / "new" / NAME, "C1", 2, lambda: False) == []


@pytest.mark.parametrize("ratio", ["a third", "1/0"])
def test_what_cannot_be_read_is_told_as_a_sentence(tmp_path: Path, ratio: str) -> None:
    path = journal_of(tmp_path)
    change(path, f"UPDATE commands SET body = json_set(body, '$.ratios', json('{{\"C1\": \"{ratio}\"}}'))")
    with pytest.raises(LockstepError, match="Earlier ratios cannot be read now"):
        past_ratios(path, "C1", 10, lambda: False)
    path.unlink()
    with pytest.raises(LockstepError, match="It concerns this page alone"):
        past_ratios(path, "C1", 10, lambda: False)


def test_of_two_strategies_that_began_together_the_later_one_comes_first(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / NAME)
    for second, scope in enumerate("AB", start=1):
        journal.append(tick(second * S), [replace(strategy(1, "ACTIVE", {"C1": "1/2"}), scope=scope)])
    journal.commit()
    journal.close()
    assert [one.scope for one in past_ratios(tmp_path / NAME, "C1", 10, lambda: False)] == ["B", "A"]


def test_a_read_that_nobody_waits_for_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = journal_of(tmp_path)
    monkeypatch.setattr(schema, "STEPS", 1)
    with pytest.raises(LockstepError, match="interrupted"):
        past_ratios(path, "C1", 10, lambda: True)
