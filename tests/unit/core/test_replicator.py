"""The whole core over a day: starts, restarts, new days, and the same events giving the same bytes."""

import random
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from config.schema import Confirm, ConfirmWhen
from engine.commands import PlaceOrder
from engine.core.replicator import Replicator
from engine.core.state import State
from engine.errors import BrokenInvariant
from engine.events import (
    BackgroundAdopted,
    ChildJoined,
    ChildResynced,
    Event,
    Flattened,
    KillSwitched,
    LoggedIn,
    Outcome,
    Paused,
    PromptAnswered,
    Resumed,
    SessionStopped,
    StrategyReset,
    TimePassed,
)
from engine.model import BookStatus, Side
from engine.view import Frame, build_snapshot
from state.codec import decode, decode_event, encode
from tests.unit.core.builders import (
    CALL_LEG,
    HEDGE,
    INSTRUMENTS,
    LOT,
    Book,
    Desk,
    S,
    child,
    instrument,
    settings,
    subscribed,
    turn_of,
)
from tests.unit.paper.builders import CALL, PUT, ns


def test_nothing_is_known_before_a_session() -> None:
    core = Replicator()
    assert core.next_due_ns is None
    with pytest.raises(BrokenInvariant):
        core.handle(TimePassed(at_ns=1))
    with pytest.raises(BrokenInvariant):
        len(core.state.orders)


def test_stopped_core_asks_for_nothing() -> None:
    desk = Desk()
    desk.handle(SessionStopped(at_ns=desk.now_ns))
    assert (desk.state.stopped, desk.core.next_due_ns) == (True, None)


def test_time_never_goes_back() -> None:
    desk = Desk()
    before = desk.state.now_ns
    desk.handle(TimePassed(at_ns=before - 10 * S))
    assert desk.state.now_ns == before


def test_long_sleep_runs_every_timer_once_and_ends() -> None:
    desk = Desk()
    desk.now_ns += 3600 * S
    polls = len(desk.reads("M"))
    desk.handle(TimePassed(at_ns=desk.now_ns))
    assert len(desk.reads("M")) == polls + 1
    assert desk.core.next_due_ns is not None
    assert desk.core.next_due_ns > desk.now_ns


def test_haste_lasts_from_the_masters_fill_until_every_order_is_answered() -> None:
    desk = Desk(filling=False)
    found = [desk.core.is_in_haste]
    desk.master(Side.BUY, 10, filled=4)  # a part: the window of the leg is open
    found.append(desk.core.is_in_haste)
    desk.run(1)
    found.append(desk.core.is_in_haste)
    desk.answer(desk.last(), Outcome.ACKED)
    found.append(desk.core.is_in_haste)
    assert found == [False, True, True, False]


def test_first_session_is_armed_by_the_first_complete_read_of_the_master() -> None:
    desk = Desk(silent=("M",))
    assert not desk.state.armed
    desk.deliver(desk.picture("M", orders=None))
    assert not desk.state.armed
    desk.read("M")
    assert desk.state.armed


def test_unclean_session_is_armed_by_the_operator_only() -> None:
    desk = Desk(unclean=True)
    desk.run(60)
    assert not desk.state.armed


def test_clean_restart_of_an_unanswered_unclean_start_stays_unclean() -> None:
    desk = Desk(unclean=True)
    desk.restart(unclean=False)
    desk.run(3)
    assert not desk.state.armed


def test_restart_keeps_ratio_plans_and_kill_and_reads_everything_anew() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(2)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    before = encode((desk.strategy(), desk.leg(), desk.master_leg()))
    desk.silent |= {"M", "C1"}
    desk.restart()
    assert encode((desk.strategy(), desk.leg(), desk.master_leg())) == before
    assert (desk.state.kill, desk.child().synced, desk.state.master.synced) == (1, False, False)
    assert desk.reads("C1")[-1].orders
    assert desk.reads("C1")[-1].positions


def test_restart_asks_for_the_quotes_of_what_is_open() -> None:
    desk = Desk()
    desk.buy(10)
    desk.out.clear()
    desk.restart()
    assert subscribed(desk.out) == {f"NFO:{CALL}"}


def test_exits_go_on_while_disarmed() -> None:
    desk = Desk()
    desk.buy(10)
    desk.restart(unclean=True)
    desk.quote(CALL, "100")
    desk.run(3)
    desk.sell(5)
    assert desk.lots() == 1


