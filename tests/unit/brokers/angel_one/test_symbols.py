"""Angel's scrip master: which of its scrips is which instrument of ours, and when none is."""

import itertools
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one import symbols as symbols_module
from brokers.angel_one.symbols import Scrip, Symbols
from brokers.catalogue import Catalogue
from brokers.errors import Malformed
from engine.model import Instrument, InstrumentId, Kind
from tests.unit.brokers.angel_one.payloads import SCRIPS, needs_samples, sample, scrip_master
from tests.unit.paper.builders import CALL, FUT, PUT

DAY = date(2026, 11, 2)
HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    "segment,exchange"
)


def kite(*rows: str) -> Catalogue:
    """Kite's dump with these rows."""
    return Catalogue("\n".join([HEAD, *rows]) + "\n", DAY)


CALL_ROW = f"1,40921,{CALL},NIFTY,0.0,2026-11-24,24500,0.05,65,CE,NFO-OPT,NFO"


def symbols(*rows: dict[str, str], dump: Catalogue | None = None) -> Symbols:
    return Symbols(scrip_master(*rows), DAY, dump)


def scrip(found: Scrip | str) -> Scrip:
    assert isinstance(found, Scrip)
    return found


def row(number: int = 0, /, **changes: str) -> dict[str, str]:
    return SCRIPS[number] | changes


@pytest.mark.parametrize(
    ("name", "symbol", "token"),
    [
        (f"NFO:{CALL}", "NIFTY24NOV2624500CE", "40921"),
        (f"NFO:{PUT}", "NIFTY24NOV2624500PE", "40922"),
        (f"NFO:{FUT}", "NIFTY24NOV26FUT", "58072"),
        ("NSE:BAJAJ-AUTO", "BAJAJ-AUTO-EQ", "263"),
    ],
)
def test_instrument_is_found_and_found_back(name: str, symbol: str, token: str) -> None:
    made = symbols()
    found = scrip(made.find(InstrumentId(name)))
    assert (found.symbol, found.token, found.instrument.id) == (symbol, token, name)
    assert made.name_of(name.split(":", maxsplit=1)[0], symbol) == name


def test_option_has_angels_own_lot_and_tick_in_rupees() -> None:
    found = scrip(symbols().find(InstrumentId(f"NFO:{CALL}")))
    assert found.instrument == Instrument(
        exchange="NFO", symbol=CALL, lot_units=65, tick_inr=Decimal("0.05"), freeze_units=found.instrument.freeze_units,
        underlying="NIFTY", kind=Kind.CALL, expiry="2026-11-24", strike_inr=Decimal(24500),
    )  # fmt: skip
    assert found.instrument.freeze_units


def test_weekly_option_and_one_of_bse_have_kites_names() -> None:
    weekly = row(token="1", symbol="NIFTY03NOV2624500CE", expiry="03NOV2026")
    sensex = row(
        token="2",
        symbol="SENSEX2610575000PE",
        name="SENSEX",
        expiry="05NOV2026",
        strike="7500000.000000",
        exch_seg="BFO",
    )
    made = symbols(weekly, sensex)
    assert made.name_of("NFO", "NIFTY03NOV2624500CE") == "NFO:NIFTY26N0324500CE"
    assert made.name_of("BFO", "SENSEX2610575000PE") == "BFO:SENSEX26N0575000PE"


def test_kites_dump_names_by_the_exchanges_number() -> None:
    odd = CALL_ROW.replace(CALL, "ANOTHERNAME")
    made = symbols(dump=kite(odd))
    assert scrip(made.find(InstrumentId("NFO:ANOTHERNAME"))).symbol == "NIFTY24NOV2624500CE"
    assert made.name_of("NFO", "NIFTY24NOV2624500CE") == "NFO:ANOTHERNAME"


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"strike": "2460000.000000"}, "strike"),
        ({"expiry": "23NOV2026"}, "expiry"),
        ({"symbol": "NIFTY24NOV2624500PE"}, "kind"),
        ({"name": "BANKNIFTY"}, "underlying"),
    ],
)
def test_number_that_is_another_contract_is_refused(changes: dict[str, str], difference: str) -> None:
    found = symbols(row(**changes), dump=kite(CALL_ROW)).find(InstrumentId(f"NFO:{CALL}"))
    assert isinstance(found, str)
    assert difference in found


