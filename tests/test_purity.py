"""engine/core is pure: the same events give the same commands. Nothing in it may look at the world or remember aside."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.files import ROOT

CORE = sorted((ROOT / "engine" / "core").glob("**/*.py"))

ALLOWED_MODULES = frozenset(
    {
        "bisect", "collections", "collections.abc", "dataclasses", "datetime", "decimal", "enum", "fnmatch",
        "fractions", "functools", "itertools", "math", "msgspec", "operator", "re", "types", "typing", "zlib",
        "config.order_limits", "config.rates", "config.schema",
        "engine.commands", "engine.errors", "engine.events", "engine.model", "engine.money", "engine.snapshot",
    }
)  # fmt: skip
FORBIDDEN_CALLS = frozenset(
    {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "globals", "vars", "id", "hash"}
)
"""`hash` and `id` differ from one process to the next."""
FORBIDDEN_METHODS = frozenset({"now", "today", "utcnow", "localtime"})
ZONED_METHODS = {"fromtimestamp": 2, "astimezone": 1}
"""Pure only with a zone: without it they use the machine's. The arguments that they then have."""
MUTABLE_MAKERS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"})
MUTATORS = frozenset(
    {
        "append", "add", "update", "pop", "popitem", "setdefault", "clear", "extend", "insert", "remove", "discard",
        "appendleft", "popleft", "sort", "reverse",
    }
)  # fmt: skip


def impurities(source: str) -> list[str]:
    """What makes a module impure, as `line: what`."""
    tree = ast.parse(source)
    shared = _module_names(tree)
    found = [*_imports(tree), *_calls(tree), *_globals(tree, shared), *_changes(tree, shared)]
    return [f"{line}: {what}" for line, what in sorted(found)]


Found = Iterator[tuple[int, str]]


