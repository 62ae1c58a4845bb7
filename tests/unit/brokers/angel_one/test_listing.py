"""Angel's scrip master as a dump that the catalogue reads: the same instruments under the same names and numbers."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one.listing import kite_csv
from brokers.angel_one.symbols import Scrip, Symbols
from brokers.catalogue import Catalogue
from engine.model import InstrumentId, instrument_id
from tests.unit.brokers.angel_one.payloads import SCRIPS, needs_samples, sample, scrip_master
from tests.unit.paper.builders import CALL, FUT, PUT

DAY = date(2026, 11, 2)


def catalogue(body: bytes) -> tuple[Symbols, Catalogue]:
    symbols = Symbols(body, DAY)
    return symbols, Catalogue(kite_csv(symbols), DAY)


def test_every_scrip_is_listed_as_it_is_found() -> None:
    symbols, made = catalogue(scrip_master())
    assert len(made) == len(SCRIPS)
    for name in (f"NFO:{CALL}", f"NFO:{PUT}", f"NFO:{FUT}", "NSE:BAJAJ-AUTO"):
        listing, scrip = made.find(InstrumentId(name)), symbols.find(InstrumentId(name))
        assert listing is not None
        assert isinstance(scrip, Scrip)
        assert (listing.instrument, listing.exchange_token) == (scrip.instrument, scrip.token)
        assert listing.token >> 8 == int(scrip.token)


def test_symbols_agree_with_a_catalogue_made_of_them() -> None:
    _, made = catalogue(scrip_master())
    symbols = Symbols(scrip_master(), DAY, made)
    for row in SCRIPS:
        name = symbols.name_of(row["exch_seg"], row["symbol"])
        found = symbols.find(name)
        assert isinstance(found, Scrip)
        assert found.token == row["token"]


def test_numbers_of_two_exchanges_do_not_meet() -> None:
    rows = [SCRIPS[3] | {"exch_seg": "BSE", "symbol": "BAJAJ-AUTO"}, SCRIPS[3]]
    _, made = catalogue(scrip_master(*rows))
    tokens = {found.token for found in made.find_all([InstrumentId("NSE:BAJAJ-AUTO"), InstrumentId("BSE:BAJAJ-AUTO")])}
    assert len(tokens) == 2


def test_scrip_whose_number_is_none_is_left_out() -> None:
    _, made = catalogue(scrip_master(SCRIPS[0] | {"token": "x1"}, SCRIPS[1] | {"token": "9" * 30}, SCRIPS[2]))
    assert len(made) == 1


@needs_samples
def test_quoted_rows_become_a_catalogue() -> None:
    _, made = catalogue(sample("scrip/angel_rows.json"))
    assert len(made) == 3  # the index cannot be traded and has no tick


@given(st.text(max_size=12), st.text(max_size=12))
def test_odd_names_make_a_dump_that_can_be_read(symbol: str, name: str) -> None:
    body = scrip_master(SCRIPS[3] | {"symbol": symbol, "name": name}, SCRIPS[0])
    _, made = catalogue(body)
    assert made.find(instrument_id("NFO", CALL)) is not None