@pytest.mark.parametrize("name", ["NFO:NIFTY26NOV99999CE", "MCX:CRUDEOIL26NOVFUT", "NFO:x"])
def test_instrument_that_is_not_there_is_said(name: str) -> None:
    assert symbols().find(InstrumentId(name)) == "not listed at Angel One"


def test_symbol_that_is_not_there_keeps_its_name() -> None:
    assert symbols().name_of("MCX", "CRUDEOIL25NOV5000CE") == "MCX:CRUDEOIL25NOV5000CE"


@pytest.mark.parametrize(
    "changes",
    [
        {"lotsize": "x"}, {"lotsize": "0"}, {"lotsize": "-65"}, {"tick_size": ""}, {"tick_size": "0.000000"},
        {"tick_size": "NaN"}, {"tick_size": "1e999999"}, {"tick_size": "1e-999999"}, {"tick_size": "1e-16"},
        {"strike": "1e999999"}, {"strike": "-1e999999"}, {"strike": "1e17"}, {"strike": "9" * 400}, {"lotsize": "9" * 400},
        {"expiry": "01JAN0001"}, {"expiry": "31DEC9999"}, {"strike": "x"}, {"strike": "Infinity"}, {"expiry": ""}, {"expiry": "31FEB2026"},
        {"expiry": "24FOO2026"}, {"instrumenttype": ""}, {"symbol": "NIFTY24NOV2624500XX"},
    ],
)  # fmt: skip
def test_row_that_cannot_be_used_is_no_scrip(changes: dict[str, str]) -> None:
    made = symbols(row(**changes), dump=kite(CALL_ROW))
    assert made.find(InstrumentId(f"NFO:{CALL}")) == "its row at Angel One cannot be used"
    assert isinstance(symbols(row(**changes)).find(InstrumentId(f"NFO:{CALL}")), str)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b"\xff",
        b"[" * 100_000,
        b'[{"token": 5}]',
        b'[{"token": "1", "symbol": "X", "exch_seg": "CDS"}]',
    ],
)
def test_what_is_no_scrip_master_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        Symbols(body, DAY)


@needs_samples
def test_quoted_rows_of_the_scrip_master_are_read() -> None:
    made = Symbols(sample("scrip/angel_rows.json"), date(2026, 8, 3))
    assert made.name_of("NSE", "SBIN-EQ") == "NSE:SBIN"
    option = scrip(made.find(made.name_of("NFO", "NIFTY11AUG2622350CE"))).instrument
    assert (option.symbol, option.strike_inr, option.lot_units, option.tick_inr) == (
        "NIFTY2681122350CE",
        Decimal(22350),
        65,
        Decimal("0.05"),
    )
    future = scrip(made.find(made.name_of("NFO", "NIFTY25AUG26FUT"))).instrument
    assert (future.symbol, future.tick_inr, future.expiry) == ("NIFTY26AUGFUT", Decimal("0.1"), "2026-08-25")
    assert made.find(InstrumentId("NSE:Nifty 50")) == "not listed at Angel One"


@pytest.mark.parametrize("number", ["1e999999", "1e1000009", "-1e1000009", "1e-999999", "9" * 4000, "0e999999"])
@pytest.mark.parametrize("field", ["strike", "tick_size", "lotsize"])
def test_number_of_any_size_spoils_no_other_row(field: str, number: str) -> None:
    bad = row(token="1", **{field: number})
    for dump in (None, kite(CALL_ROW, f"1,1,{PUT},NIFTY,0.0,2026-11-24,24500,0.05,65,PE,NFO-OPT,NFO")):
        made = symbols(bad, row(1), row(2), dump=dump)
        made.find(InstrumentId(f"NFO:{CALL}"))
        made.name_of("NFO", bad["symbol"])
        assert scrip(made.find(InstrumentId(f"NFO:{FUT}"))).token == "58072"


NAMES = ("NIFTY", "NIFTYNXT50", "SENSEX", "SENSEX50", "M&M", "BAJAJ-AUTO", "360ONE", "A", "NIFTY26", "NIFTY26NOV")


