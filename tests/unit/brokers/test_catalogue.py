"""An instrument is found by its name or the exchange's number, and only ever that one, whatever else is in the file."""

import csv
import gzip
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.catalogue import Catalogue, Listing
from brokers.errors import Malformed
from engine.model import InstrumentId, Kind, instrument_id

SHARED = Path(__file__).parents[3].parent / "shared/data"
NEEDED = {"reason": "shared/data is not beside the checkout"}
OFFICIAL, SLICE = SHARED / "kite-mocks/instruments_all.csv", SHARED / "instruments/kite_NFO_BFO_2026-08-18.csv.gz"
DAY = date(2026, 10, 5)
HEAD = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
CALL = "10752258,42001,NIFTY26OCT24500CE,NIFTY,0.0,2026-10-27,24500.0,0.05,65,CE,NFO-OPT,NFO"
FUTURE = "10752514,42002,NIFTY26OCTFUT,NIFTY,0.0,2026-10-27,0.0,0.1,65,FUT,NFO-FUT,NFO"
SHARE = '408065,1594,INFY,"INFOSYS, LTD.",0.0,,0.0,0.05,1,EQ,NSE,NSE'
ODD = '10752770,42003,M&M26OCT3000CE,"M&M",0.0,2026-10-27,3000.5,0.05,200,CE,NFO-OPT,NFO'


def catalogue(*lines: str, head: str = HEAD, end: str = "\n") -> Catalogue:
    return Catalogue(end.join((head, *lines)) + end, DAY)


def share(symbol: str, number: int, name: str = "A NAME") -> str:
    return f"{number},{number},{symbol},{name},0.0,,0.0,0.05,1,EQ,NSE,NSE"


def find(book: Catalogue, symbol: str, exchange: str = "NFO") -> Listing | None:
    return book.find(instrument_id(exchange, symbol))


def test_option_is_found_with_all_that_is_known_of_it() -> None:
    found = find(catalogue(CALL, FUTURE), "NIFTY26OCT24500CE")
    assert found is not None
    assert (found.token, found.exchange_token) == (10752258, "42001")
    instrument = found.instrument
    assert (instrument.exchange, instrument.symbol, instrument.underlying) == ("NFO", "NIFTY26OCT24500CE", "NIFTY")
    assert (instrument.kind, instrument.expiry, instrument.strike_inr) == (Kind.CALL, "2026-10-27", Decimal(24500))
    assert (instrument.lot_units, instrument.tick_inr, instrument.freeze_units) == (65, Decimal("0.05"), 3510)


def test_freeze_quantity_is_that_of_the_day() -> None:
    found = Catalogue(f"{HEAD}\n{CALL}\n", date(2026, 10, 1)).find(instrument_id("NFO", "NIFTY26OCT24500CE"))
    assert found is not None and found.instrument.freeze_units == 1800


def test_future_has_no_strike_and_a_share_neither_expiry_nor_freeze_quantity() -> None:
    book = catalogue(FUTURE, SHARE)
    future, paper = find(book, "NIFTY26OCTFUT"), find(book, "INFY", "NSE")
    assert future is not None and paper is not None
    assert (future.instrument.kind, future.instrument.strike_inr) == (Kind.FUTURE, None)
    assert (paper.instrument.kind, paper.instrument.expiry, paper.instrument.freeze_units) == (Kind.EQUITY, None, None)


def test_quoted_name_may_hold_a_comma() -> None:
    found = find(catalogue(SHARE, ODD), "INFY", "NSE")
    assert found is not None
    assert (found.instrument.underlying, found.token) == ("INFOSYS, LTD.", 408065)


def test_same_symbol_on_two_exchanges_is_two_instruments() -> None:
    book = catalogue(SHARE, SHARE.replace("408065,1594", "128053508,500209").replace("NSE,NSE", "BSE,BSE"))
    found = [find(book, "INFY", exchange) for exchange in ("NSE", "BSE")]
    assert [listing and listing.token for listing in found] == [408065, 128053508]
    assert find(book, "INFY", "NFO") is None


@pytest.mark.parametrize(
    "wanted", ["NIFTY26OCT24500PE", "NIFTY26OCT24500C", "nifty26oct24500ce", "", "NIFTY26OCT24500CE ", "NIFTY"]
)
def test_what_is_not_listed_is_none(wanted: str) -> None:
    assert find(catalogue(CALL, FUTURE), wanted) is None


