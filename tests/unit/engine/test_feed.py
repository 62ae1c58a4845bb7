"""The quote feed: subscribed, newest, at most one batch an interval, and the first one without delay."""

from engine.events import QuotesUpdated
from engine.feed import QuoteFeed, SharedFeed
from engine.model import NS_PER_MS, InstrumentId, Quote
from tests.unit.paper.builders import CALL, NOW, PUT, nfo, quote

INTERVAL = 500 * NS_PER_MS


class Desk:
    def __init__(self, interval_ns: int = INTERVAL) -> None:
        self.posted: list[QuotesUpdated] = []
        self.known: dict[InstrumentId, Quote] = {}
        self.feed = QuoteFeed(self.posted.append, self.known.get, interval_ns)

    def offer(self, *quotes: Quote, at_ns: int) -> None:
        for item in quotes:
            self.known[item.instrument] = item
        self.feed.offer(quotes, at_ns)

    def due(self) -> int | None:
        return self.feed.next_due_ns

    def batches(self) -> list[tuple[int, list[str]]]:
        return [(e.at_ns - NOW, [f"{q.instrument} {q.last_inr}" for q in e.quotes]) for e in self.posted]


def at(after_ns: int, last: str = "100.05", symbol: str = CALL) -> Quote:
    return quote(last=last, symbol=symbol, at_ns=NOW + after_ns)


def test_what_nobody_subscribed_to_is_not_passed_on() -> None:
    desk = Desk()
    desk.feed.subscribe([nfo(PUT)])
    desk.offer(at(0), at_ns=NOW)
    assert desk.posted == []
    assert desk.due() is None


def test_first_quote_after_a_pause_is_passed_on_at_once() -> None:
    desk = Desk()
    desk.feed.subscribe([nfo(CALL)])
    desk.offer(at(0, "101"), at_ns=NOW)
    assert desk.batches() == [(0, [f"NFO:{CALL} 101"])]
    assert desk.due() is None
    desk.offer(at(INTERVAL, "102"), at_ns=NOW + INTERVAL)
    assert desk.batches()[1:] == [(INTERVAL, [f"NFO:{CALL} 102"])]


def test_quotes_within_the_interval_wait_and_only_the_newest_of_each_goes() -> None:
    desk = Desk()
    desk.feed.subscribe([nfo(CALL), nfo(PUT)])
    desk.offer(at(0, "101"), at_ns=NOW)
    desk.offer(at(1, "102"), at_ns=NOW + 1)
    desk.offer(at(2, "7", PUT), at_ns=NOW + 2)
    desk.offer(at(3, "103"), at_ns=NOW + 3)
    assert len(desk.posted) == 1
    assert desk.due() == NOW + INTERVAL
    desk.feed.flush_due(NOW + INTERVAL - 1)
    assert len(desk.posted) == 1
    desk.feed.flush_due(NOW + INTERVAL)
    assert desk.batches()[1:] == [(INTERVAL, [f"NFO:{CALL} 103", f"NFO:{PUT} 7"])]
    desk.feed.flush_due(NOW + 9 * INTERVAL)
    assert len(desk.posted) == 2


def test_without_an_interval_everything_passes_at_once() -> None:
    desk = Desk(interval_ns=0)
    desk.feed.subscribe([nfo(CALL)])
    for after_ns in range(3):
        desk.offer(at(after_ns, str(100 + after_ns)), at_ns=NOW + after_ns)
    assert [at_ns for at_ns, _ in desk.batches()] == [0, 1, 2]


def test_subscribing_delivers_the_newest_known_quote_at_once_and_only_once() -> None:
    desk = Desk()
    desk.offer(at(0, "99"), at_ns=NOW)
    desk.feed.subscribe([nfo(CALL), nfo(PUT)])
    assert desk.batches() == [(0, [f"NFO:{CALL} 99"])]
    assert desk.due() is None


def test_subscribing_to_what_has_no_quote_yet_delivers_nothing() -> None:
    desk = Desk()
    desk.feed.subscribe([nfo(CALL)])
    assert desk.posted == []


def test_delivery_at_subscription_is_not_dated_before_what_was_passed_on() -> None:
    """An old quote of a quiet instrument must not take the core's time back."""
    desk = Desk()
    desk.feed.subscribe([nfo(CALL)])
    desk.known[nfo(PUT)] = at(-INTERVAL, "7", PUT)
    desk.offer(at(5), at_ns=NOW + 5)
    desk.feed.subscribe([nfo(PUT)])
    assert [at_ns for at_ns, _ in desk.batches()] == [5, 5]


def test_newest_is_what_the_source_has() -> None:
    desk = Desk()
    assert desk.feed.newest(nfo(CALL)) is None
    desk.offer(at(0, "99"), at_ns=NOW)
    assert desk.feed.newest(nfo(CALL)) == at(0, "99")


HOLD = 10_000 * NS_PER_MS


class Shared:
    """A feed that quotes reach on another thread."""

    def __init__(self) -> None:
        self.posted: list[QuotesUpdated] = []
        self.asked: list[InstrumentId] = []
        self.traded: list[tuple[int, int]] = []
        self.feed = SharedFeed(
            self.posted.append,
            self.asked.extend,
            INTERVAL,
            renew_ns=HOLD // 2,
            on_batch=lambda quotes, now_ns: self.traded.append((len(quotes), now_ns - NOW)),
        )


def held(after_ns: int = 0) -> Quote:
    return quote(at_ns=NOW + after_ns, stale_at_ns=NOW + after_ns + HOLD)


def test_shared_feed_asks_its_line_and_waits_for_the_engine() -> None:
    desk = Shared()
    desk.feed.subscribe([nfo(CALL)])
    assert desk.asked == [nfo(CALL)]
    desk.feed.offer([held()], NOW)
    assert (desk.posted, desk.feed.next_due_ns is not None) == ([], True)
    desk.feed.flush_due(NOW + 1)
    assert [len(event.quotes) for event in desk.posted] == [1]
    assert desk.traded == [(1, 1)]
    desk.feed.flush_due(NOW + 2 * INTERVAL)
    assert len(desk.posted) == 1
    assert len(desk.traded) == 1


def test_shared_feed_gives_the_newest_known_quote_at_the_subscription() -> None:
    desk = Shared()
    desk.feed.offer([held()], NOW)
    assert desk.feed.next_due_ns is None
    desk.feed.subscribe([nfo(CALL)])
    assert [event.quotes for event in desk.posted] == [(held(),)]


def test_unchanged_quote_holds_while_its_line_lives() -> None:
    desk = Shared()
    desk.feed.subscribe([nfo(CALL)])
    desk.feed.offer([held()], NOW)
    desk.feed.flush_due(NOW)
    desk.feed.renew(NOW, NOW + 1, HOLD)
    assert desk.feed.next_due_ns is None
    alive_ns = NOW + HOLD * 6 // 10
    desk.feed.renew(NOW, alive_ns, HOLD)
    desk.feed.flush_due(alive_ns)
    (renewed,) = desk.posted[-1].quotes
    assert (renewed.at_ns, renewed.stale_at_ns) == (NOW, alive_ns + HOLD)


def test_quote_that_never_grows_stale_is_not_passed_on_again() -> None:
    desk = Shared()
    desk.feed.subscribe([nfo(CALL)])
    desk.feed.offer([at(0)], NOW)
    desk.feed.flush_due(NOW)
    desk.feed.renew(NOW, NOW + HOLD, HOLD)
    assert desk.feed.next_due_ns is None


def test_quote_of_an_earlier_connection_is_not_renewed() -> None:
    """It may have changed in between: it grows stale, until the instrument is heard on the new one."""
    desk = Shared()
    desk.feed.subscribe([nfo(CALL)])
    desk.feed.offer([held()], NOW)
    desk.feed.flush_due(NOW)
    linked_ns = NOW + 3 * HOLD
    desk.feed.renew(linked_ns, linked_ns, HOLD)
    desk.feed.flush_due(linked_ns)
    assert len(desk.posted) == 1
    assert desk.feed.newest(nfo(CALL)) == held()
    desk.feed.offer([held(3 * HOLD)], linked_ns)
    desk.feed.renew(linked_ns, linked_ns + HOLD, HOLD)
    desk.feed.flush_due(linked_ns + HOLD)
    assert [quote.stale_at_ns for quote in desk.posted[-1].quotes] == [linked_ns + 2 * HOLD]


def test_no_quote_of_the_last_day_is_known_on_the_next() -> None:
    desk = Shared()
    desk.feed.subscribe([nfo(CALL)])
    desk.feed.offer([held()], NOW)
    desk.feed.forget()
    assert desk.feed.newest(nfo(CALL)) is None
    desk.feed.renew(NOW, NOW + HOLD, HOLD)
    desk.feed.flush_due(NOW + HOLD)
    assert desk.posted == []
    desk.feed.offer([held(HOLD)], NOW + HOLD)
    desk.feed.flush_due(NOW + HOLD)
    assert [len(event.quotes) for event in desk.posted] == [1]
