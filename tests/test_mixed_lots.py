"""Brokers whose files differ in lot and tick: every order of a child is in its own broker's lots and on its own ticks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.commands import PlaceOrder
from engine.model import BookStatus, Instrument, InstrumentId, OrderReport, OrderType, Side
from paper.sandbox.sandbox import Plan, SandboxThread
from tests.contract.angel_server import AngelServer
from tests.test_live import DAY, LOT, StillMarket
from tests.test_mixed import ANGEL, ZERODHA, Twin, capital

AT_ZERODHA, AT_ANGEL = ZERODHA[1], ANGEL[1]
SMALL, LARGE = 30, 200
"Lots beside the usual 65: other multiples, and more than three tenths of ten of his."
COARSE = Decimal("0.20")
"A tick beside the usual 0.05."
Change = Callable[[Instrument], Instrument]


def near_the_money(listed: Sequence[Instrument]) -> list[InstrumentId]:
    """The hedge and the short of `Twin.legs`."""
    calls = sorted((i for i in listed if i.kind.value == "CE"), key=lambda i: i.strike_inr or 0)
    middle = calls[len(calls) // 2 :]
    return [middle[4].id, middle[1].id]


class Listing(StillMarket):
    """The still market with other terms of some instruments."""

    def __init__(self, changes: Mapping[InstrumentId, Change]) -> None:
        super().__init__()
        self._instruments = tuple(changes[one.id](one) if one.id in changes else one for one in self._instruments)


@contextmanager
def differing(directory: Path, hedge: Change, short: Change, more: str = "", *, at: str = "angel") -> Iterator[Twin]:
    """Both brokers, with other terms of the two legs in the file and at the exchange of one of them."""
    changes = dict(zip(near_the_money(StillMarket().instruments()), (hedge, short), strict=True))
    market, theirs = (Listing(changes if at == broker else {}) for broker in ("zerodha", "angel"))
    thread = SandboxThread(Plan(day=DAY, market=market, accounts=[(name, capital(name)) for name in ZERODHA]))
    with thread:
        assert thread.sandbox is not None
        accounts = [(name, capital(name)) for name in ANGEL]
        with AngelServer(accounts, theirs.instruments(), day=DAY, enforces_limits=True) as angel:
            made = Twin(thread.sandbox, thread, angel, directory, more)
            try:
                yield made
            finally:
                made.program.kill()


def terms(lot_units: int, tick_inr: Decimal = COARSE) -> Change:
    return lambda listed: replace(listed, lot_units=lot_units, tick_inr=tick_inr)


def started(twin: Twin, master: str) -> None:
    twin.program.start(twin.configure(master, (AT_ZERODHA, AT_ANGEL)))
    twin.program.armed(twin.sandbox.clock.now_ns)


def fitting(twin: Twin, account: str) -> list[OrderReport]:
    """An account's orders; each in lots and on ticks of its broker's file."""
    found = twin.orders(account)
    exchange = twin.sandbox.exchange if account in ZERODHA else twin.angel.exchange
    listed = {one.id: one for one in exchange.instruments()}
    for row in found:
        instrument = listed[row.instrument]
        assert row.quantity % instrument.lot_units == 0, row
        assert row.price_inr is None or row.price_inr % instrument.tick_inr == 0, row
        assert row.trigger_price_inr is None or row.trigger_price_inr % instrument.tick_inr == 0, row
        assert row.status is not BookStatus.REJECTED, row
    return found


@pytest.mark.parametrize(
    ("at", "master", "lot", "lots", "held"),
    [
        # 10 x 65 at 3/10 are 195: 3 lots of 65, and 6 of 30, which leave 15 over.
        ("angel", "ZM0001", LOT, 10, {AT_ZERODHA: 195, AT_ANGEL: 180}),
        ("zerodha", "AM0001", LOT, 10, {AT_ZERODHA: 180, AT_ANGEL: 195}),
        # 20 x 30 at 3/10 are 180: 2 lots of 65, which leave 50 over, and 6 of 30.
        ("angel", "AM0001", SMALL, 20, {AT_ZERODHA: 130, AT_ANGEL: 180}),
    ],
    ids=["coarse for the child at Angel One", "coarse for the child at Zerodha", "coarse for the master"],
)
def test_child_trades_in_its_own_lots_and_at_limits_on_its_own_tick(
    tmp_path: Path, at: str, master: str, lot: int, lots: int, held: dict[str, int]
) -> None:
    copies = "copy: {as: limit, limit_buffer_ticks: 20}"
    with differing(tmp_path, terms(SMALL), terms(SMALL), copies, at=at) as twin:
        started(twin, master)
        hedge, short = (leg.symbol for leg in twin.legs())
        twin.trade(master, hedge, Side.BUY, lots, lot)
        twin.trade(master, short, Side.SELL, lots, lot)
        both = {child: {hedge: units, short: -units} for child, units in held.items()}
        twin.program.wait("both legs", lambda: {child: twin.units(child) for child in held} == both)
        entries = {child: fitting(twin, child) for child in held}
        assert all(
            len(rows) == 2 and {row.order_type for row in rows} == {OrderType.LIMIT} for rows in entries.values()
        )
        twin.trade(master, short, Side.BUY, lots, lot)
        twin.trade(master, hedge, Side.SELL, lots, lot)
        twin.program.wait("everybody flat", lambda: [twin.units(child) for child in held] == [{}, {}])
        assert twin.program.stop() == 0
        assert [len(fitting(twin, child)) for child in held] == [4, 4]


def test_part_of_the_way_out_is_in_the_childs_own_lots(tmp_path: Path) -> None:
    with differing(tmp_path, terms(SMALL), terms(SMALL)) as twin:
        started(twin, "ZM0001")
        hedge, _ = (leg.symbol for leg in twin.legs())
        twin.trade("ZM0001", hedge, Side.BUY, 10)
        twin.program.wait("the copies", lambda: twin.units(AT_ANGEL) == {hedge: 180})
        twin.trade("ZM0001", hedge, Side.SELL, 4)
        # Six tenths of 6 lots of 30 are 3.6, of 3 lots of 65 are 1.8: whole lots of each.
        twin.program.wait(
            "the parts", lambda: (twin.units(AT_ANGEL), twin.units(AT_ZERODHA)) == ({hedge: 90}, {hedge: 65})
        )
        twin.trade("ZM0001", hedge, Side.SELL, 6)
        twin.program.wait("everybody flat", lambda: twin.units(AT_ANGEL) == twin.units(AT_ZERODHA) == {})
        assert twin.program.stop() == 0
        assert fitting(twin, AT_ANGEL) and fitting(twin, AT_ZERODHA)


def test_leg_of_less_than_one_lot_there_is_skipped_there_with_the_reason(tmp_path: Path) -> None:
    with differing(tmp_path, terms(LARGE), terms(SMALL)) as twin:
        started(twin, "ZM0001")
        hedge, _ = (leg.symbol for leg in twin.legs())
        twin.trade("ZM0001", hedge, Side.BUY, 10)  # 195 units are less than a lot of 200
        twin.program.wait("the other child", lambda: twin.units(AT_ZERODHA) == {hedge: 195})
        twin.program.wait(
            "the reason",
            lambda: any(AT_ANGEL in line and hedge in line and "below one lot" in line for line in twin.program.lines),
        )
        twin.trade("ZM0001", hedge, Side.SELL, 10)
        twin.program.wait("everybody flat", lambda: twin.units(AT_ZERODHA) == {})
        assert twin.program.stop() == 0
        assert twin.orders(AT_ANGEL) == []


def test_resting_order_is_mirrored_in_the_childs_own_lots_and_on_its_own_tick(tmp_path: Path) -> None:
    with differing(tmp_path, terms(SMALL), terms(SMALL), "follow: orders") as twin:
        started(twin, "ZM0001")
        hedge = twin.legs()[0]
        quote = twin.sandbox.exchange.newest(hedge.id)
        assert quote is not None and quote.bid_inr is not None
        price = quote.bid_inr // 2 // COARSE * COARSE + Decimal("0.15")
        resting = PlaceOrder(
            account="ZM0001", tag="own", exchange="NFO", symbol=hedge.symbol, product="NRML", side=Side.BUY,
            quantity=10 * LOT, order_type=OrderType.LIMIT, price_inr=price,
        )  # fmt: skip
        twin.place(resting)
        twin.program.wait("the mirrors", lambda: bool(twin.orders(AT_ANGEL)) and bool(twin.orders(AT_ZERODHA)))
        (there,), (here,) = fitting(twin, AT_ANGEL), fitting(twin, AT_ZERODHA)
        assert (here.quantity, here.price_inr, there.quantity) == (195, price, 180)
        assert there.price_inr is not None and abs(there.price_inr - price) < COARSE
        assert there.price_inr <= price  # a purchase is never dearer than his
        assert twin.program.stop() == 0
