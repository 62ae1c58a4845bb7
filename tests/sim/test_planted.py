"""The fault simulation finds every planted bug: a simulation that finds nothing proves nothing."""

from collections.abc import Iterator
from itertools import chain

import pytest

from engine.core import turn
from engine.core.turn import net_units
from tests.sim.found import FOUND
from tests.sim.planted import BUGS
from tests.sim.planting import in_module, product_modules, replace_everywhere
from tests.sim.search import search

LEAST_BUDGET, FACTOR, MOST_BUDGET = 50, 4, 10_000
"""A bug has so many seeds to be found within, or so many times the seed that found it last: situations may shift."""
QUICK_MOST = 100
"""Bugs that take more seeds are searched among the slow tests: their budget alone is minutes long."""


def seeds(name: str) -> Iterator[int]:
    """The seed that found it last, and then all from 0 on."""
    first = _found_at(name)
    return chain((first,), range(min(MOST_BUDGET, max(LEAST_BUDGET, FACTOR * first))))


def _found_at(name: str) -> int:
    _, seed, _, _ = FOUND[name]
    return seed


CASES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in FOUND and _found_at(name) > QUICK_MOST else [], id=name)
    for name in BUGS
]


@pytest.mark.parametrize("name", CASES)
def test_planted_bug_is_found_and_the_same_day_without_it_is_sound(name: str) -> None:
    found = search(name, seeds(name))  # only among days that are sound without it
    assert found.seed is not None, f"{BUGS[name].what} Not found in {found.tried} seeds."


def test_every_planted_bug_has_a_seed_that_found_it() -> None:
    assert {name: follow for name, (follow, *_) in FOUND.items()} == {bug.name: bug.follow for bug in BUGS.values()}
    assert len(BUGS) >= 40


def test_planting_leaves_the_product_as_it_was() -> None:
    before = _product()
    for bug in BUGS.values():
        with bug():
            assert _product() != before, bug.name
        assert _product() == before, bug.name


def test_replacing_what_the_product_does_not_have_is_an_error() -> None:
    with pytest.raises(LookupError), replace_everywhere(_product, _product):
        pass


def test_wrong_version_that_takes_something_else_is_an_error() -> None:
    with pytest.raises(TypeError), replace_everywhere(net_units, lambda _child: 0):
        pass
    with pytest.raises(TypeError), in_module(turn, "net_units", lambda _child, _leg, *, _side: 0):
        pass


def _product() -> dict[tuple[str, str], int]:
    """What every name of the product means, methods included."""
    found: dict[tuple[str, str], int] = {}
    for module in product_modules():
        for name, value in vars(module).items():
            found[module.__name__, name] = id(value)
            if isinstance(value, type) and value.__module__ == module.__name__:
                found |= {(module.__name__, f"{name}.{key}"): id(member) for key, member in vars(value).items()}
    return found
