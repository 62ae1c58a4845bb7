"""Instruments that changed over night: frozen, shown, mapped or flattened; never guessed."""

import pytest
from msgspec.structs import replace

from engine.commands import PlaceOrder
from engine.core import carried, reasons
from engine.core.lifecycle import OrderState
from engine.events import DayBegan, Flattened, LegMapped, Outcome, PromptAnswered
from engine.model import BookStatus, Instrument, Side, leg_id
from state.codec import decode_event, encode
from tests.unit.core.builders import ALL, CALL_LEG, FREE, INSTRUMENTS, LOT, PUT_LEG, Desk, child, instrument, settings
from tests.unit.core.nights import SESSIONS, jump, morning, pass_night, restart
from tests.unit.paper.builders import CALL, PUT, ns

NEW = "NIFTY26NOV12250CE"
NEW_LEG = leg_id("NFO", NEW, "NRML")


def changed(**fields: object) -> tuple[Instrument, ...]:
    """Today's file with the call changed."""
    return tuple(replace(i, **fields) if i.symbol == CALL else i for i in INSTRUMENTS)


def without() -> tuple[Instrument, ...]:
    return tuple(i for i in INSTRUMENTS if i.symbol != CALL)


def renamed(lot: int = 2 * LOT) -> tuple[Instrument, ...]:
    """The call has another name, half the strike and another lot."""
    return (*without(), replace(instrument(CALL), symbol=NEW, lot_units=lot))


def held(*children: str) -> Desk:
    """Children with 3 lots each for the master's 10, in two legs."""
    desk = Desk(settings(*(child(name) for name in children or ("C1",))))
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    return desk


def split(desk: Desk, factor: int = 2) -> None:
    """Every position in the call becomes one in the new symbol, with `factor` times the units."""
    for book in desk.books.values():
        units = book.positions.pop(CALL_LEG, 0)
        book.overnight.pop(CALL_LEG, None)
        book.positions[NEW_LEG] = book.overnight[NEW_LEG] = units * factor


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"lot_units": 75}, "lot 65 -> 75"),
        ({"strike_inr": 12250}, "strike 24500 -> 12250"),
        ({"expiry": "2026-11-26"}, "expiry 2026-11-24 -> 2026-11-26"),
    ],
)
def test_what_changed_is_said(fields: dict[str, object], text: str) -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(**fields))
    assert text in desk.leg().changed
    assert desk.leg(leg=PUT_LEG).changed == ""
    assert any(text in notice for notice in desk.notices())


def test_same_terms_are_no_change() -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(freeze_units=900, tick_inr=1))
    assert desk.leg().changed == ""
    assert carried.difference(None, instrument(CALL)) == ""


def test_frozen_leg_sends_nothing_and_says_why() -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(lot_units=75))
    sent = len(desk.placed())
    desk.buy(10)
    desk.run(5)
    assert any("lot 65 -> 75" in reason for reason in desk.reasons())
    desk.sell(20)
    desk.run(5)
    assert desk.leg().due
    assert "lot 65 -> 75" in desk.leg().due_reason
    assert len(desk.placed()) == sent
    desk.sell(10, symbol=PUT)
    assert desk.placed()[sent:] == [(Side.SELL, 3)]


def test_leg_that_is_missing_is_frozen_also_when_the_process_was_down() -> None:
    desk = held()
    restart(desk, instruments=without())
    desk.run(60)
    assert carried.MISSING in desk.leg().changed
    assert desk.lots() == 3


def test_frozen_at_one_child_only() -> None:
    desk = held("C1", "C2")
    morning(desk, "09:10", instruments=INSTRUMENTS)
    desk.load(changed(lot_units=75), account="C1")
    jump(desk, ns("09:20", 3))
    assert [desk.leg(name).changed != "" for name in ("C1", "C2")] == [True, False]
    desk.quote(CALL, "100")
    desk.sell(10)
    desk.run(5)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 0)


def test_own_terms_are_accepted_by_mapping_a_symbol_to_itself() -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(lot_units=39))
    desk.sell(10)
    desk.run(3)
    assert desk.lots() == 3
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=CALL))
    desk.run(5)
    assert desk.leg().allocation_units == 0
    assert desk.last().quantity == 195


def test_units_stay_where_the_broker_did_not_scale_them() -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(lot_units=130))
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=CALL))
    desk.run(40)
    leg = desk.leg()
    assert (leg.allocation_units, leg.target_units, leg.changed) == (195, 195, "")
    assert desk.child().external == {}


