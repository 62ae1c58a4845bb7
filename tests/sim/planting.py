"""Puts a wrong version of a function or constant into the product for a while, and takes it out again.

Nothing in the product knows of it. A planted bug is a generator-free function that says what is replaced; `planted`
makes a context manager of it, to be found on days on which fills are followed; `planted_where_orders_rest` one for days on
which the master's resting orders are mirrored.
"""

import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FunctionType, ModuleType
from typing import Any

import engine
import paper
import state
from config.schema import Follow

Swap = AbstractContextManager[None]
PRODUCT = ("engine", "paper", "state")


@functools.cache
def product_modules() -> tuple[ModuleType, ...]:
    """Every module of engine, paper and state, imported."""
    for package in (engine, paper, state):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    return tuple(module for name, module in sorted(sys.modules.items()) if name.split(".")[0] in PRODUCT)


@contextmanager
def replace_everywhere(original: Callable[..., Any], replacement: Callable[..., Any]) -> Iterator[None]:
    """Replace a function wherever the product has it: by its name in any module, in tables, or as a method."""
    _check_parameters(original, replacement)
    undo = [_undo for module in product_modules() for _undo in _swap_in(module, original, replacement)]
    if not undo:
        raise LookupError(f"{original} is nowhere in the product")
    try:
        yield
    finally:
        for owner, name, value in undo:
            setattr(owner, name, value)


def _swap_in(module: ModuleType, original: object, replacement: object) -> Iterator[tuple[object, str, object]]:
    for name, value in list(vars(module).items()):
        if value is original:
            yield _set(module, name, replacement)
        elif isinstance(value, tuple) and any(item is original for item in value):
            yield _set(module, name, tuple(replacement if item is original else item for item in value))
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for attribute, member in list(vars(value).items()):
                if member is original:
                    yield _set(value, attribute, replacement)


def _set(owner: object, name: str, value: object) -> tuple[object, str, object]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    return owner, name, before


@contextmanager
def in_module(module: ModuleType, name: str, replacement: object) -> Iterator[None]:
    """Replace a name in one module only: a constant, or a function as that module sees it."""
    _check_parameters(vars(module)[name], replacement)
    owner, _, before = _set(module, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _check_parameters(original: object, replacement: object) -> None:
    """Functions must take the same: a wrong version that cannot be called stops the program, and proves nothing.

    Raises:
        TypeError: They do not.
    """
    if not (isinstance(original, FunctionType) and isinstance(replacement, FunctionType)):
        return
    right, wrong = _parameters(original), _parameters(replacement)
    if right != wrong:
        raise TypeError(f"{original.__qualname__} takes {right}, its wrong version {wrong}")


def _parameters(function: FunctionType) -> tuple[int, list[str]]:
    """(number of positional parameters, names of the others)."""
    parameters = inspect.signature(function).parameters.values()
    by_name = sorted(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return len(parameters) - len(by_name), by_name


class Bug:
    """A planted bug: called, it is a context manager in which the product is wrong.

    Args:
        swaps: Says what is replaced; its docstring is what the bug does.
        follow: What of the master is followed on the days that must find it.
    """

    def __init__(self, swaps: Callable[[], list[Swap]], follow: Follow) -> None:
        self._swaps = swaps
        self.follow = follow
        self.name = swaps.__name__
        self.what = (swaps.__doc__ or "").strip()
        self.module = swaps.__module__

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """The product with this bug."""
        with ExitStack() as stack:
            for swap in self._swaps():
                stack.enter_context(swap)
            yield


BUGS: dict[str, Bug] = {}
"""Every planted bug by name; `tests.sim.planted` fills it."""


def planted(swaps: Callable[[], list[Swap]]) -> Bug:
    """Register a bug that is found where fills are followed."""
    return _register(Bug(swaps, Follow.FILLS))


def planted_where_orders_rest(swaps: Callable[[], list[Swap]]) -> Bug:
    """Register a bug that is found where the master's resting orders are mirrored (`follow: orders`)."""
    return _register(Bug(swaps, Follow.ORDERS))


def _register(bug: Bug) -> Bug:
    if not bug.what or bug.name in BUGS:
        raise ValueError(f"{bug.name}: every planted bug has a name of its own and a line that says what it does")
    BUGS[bug.name] = bug
    return bug