def test_master_that_went_out_while_the_program_was_down_is_followed_after_the_prompt() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    sale = desk.report(Side.SELL, 10, id_="M9")
    desk.now_ns += 10 * S
    desk.book(sale)
    desk.restart(unclean=True)
    desk.run(29)
    assert desk.lots() == 3
    desk.run(3)
    assert desk.lots() == 0


# --- a new day -------------------------------------------------------------------------------------------------------


def overnight(desk: Desk) -> None:
    """The night: books are empty in the morning, positions are carried."""
    for book in desk.books.values():
        book.orders.clear()
        book.positions = {leg: units for leg, units in book.positions.items() if units}
        book.overnight = dict(book.positions)
    desk.now_ns = ns("09:20", 3)


def test_new_day_carries_what_is_open_and_resets_what_is_counted() -> None:
    desk = Desk()
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    desk.sell(10, symbol=PUT)
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(1, symbol=HEDGE)
    overnight(desk)
    desk.restart(day=3)
    desk.run(3)
    assert desk.state.day == "2026-11-03"
    assert (desk.lots(), desk.target(), desk.master_leg().units) == (3, 3, 650)
    assert desk.strategy().ratios
    assert (desk.child().entries_today, desk.state.copies) == (0, [])
    assert [skip.symbol for skip in desk.state.skips.values()] == [HEDGE]
    assert not desk.state.orders
    assert desk.child().external == {}
    assert desk.state.paused


def test_carried_lots_are_exited_on_the_new_day() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    overnight(desk)
    desk.restart(day=3)
    desk.quote(CALL, "100")
    desk.run(5)
    desk.sell(10)
    assert desk.lots() == 0
    desk.run(20)
    assert desk.strategy().state.value == "FLAT"


def test_order_ids_of_yesterday_may_come_again() -> None:
    desk = Desk()
    desk.buy(10, id_="M1")
    desk.run(3)
    overnight(desk)
    desk.restart(day=3)
    desk.quote(CALL, "100")
    desk.run(5)
    desk.buy(10, id_="M1")
    assert desk.lots() == 6


def test_unknown_order_is_carried_over_the_night() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    overnight(desk)
    desk.silent.add("C1")
    desk.restart(day=3)
    desk.run(60)
    assert place.tag in desk.state.orders
    assert place.tag in desk.leg().orders


def test_lots_sold_over_night_are_exited_in_the_morning() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    overnight(desk)
    desk.books["M"].positions.clear()
    desk.books["M"].overnight.clear()
    desk.restart(day=3)
    desk.run(40)
    assert desk.lots() == 0


def test_leg_that_is_missing_from_the_new_days_file_is_held_and_shown() -> None:
    """Instruments are of the day: yesterday's file must not answer for today's."""
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    overnight(desk)
    desk.core = Replicator(desk.core.state)
    desk.start(day=3)
    desk.load(tuple(i for i in INSTRUMENTS if i.symbol != CALL))
    desk.run(3)
    assert turn_of(desk.state).leg_instrument("C1", CALL_LEG) is None


