"""When orders were durable and handed over: by the clock, for the newest orders."""

from engine.events import TimePassed
from engine.host import Host
from engine.stamps import KEPT, UNSTAMPED, Stamp, Stamps
from tests.unit.engine.fakes import LoggedJournal, LoggedLane, ScriptedCore, notice, place
from tests.unit.paper.builders import NOW


def test_a_host_stamps_the_orders_of_an_event_when_they_are_durable_and_when_they_are_out() -> None:
    times = iter((99, 100, 200))
    core = ScriptedCore([notice("x"), place("T1"), place("T2")], [])
    host = Host(core, LoggedJournal(), {"C1": LoggedLane([])}, None, lambda: b"", now=lambda: next(times))
    host.handle(TimePassed(at_ns=NOW))
    host.handle(TimePassed(at_ns=NOW + 1))  # no order: nobody looks at the clock
    assert host.stamps is not None
    assert host.stamps.of("T1") == host.stamps.of("T2") == Stamp(durable_ns=100, handed_ns=200)
    assert host.stamps.of("T3") is UNSTAMPED


def test_only_the_newest_orders_are_kept_and_one_sent_again_is_new() -> None:
    stamps = Stamps(lambda: 7)
    stamps.durable(["first", "second"])
    stamps.handed(["first"])
    stamps.durable(f"T{number}" for number in range(KEPT - 2))
    stamps.durable(["first"])
    stamps.durable(["last"])
    assert stamps.of("second") is UNSTAMPED
    assert stamps.of("first") == Stamp(durable_ns=7)
