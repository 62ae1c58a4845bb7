"""Kite's request limits through the official client, on a clock that only the test moves."""

from collections.abc import Callable, Iterator

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import NetworkException

from paper.sandbox.limits import Limits
from tests.unit.paper.builders import NOW
from tests.unit.paper.sandbox.stand import CALL, OTHER, Stand, buy, stand

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
TOO_MANY, REFUSED = r"^Too many requests$", r"^Maximum allowed order requests exceeded\.$"


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand(limits=True) as made:
        made.quote("100.00", "100.10")
        yield made


def refused(work: Callable[[], object], words: str) -> None:
    with pytest.raises(NetworkException, match=words) as caught:
        work()
    assert caught.value.code == 429


def test_eleventh_order_of_a_second_is_refused_and_the_next_second_takes_it(desk: Stand) -> None:
    kite = desk.kite()
    for _ in range(10):
        buy(kite, "90.00")
    refused(lambda: buy(kite, "90.00"), TOO_MANY)
    assert len(kite.orders()) == 10
    desk.later(1)
    buy(kite, "90.00")
    assert len(kite.orders()) == 11


def test_second_is_that_of_the_clock_and_no_span(desk: Stand) -> None:
    kite = desk.kite()
    desk.later(0.9)
    for _ in range(10):
        buy(kite, "90.00")
    desk.later(0.1)
    buy(kite, "90.00")


def test_placing_modifying_and_cancelling_share_the_second(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "90.00")
    for number in range(8):
        kite.modify_order("regular", order_id, price=91 + number)
    kite.cancel_order("regular", order_id)
    refused(lambda: kite.cancel_order("regular", order_id), TOO_MANY)


def test_accounts_do_not_share_it(desk: Stand) -> None:
    mine, other = desk.kite(), desk.kite(OTHER)
    for _ in range(10):
        buy(mine, "90.00")
    buy(other, "90.00")
    assert len(other.orders()) == 1


def test_refused_order_counts_too(desk: Stand) -> None:
    kite = desk.kite()
    for _ in range(10):
        with pytest.raises(Exception, match="Tick size"):
            buy(kite, "90.02")
    refused(lambda: buy(kite, "90.00"), TOO_MANY)


def test_minute_takes_four_hundred(desk: Stand) -> None:
    limits = desk.me.limits
    for second in range(40):
        for _ in range(10):
            assert limits.takes_order(desk.clock.now_ns() + second * 10**9, places=True) == ""
    desk.later(40)
    refused(lambda: buy(desk.kite(), "90.00"), REFUSED)
    desk.later(20)
    buy(desk.kite(), "90.00")


def test_day_takes_five_thousand_placed_and_any_number_changed() -> None:
    limits = Limits()
    for minute in range(25):
        for number in range(200):
            at_ns = NOW + minute * MINUTE_NS + number // 8 * 10**9
            assert limits.takes_order(at_ns, places=True) == ""
    later_ns = NOW + 30 * MINUTE_NS
    assert limits.takes_order(later_ns, places=False) == ""
    assert limits.takes_order(later_ns, places=True) == "Maximum allowed order requests exceeded."
    assert limits.takes_order(later_ns + DAY_NS, places=True) == ""


def test_day_is_refused_in_its_words_even_to_an_exit(desk: Stand) -> None:
    kite = desk.kite()
    buy(kite)
    desk.me.limits.placed_today = 5000
    sell = lambda: kite.place_order("regular", "NFO", CALL, "SELL", 65, "NRML", "LIMIT", price=100)  # noqa: E731
    refused(sell, REFUSED)


def test_second_takes_one_request_for_quotes_of_any_kind(desk: Stand) -> None:
    kite = desk.kite()
    kite.ltp(f"NFO:{CALL}")
    for read in (kite.quote, kite.ohlc, kite.ltp):
        refused(lambda read=read: read(f"NFO:{CALL}"), TOO_MANY)  # type: ignore[misc]
    desk.later(1)
    assert len(kite.quote(f"NFO:{CALL}")) == 1


def test_second_takes_ten_of_everything_else_together(desk: Stand) -> None:
    kite = desk.kite()
    reads: list[Callable[[], object]] = [kite.orders, kite.positions, kite.margins, kite.profile, kite.holdings]
    for read in 2 * reads:
        read()
    for read in [*reads, kite.trades, lambda: kite.order_margins([]), lambda: kite.basket_order_margins([])]:
        refused(read, TOO_MANY)
    desk.later(1)
    kite.trades()


def test_reads_quotes_and_orders_do_not_share(desk: Stand) -> None:
    kite = desk.kite()
    for _ in range(10):
        kite.orders()
    buy(kite, "90.00")
    kite.ltp(f"NFO:{CALL}")


def test_dump_and_login_have_no_limit(desk: Stand) -> None:
    kite = KiteConnect("nobody", root=desk.sandbox.root_url)
    kite.reqsession.trust_env = False
    for _ in range(12):
        assert len(kite.instruments("NFO")) == 4


def test_without_enforcement_everything_is_taken() -> None:
    with stand(limits=False) as desk:
        kite = desk.kite()
        for _ in range(12):
            buy(kite, "90.00")
        assert len(kite.orders()) == 12