def odd() -> Desk:
    """3 lots of 65 are 2.6 of the new 75, which the operator has accepted."""
    desk = held()
    restart(desk, instruments=changed(lot_units=75))
    desk.run(2)
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=CALL))
    desk.quote(CALL, "100")
    desk.run(2)
    return desk


def test_part_of_a_lot_stays_until_the_whole_holding_goes() -> None:
    """Half of his leaves 120 units, of which 45 are no lot."""
    desk = odd()
    desk.sell(5)
    desk.run(30)
    leg = desk.leg()
    assert (desk.commands(PlaceOrder)[-1].quantity, leg.allocation_units, leg.target_units) == (75, 120, 120)
    assert (leg.due, leg.due_reason) == (False, "")
    assert not any("waits" in text for text in desk.notices())
    desk.sell(5)
    assert (desk.commands(PlaceOrder)[-1].quantity, leg.allocation_units) == (120, 0)


def test_odd_remainder_goes_when_the_master_is_out_while_a_part_is_on_its_way() -> None:
    desk = odd()
    desk.filling = False
    desk.sell(5)
    desk.sell(5)
    desk.filling = True
    for place in list(desk.unanswered):
        desk.fill(place)
    desk.run(60)
    assert (desk.leg().allocation_units, desk.leg().target_units) == (0, 0)


def test_split_moves_the_leg_and_scales_what_the_broker_scaled() -> None:
    desk = held()
    pass_night(desk)
    split(desk)
    restart(desk, instruments=renamed(), slept=True)
    desk.run(60)
    assert desk.leg().allocation_units == 3 * LOT
    assert desk.master_leg().units == 10 * LOT
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=NEW))
    desk.run(60)
    leg = desk.leg(leg=NEW_LEG)
    assert CALL_LEG not in desk.child().legs
    assert (leg.allocation_units, leg.high_units, leg.decided_units) == (390, 1300, 1300)
    assert desk.child().external == {}
    master = desk.master_leg(NEW_LEG)
    assert (master.units, master.background_units) == (1300, 0)
    assert len(desk.placed()) == 2
    desk.quote(NEW, "50")
    desk.sell(10, symbol=NEW)  # 650 of his 1300 units: 5 of 10 new lots
    desk.run(5)
    assert desk.leg(leg=NEW_LEG).allocation_units == 130


def test_every_child_moves_together() -> None:
    desk = held("C1", "C2")
    pass_night(desk)
    split(desk)
    restart(desk, instruments=renamed(), slept=True)
    desk.run(5)
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=NEW))
    desk.run(40)
    assert [desk.leg(name, NEW_LEG).allocation_units for name in ("C1", "C2")] == [390, 390]


@pytest.mark.parametrize(
    ("symbol", "text"),
    [("NIFTY26NOV99999CE", "is not in today's instrument file"), (PUT, "is held already")],
)
def test_impossible_mapping_is_refused_and_changes_nothing(symbol: str, text: str) -> None:
    desk = held()
    morning(desk, "09:20", instruments=without())
    before = encode(desk.child().legs)
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=symbol))
    assert any(text in notice for notice in desk.notices())
    assert encode(desk.child().legs) == before


def test_leg_that_did_not_change_cannot_be_mapped() -> None:
    desk = held()
    morning(desk, "09:20")
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=PUT))
    assert any("nothing of it changed" in notice for notice in desk.notices())


def test_flatten_sells_the_whole_remainder_of_a_changed_lot() -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(lot_units=75))
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(5)
    assert desk.leg().allocation_units == 0
    assert 195 in [place.quantity for place in desk.commands(PlaceOrder)]


def test_flatten_sells_a_missing_symbol_by_its_old_name() -> None:
    desk = held()
    morning(desk, "09:20", instruments=without())
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(5)
    assert desk.lots() == 0
    assert CALL_LEG not in desk.child().legs or desk.leg().changed == ""


def test_flattened_leg_that_was_closed_by_hand_ends() -> None:
    desk = held()
    morning(desk, "09:20", instruments=without())
    desk.owner_trades(-3)
    desk.run(40)
    assert desk.lots() == 3, "what is listed of a frozen leg proves nothing"
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(60)
    assert desk.lots() == 0


def test_file_that_comes_late_takes_the_freeze_back() -> None:
    desk = held()
    morning(desk, "09:10", instruments=without())
    assert desk.leg().changed
    desk.load(INSTRUMENTS)
    assert desk.leg().changed == ""
    assert not desk.master_leg().changed


def test_mapping_survives_the_journal() -> None:
    event = LegMapped(at_ns=1, leg=CALL_LEG, symbol=NEW)
    assert decode_event(encode(event)) == event


