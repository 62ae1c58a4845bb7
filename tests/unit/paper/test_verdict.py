"""The verdict: every key of `expect` agrees with what it means and with nothing else."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.schema import Mode
from paper.scenario_expect import READERS
from paper.scenario_file import load_scenario
from paper.simulate import Simulation
from paper.verdict import differences, number, result_of, summary
from state.session import Session
from tests.scenarios.files import OWN, scenario_files
from tests.unit.paper.builders import CALL, PUT

KEYS = {
    "name", "strategy", "ratios", "positions", "allocations", "orders", "skipped", "held", "violations", "checks", "failed",
}  # fmt: skip


def row(symbol: str = CALL, quantity: int = 195, kind: str = "MARKET") -> dict[str, object]:
    return {"symbol": symbol, "quantity": quantity, "type": kind}


def result() -> dict[str, Any]:
    return {
        "name": "a day",
        "strategy": {"state": "ACTIVE", "baseline_master": 1000000},
        "ratios": {"C1": "3/10", "C2": "1/7"},
        "positions": {"C1": {CALL: 195, PUT: -65}, "C2": {}},
        "orders": {"C1": [row(), row(PUT, 65, "LIMIT")], "C2": []},
        "skipped": [{"child": "C2", "symbol": CALL, "reason": "Below one lot"}],
        "held": [],
        "violations": [],
        "failed": [],
    }


MET: list[tuple[str, object]] = [
    ("positions", {"C1": {CALL: 195, PUT: -65}}),
    ("positions", {"C1": {CALL: 195, PUT: -65, "OTHER": 0}, "C2": {}}),
    ("positions", {}),
    ("ratios", {"C1": "3/10"}),
    ("ratios", {"C1": "6/20", "C2": "1/7"}),
    ("ratios", {"C1": Decimal("0.3")}),
    ("order_counts", {"C1": 2, "C2": 0}),
    ("max_order_counts", {"C1": 2}),
    ("max_order_counts", {"C1": 3, "C2": 0}),
    ("order_quantities", {"C1": [195, 65], "C2": []}),
    ("order_types", {"C1": ["MARKET", "LIMIT"]}),
    ("max_order_quantity", 195),
    ("max_order_quantity", 1000),
    ("strategy_state", "ACTIVE"),
    ("skipped", [{"child": "C2", "reason": "below"}]),
    ("skipped", [{"symbol": CALL}]),
    ("held", []),
]
MISSED: list[tuple[str, object, str]] = [
    ("positions", {"C1": {CALL: 195}}, "positions of C1"),
    ("positions", {"C1": {CALL: 195, PUT: 65}}, "positions of C1"),
    ("positions", {"C2": {CALL: 65}}, "positions of C2"),
    ("positions", {"C1": {}}, "positions of C1"),
    ("positions", {"C9": {}}, "positions of C9"),
    ("ratios", {"C1": "1/3"}, "ratios of C1: wanted 1/3, was 3/10"),
    ("ratios", {"C9": "1/3"}, "ratios of C9"),
    ("order_counts", {"C1": 1}, "order_counts of C1: wanted 1, was 2"),
    ("order_counts", {"C2": 1}, "order_counts of C2: wanted 1, was 0"),
    ("max_order_counts", {"C1": 1}, "max_order_counts of C1"),
    ("order_quantities", {"C1": [65, 195]}, "order_quantities of C1"),
    ("order_quantities", {"C1": [195]}, "order_quantities of C1"),
    ("order_types", {"C1": ["MARKET", "MARKET"]}, "order_types of C1"),
    ("max_order_quantity", 194, "C1 has an order of 195"),
    ("strategy_state", "FLAT", "wanted FLAT, was ACTIVE"),
    ("skipped", [], "wanted none"),
    ("skipped", [{"child": "C1"}], "no row like"),
    ("skipped", [{"child": "C2", "reason": "stale"}], "no row like"),
    ("skipped", [{"child": "C2"}, {"child": "C1"}], "{'child': 'C1'}"),
    ("held", [{"child": "C1"}], "no row like"),
]


@pytest.mark.parametrize(("key", "wanted"), MET)
def test_expectation_that_is_met_makes_no_difference(key: str, wanted: object) -> None:
    assert differences({key: wanted}, result()) == []


@pytest.mark.parametrize(("key", "wanted", "said"), MISSED)
def test_expectation_that_is_missed_is_one_difference_that_says_so(key: str, wanted: object, said: str) -> None:
    (difference,) = differences({key: wanted}, result())
    assert said in difference


def test_every_key_has_its_met_and_its_missed_case() -> None:
    assert {key for key, _ in MET} == {key for key, _, _ in MISSED} == set(READERS)


def test_every_missed_expectation_is_told() -> None:
    found = differences({"strategy_state": "FLAT", "order_counts": {"C1": 9, "C2": 9}, "held": []}, result())
    assert len(found) == 3


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, None), (Decimal("100.00"), 100), (Decimal("100.05"), 100.05), (Decimal("-1E+3"), -1000), (Decimal(0), 0)],
)
def test_amount_is_a_json_number(value: Decimal | None, shown: float | None) -> None:
    assert number(value) == shown
    assert type(number(value)) is type(shown)


@pytest.mark.parametrize(
    ("failed", "violations", "last"),
    [([], [], "all as expected"), (["x"], [], "NOT as expected"), ([], ["I1 y"], "NOT as expected")],
)
def test_summary_ends_with_the_verdict_and_names_what_is_wrong(
    failed: list[str], violations: list[str], last: str
) -> None:
    text = summary(result() | {"failed": failed, "violations": violations})
    assert text.splitlines()[-1] == last
    for wrong in failed + violations:
        assert wrong in text
    assert "skipped: C2" in text


# The document of a real run


def run(path: Path, tmp_path: Path) -> dict[str, Any]:
    simulation = Simulation(load_scenario(path), lambda: Session(tmp_path, Mode.PAPER, sync=False))
    simulation.run()
    return result_of(simulation)


@pytest.mark.parametrize("path", scenario_files()[:3], ids=lambda path: path.stem)
def test_document_has_every_key_and_is_json(path: Path, tmp_path: Path) -> None:
    document = run(path, tmp_path)
    assert set(document) == KEYS
    assert json.loads(json.dumps(document)) == document
    for orders in document["orders"].values():
        for order in orders:
            assert set(order) == {
                "symbol", "side", "quantity", "type", "product", "status", "filled", "average_price", "tag", "at_s",
            }  # fmt: skip


def test_wrong_expectation_of_a_real_run_fails(tmp_path: Path) -> None:
    source = next(path for path in sorted(OWN.glob("*.yaml")) if "order_counts" in path.read_text(encoding="utf-8"))
    good = load_scenario(source)
    text = (
        source.read_text(encoding="utf-8").split("expect:")[0]
        + "expect: {max_order_quantity: 0, strategy_state: EXITING}\n"
    )
    changed = tmp_path / "changed.yaml"
    changed.write_text(text, encoding="utf-8")
    document = run(changed, tmp_path / "state")
    assert any(difference.startswith("strategy_state") for difference in document["failed"])
    assert document["name"] == good.name
