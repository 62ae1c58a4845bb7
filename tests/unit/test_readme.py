"""The README and the pages that it links say what the program can do: every key, command, option, code and setting."""

import argparse
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding, BindingType

import runner
from config.load import load_settings_text
from config.schema import Mode, Settings
from engine.model import NS_PER_S
from paper.scenario_expect import READERS
from paper.scenario_file import TOP_KEYS, load_scenario
from paper.scenario_operator import COMMANDS
from paper.simulate import Simulation
from paper.verdict import result_of
from state.journal import SqliteJournal
from state.session import Session
from tui.app import LockstepApp
from tui.screens.confirm import Confirm
from tui.screens.help import key_name

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def table(title: str, text: str = README) -> list[str]:
    """First cells of the rows below the header that begins with `title`."""
    _, _, rest = text.partition(f"\n| {title} |")
    rows = rest.split("\n\n", 1)[0].splitlines()[2:]
    return [row.split("|")[1] for row in rows]


def ticked(cells: list[str]) -> set[str]:
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shown_keys(bindings: list[BindingType]) -> set[str]:
    found = [b for b in bindings if isinstance(b, Binding) and b.show]
    return {key_name(key) for binding in found for key in binding.key.split(",")}


def parsers() -> dict[str, argparse.ArgumentParser]:
    top = runner._parser()
    commands = next(a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    return {"": top, **commands.choices}


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from (name for name in action.option_strings if name.startswith("--") and name != "--help")


def test_key_table_is_the_keys_of_the_dashboard() -> None:
    table_of_keys = table("Key", README.partition("\n## Keys\n")[2])
    first = {re.findall(r"`([^`]+)`", cell)[0] for cell in table_of_keys}
    assert len(first) == len(table_of_keys)
    assert {key.lower() for key in ticked(table_of_keys)} == {k.lower() for k in shown_keys(LockstepApp.BINDINGS)}


def test_prompt_table_is_the_keys_of_the_confirm_dialog() -> None:
    assert ticked(table("In a prompt")) == shown_keys(Confirm.BINDINGS)


def test_command_table_is_the_commands_of_the_parser() -> None:
    assert ticked(table("Command")) == set(parsers()) - {""}


def test_usage_lines_name_every_option_of_each_command_and_no_other() -> None:
    usage = next(block for block in blocks("") if "runner.py replay" in block)
    for name, parser in parsers().items():
        lines = [line for line in usage.splitlines() if f"runner.py {name or '['}" in line or f"[{name}]" in line]
        written = set(re.findall(r"--[a-z-]+", lines[0]))
        own = parser if name else parsers()["run"]  # no command is run
        assert written == set(options(own)) - {"--version"}, name
    assert "--version" in usage


def test_option_table_explains_every_option_and_no_other() -> None:
    explained = set(re.findall(r"--[a-z-]+", " ".join(table("Option"))))
    assert explained == {name for parser in parsers().values() for name in options(parser)} - {"--version"}


def test_exit_codes_are_those_of_the_runner() -> None:
    codes = {runner.DONE, runner.WRONG, runner.USAGE, runner.LOCKED, runner.DISARMED, runner.INTERRUPTED}
    assert {int(cell) for cell in table("Exit code")} == codes


def test_key_table_of_the_configuration_is_the_schema() -> None:
    _, _, section = README.partition("\n## Configuration\n")
    assert ticked(table("Key", "\n" + section)) == set(Settings.__struct_encode_fields__)


def test_example_configuration_loads() -> None:
    (text,) = blocks("yaml")
    settings = load_settings_text(text, "README.md")
    assert [child.id for child in settings.children] == ["SON", "MOTHER", "AUNT"]


def test_queries_run_on_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    SqliteJournal(path, sync=False).close()
    connection = sqlite3.connect(path)
    queries = blocks("sql")
    assert len(queries) == 5
    for query in queries:
        assert connection.execute(query).fetchall() == []
    views = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    connection.close()
    assert {view for view in views if f"`{view}`" in README} == views


def test_example_scenario_goes_as_the_page_says(tmp_path: Path) -> None:
    (text,) = blocks("yaml", SCENARIOS)
    file = tmp_path / "example.yaml"
    file.write_text(text, encoding="utf-8")
    simulation = Simulation(load_scenario(file), lambda: Session(tmp_path / "state", Mode.PAPER, sync=False))
    simulation.run()
    result = result_of(simulation)
    assert (result["failed"], result["violations"]) == ([], [])
    assert simulation.clock.now_ns() - simulation.scenario.start_ns == 60 * NS_PER_S
    assert set(result) <= ticked(table("Key", SCENARIOS.partition("\n## The result\n")[2]))


def test_scenario_page_has_every_key_and_operator_command() -> None:
    keys = SCENARIOS.partition("\n## The keys of the file\n")[2]
    assert ticked(table("Key", keys)) >= set(TOP_KEYS)
    assert ticked(table("Command", SCENARIOS)) == set(COMMANDS)
    assert ticked(table("Key", SCENARIOS.partition("\n## What `expect` can say\n")[2])) == set(READERS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []
