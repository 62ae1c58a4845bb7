"""The simulation's own rules: what survives a crash, the order of one instant, checks, and that it sees violations."""

from pathlib import Path

import pytest

from config.schema import Mode
from engine.commands import Command
from engine.core.state_child import ChildLeg
from engine.events import Event, Paused, Resumed
from engine.model import NS_PER_S, LegId
from engine.snapshot import NoticeLine
from paper.scenario_file import load_scenario
from paper.simulate import Simulation
from paper.verdict import result_of
from state.session import Session
from tests.unit.paper.builders import CALL, NOW, order

HEAD = """\
name: a scenario
instruments: [{symbol: NIFTY26NOV24500CE, lot: 65, tick: 0.05, freeze: 3510}]
master: {available: 1000000}
children: [{id: C1, available: 300000}]
settings: {confirm: {when: never}, paper: {quote_stale_s: 86400}}
steps:
  - {at: 0s, quote: {NIFTY26NOV24500CE: {bid: 100.00, ask: 100.10, last: 100.05}}}
"""
ENTRY = """\
  - {at: 5s, master_order: {id: M1, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 650, status: COMPLETE, \
filled: 650, average_price: 100.10, placed_at: 4.9s}}
"""


class Run:
    def __init__(self, tmp_path: Path, steps: str, end: str = "20s", *, head: str = HEAD) -> None:
        file = tmp_path / "scenario.yaml"
        file.write_text(f"{head}{steps}end: {end}\n", encoding="utf-8")
        self.notices: list[tuple[float, NoticeLine]] = []
        self.sessions: list[Session] = []
        self._root = tmp_path / "state"
        self.simulation = Simulation(
            load_scenario(file), self._open, lambda at_s, line: self.notices.append((at_s, line))
        )

    def _open(self) -> Session:
        self.sessions.append(Session(self._root, Mode.PAPER, sync=False))
        return self.sessions[-1]

    def run(self) -> "Run":
        self.simulation.run()
        return self

    def notice_times(self, text: str) -> list[float]:
        return [at_s for at_s, line in self.notices if text in line.text]


def test_scenario_without_a_run_has_no_core(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        _ = Run(tmp_path, "").simulation.replicator


def test_clock_ends_at_the_scenario_s_end_and_the_child_follows(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY).run()
    assert run.simulation.clock.now_ns() == NOW + 20 * NS_PER_S
    assert run.simulation.positions() == {"C1": {CALL: 195}}
    assert (run.simulation.failed, run.simulation.violations) == ([], [])


def test_same_scenario_gives_the_same_run(tmp_path: Path) -> None:
    first, second = (
        Run(tmp_path / name, ENTRY + "  - {at: 8s, crash: true}\n").run() for name in _made(tmp_path, "ab")
    )
    assert result_of(first.simulation) == result_of(second.simulation)
    assert first.notices == second.notices


def _made(tmp_path: Path, names: str) -> str:
    for name in names:
        (tmp_path / name).mkdir()
    return names


# Checks


def test_check_sees_the_positions_of_its_moment(tmp_path: Path) -> None:
    checks = "".join(f"  - {{at: {at}, check: {{positions: {{C1: {held}}}}}}}\n" for at, held in CHECKS)
    run = Run(tmp_path, ENTRY + checks).run()
    assert run.simulation.failed == []
    assert run.simulation.checks == [(1.0, {"C1": {}}), (10.0, {"C1": {CALL: 195}})]


CHECKS = (("1s", "{}"), ("10s", "{NIFTY26NOV24500CE: 195}"))


@pytest.mark.parametrize("held", ["{}", "{NIFTY26NOV24500CE: 65}", "{NIFTY26NOV24500CE: 195, OTHER: 65}"])
def test_check_that_differs_is_a_failure_with_its_time(held: str, tmp_path: Path) -> None:
    run = Run(tmp_path, f"{ENTRY}  - {{at: 10s, check: {{positions: {{C1: {held}}}}}}}\n").run()
    (failure,) = run.simulation.failed
    assert failure.startswith("at 10 s: positions of C1")
    assert result_of(run.simulation)["failed"] == [failure]


def test_check_after_the_end_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    """The document promises one row for each check; a check that never ran is not one that was met."""
    run = Run(tmp_path, f"{ENTRY}  - {{at: 30s, check: {{positions: {{C1: {{}}}}}}}}\n").run()
    assert len(run.simulation.checks) == 1 or run.simulation.failed


# One instant


def test_steps_of_one_instant_run_in_the_order_of_the_file(tmp_path: Path) -> None:
    steps = "".join(f"  - {{at: 3s, master_available: {amount}}}\n" for amount in (5, 6, 7))
    run = Run(tmp_path, steps).run()
    assert run.simulation.replicator.state.master.available_inr == 7


def test_step_comes_before_the_poll_of_its_instant(tmp_path: Path) -> None:
    run = Run(tmp_path, "  - {at: 10s, master_available: 777}\n", end="10s").run()
    assert run.simulation.replicator.state.master.available_inr == 777


def test_step_comes_before_what_the_exchange_does_at_its_instant(tmp_path: Path) -> None:
    """At 15:25, 355 minutes after the start, intraday positions are squared off: at the quote of that instant."""
    steps = """\
  - {at: 1s, child_trade: {child: C1, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 65, product: MIS}}
  - {at: 355m, quote: {NIFTY26NOV24500CE: {bid: 200.00, ask: 200.10, last: 200.05}}}
"""
    seldom = HEAD.replace("when: never}", "when: never}, timing: {poll_interval_s: 30}")
    run = Run(tmp_path, steps, end="355m", head=seldom).run()
    (bought, sold) = run.simulation.world.exchange.orders("C1")
    assert str(bought.average_price_inr) == "100.10"
    assert str(sold.average_price_inr) == "200.00"


# Crashes


def test_crash_at_once_up_again_is_a_new_unclean_process_on_the_same_disk(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY + "  - {at: 10s, crash: true}\n").run()
    assert len(run.sessions) == 2
    assert run.sessions[1].unclean
    assert run.notice_times("started in PAPER") == [0.0, 10.0]
    assert run.simulation.positions() == {"C1": {CALL: 195}}
    assert run.simulation.replicator.state.children["C1"].legs[LegId(f"NFO:{CALL}:NRML")].allocation_units == 195


def test_process_stays_down_as_long_as_it_says_and_hears_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, "  - {at: 4s, crash: {for: 6s}}\n" + ENTRY).run()
    assert run.notice_times("started in PAPER") == [0.0, 10.0]
    assert not [at_s for at_s, _ in run.notices if 4 < at_s < 10]
    assert "M1" in {row.order_id for row in run.simulation.world.exchange.orders("MASTER")}