def test_all_that_are_listed_come_in_the_order_they_were_asked_for() -> None:
    book = catalogue(CALL, FUTURE, SHARE, ODD)
    wanted = [instrument_id("NFO", name) for name in ("M&M26OCT3000CE", "GONE", "NIFTY26OCTFUT")]
    assert [listing.token for listing in book.find_all(wanted)] == [10752770, 10752514]


def test_instrument_is_found_by_the_exchanges_number() -> None:
    book = catalogue(CALL, FUTURE, SHARE, ODD)
    found = book.find_token("NFO", "42003")
    assert found is not None and found.instrument.symbol == "M&M26OCT3000CE"
    assert (book.find_token("NSE", "42003"), book.find_token("NFO", "4"), book.find_token("", "")) == (None, None, None)


def test_number_of_a_row_that_a_later_one_replaced_finds_nothing() -> None:
    book = catalogue(share("TWICE", 1), share("TWICE", 2))
    assert book.find_token("NSE", "1") is None
    found = book.find_token("NSE", "2")
    assert found is not None and found == find(book, "TWICE", "NSE")


def test_columns_may_stand_in_any_order_and_be_more() -> None:
    names, cells = HEAD.split(","), CALL.split(",")
    book = catalogue(",".join([*reversed(cells), "x"]), head=",".join([*reversed(names), "isin"]))
    assert find(book, "NIFTY26OCT24500CE") == find(catalogue(CALL), "NIFTY26OCT24500CE")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_file_may_have_lines_of_windows(end: str) -> None:
    book = catalogue(CALL, FUTURE, end=end)
    found = find(book, "NIFTY26OCTFUT")
    assert found is not None and (found.instrument.exchange, len(book)) == ("NFO", 2)


@pytest.mark.parametrize("column", [c for c in HEAD.split(",") if c not in ("last_price", "segment")])
def test_missing_column_is_named(column: str) -> None:
    with pytest.raises(Malformed) as caught:
        catalogue(CALL, head=",".join("other" if name == column else name for name in HEAD.split(",")))
    assert str(caught.value) == f"the instrument file has no column {column}"


@pytest.mark.parametrize(
    "text",
    ["", "\n", HEAD, f"{HEAD}\n", f"{HEAD}\n\n\n", f"{HEAD}\n1,2\n", "<html>", '{"status":"error"}', "\x00" * 50, '"' * 9,
     "x" * 200_000, f"{HEAD}\n{'x' * 200_000}\n"],
    ids=["nothing", "a blank line", "no end of line", "no rows", "blank rows", "no whole row", "web page", "json", "zeros",
         "quotes", "one long cell", "one long cell as a row"],
)  # fmt: skip
def test_file_that_is_none_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        Catalogue(text, DAY)


def test_message_does_not_repeat_the_file() -> None:
    with pytest.raises(Malformed) as caught:
        Catalogue("canary,file\n1,2\n", DAY)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        CALL.replace("65,CE", "0,CE"),
        CALL.replace("65,CE", "six,CE"),
        CALL.replace("65,CE", "-65,CE"),
        CALL.replace("65,CE", "1.5,CE"),
        CALL.replace("0.05", "0"),
        CALL.replace("0.05", "NaN"),
        CALL.replace("0.05", "sNaN"),
        CALL.replace("0.05", ""),
        CALL.replace("24500.0", "Infinity"),
        CALL.replace("24500.0", "high"),
        CALL.replace("2026-10-27", "27 OCT"),
        CALL.replace("2026-10-27", "2026-02-30"),
        CALL.replace(",CE,", ",XX,"),
        CALL.replace(",CE,", ",,"),
        CALL.replace("10752258", "token"),
        CALL.replace("10752258", ""),
    ],
)
def test_row_that_cannot_be_used_is_as_if_not_listed(bad: str) -> None:
    book = catalogue(bad, FUTURE)
    assert find(book, "NIFTY26OCT24500CE") is None
    assert book.find_token("NFO", "42001") is None
    assert find(book, "NIFTY26OCTFUT") is not None


@pytest.mark.parametrize("bad", [CALL[:40], CALL + ",more", CALL.replace(",NFO-OPT,NFO", ""), "", ",", '"'])
def test_row_that_is_not_whole_is_passed_over(bad: str) -> None:
    book = catalogue(bad, FUTURE)
    assert (len(book), find(book, "NIFTY26OCT24500CE")) == (1, None)
    assert find(book, "NIFTY26OCTFUT") is not None