def many() -> list[dict[str, str]]:
    """Contracts whose names are parts of each other, on several days."""
    tokens = itertools.count(1)
    return [
        row(
            token=str(next(tokens)), symbol=f"{name}{day[:5]}26{end}", name=name, expiry=day, strike=strike,
            exch_seg=exchange, instrumenttype="FUTIDX" if end == "FUT" else "OPTIDX",
        )
        for exchange, name in itertools.product(("NFO", "BFO"), NAMES)
        for day in ("03NOV2026", "24NOV2026", "26NOV2026", "29DEC2026", "28JAN2027")
        for end, strike in (("FUT", "-1"), ("5CE", "500"), ("50CE", "5000.00"), ("50PE", "5000"), ("52.5PE", "5250"))
    ]  # fmt: skip


def test_every_contract_is_found_by_the_name_that_it_has() -> None:
    rows = many()
    made = symbols(*rows)
    found: dict[InstrumentId, str] = {}
    for one in rows:
        found.setdefault(made.name_of(one["exch_seg"], one["symbol"]), one["token"])
    assert len(found) > 400  # futures of one month share their name
    by_token = {one["token"]: one for one in rows}
    for name, token in found.items():
        listed = by_token[scrip(made.find(name)).token]
        wanted = by_token[token]
        assert (listed["name"], listed["strike"], listed["exch_seg"]) == (
            wanted["name"],
            wanted["strike"],
            wanted["exch_seg"],
        )


def test_look_up_by_name_reads_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = symbols(*many(), *SCRIPS)
    read: list[object] = []
    real = symbols_module._instrument

    def counted(row_: symbols_module.Row, day: date) -> Instrument | None:
        read.append(row_)
        return real(row_, day)

    monkeypatch.setattr(symbols_module, "_instrument", counted)
    assert scrip(made.find(InstrumentId(f"NFO:{CALL}"))).symbol == "NIFTY24NOV2624500CE"
    assert scrip(made.find(InstrumentId("NSE:BAJAJ-AUTO"))).token == "263"
    assert made.find(InstrumentId("NFO:NIFTY26NOV99999CE")) == "not listed at Angel One"
    assert made.find(InstrumentId("NSE:NOTHING")) == "not listed at Angel One"
    assert len(read) < 30


VALUE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "NaN",
            "1e99999",
            "1e999999",
            "1e-999999",
            "-1",
            "0",
            "OPTIDX",
            "FUTIDX",
            "00NOV0000",
            "01JAN0001",
            "31DEC9999",
        ]
    ),
    st.sampled_from(["9" * 5000, "9" * 400]),
)


@given(st.dictionaries(st.sampled_from(sorted(SCRIPS[0])), VALUE, max_size=4))
def test_row_with_any_values_is_a_scrip_or_none(changes: dict[str, str]) -> None:
    try:
        made = symbols(row(**changes), row(1), dump=kite(CALL_ROW))
    except Malformed:
        return
    for name in (f"NFO:{CALL}", f"NFO:{PUT}", "NSE:X"):
        made.find(InstrumentId(name))
    made.name_of("NFO", changes.get("symbol", "x"))
    symbols(row(**changes), row(1)).find(InstrumentId(f"NFO:{CALL}"))


@given(st.binary(max_size=40), st.integers(0, 900))
def test_damaged_scrip_master_is_read_or_malformed(damage: bytes, at: int) -> None:
    whole = scrip_master()
    for body in (damage, whole[:at] + damage + whole[at:]):
        try:
            made = Symbols(body, DAY)
        except Malformed:
            continue
        made.find(InstrumentId(f"NFO:{CALL}"))


def test_share_with_the_number_of_another_one_is_not_believed() -> None:
    """A number is given to another company after a delisting, and one broker's file may be a day behind."""
    dump = kite("408065,263,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE", "1,264,TCS,TATA CONSULTANCY,0,,0,0.05,1,EQ,NSE,NSE")
    share = next(row for row in SCRIPS if row["exch_seg"] == "NSE")
    made = symbols(share | {"token": "264", "symbol": "TCS-EQ", "name": "TCS"}, share, dump=dump)
    assert made.find(InstrumentId("NSE:INFY")) == "another contract at Angel One: symbol BAJAJ-AUTO for INFY"
    assert made.name_of("NSE", "BAJAJ-AUTO-EQ") == "NSE:BAJAJ-AUTO"
    assert scrip(made.find(InstrumentId("NSE:TCS"))).symbol == "TCS-EQ"
    assert made.name_of("NSE", "TCS-EQ") == "NSE:TCS"
