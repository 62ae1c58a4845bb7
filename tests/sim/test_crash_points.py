"""The process dies at every I/O point of a day, once and twice: nothing is doubled, nothing is lost."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from config.schema import Follow
from tests.sim.crash_points import Death, die, pairs, points


@pytest.fixture(scope="module")
def undisturbed() -> Death:
    return die(())


def test_the_day_without_a_death_is_sound_and_has_points_of_every_kind(undisturbed: Death) -> None:
    assert not undisturbed.violations
    wanted = {"commit", "committed", "before handing over", "after handing over", "temporary_written", "replaced"}
    assert wanted <= set(undisturbed.last_life)


def test_a_death_at_any_point_doubles_and_loses_nothing(undisturbed: Death) -> None:
    deaths = [die((first,)) for first in points(undisturbed.last_life, appends=False)]
    assert [(d.deaths, d.violations) for d in deaths if d.violations] == []


def test_a_second_death_during_the_recovery_doubles_and_loses_nothing(undisturbed: Death) -> None:
    """The process dies when an order is on its way, and its successor at each point of its first moments."""
    handed_over = undisturbed.last_life.index("after handing over") + 1
    recovering = points(die((handed_over,)).last_life, appends=False)[:12]
    deaths = [die((handed_over, second)) for second in recovering]
    assert [(d.deaths, d.violations) for d in deaths if d.violations] == []


@pytest.mark.slow
@pytest.mark.parametrize("follow", Follow)
def test_every_pair_of_deaths_doubles_and_loses_nothing(follow: Follow) -> None:
    firsts = points(die((), follow).last_life, appends=False)
    with ProcessPoolExecutor() as pool:
        deaths = [death for found in pool.map(partial(pairs, follow=follow), firsts) for death in found]
    assert len(deaths) > 1000
    assert [(d.deaths, d.violations) for d in deaths if d.violations] == []


def test_a_death_while_orders_rest_doubles_and_loses_nothing() -> None:
    """At every fifth point of the day with `follow: orders`; at each of them with the pairs."""
    undisturbed = die((), Follow.ORDERS)
    assert not undisturbed.violations
    deaths = [die((first,), Follow.ORDERS) for first in points(undisturbed.last_life, appends=False)[::5]]
    assert [(d.deaths, d.violations) for d in deaths if d.violations] == []