@pytest.mark.parametrize(
    "bad",
    [
        share("BAD", 9, '"AN OPEN QUOTE'),
        share("BAD", 9, 'A "QUOTE" INSIDE').replace("A ", '"A" '),
        share('"BAD', 9),
        share("BAD", 9)[:-3] + '"NSE',
        '"',
        '"' + share("BAD", 9),
        share("BAD", 9, "LONG " * 30_000),
        share("BAD", 9, "A\u2028BREAK"),
        share("BAD", 9, "A\x0bBREAK"),
        share("BAD", 9, "A\x00ZERO"),
    ],
    ids=["in the name", "after a quoted cell", "in the symbol", "in the last cell", "alone", "at the start", "far too long",
         "a break of its own", "an old break", "a zero"],
)  # fmt: skip
def test_damaged_row_spoils_no_other(bad: str) -> None:
    """An open quote once swallowed the next lines, and every name after it was looked up in another one's row."""
    others = [share(f"S{number}", number) for number in range(1, 8)]
    book = catalogue(*others[:3], bad, *others[3:])
    for number in range(1, 8):
        by_name, by_token = find(book, f"S{number}", "NSE"), book.find_token("NSE", str(number))
        assert by_name is not None and by_name == by_token
        assert (by_name.instrument.symbol, by_name.token) == (f"S{number}", number)


def test_row_that_ends_within_quotes_is_not_whole() -> None:
    assert find(catalogue(share("BAD", 9)[:-3] + '"NSE', SHARE), "BAD", "NSE") is None


def test_many_threads_may_ask_at_once() -> None:
    book = catalogue(*(share(f"S{number}", number) for number in range(200)))

    def ask(number: int) -> bool:
        by_token, by_name = book.find_token("NSE", str(number)), find(book, f"S{number}", "NSE")
        return by_token is not None and by_token == by_name and by_token.token == number

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, list(range(200)) * 3))


CELL = st.text(alphabet='ab1,". \n\r', max_size=8)


@given(st.lists(st.lists(CELL, min_size=1, max_size=14), max_size=6))
def test_whatever_stands_between_them_the_good_rows_are_found(rows: list[list[str]]) -> None:
    middle = [",".join(row) for row in rows]
    book = catalogue(share("FIRST", 1), *middle, share("LAST", 2))
    found = [find(book, name, "NSE") for name in ("FIRST", "LAST")]
    assert [listing and listing.token for listing in found] == [1, 2]
    assert book.find_token("NSE", "2") == found[1]


@given(st.lists(st.text(alphabet='abc,"&. ', min_size=1, max_size=12), min_size=1, max_size=6, unique=True))
def test_every_name_that_csv_can_write_comes_back(names: list[str]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD.split(","))
    for number, name in enumerate(names, 1):
        writer.writerow([number, number, name, name, "0.0", "", "0.0", "0.05", 1, "EQ", "NSE", "NSE"])
    book = Catalogue(out.getvalue(), DAY)
    for number, name in enumerate(names, 1):
        found = find(book, name, "NSE")
        assert found is not None
        assert (found.token, found.instrument.symbol, found.instrument.underlying) == (number, name, name)


# --- files of the vendor --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.skipif(not path.exists(), reason=NEEDED["reason"]), id=path.name)
        for path in (OFFICIAL, SLICE)
    ],
)
def test_file_of_the_vendor_is_found_row_by_row(path: Path) -> None:
    """Every row by its name and by the exchange's number, compared with a plain reading of the whole file."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    book = Catalogue(text, date(2026, 8, 18))
    names: list[InstrumentId] = [instrument_id(row["exchange"], row["tradingsymbol"]) for row in rows]
    assert len(book) == len(rows) == len(set(names))
    for row, name in zip(rows, names, strict=True):
        found = book.find(name)
        assert found is not None, name
        assert (found.token, found.exchange_token) == (int(row["instrument_token"]), row["exchange_token"])
        assert (found.instrument.exchange, found.instrument.symbol) == (row["exchange"], row["tradingsymbol"])
        assert (found.instrument.lot_units, found.instrument.tick_inr) == (
            int(row["lot_size"]),
            Decimal(row["tick_size"]),
        )
        assert (found.instrument.expiry or "") == row["expiry"]
        assert found.instrument.underlying == (row["name"] or row["tradingsymbol"])
        if found.instrument.kind in (Kind.CALL, Kind.PUT):
            assert found.instrument.strike_inr == Decimal(row["strike"])
    tokens = {(row["exchange"], row["exchange_token"]): name for row, name in zip(rows, names, strict=True)}
    for (exchange, token), name in tokens.items():
        assert book.find_token(exchange, token) == book.find(name)
    assert [listing.token for listing in book.find_all(names)] == [int(row["instrument_token"]) for row in rows]
