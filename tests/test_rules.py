"""Every rule has a scenario file or a test that names it, and whatever names a rule names one that there is."""

import ast
import re
from pathlib import Path

import pytest

from tests.scenarios.files import OWN, ROOT

RULES = ROOT / "docs" / "rules.md"
PARTS = ("rules_part1.md", "rules_part2.md")
HEADING = re.compile(r"^### (R\d+\.\d+)\b", re.MULTILINE)
PREFIX = re.compile(r"r(\d+)-(\d+)_\w+")


def rules_in(text: str) -> list[str]:
    """The rules of a document, in its order: `R1.4`."""
    return HEADING.findall(text)


def rule_of_file(name: str) -> str | None:
    """The rule that a scenario file's name claims, `None` when it claims none."""
    match = PREFIX.fullmatch(name.removesuffix(".yaml"))
    return None if match is None else f"R{int(match[1])}.{int(match[2])}"


def rules_marked(source: str) -> list[str]:
    """The rules that a test module's `rule` markers name."""
    return [
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "pytest.mark.rule"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]


def documents() -> list[Path]:
    """The document of the rules, or its parts while it is not put together."""
    return [RULES] if RULES.exists() else [path for name in PARTS if (path := RULES.parent / name).exists()]


def known_rules() -> list[str]:
    return [rule for path in documents() for rule in rules_in(path.read_text(encoding="utf-8"))]


def claims() -> dict[str, list[str]]:
    """Rule -> what proves it."""
    found: dict[str, list[str]] = {}
    for path in sorted(OWN.glob("*.yaml")):
        rule = rule_of_file(path.name)
        if rule is not None:
            found.setdefault(rule, []).append(path.name)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for rule in rules_marked(path.read_text(encoding="utf-8")):
            found.setdefault(rule, []).append(path.name)
    return found


def test_every_rule_is_proven() -> None:
    proven = claims()
    assert [rule for rule in known_rules() if rule not in proven] == []


def test_nothing_names_a_rule_that_there_is_not() -> None:
    known = set(known_rules())
    assert {rule: names for rule, names in claims().items() if rule not in known} == {}


def test_no_rule_has_two_headings() -> None:
    rules = known_rules()
    assert len(rules) == len(set(rules)) > 0


def test_every_scenario_file_is_named_for_its_rule() -> None:
    assert [path.name for path in sorted(OWN.glob("*.yaml")) if rule_of_file(path.name) is None] == []


# The readers above, on samples


def test_headings_are_the_rules() -> None:
    text = "# Rules\n### R1.4 Capped\ntext R9.9\n#### R2.2 deeper\n### R10.12\n## R3.3\n"
    assert rules_in(text) == ["R1.4", "R10.12"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("r1-04_cap.yaml", "R1.4"),
        ("r10-12_x.yaml", "R10.12"),
        ("r1-04.yaml", None),
        ("01_frozen_ratio.yaml", None),
        ("r1_04_cap.yaml", None),
    ],
)
def test_file_name_claims_its_rule(name: str, rule: str | None) -> None:
    assert rule_of_file(name) == rule


def test_markers_are_found_wherever_they_stand() -> None:
    source = (
        'import pytest\npytestmark = pytest.mark.rule("R1.1")\n\n'
        '@pytest.mark.rule("R2.2")\n@pytest.mark.rule("R3.3")\ndef test_x():\n    pass\n'
    )
    assert sorted(rules_marked(source)) == ["R1.1", "R2.2", "R3.3"]