def test_scenario_may_end_while_the_process_is_down(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY + "  - {at: 15s, crash: {for: 60s}}\n").run()
    assert len(run.sessions) == 1
    assert result_of(run.simulation)["positions"] == {"C1": {CALL: 195}}


def test_second_crash_while_down_starts_no_second_process(tmp_path: Path) -> None:
    run = Run(tmp_path, "  - {at: 4s, crash: {for: 6s}}\n  - {at: 6s, crash: {for: 2s}}\n").run()
    starts = run.notice_times("started in PAPER")
    assert len(starts) == len(run.sessions) == 2


def test_resume_during_the_downtime_is_kept_for_the_start(tmp_path: Path) -> None:
    steps = "  - {at: 4s, crash: {for: 6s}}\n  - {at: 6s, operator: {command: resume}}\n"
    run = Run(tmp_path, steps).run()
    assert run.simulation.replicator.state.armed
    assert not run.simulation.replicator.state.unclean


def test_pause_during_the_downtime_reaches_nobody(tmp_path: Path) -> None:
    steps = "  - {at: 4s, crash: {for: 6s}}\n  - {at: 6s, operator: {command: pause}}\n"
    assert not Run(tmp_path, steps).run().simulation.replicator.state.paused


# Violations


def corrupted(run: Run, at_s: int, **changes: int) -> None:
    """A bug of the core, from some time on: the child's leg holds what it must not."""

    def corrupt(_at_ns: int) -> None:
        legs = run.simulation.replicator.state.children["C1"].legs
        leg = legs.setdefault(LegId(f"NFO:{CALL}:NRML"), ChildLeg(leg=LegId(f"NFO:{CALL}:NRML")))
        for name, value in changes.items():
            setattr(leg, name, value)

    run.simulation.agenda.at(NOW + at_s * NS_PER_S, corrupt)


def test_broken_invariant_is_a_violation_told_once_with_its_first_time(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY)
    corrupted(run, 12, target_units=650)
    run.run()
    (violation,) = run.simulation.violations
    assert violation.startswith("I2 C1")
    assert violation.endswith("(first at 12 s)")


def test_invariant_broken_from_one_event_to_the_next_of_the_same_round_is_a_violation(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY)

    def flicker(at_ns: int) -> None:
        core = run.simulation.replicator
        leg = core.state.children["C1"].legs[LegId(f"NFO:{CALL}:NRML")]
        right_units, handle = leg.target_units, core.handle

        def wrong_while_paused(event: Event) -> list[Command]:
            commands = handle(event)
            leg.target_units = 650 if isinstance(event, Paused) else right_units
            return commands

        core.handle = wrong_while_paused  # type: ignore[method-assign]
        run.simulation.loop.post(Paused(at_ns=at_ns))
        run.simulation.loop.post(Resumed(at_ns=at_ns))

    run.simulation.agenda.at(NOW + 12 * NS_PER_S, flicker)
    run.run()
    assert [v for v in run.simulation.violations if v.startswith("I2 C1")]


def test_order_without_a_durable_intent_is_a_violation(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY)
    world = run.simulation.world
    run.simulation.agenda.at(
        NOW + 12 * NS_PER_S, lambda at_ns: _ignore(world.exchange.place(order(tag="ROGUE"), at_ns))
    )
    run.run()
    assert [v for v in run.simulation.violations if v.startswith("I4 C1: ROGUE")]


def test_two_orders_of_one_tag_are_a_violation(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY)
    world = run.simulation.world

    def twice(at_ns: int) -> None:
        for _ in range(2):
            world.exchange.place(order(tag="TWIN"), at_ns)

    run.simulation.agenda.at(NOW + 12 * NS_PER_S, twice)
    run.run()
    assert [v for v in run.simulation.violations if v.startswith("I1 C1: two orders with the tag TWIN")]


def _ignore(_answer: object) -> None:
    """What the exchange says to it."""


def test_engine_that_stopped_is_a_violation(tmp_path: Path) -> None:
    run = Run(tmp_path, ENTRY)

    def corrupt(_at_ns: int) -> None:
        run.simulation.replicator.state.timers["no such timer"] = NOW

    run.simulation.agenda.at(NOW + 12 * NS_PER_S, corrupt)
    run.run()
    assert [v for v in run.simulation.violations if "the engine stopped" in v]