def test_retry_of_a_refused_exit_does_not_break_the_start_of_the_next_day() -> None:
    """The timer outlives its leg: closed by hand in the last minute, dropped over night."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="RMS")
    assert [name for name in desk.state.timers if name.startswith("exit:")]
    desk.leg().allocation_units, desk.leg().sign, desk.leg().due = 0, 0, False
    desk.books["C1"].positions.clear()
    overnight(desk)
    desk.restart(day=3)
    desk.run(3)
    assert desk.state.armed


# --- configuration that changed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_lots", [False, True])
def test_child_that_left_the_configuration_does_not_stop_the_engine(with_lots: bool) -> None:
    """Its allocations are not traded any more (a notice says so); the others are."""
    desk = Desk(settings(child("C1"), child("C2")))
    if with_lots:
        desk.buy(10)
        desk.run(2)
    desk.restart(with_settings=settings(child("C1")))
    desk.quote(CALL, "100")
    desk.run(3)
    desk.buy(10)
    assert desk.lots("C1") == (6 if with_lots else 3)
    desk.sell(20 if with_lots else 10)
    assert desk.lots("C1") == 0
    assert desk.lots("C2") == (3 if with_lots else 0)
    assert build_snapshot(desk.state, desk.now_ns, Frame()).children


def test_child_that_is_new_in_the_configuration_is_read_and_follows_the_next_strategy() -> None:
    desk = Desk()
    desk.books["C2"] = Book(available_inr=Decimal(300_000))
    desk.restart(with_settings=settings(child("C1"), child("C2")))
    desk.quote(CALL, "100")
    desk.run(5)
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 3)


# --- the same events give the same bytes -----------------------------------------------------------------------------

Action = Callable[[Desk, random.Random], None]


def _trade(desk: Desk, chance: random.Random) -> None:
    side = chance.choice((Side.BUY, Side.SELL))
    lots = chance.randint(1, 8)
    desk.master(side, lots, symbol=chance.choice((CALL, PUT, HEDGE)), filled=chance.choice((None, None, 0, lots // 2)))


def _working(desk: Desk, chance: random.Random) -> None:
    rows = [r for r in desk.books["M"].orders.values() if r.status is BookStatus.OPEN]
    if rows:
        row = chance.choice(rows)
        desk.advance(row, "M", filled=chance.choice((row.filled, row.quantity)), status=BookStatus.CANCELLED)


def _broker(desk: Desk, chance: random.Random) -> None:
    for place in list(desk.unanswered):
        outcome = chance.choice((Outcome.ACKED, Outcome.ACKED, *Outcome))
        if outcome is not Outcome.ACKED:
            desk.answer(place, outcome, reason="chance")
            continue
        report = desk.accept(place)
        filled = chance.choice((place.quantity, place.quantity, 0, LOT))
        status = (
            BookStatus.COMPLETE if filled == place.quantity else chance.choice((BookStatus.OPEN, BookStatus.CANCELLED))
        )
        desk.advance(report, place.account, filled=filled, status=status, push=chance.random() < 0.7)


def _late(desk: Desk, chance: random.Random) -> None:
    """An order whose outcome was lost is at the broker after all."""
    known = {report.tag for book in desk.books.values() for report in book.orders.values()}
    lost = [p for p in desk.commands(PlaceOrder) if p.tag not in known and p not in desk.unanswered]
    if lost:
        place = chance.choice(lost)
        report = desk.accept(place, answered=False)
        filled = chance.choice((place.quantity, 0))
        status = BookStatus.COMPLETE if filled else chance.choice((BookStatus.OPEN, BookStatus.CANCELLED))
        desk.advance(report, place.account, filled=filled, status=status, push=chance.random() < 0.5)


def _operator(desk: Desk, chance: random.Random) -> None:
    now = desk.now_ns
    choices: list[Event] = [
        Paused(at_ns=now),
        Resumed(at_ns=now),
        Resumed(at_ns=now),
        KillSwitched(at_ns=now, level=chance.randint(0, 2)),
        KillSwitched(at_ns=now, level=0),
        PromptAnswered(at_ns=now, approve=True),
        PromptAnswered(at_ns=now, approve=chance.random() < 0.5, children=("C1",)),
        StrategyReset(at_ns=now),
        Flattened(at_ns=now, children=("C2",)),
        ChildResynced(at_ns=now, child="C1"),
        ChildJoined(at_ns=now, child="C2"),
        BackgroundAdopted(at_ns=now, symbol=PUT),
        LoggedIn(at_ns=now, account=chance.choice(("C1", "C2"))),
    ]
    desk.handle(chance.choice(choices))


def _market(desk: Desk, chance: random.Random) -> None:
    symbol = chance.choice((CALL, PUT, HEDGE))
    desk.quote(symbol, f"{chance.randint(1980, 2020) * 5 / 100:.2f}", stale_at_ns=desk.now_ns + 20 * S)


def _owner(desk: Desk, chance: random.Random) -> None:
    desk.owner_trades(chance.randint(-2, 2), chance.choice(("C1", "C2")))
    desk.books["M"].available_inr = Decimal(chance.randint(900_000, 1_100_000))


def _silence(desk: Desk, chance: random.Random) -> None:
    desk.silent = {account for account in desk.books if chance.random() < 0.2}


ACTIONS: tuple[Action, ...] = (_trade, _trade, _working, _broker, _broker, _late, _operator, _market, _owner, _silence)


def random_day(seed: int, steps: int = 80) -> list[Event]:
    """The events of a day in which everything happens."""
    chance = random.Random(seed)
    confirm = Confirm(when=chance.choice(list(ConfirmWhen)))
    desk = Desk(settings(child("C1"), child("C2"), confirm=confirm), background={CALL_LEG: 2 * LOT}, filling=False)
    desk.checking = False
    for _ in range(steps):
        chance.choice(ACTIONS)(desk, chance)
        desk.run(chance.choice(("0", "0.1", "0.4", "1", "3", "40")))
    return desk.events


@pytest.mark.parametrize("seed", range(4))
def test_folding_the_same_events_twice_gives_the_same_bytes_after_every_event(seed: int) -> None:
    events = random_day(seed)
    first, second = Replicator(), Replicator()
    for event in events:
        again = decode_event(encode(event))
        assert encode(first.handle(event)) == encode(second.handle(again))
        assert encode(first.state) == encode(second.state)


@pytest.mark.parametrize("seed", range(4, 8))
def test_state_survives_its_bytes_after_every_event(seed: int) -> None:
    """Written, read and gone on from, the state is the state, and the next decision is the same."""
    live, restored = Replicator(), Replicator()
    for event in random_day(seed):
        assert encode(live.handle(event)) == encode(restored.handle(event))
        written = encode(live.state)
        back = decode(written, State)
        assert encode(back) == written
        assert back == live.state
        restored = Replicator(back)


@pytest.mark.parametrize("seed", range(8, 12))
def test_every_moment_of_a_day_has_a_snapshot(seed: int) -> None:
    core, frame = Replicator(), Frame()
    for number, event in enumerate(random_day(seed), 1):
        core.handle(event)
        before = encode(core.state)
        snapshot = build_snapshot(core.state, core.state.now_ns, frame)
        assert snapshot.seq == number
        assert encode(core.state) == before, "looking changes nothing"


@pytest.mark.parametrize("seed", range(12, 24))
def test_end_of_every_day_is_flat_once_everybody_answers(seed: int) -> None:
    """After any day: brokers answer, the owner closes nothing, the operator flattens: nothing of ours is left."""
    chance = random.Random(seed)
    desk = Desk(settings(child("C1"), child("C2")), filling=False)
    for _ in range(60):
        chance.choice((_trade, _trade, _working, _broker, _market))(desk, chance)
        desk.run(chance.choice(("0.1", "0.4", "1", "3")))
    for symbol in (CALL, PUT, HEDGE):
        desk.quote(symbol, "100")
    for _ in range(40):
        for place in list(desk.unanswered):
            report = next((r for r in desk.books[place.account].orders.values() if r.tag == place.tag), None)
            desk.advance(report or desk.accept(place), place.account)
        for account in ("C1", "C2"):
            for report in list(desk.books[account].orders.values()):
                if report.status is BookStatus.OPEN:
                    desk.advance(report, account)
        desk.handle(Flattened(at_ns=desk.now_ns))
        for account in ("C1", "C2"):
            desk.handle(LoggedIn(at_ns=desk.now_ns, account=account))
        desk.run(20)
    for account in ("C1", "C2"):
        assert not any(leg.allocation_units for leg in desk.child(account).legs.values())
        assert not any(desk.books[account].positions.values())


class Stranger(msgspec.Struct, frozen=True):
    """An event of another program."""

    at_ns: int


def test_event_that_nobody_handles_stops_the_engine() -> None:
    desk = Desk()
    with pytest.raises(BrokenInvariant, match="no handler for Stranger"):
        desk.core.handle(Stranger(at_ns=desk.now_ns))  # type: ignore[arg-type]  # that is the point


def test_timer_of_an_unknown_kind_stops_the_engine() -> None:
    desk = Desk()
    desk.state.timers["teatime:now"] = desk.now_ns
    with pytest.raises(BrokenInvariant, match="teatime"):
        desk.core.handle(TimePassed(at_ns=desk.now_ns))


@pytest.mark.parametrize("fields", [{"lot_units": 0}, {"tick_inr": Decimal(0)}])
def test_instrument_without_a_lot_or_a_tick_does_not_replace_a_good_one(fields: dict[str, object]) -> None:
    desk = Desk()
    desk.load((instrument(CALL, **fields),))
    assert "unusable in the instrument file: lot or tick is not above 0" in desk.notices()
    desk.buy(10)
    assert desk.lots() == 3


def test_push_before_the_first_read_of_the_master_is_left_to_that_read() -> None:
    desk = Desk(warm=False)
    desk.run(3)
    desk.silent = {"M"}
    desk.restart()
    desk.quote(CALL, "100")
    desk.buy(10)
    assert (desk.state.master.legs, desk.placed()) == ({}, [])
    desk.read("M")
    desk.run(3)
    assert desk.lots() == 3


def test_news_of_an_account_that_nobody_configured_changes_nothing() -> None:
    desk = Desk()
    desk.buy(10)
    desk.handle(TimePassed(at_ns=desk.now_ns))
    before = encode(desk.state)
    stranger = desk.report(Side.SELL, 10, id_="S1", symbol=CALL)
    desk.books["X"] = Book(available_inr=Decimal(1))
    desk.push(stranger, "X")
    desk.read("X")
    assert desk.placed() == [(Side.BUY, 3)]
    assert encode(desk.state) == before
