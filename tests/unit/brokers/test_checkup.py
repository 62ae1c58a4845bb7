"""What a doctor's look makes of what was read, at whichever broker."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from brokers.checkup import Checkup
from config.credentials import Credentials
from config.order_limits import OrderLimits
from config.rules import order_limits
from config.schema import BrokerUrls
from engine.findings import Finding, Level
from tests.unit.brokers.raw_server import refused_port
from tests.unit.brokers.test_line import credentials

LIMITS = order_limits("zerodha", date(2026, 11, 2))
assert LIMITS is not None
KITE, UNLIMITED = replace(LIMITS, day_placements=5000), replace(LIMITS, day_placements=None)


class Broker(Checkup):
    BROKER, ROOT_URL, REGISTER = "Broker", f"http://127.0.0.1:{refused_port()}", "there"

    def __init__(
        self, given: Credentials, limits: OrderLimits | None = None, *, level: Level = Level.GOOD, here: bool = True
    ) -> None:
        super().__init__("A1", given, BrokerUrls(root_url=self.ROOT_URL if here else None), limits, lambda: 0)
        self._level = level

    def _session(self) -> Finding:
        return self._finding("session", self._level, "a session")

    def _details(self) -> Iterator[Finding]:
        yield self._segments(("NFO", "BFO"))


@pytest.fixture
def given() -> Credentials:
    return credentials("zerodha")


@pytest.mark.parametrize(
    ("level", "here", "checks"),
    [
        (Level.GOOD, True, ["session", "segments", "address"]),
        (Level.BAD, True, ["session", "address"]),
        (Level.GOOD, False, ["connection", "session", "segments", "address"]),
    ],
    ids=["at a sandbox", "without a session", "at the broker itself, whose clock is compared"],
)
def test_checks_come_in_order(given: Credentials, level: Level, here: bool, checks: list[str]) -> None:
    assert [finding.check for finding in Broker(given, level=level, here=here).findings()] == checks


Look = Callable[[Broker], Finding]
CASES: list[tuple[str, OrderLimits | None, Look, Level, str]] = [
    ("limits not known", None, lambda b: b._budget(7), Level.NOTE, "7 today; Broker's limits are not known"),
    ("no limit", UNLIMITED, lambda b: b._budget(7), Level.GOOD, "7 today; Broker has no limit of the day"),
    ("four fifths used", KITE, lambda b: b._budget(4000), Level.GOOD, "4000 of 5000 today"),
    ("more used", KITE, lambda b: b._budget(4001), Level.NOTE, "4001 of 5000 today"),
    ("margin", None, lambda b: b._margin("net", Decimal("150000.5")), Level.GOOD, "net is ₹1,50,000.50"),
    ("no margin", None, lambda b: b._margin("net", Decimal(0)), Level.BAD, "net is ₹0.00"),
    ("both segments", None, lambda b: b._segments(["BFO", "NSE", "NFO"]), Level.GOOD, "NFO, BFO"),
    ("one segment", None, lambda b: b._segments(["NFO"]), Level.NOTE, "not activated: BFO"),
]


@pytest.mark.parametrize(("limits", "look", "level", "text"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_finding_says_what_it_means(
    given: Credentials, limits: OrderLimits | None, look: Look, level: Level, text: str
) -> None:
    finding = look(Broker(given, limits))
    assert (finding.level, finding.text) == (level, text)
    assert bool(finding.todo) is (level is not Level.GOOD and "limits" not in text)


HOUR_NS = 3600 * 10**9
NOW = 10 * HOUR_NS
JUST, LONG_AGO = NOW - 1, NOW - HOUR_NS
OF_THE_HOUR = "in the last hour; changes and cancels count too, and the book does not tell them"


class Later(Broker):
    """At ten hours after the beginning of time."""

    def __init__(self, given: Credentials, limits: OrderLimits | None) -> None:
        super().__init__(given, limits)
        self._now_ns = lambda: NOW


@pytest.mark.parametrize(
    ("placed_ns", "level", "text"),
    [
        ([], Level.GOOD, f"0 of 1000 {OF_THE_HOUR}"),
        ([JUST] * 800, Level.GOOD, f"800 of 1000 {OF_THE_HOUR}"),
        ([JUST] * 801, Level.NOTE, f"801 of 1000 {OF_THE_HOUR}"),
        ([LONG_AGO] * 900, Level.GOOD, f"0 of 1000 {OF_THE_HOUR}"),
        ([LONG_AGO] * 900 + [JUST] * 2, Level.GOOD, f"2 of 1000 {OF_THE_HOUR}"),
        ([0, LONG_AGO, NOW + HOUR_NS], Level.GOOD, f"2 of 1000 {OF_THE_HOUR}"),
    ],
    ids=["none", "four fifths", "more", "an hour ago", "some of them", "no time, and a clock that is ahead"],
)
def test_orders_of_the_hour_are_counted_where_the_broker_limits_them(
    given: Credentials, placed_ns: list[int], level: Level, text: str
) -> None:
    orders, hour = Later(given, replace(UNLIMITED, hour=1000))._budgets(placed_ns)
    assert (orders.check, orders.text) == ("orders", f"{len(placed_ns)} today; Broker has no limit of the day")
    assert (hour.check, hour.level, hour.text) == ("hour", level, text)
    assert bool(hour.todo) is (level is Level.NOTE)


@pytest.mark.parametrize("limits", [None, KITE], ids=["limits not known", "no limit of the hour"])
def test_hour_is_not_spoken_of_where_there_is_no_such_limit(given: Credentials, limits: OrderLimits | None) -> None:
    assert [one.check for one in Later(given, limits)._budgets([JUST])] == ["orders"]
