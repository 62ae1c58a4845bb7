"""Searches each planted bug from seed 0 on; for all of them it prints, as Markdown, what finds them.

python -m tests.sim.search [--first 0] [--most 10000] [--jobs N] [NAME ...]

Each is searched among the days of its own kind: those of `verify --follow fills`, or those of `--follow orders`.
With `--write` what was found goes to `tests/sim/found.py`, and the table to `docs/verify.md`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from paper.verify.campaign import run_seed
from tests.sim.crash_points import open_at
from tests.sim.found import FOUND
from tests.sim.planted import BUGS, GROUPS

SEEDS = Path(__file__).with_name("found.py")
SEEDS_HEAD = '''"""What found each planted bug, as `python -m tests.sim.search --write` wrote it."""

FOUND: dict[str, tuple[str, int, int, str]] = '''
"""The head of `found.py`; by name what is followed, the first seed, the steps until then, and the rule that broke."""
PAGE = Path(__file__).parents[2] / "docs" / "verify.md"
MARK = "<!-- table -->"
Found = tuple[str, int, int, str]
"""What is followed, seed, steps, rule: `verify --follow orders --first-seed 12 --seeds 1` is the day of a bug found so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a search for one bug came to."""

    name: str
    seed: int | None
    "The first seed that finds it, `None` when none did."
    tried: int
    "Seeds run with the bug in the product."
    steps: int = 0
    "Events that the engine had handled on that day when the rule was seen broken."
    violation: str = ""

    @property
    def rule(self) -> str:
        """The number of the invariant that broke, or how the program stopped."""
        first = self.violation.partition(" ")[0]
        return first if first[:1] == "I" and first[1:].isdigit() else self.violation.partition(":")[0]

    @property
    def found(self) -> Found | None:
        """What is kept of it, `None` when no seed found it."""
        return None if self.seed is None else (BUGS[self.name].follow.value, self.seed, self.steps, self.rule)


def search(name: str, seeds: Iterable[int]) -> Finding:
    """Run seeds in their order with a bug in the product until one breaks a rule that holds without the bug."""
    bug, tried = BUGS[name], 0
    for seed in seeds:
        with bug():
            outcome = run_seed(seed, open_at, follow=bug.follow)
        tried += 1
        if outcome.violations and not run_seed(seed, open_at, follow=bug.follow).violations:
            steps = outcome.steps if outcome.broken_at is None else outcome.broken_at
            return Finding(name=name, seed=seed, tried=tried, steps=steps, violation=outcome.violations[0])
    return Finding(name=name, seed=None, tried=tried)


def table(found: Mapping[str, Found]) -> list[str]:
    """What is known as Markdown, by group."""
    lines: list[str] = []
    for group, heading in GROUPS.items():
        rows = [bug for bug in BUGS.values() if bug.module == group]
        lines += ["", f"### {heading}", "", "| Planted bug | First seed | Steps | Broken |", "|---|---:|---:|---|"]
        for bug in rows:
            if bug.name in found:
                _, seed, steps, rule = found[bug.name]
                lines.append(f"| {bug.what} `{bug.name}` | {seed:,} | {steps:,} | {rule} |")
            else:
                lines.append(f"| {bug.what} `{bug.name}` | not found | | |")
    return lines


def write(found: Mapping[str, Found]) -> None:
    """Keep what is known, for the tests and for people."""
    rows = "".join(f"    {json.dumps(name)}: {_literal(found[name])},\n" for name in BUGS if name in found)
    SEEDS.write_text(f"{SEEDS_HEAD}{{\n{rows}}}\n", encoding="utf-8")
    kept = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text("\n".join([kept + MARK, *table(found), ""]), encoding="utf-8")


def _literal(found: Found) -> str:
    follow, seed, steps, rule = found
    return f"({json.dumps(follow)}, {seed}, {steps}, {json.dumps(rule)})"


def main() -> int:
    """Search the bugs named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.search", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these bugs")
    parser.add_argument("--most", type=int, default=10_000, help="seeds to try at most for one bug (default 10000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--write", action="store_true", help="keep seeds and table in the repository")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    arguments = parser.parse_args()
    names = arguments.names or list(BUGS)
    if unknown := [name for name in names if name not in BUGS]:
        parser.error(f"no such bug: {', '.join(unknown)}")
    findings: list[Finding] = []
    seeds = range(arguments.first, arguments.first + arguments.most)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for future in as_completed([pool.submit(search, name, seeds) for name in names]):
            found = future.result()
            findings.append(found)
            print(
                f"{found.name}: {found.seed} after {found.tried} ({found.violation[:150]})", file=sys.stderr, flush=True
            )
    known = FOUND | {found.name: found.found for found in findings if found.found is not None}
    if names == list(BUGS):
        print("\n".join(table(known)))
    if arguments.write:
        write(known)
    return 1 if any(found.seed is None for found in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
