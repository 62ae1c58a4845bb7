"""Programs that the tests run as processes of their own, to be killed or to run out of disk.

`python -m tests.unit.state.processes NAME ARGUMENT...`; each prints one line for each thing that it claims to have done.
"""

import json
import resource
import sys
from decimal import Decimal
from pathlib import Path

from config.schema import Mode
from engine.core.lifecycle import TERMINAL
from engine.core.state import State
from engine.errors import AlreadyRunning, JournalFailed
from engine.model import NS_PER_S
from paper.scenario_file import load_scenario
from paper.simulate import Simulation
from paper.verdict import result_of
from state.codec import encode
from state.lock import InstanceLock, is_locked
from state.session import Session
from state.store import JOURNAL_NAME, Store, latest_state, mode_directory
from tests.unit.state.samples import order, tick

COUNT_MAX = 1_000_000


def say(*words: object) -> None:
    """One line, at once."""
    print(*words, flush=True)


def write(root: str) -> None:
    """Commit entries for ever, with a checkpoint after every 7th; says each number when it is durable."""
    store = Store(Path(root), Mode.PAPER)
    store.open()
    store.start_session("2026-11-02", 1, "0.1.0")
    for _ in range(COUNT_MAX):
        seq = store.last_seq + 1
        store.append(tick(seq), [order(f"T{seq}")])
        store.commit()
        say(seq)
        if seq % 7 == 0:
            store.checkpoint(b'{"seen":%d}' % seq)


def write_until_full(root: str, bytes_max: str) -> None:
    """Commit entries until no file may grow any more, then try again with room on the disk."""
    store = Store(Path(root), Mode.PAPER)
    store.open()
    store.start_session("2026-11-02", 1, "0.1.0")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(bytes_max), hard))
    try:
        for _ in range(COUNT_MAX):
            store.append(tick(store.last_seq + 1), [order(f"T{store.last_seq}")] * 3)
            store.commit()
            say("committed", store.last_seq)
    except JournalFailed as error:
        say("failed", str(error).replace("\n", " "))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for attempt in (store.commit, lambda: store.append(tick(1), ()), lambda: store.checkpoint(b"{}")):
        try:
            attempt()
        except JournalFailed:
            say("still failed")


def checkpoint_until_full(root: str) -> None:
    """Write a checkpoint that is larger than a file may be."""
    store = Store(Path(root), Mode.PAPER)
    store.open()
    store.start_session("2026-11-02", 1, "0.1.0")
    store.append(tick(1), ())
    store.checkpoint(b'{"seen":1}')
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    for _ in range(2):
        try:
            store.checkpoint(b'{"seen":"' + b"x" * 300_000 + b'"}')
        except JournalFailed:
            say("failed")


def copy_until_full(root: str, scenario: str, bytes_max: str) -> None:
    """Run a scenario whose first process may not let files grow; the next one, after its crash, has room again."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    room = iter((int(bytes_max), hard))

    def opened() -> Session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (next(room), hard))
        return Session(Path(root), Mode.PAPER)

    simulation = Simulation(
        load_scenario(Path(scenario)),
        opened,
        lambda at_s, line: say("failed", at_s, line.text) if "engine stopped" in line.text else None,
    )
    simulation.run()
    say(json.dumps(result_of(simulation)))


def copy_until_full_at(root: str, scenario: str, at_s: str) -> None:
    """Run a scenario in whose first process the disk is full from a moment on ("never": not at all).

    Says what every process found in the core's queue, and at the end the result and what the state came to.
    """
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    log = Path(f"{mode_directory(Path(root), Mode.PAPER) / JOURNAL_NAME}-wal")

    def opened() -> Session:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        session = Session(Path(root), Mode.PAPER)
        if session.replicator.has_begun:
            say("queued", *session.replicator.state.queue)
        return session

    simulation = Simulation(
        load_scenario(Path(scenario)),
        opened,
        lambda at_s, line: say("failed", at_s, line.text) if "engine stopped" in line.text else None,
    )
    if at_s != "never":
        simulation.agenda.at(
            simulation.scenario.start_ns + int(float(at_s) * NS_PER_S),
            lambda _now_ns: resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard)),
        )
    simulation.run()
    state = simulation.replicator.state
    say(json.dumps({"result": result_of(simulation), "state": json.loads(encode(came_to(state)))}))


def came_to(state: State) -> dict[str, object]:
    """What a day came to, without the times, and without how many orders it took."""
    traded: dict[str, tuple[int, Decimal]] = {}
    for each in state.orders.values():
        if each.filled:
            name = f"{each.account} {each.leg} {each.side}"
            units, value_inr = traded.get(name, (0, Decimal(0)))
            traded[name] = units + each.filled, value_inr + each.value_inr
    legs = {f"{child.id} {leg.leg}": leg for child in state.children.values() for leg in child.legs.values()}
    return {
        "traded": traded,
        "children": {
            name: (leg.allocation_units, leg.target_units, leg.due, leg.orders, leg.cash_inr, leg.charges_inr)
            for name, leg in legs.items()
        },
        "stopped": {child.id: child.stopped for child in state.children.values()},
        "master": {leg.leg: (leg.units, leg.background_units, leg.cash_inr) for leg in state.master.legs.values()},
        "strategies": [(s.scope, s.number, s.state, s.name, s.last_ratios) for s in state.strategies.values()],
        "open": [each.tag for each in state.orders.values() if each.state not in TERMINAL],
        "waiting": (state.queue, list(state.prompts), list(state.skips), state.unclean),
    }


def read(root: str, last_at_ns: str) -> None:
    """Read the newest state again and again until the event of `last_at_ns` is there; every view must be whole."""
    most = 0
    for view in range(COUNT_MAX):
        state, events = latest_state(Path(root), Mode.PAPER)
        first = 1 if state is None else int(state[8:-1]) + 1
        times = [event.at_ns for event in events]
        last = first + len(times) - 1
        if times != list(range(first, last + 1)) or last < most:
            say("broken view", first, times[:3], most)
            return
        if view == 0:
            say("reading")
        most = last
        if last == int(last_at_ns):
            say("saw all")
            return


def hold(path: str) -> None:
    """Take the lock, say so, and keep it until standard input ends."""
    try:
        with InstanceLock(Path(path), mode=Mode.PAPER, started_ns=1_793_591_100_000_000_000):
            say("held")
            sys.stdin.read()
        say("released")
    except AlreadyRunning as error:
        say(error)


def ask(path: str) -> None:
    """Ask again and again whether anybody holds the lock, until killed."""
    say("asking")
    for _ in range(COUNT_MAX):
        is_locked(Path(path))


if __name__ == "__main__":
    programs = {
        program.__name__: program
        for program in (
            write,
            write_until_full,
            checkpoint_until_full,
            copy_until_full,
            copy_until_full_at,
            read,
            hold,
            ask,
        )
    }
    programs[sys.argv[1]](*sys.argv[2:])
