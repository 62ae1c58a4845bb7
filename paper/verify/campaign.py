"""Many seeds, on all cores: run, count, and for what went wrong the shortest story that shows it.

It must not know how state is made durable: whoever calls hands that in, as a function that can be sent to a process.
"""

import multiprocessing
import os
import re
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from multiprocessing.synchronize import Event
from pathlib import Path

from config.schema import Follow
from engine.model import NS_PER_S
from engine.ports import SessionState
from paper.verify.chance import draw
from paper.verify.plan import Plan
from paper.verify.trial import Outcome, Trial
from paper.verify.twin import differences, is_twin, without_faults

OpenAt = Callable[[Path, Callable[[str, Path], None]], SessionState]
"""Opens the state below a directory; is given what to call at every I/O point."""
BATCH = 25
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  a place in memory where there is one; only the speed depends on it
SHRINK_RUNS_MOST = 300
STORIES_MOST = 5


@dataclass(slots=True)
class Campaign:
    """What many runs came to."""

    seeds: int = 0
    steps: int = 0
    orders: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        self.steps += outcome.steps
        self.orders += outcome.orders
        self.faults.update(outcome.faults)
        if outcome.violations:
            self.broken.append(outcome)


def run_plan(plan: Plan, open_at: OpenAt, *, keeps_history: bool = False, names_points: bool = False) -> Trial:
    """Run one plan on a directory of its own; with `names_points`, every process's I/O points are kept by name."""
    place = MEMORY_DISK if MEMORY_DISK.is_dir() and os.access(MEMORY_DISK, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="lockstep-", dir=place) as root:
        trial = Trial(plan, partial(open_at, Path(root)), keeps_history=keeps_history)
        trial.disk.lives = [] if names_points else None
        trial.run()
    return trial


def run_seed(
    seed: int, open_at: OpenAt, faults: Collection[str] | None = None, follow: Follow = Follow.FILLS
) -> Outcome:
    """Run one seed; a seed that is a twin is run again without its faults, and the other children compared."""
    plan = draw(seed, faults, follow)
    trial = run_plan(plan, open_at)
    outcome = trial.outcome()
    if is_twin(plan) and not outcome.violations:
        quiet = run_plan(without_faults(plan), open_at)
        outcome.violations += differences(plan, trial, quiet)
        outcome.steps += quiet.steps
    return outcome


_is_over: Event | None = None
"""In a worker: the command that it works for was stopped."""


def _begin_work(is_over: Event) -> None:
    """A worker starts: Ctrl-C is the command's affair, which says so by the event."""
    global _is_over  # noqa: PLW0603  a worker process has one command
    _is_over = is_over
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_batch(seeds: list[int], open_at: OpenAt, faults: Collection[str] | None, follow: Follow) -> list[Outcome]:
    found: list[Outcome] = []
    for seed in seeds:
        if _is_over is not None and _is_over.is_set():
            break
        found.append(run_seed(seed, open_at, faults, follow))
    return found


def outcomes(
    seeds: Iterable[int],
    open_at: OpenAt,
    faults: Collection[str] | None = None,
    follow: Follow = Follow.FILLS,
    jobs: int | None = None,
) -> Iterator[Outcome]:
    """Run seeds on `jobs` processes (all cores when `None`), in no particular order.

    Stopped in the middle, it waits for the days that are being run, no further ones.
    """
    workers = jobs or os.cpu_count() or 1
    waiting = iter(seeds)
    if workers == 1:
        yield from (run_seed(seed, open_at, faults, follow) for seed in waiting)
        return
    is_over = multiprocessing.Event()
    with ProcessPoolExecutor(workers, initializer=_begin_work, initargs=(is_over,)) as pool:
        running: set[Future[list[Outcome]]] = set()
        size = 1  # whoever waits sees soon that it runs
        try:
            while True:
                while len(running) < 2 * workers and (batch := list(islice(waiting, size))):
                    running.add(pool.submit(_run_batch, batch, open_at, faults, follow))
                size = BATCH
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            is_over.set()
            for future in running:
                future.cancel()


def shrink(plan: Plan, open_at: OpenAt) -> Plan:
    """The plan without whatever is not needed to break the same rule."""
    rule = _rule(run_plan(plan, open_at))
    runs = 0
    size = max(1, len(plan.happenings) // 2)
    while size and runs < SHRINK_RUNS_MOST:
        place = 0
        while place < len(plan.happenings) and runs < SHRINK_RUNS_MOST:
            smaller = plan.without(frozenset(range(place, place + size)))
            runs += 1
            if _rule(run_plan(smaller, open_at)) == rule:
                plan = smaller
            else:
                place += size
        size //= 2
    return replace(plan, resync=plan.resync)


def _rule(trial: Trial) -> str:
    """What is broken, whoever and however much it is."""
    rule, _, what = trial.violations[0].partition(" ") if trial.violations else ("", "", "")
    return rule + re.sub(r"\S*\d\S*", "#", what)


def story(
    seed: int, open_at: OpenAt, faults: Collection[str] | None = None, follow: Follow = Follow.FILLS
) -> list[str]:
    """How a seed breaks a rule, in words: the shortest prefix of the smallest plan that does."""
    whole = draw(seed, faults, follow)
    plan = shrink(whole, open_at)
    trial = run_plan(plan, open_at, keeps_history=True)
    if not trial.violations:
        return [f"seed {seed}: only a comparison with the run without faults shows it"]
    end = trial.broken_at or 0
    lines = [
        f"seed {seed}: {trial.violations[0]}",
        f"{len(plan.happenings)} of {len(whole.happenings)} happenings suffice; broken at step {end}",
    ]
    for step in trial.history:
        lines.append(f"{(step.at_ns - plan.scenario.start_ns) / NS_PER_S:10.3f} s  {step.text}")
        if step.text.startswith("VIOLATION"):
            break
    return lines