def _imports(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = [f"engine.core.{a.name}" for a in node.names] if module == "engine.core" else [module]
        for name in names:
            if name not in ALLOWED_MODULES and not name.startswith("engine.core."):
                yield getattr(node, "lineno", 0), f"import of {name}"


def _calls(tree: ast.Module) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in FORBIDDEN_CALLS:
            yield node.lineno, f"use of {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_METHODS:
            yield node.lineno, f"use of .{node.attr}"
        elif isinstance(node, ast.Call) and _lacks_a_zone(node):
            yield node.lineno, f"{ast.unparse(node.func)} without a zone"


def _lacks_a_zone(call: ast.Call) -> bool:
    needed = ZONED_METHODS.get(call.func.attr, 0) if isinstance(call.func, ast.Attribute) else 0
    return len(call.args) + len(call.keywords) < needed


def _module_names(tree: ast.Module) -> set[str]:
    """Names that the module's functions share: assigned at its top or imported."""
    names: set[str] = set()
    for node in tree.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


def _globals(tree: ast.Module, shared: set[str]) -> Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node.lineno, f"global {', '.join(node.names)}"
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_mutable(node.value):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and not target.id.isupper():
                yield node.lineno, f"mutable {target.id} that is no constant"


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    if not isinstance(value, ast.Call):
        return False
    name = value.func
    if isinstance(name, ast.Subscript):
        name = name.value
    return (isinstance(name, ast.Name) and name.id in MUTABLE_MAKERS) or (
        isinstance(name, ast.Attribute) and name.attr in MUTABLE_MAKERS
    )


def _changes(tree: ast.Module, shared: set[str]) -> Found:
    """Changes of what functions share: a table that is written to is no constant."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        visible = shared - _local_names(function)
        for node in ast.walk(function):
            name = _changed(node)
            if name in visible:
                yield getattr(node, "lineno", 0), f"change of {name}"


def _local_names(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {argument.arg for argument in every if argument is not None}


def _changed(node: ast.AST) -> str | None:
    """The name that a statement or call changes, `None` when it changes none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return _name(node.func.value)
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return _name(node.value)
    return None


def _name(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.name)
def test_module_of_the_core_is_pure(path: Path) -> None:
    assert impurities(path.read_text(encoding="utf-8")) == []


def test_core_has_its_modules() -> None:
    """Guards the test above: a moved directory would make it pass."""
    assert len(CORE) > 20


# The checker itself

BAD = {
    "time": "import time",
    "random": "from random import Random",
    "os": "import os.path",
    "inside a function": "def f() -> None:\n    import socket",
    "relative": "from . import clock",
    "shell": "from engine.host import Host",
    "engine itself": "from engine import loop",
    "logging": "import logging as quiet",
    "threads": "from threading import Lock",
    "paths": "from pathlib import Path",
    "clock through datetime": "from datetime import datetime\n\ndef f() -> object:\n    return datetime.now()",
    "today": "from datetime import date\n\nnow = date.today",
    "machine's zone": "from datetime import datetime\n\ndef f(s: float) -> object:\n    return datetime.fromtimestamp(s)",
    "file": "def f() -> object:\n    return open('x')",
    "print": "def f() -> None:\n    print(1)",
    "print handed on": "talk = print",
    "import by name": "def f() -> object:\n    return __import__('time')",
    "hash": "def f(text: str) -> int:\n    return hash(text)",
    "global": "COUNT = 0\n\ndef f() -> None:\n    global COUNT\n    COUNT = 1",
    "mutable": "seen = []",
    "annotated mutable": "seen: dict[str, int] = {}",
    "mutable made by a call": "from collections import defaultdict\n\nseen = defaultdict(int)",
    "table that is appended to": "SEEN: list[int] = []\n\ndef f(n: int) -> None:\n    SEEN.append(n)",
    "table that is written to": "SEEN: dict[int, int] = {}\n\ndef f(n: int) -> None:\n    SEEN[n] = 1",
    "table that is added to": "SEEN: dict[int, int] = {}\n\ndef f(n: int) -> None:\n    SEEN[n] += 1",
    "table that is deleted from": "SEEN: dict[int, int] = {}\n\ndef f(n: int) -> None:\n    del SEEN[n]",
    "inside of a table": "SEEN: dict[int, set[int]] = {}\n\ndef f(n: int) -> None:\n    SEEN[n].add(n)",
    "table of another module": "from engine.core.lifecycle import LEGAL\n\ndef f() -> None:\n    LEGAL.clear()",
    "attribute of another module": "from engine.core import orders\n\ndef f() -> None:\n    orders.MOST = 5",
}  # fmt: skip
GOOD = {
    "constants": "LIMITS = {1: 2}\nNAMES = ['a']\n\ndef f(n: int) -> int:\n    return LIMITS[n]",
    "locals": "def f() -> list[int]:\n    seen: list[int] = []\n    seen.append(1)\n    return seen",
    "argument with the name of a constant": "ROWS: list[int] = []\n\ndef f(ROWS: list[int]) -> None:\n    ROWS.append(1)",
    "what is passed in": "def f(state: dict[str, int]) -> None:\n    state['a'] = 1\n    state.update(b=2)",
    "dates without a clock": "from datetime import date\n\ndef f(text: str) -> date:\n    return date.fromisoformat(text)",
    "given zone": "from datetime import UTC, datetime\n\ndef f(s: float) -> object:\n    return datetime.fromtimestamp(s, UTC)",
    "other parts of the core": "from engine.core import orders\nfrom engine.core.state import State",
}  # fmt: skip


@pytest.mark.parametrize("source", BAD.values(), ids=BAD)
def test_impure_module_is_found(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD)
def test_pure_module_is_not_complained_about(source: str) -> None:
    assert impurities(source) == []


# What no reading of the source shows: an order of a set that differs from process to process

PROGRAM = """
import tempfile, zlib
from pathlib import Path
from tests.unit.state.days import random_day
from tests.unit.state.recovery import RecordedRun
for seed in range(3, 10):
    with tempfile.TemporaryDirectory() as root:
        print(seed, zlib.crc32(RecordedRun(random_day(seed), Path(root)).live))
"""


def test_other_process_decides_the_same() -> None:
    """Recovery folds the journal in a new process: its hash seed must not matter."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].splitlines()) == 7