def test_reason_of_an_unknown_instrument_is_not_lost_on_a_leg_of_today() -> None:
    desk = Desk()
    desk.state.instruments.clear()
    desk.buy(10)
    assert reasons.UNKNOWN_INSTRUMENT in desk.reasons()


def test_finished_orders_are_mapped_with_their_leg() -> None:
    """A flatten that was refused leaves a row in the book that comes with every later read."""
    desk = held()
    morning(desk, "09:20", instruments=renamed(LOT))
    split(desk, 1)
    desk.filling = False
    desk.run(3)
    desk.handle(Flattened(at_ns=desk.now_ns))
    refused = next(p for p in desk.unanswered if p.symbol == CALL)
    desk.advance(desk.accept(refused), filled=0, status=BookStatus.REJECTED)
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=NEW))
    desk.run(10)
    assert desk.order(refused).leg == NEW_LEG
    assert desk.lots(leg=NEW_LEG) == 3


def test_conversion_by_hand_stays_frozen_over_a_restart() -> None:
    desk = held()
    positions = desk.books["C1"].positions
    positions[leg_id("NFO", CALL, "MIS")] = positions.pop(CALL_LEG)
    desk.run(60)
    assert carried.CONVERTED in desk.leg().changed
    desk.restart()
    assert carried.CONVERTED in desk.leg().changed
    assert not any("as it was" in text for text in desk.notices())


def test_leg_frozen_over_two_nights_is_measured_by_what_it_was_before_the_first() -> None:
    desk = held()
    morning(desk, "09:20", instruments=changed(lot_units=75))
    morning(desk, "09:20", day=4, instruments=changed(lot_units=75))
    assert "lot 65 -> 75" in desk.leg().changed
    assert "lot 65 -> 75" in desk.master_leg().changed


@pytest.mark.parametrize(("side", "placed"), [("entry", [(Side.BUY, 3)]), ("exit", [(Side.SELL, 3)])])
def test_order_that_waits_to_be_sent_when_its_instrument_changes_is_withdrawn(
    side: str, placed: list[tuple[Side, int]]
) -> None:
    desk = held()
    morning(desk, "09:20")
    desk.quote(CALL, "100")
    desk.filling, before = False, len(desk.placed())
    desk.buy(10) if side == "entry" else desk.sell(10)
    desk.answer(desk.last(), Outcome.NOT_SENT)
    order = desk.order(desk.last())
    desk.load(changed(lot_units=75))
    desk.run(20)
    assert (order.state, order.reason) == (OrderState.WITHDRAWN, desk.leg().changed)
    assert desk.placed()[before:] == placed


def test_mapping_leaves_children_alone_whose_broker_changed_nothing_or_who_never_held_it() -> None:
    desk = Desk(settings(child("C1"), child("C2"), child("C3")), margins={"C3": 0})
    desk.buy(10)
    desk.run(3)
    desk.child("C3").legs.clear()
    pass_night(desk)
    desk.now_ns = ns("09:20", 3)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    for account in ("M", "C2", "C3"):
        desk.load(account=account)
    desk.load(changed(lot_units=75), account="C1")
    listed = desk.leg("C2").listed
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=CALL))
    assert (desk.leg("C1").changed, desk.leg("C1").listed) == ("", instrument(CALL, lot_units=75))
    assert (desk.leg("C2").listed, desk.lots("C2"), list(desk.child("C3").legs)) == (listed, 3, [])


def test_leg_that_only_a_child_holds_can_be_mapped() -> None:
    desk = held()
    del desk.state.master.legs[CALL_LEG]
    desk.books["M"].positions.pop(CALL_LEG)
    desk.books["M"].orders.clear()
    split_before = desk.leg().allocation_units
    pass_night(desk)
    desk.now_ns = ns("09:20", 3)
    desk.silent = {"M"}
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    desk.load(renamed(LOT))
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=NEW))
    assert desk.leg(leg=NEW_LEG).allocation_units == split_before
    assert CALL_LEG not in desk.child().legs


def test_question_about_the_old_leg_ends_when_it_is_mapped() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    pass_night(desk)
    desk.now_ns = ns("09:20", 3)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    desk.load()
    desk.run(3)
    desk.sell(10)
    assert [item.leg for prompt in desk.state.prompts.values() for item in prompt.items] == [CALL_LEG]
    split(desk, 1)
    desk.load(renamed(LOT))
    desk.leg().changed = desk.master_leg().changed = "changed over night: strike"
    desk.handle(LegMapped(at_ns=desk.now_ns, leg=CALL_LEG, symbol=NEW))
    desk.run(3)
    assert {item.leg for prompt in desk.state.prompts.values() for item in prompt.items} <= {NEW_LEG}
