"""Recorded days: every format, every fault with its line, and the real days where they are here."""

import gzip
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.model import NS_PER_S, BookStatus, OrderType, Quote, Side
from paper.ist import ist_ns, ist_time
from paper.recorded import RecordedDay, load_day
from paper.recorded_lots import FREEZES, LOTS, dated

SHARED = Path(__file__).parents[3].parent / "shared/data"
needs_recorded = pytest.mark.skipif(not (SHARED / "recorded").exists(), reason="shared/data/recorded is not here")
needs_tradebook = pytest.mark.skipif(not (SHARED / "tradebook").exists(), reason="shared/data/tradebook is not here")

DAY = date(2025, 8, 29)
CALL, PUT = "NIFTY2590224900CE", "NIFTY2590224200PE"
QUOTE_HEADER = "time,symbol,last,bid,bid_qty,ask,ask_qty,volume_lots,oi_lots"
CANDLE_HEADER = "candle_time,symbol,open,high,low,close"
ORDER_HEADER = "time,order_id,symbol,side,quantity,price,product"
TRADE_HEADER = (
    "symbol,isin,trade_date,exchange,segment,series,trade_type,auction,quantity,price,trade_id,order_id,"
    "order_execution_time,expiry_date"
)
QUOTES = (
    f"{QUOTE_HEADER}\n"
    f"09:30:00,{CALL},13.0,12.9,750,13.1,1500,1000,20.5\n"
    f"09:31:00,{CALL},13.2,13.1,750,13.3,1500,1010,21\n"
    f"09:32:00,{CALL},13.4,13.3,750,13.5,1500,1020,22\n"
)
CANDLES = (
    f"{CANDLE_HEADER}\n"
    f"2025-08-29T09:30:00,{CALL},13.0,13.5,12.5,13.2\n"
    f"2025-08-29T09:30:00,NIFTY 50,24500.1,24510,24490,24505.35\n"
    f"2025-08-29T09:31:00,{CALL},13.2,13.4,12.0,12.1\n"
)
ORDERS = f"{ORDER_HEADER}\n09:31:05,2508290000000000001,{CALL},BUY,750,13.3,NRML\n"


def trade(
    price: str,
    trade_id: str,
    quantity: str = "75.000000",
    symbol: str = CALL,
    day: str = "2025-08-29",
    side: str = "buy",
    order_id: str = "15",
    time: str = "2025-08-29T09:31:05",
) -> str:
    return f"{symbol},,{day},NSE,FO,,{side},false,{quantity},{price},{trade_id},{order_id},{time},2025-09-02\n"


def at(text: str) -> int:
    """Nanoseconds of `HH:MM:SS` of the day."""
    hour, minute, second = (int(part) for part in text.split(":"))
    return ist_ns(DAY, hour * 3600 + minute * 60 + second)


def write(parent: Path, files: Mapping[str, str], name: str = "2025-08-29") -> Path:
    directory = parent / name
    directory.mkdir(exist_ok=True)
    for file, text in files.items():
        (directory / file).write_text(text, encoding="utf-8")
    return directory


def load(parent: Path, files: Mapping[str, str]) -> RecordedDay:
    return load_day(write(parent, files))


def last_prices(day: RecordedDay, symbol: str = CALL) -> list[tuple[str, Decimal | None]]:
    return [
        (ist_time(at_ns), quote.last_inr)
        for at_ns, quotes in day.quotes
        for quote in quotes
        if quote.instrument == f"NFO:{symbol}"
    ]


def test_quotes_become_snapshots_with_units_and_an_end_of_validity(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": ORDERS})
    assert (loaded.day, loaded.name, loaded.cadence_ns, loaded.warnings) == (DAY, "2025-08-29", 60 * NS_PER_S, ())
    assert [at_ns for at_ns, _ in loaded.quotes] == [at("09:30:00"), at("09:31:00"), at("09:32:00")]
    assert loaded.quotes[0][1] == (
        Quote(
            instrument=loaded.instruments[0].id,
            at_ns=at("09:30:00"),
            last_inr=Decimal("13.0"),
            bid_inr=Decimal("12.9"),
            ask_inr=Decimal("13.1"),
            bid_units=750,
            ask_units=1500,
            volume_units=75_000,
            open_interest_units=1538,  # 20.5 lots of 75 are 1537.5
            stale_at_ns=at("09:33:00"),
        ),
    )


def test_instruments_come_from_the_symbols_and_the_dated_lot(tmp_path: Path) -> None:
    (made,) = load(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": ORDERS}).instruments
    assert (made.id, made.lot_units, made.freeze_units, made.expiry) == (f"NFO:{CALL}", 75, 1800, "2025-09-02")
    assert (made.strike_inr, made.tick_inr) == (Decimal(24_900), Decimal("0.05"))


def test_packed_quotes_are_read_like_plain_ones(tmp_path: Path) -> None:
    plain = load(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": ORDERS})
    directory = tmp_path / "2025-08-29"
    (directory / "quotes.csv").unlink()
    (directory / "quotes.csv.gz").write_bytes(gzip.compress(QUOTES.encode()))
    assert load_day(directory) == plain


def test_master_orders_are_complete_market_orders_and_ids_stay_text(tmp_path: Path) -> None:
    (order,) = load(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": ORDERS}).master_orders
    assert (order.order_id, order.leg) == ("2508290000000000001", f"NFO:{CALL}:NRML")
    assert (order.side, order.order_type, order.status) == (Side.BUY, OrderType.MARKET, BookStatus.COMPLETE)
    assert (order.quantity, order.filled, order.average_price_inr) == (750, 750, Decimal("13.3"))
    assert order.placed_ns == order.updated_ns == at("09:31:05")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("0.0,868.6,300,883.5,300", (None, Decimal("868.6"), 300, Decimal("883.5"), 300)),
        ("13,0,0,13.1,75", (Decimal(13), None, None, Decimal("13.1"), 75)),
        ("13,12.9,75,0,75", (Decimal(13), Decimal("12.9"), 75, None, None)),
        ("13,12.9,0,13.1,75", (Decimal(13), None, None, Decimal("13.1"), 75)),  # a price for nobody's quantity
        ("13,,,13.1,", (Decimal(13), None, None, Decimal("13.1"), None)),
        ("13,13,75,13,75", (Decimal(13), Decimal(13), 75, Decimal(13), 75)),  # locked, not crossed
    ],
)
def test_a_side_with_nobody_is_none(tmp_path: Path, cells: str, expected: tuple[object, ...]) -> None:
    text = f"{QUOTE_HEADER}\n09:30:00,{CALL},{cells},,\n"
    quote = load(tmp_path, {"quotes.csv": text, "master_orders.csv": ORDERS}).quotes[0][1][0]
    assert (quote.last_inr, quote.bid_inr, quote.bid_units, quote.ask_inr, quote.ask_units) == expected
    assert (quote.volume_units, quote.open_interest_units) == (None, None)


def test_crossed_quotes_are_dropped_and_counted(tmp_path: Path) -> None:
    text = QUOTES + f"09:33:00,{CALL},13,13.2,75,13.1,75,1,1\n"
    loaded = load(tmp_path, {"quotes.csv": text, "master_orders.csv": ORDERS})
    assert len(loaded.quotes) == 3
    assert loaded.warnings == ("quotes.csv: 1 quotes dropped, the bid above the ask",)


def test_unsorted_rows_are_sorted_with_a_warning(tmp_path: Path) -> None:
    header, *rows = QUOTES.splitlines()
    orders = ORDERS + f"09:30:05,2,{CALL},SELL,75,13,NRML\n"
    loaded = load(tmp_path, {"quotes.csv": "\n".join([header, *reversed(rows)]), "master_orders.csv": orders})
    assert [at_ns for at_ns, _ in loaded.quotes] == [at("09:30:00"), at("09:31:00"), at("09:32:00")]
    assert [order.order_id for order in loaded.master_orders] == ["2", "2508290000000000001"]
    assert loaded.warnings == (
        "quotes.csv: 2 rows were earlier than the one before them; sorted by time",
        "master_orders.csv: 1 orders were earlier than the one before them; sorted by time",
    )


def test_a_candle_becomes_four_last_prices_in_its_minute_and_a_print(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"candles.csv": CANDLES, "master_orders.csv": ORDERS})
    assert last_prices(loaded) == [
        ("09:30:00", Decimal("13.0")),
        ("09:30:20", Decimal("12.5")),  # rising: low first
        ("09:30:40", Decimal("13.5")),
        ("09:30:59", Decimal("13.2")),
        ("09:31:00", Decimal("13.2")),
        ("09:31:05", Decimal("13.3")),  # the master's own trade
        ("09:31:20", Decimal("13.4")),  # falling: high first
        ("09:31:40", Decimal("12.0")),
        ("09:31:59", Decimal("12.1")),
    ]
    assert loaded.index == ((at("09:30:59"), Decimal("24505.35")),)
    assert loaded.cadence_ns == 60 * NS_PER_S
    assert all(quote.stale_at_ns == at_ns + 180 * NS_PER_S for at_ns, quotes in loaded.quotes for quote in quotes)
    assert all(quote.bid_inr is None and quote.ask_inr is None for _, quotes in loaded.quotes for quote in quotes)


def test_the_masters_print_counts_where_it_meets_a_candle(tmp_path: Path) -> None:
    orders = ORDERS.replace("09:31:05", "09:31:00")
    loaded = load(tmp_path, {"candles.csv": CANDLES, "master_orders.csv": orders})
    assert dict(last_prices(loaded))["09:31:00"] == Decimal("13.3")
    assert len(last_prices(loaded)) == 8


def test_of_repeated_candles_the_last_is_kept_and_impossible_ones_are_dropped(tmp_path: Path) -> None:
    text = CANDLES + (
        f"2025-08-29T09:31:00,{CALL},20,21,19,20\n"
        f"2025-08-29T09:32:00,{CALL},0,0,0,0\n"
        f"2025-08-29T09:32:00,{PUT},10,11,10.5,11\n"
    )
    loaded = load(tmp_path, {"candles.csv": text, "master_orders.csv": ORDERS})
    assert dict(last_prices(loaded))["09:31:20"] == Decimal(19)
    assert loaded.warnings == (
        "candles.csv: 1 candles repeated, the last one kept",
        "candles.csv: 1 candles dropped, a price is zero",
        "candles.csv: 1 candles dropped, a price outside low and high",
    )


def test_the_index_file_goes_before_the_candles_index(tmp_path: Path) -> None:
    index = '{"ts": "2025-08-29 09:14:00", "close": 24256.55}\n\n{"ts": "2025-08-29 09:15:00", "close": 24233.9}\n'
    loaded = load(tmp_path, {"candles.csv": CANDLES, "master_orders.csv": ORDERS, "index.jsonl": index})
    assert loaded.index == ((at("09:14:59"), Decimal("24256.55")), (at("09:15:59"), Decimal("24233.9")))


def test_trades_of_a_console_tradebook_are_grouped_by_order(tmp_path: Path) -> None:
    book = f"{TRADE_HEADER}\n" + (
        trade("13.20", "1", quantity="150.000000")
        + trade("13.30", "2", time="2025-08-29T09:31:07")
        + trade("13.25", "3")
        + trade("12.00", "4", side="sell", order_id="16", time="2025-08-29T09:40:00")
        + trade("99.00", "5", day="2025-08-28", time="2025-08-28T09:40:00", order_id="9")
    )
    loaded = load(tmp_path, {"quotes.csv": QUOTES, "my-export.csv": book})
    first, second = loaded.master_orders
    assert (first.order_id, first.side, first.quantity, first.average_price_inr) == (
        "15",
        Side.BUY,
        300,
        Decimal("13.2375"),
    )
    assert (first.placed_ns, first.product, first.exchange) == (at("09:31:07"), "NRML", "NFO")
    assert (second.order_id, second.side, second.quantity) == ("16", Side.SELL, 75)
    assert loaded.warnings == ("my-export.csv: 1 trades of other days left out",)


def test_tradebooks_that_overlap_count_each_trade_once(tmp_path: Path) -> None:
    one = f"{TRADE_HEADER}\n" + trade("13.20", "1")
    two = one + trade("13.30", "2")
    loaded = load(tmp_path, {"quotes.csv": QUOTES, "a-tradebook.csv": one, "b-tradebook.csv": two})
    assert [(order.quantity, order.average_price_inr) for order in loaded.master_orders] == [(150, Decimal("13.25"))]
    assert loaded.warnings == ("b-tradebook.csv: 1 repeated trades left out",)


def test_master_orders_go_before_a_tradebook(tmp_path: Path) -> None:
    files = {"quotes.csv": QUOTES, "master_orders.csv": ORDERS, "tradebook.csv": f"{TRADE_HEADER}\n" + trade("1", "1")}
    loaded = load(tmp_path, files)
    assert [order.order_id for order in loaded.master_orders] == ["2508290000000000001"]
    assert loaded.warnings == ("tradebook.csv: not used, there is master_orders.csv",)


def test_an_equity_of_a_tradebook_is_delivered_and_has_no_lot(tmp_path: Path) -> None:
    row = "INFY,INE009A01021,2025-08-29,NSE,EQ,EQ,buy,false,7.000000,1500.5,1,15,2025-08-29T09:31:05\n"
    book = TRADE_HEADER.removesuffix(",expiry_date") + "\n" + row
    quotes = QUOTES + "09:33:00,INFY,1500,1499.9,10,1500.5,11,1,1\n"
    loaded = load(tmp_path, {"quotes.csv": quotes, "tradebook.csv": book})
    (order,) = loaded.master_orders
    assert (order.exchange, order.product, order.quantity) == ("NSE", "CNC", 7)
    assert {(made.id, made.lot_units) for made in loaded.instruments} == {(f"NFO:{CALL}", 75), ("NSE:INFY", 1)}


@pytest.mark.parametrize("market", [{"quotes.csv": QUOTES}, {"candles.csv": CANDLES}])
def test_an_order_without_any_quote_is_a_warning(tmp_path: Path, market: Mapping[str, str]) -> None:
    orders = ORDERS + f"09:40:00,2,{PUT},BUY,75,16,NRML\n09:41:00,3,{PUT},SELL,75,17,NRML\n"
    loaded = load(tmp_path, {**market, "master_orders.csv": orders})
    assert loaded.warnings == (f"{PUT}: 2 master orders without any quote in the market data",)
    assert {made.symbol for made in loaded.instruments} == {CALL, PUT}


@pytest.mark.parametrize(
    ("symbol", "ordered", "displayed", "lot", "warning"),
    [
        ("NIFTY2590224900CE", 150, 225, 75, ""),
        ("NIFTY26JAN24900CE", 650, 195, 65, ""),
        ("NIFTY25DEC24900CE", 150, 225, 75, ""),
        (
            "NIFTY2590224900CE",
            100,
            150,
            50,
            "NIFTY expiring 2025-09-02: orders are multiples of 100, not of the lot 75: taken 50",
        ),
        (
            "NIFTY2590224900CE",
            150,
            2,
            75,
            "NIFTY expiring 2025-09-02: displayed quantities are multiples of 2, not of the lot 75: kept 75",
        ),
        (
            "M&M25SEP3000CE",
            400,
            600,
            200,
            "M&M expiring 2025-09-30: no lot size is known, taken 200 from the quantities seen",
        ),
    ],
)
def test_lot_from_table_and_quantities(
    tmp_path: Path, symbol: str, ordered: int, displayed: int, lot: int, warning: str
) -> None:
    quotes = f"{QUOTE_HEADER}\n09:30:00,{symbol},13,12.9,{displayed},13.1,{displayed},1,1\n"
    orders = f"{ORDER_HEADER}\n09:31:05,1,{symbol},BUY,{ordered},13.3,NRML\n"
    loaded = load(tmp_path, {"quotes.csv": quotes, "master_orders.csv": orders})
    assert loaded.instruments[0].lot_units == lot
    assert loaded.warnings == ((warning,) if warning else ())


@pytest.mark.parametrize(
    ("underlying", "day", "lot"),
    [
        ("NIFTY", date(2024, 3, 28), None),
        ("NIFTY", date(2024, 4, 25), 50),
        ("NIFTY", date(2024, 11, 28), None),
        ("NIFTY", date(2025, 12, 30), 75),
        ("NIFTY", date(2026, 1, 6), 65),
        ("XYZ", date(2026, 1, 6), None),
    ],
)
def test_dated_table_gives_the_entry_of_the_day(underlying: str, day: date, lot: int | None) -> None:
    assert dated(LOTS, underlying, day) == lot


def test_dated_tables_are_in_order() -> None:
    for table in (LOTS, FREEZES):
        for entries in table.values():
            assert list(entries) == sorted(entries)


def test_from_and_to_cut_market_orders_and_index(tmp_path: Path) -> None:
    orders = ORDERS + f"09:31:30,2,{CALL},SELL,75,13,NRML\n09:32:01,3,{CALL},SELL,75,13,NRML\n"
    index = "".join(f'{{"ts": "2025-08-29 09:{minute}:00", "close": 1}}\n' for minute in (29, 30, 31))
    directory = write(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": orders, "index.jsonl": index})
    cut = load_day(directory, from_time="09:30:30", to_time="09:31:30")
    assert [at_ns for at_ns, _ in cut.quotes] == [at("09:31:00")]
    assert [order.order_id for order in cut.master_orders] == ["2508290000000000001", "2"]
    assert [at_ns for at_ns, _ in cut.index] == [at("09:30:59")]
    assert cut.warnings == ("1 master orders after the end left out",)
    assert cut.cadence_ns == 60 * NS_PER_S
    late = load_day(directory, from_time="09:32")
    assert [order.order_id for order in late.master_orders] == ["3"]
    assert late.warnings == ("2 master orders before the start left out; positions opened by them are missing",)


@pytest.mark.parametrize(
    ("from_time", "to_time", "key"),
    [
        ("9:45", None, "from"),
        (None, "24:00", "to"),
        ("10:00", "09:00", "from"),
        ("15:00", None, ""),
        ("", None, "from"),
    ],
)
def test_impossible_times_are_refused(tmp_path: Path, from_time: str | None, to_time: str | None, key: str) -> None:
    directory = write(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": ORDERS})
    with pytest.raises(ConfigError) as raised:
        load_day(directory, from_time=from_time, to_time=to_time)
    assert (raised.value.key, raised.value.line) == (key, None)


@pytest.mark.parametrize(
    ("line", "key", "row"),
    [
        (3, "time", f"9.30,{CALL},13,12.9,75,13.1,75,1,1"),
        (3, "time", f"2025-08-28 09:30:00,{CALL},13,12.9,75,13.1,75,1,1"),
        (3, "time", f"24:00:00,{CALL},13,12.9,75,13.1,75,1,1"),
        (3, "symbol", "09:30:00,,13,12.9,75,13.1,75,1,1"),
        (3, "symbol", "09:30:00,NIFTY,13,12.9,75,13.1,75,1,1"),
        (3, "last", f"09:30:00,{CALL},-13,12.9,75,13.1,75,1,1"),
        (3, "bid", f"09:30:00,{CALL},13,NaN,75,13.1,75,1,1"),
        (3, "bid", f"09:30:00,{CALL},13,1_2,75,13.1,75,1,1"),
        (3, "ask", f"09:30:00,{CALL},13,12.9,75,inf,75,1,1"),
        (3, "ask", f"09:30:00,{CALL},13,12.9,75,1e3,75,1,1"),
        (3, "ask_qty", f"09:30:00,{CALL},13,12.9,75,13.1,7.5,1,1"),
        (3, "bid_qty", f"09:30:00,{CALL},13,12.9,x,13.1,75,1,1"),
        (3, "volume_lots", f"09:30:00,{CALL},13,12.9,75,13.1,75,-1,1"),
        (3, "oi_lots", f"09:30:00,{CALL},13,12.9,75,13.1,75,1,?"),
        (3, "", f"09:30:00,{CALL},13"),
        (3, "", f"09:30:00,{CALL},13,12.9,75,13.1,75,1,1,extra"),
        (3, "", f'09:30:00,{CALL},"13'),
    ],
)
def test_bad_quote_rows_are_refused_with_line_and_column(tmp_path: Path, line: int, key: str, row: str) -> None:
    text = "\n".join([*QUOTES.splitlines()[:2], row])
    refused(write(tmp_path, {"quotes.csv": text, "master_orders.csv": ORDERS}), "quotes.csv", line, key)


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("time", f"now,1,{CALL},BUY,75,13,NRML"),
        ("order_id", f"09:31:05,,{CALL},BUY,75,13,NRML"),
        ("order_id", f"09:31:05,2.50829E+18,{CALL},BUY,75,13,NRML"),
        ("order_id", f"09:31:05,2508290000000000001,{CALL},BUY,75,13,NRML"),  # given twice
        ("symbol", "09:31:05,1,NIFTY 50,BUY,75,13,NRML"),
        ("side", f"09:31:05,1,{CALL},B,75,13,NRML"),
        ("side", f"09:31:05,1,{CALL},,75,13,NRML"),
        ("quantity", f"09:31:05,1,{CALL},BUY,75.5,13,NRML"),
        ("quantity", f"09:31:05,1,{CALL},BUY,0,13,NRML"),
        ("quantity", f"09:31:05,1,{CALL},BUY,-75,13,NRML"),
        ("price", f"09:31:05,1,{CALL},BUY,75,0,NRML"),
        ("price", f"09:31:05,1,{CALL},BUY,75,,NRML"),
        ("price", f"09:31:05,1,{CALL},BUY,75,nan,NRML"),
        ("product", f"09:31:05,1,{CALL},BUY,75,13,"),
        ("product", f"09:31:05,1,{CALL},BUY,75,13,BO"),
    ],
)
def test_bad_order_rows_are_refused_with_line_and_column(tmp_path: Path, key: str, row: str) -> None:
    directory = write(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": f"{ORDERS}{row}\n"})
    refused(directory, "master_orders.csv", 3, key)


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("trade_date", trade("13", "2", day="29-08-2025")),
        ("order_execution_time", trade("13", "2", time="2025-08-28T09:31:05")),
        ("trade_type", trade("13", "2", side="short")),
        ("quantity", trade("13", "2", quantity="0.500000")),
        ("price", trade("0.000000", "2")),
        ("order_id", trade("13", "2", side="sell")),  # the order bought before
        ("order_id", trade("13", "2", order_id="1.5E+15")),
        ("symbol", trade("13", "2", symbol="XYZ", order_id="16")),
        ("segment", trade("13", "2").replace(",FO,", ",COM,")),
        ("expiry_date", trade("13", "2").replace("2025-09-02", "soon")),
    ],
)
def test_bad_trades_are_refused_with_line_and_column(tmp_path: Path, key: str, row: str) -> None:
    book = f"{TRADE_HEADER}\n" + trade("13", "1") + row
    refused(write(tmp_path, {"quotes.csv": QUOTES, "tradebook.csv": book}), "tradebook.csv", 3, key)


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("candle_time", f"09:30:00+05:30,{CALL},13,13,13,13"),
        ("symbol", "2025-08-29T09:30:00,NIFTY BANK,13,13,13,13"),
        ("open", f"2025-08-29T09:30:00,{CALL},-13,13,13,13"),
        ("high", f"2025-08-29T09:30:00,{CALL},13,nan,13,13"),
        ("close", f"2025-08-29T09:30:00,{CALL},13,13,13,x"),
    ],
)
def test_bad_candles_are_refused_with_line_and_column(tmp_path: Path, key: str, row: str) -> None:
    directory = write(tmp_path, {"candles.csv": f"{CANDLES}{row}\n", "master_orders.csv": ORDERS})
    refused(directory, "candles.csv", 5, key)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("", "{"),
        ("", "[1]"),
        ("", '{"ts": "2025-08-29 09:14:00"}'),
        ("ts", '{"ts": "2025-08-28 09:14:00", "close": 1}'),
        ("close", '{"ts": "2025-08-29 09:14:00", "close": NaN}'),
        ("close", '{"ts": "2025-08-29 09:14:00", "close": -1.5}'),
    ],
)
def test_bad_index_lines_are_refused(tmp_path: Path, key: str, text: str) -> None:
    files = {"quotes.csv": QUOTES, "master_orders.csv": ORDERS, "index.jsonl": f"\n{text}\n"}
    refused(write(tmp_path, files), "index.jsonl", 2, key)


@pytest.mark.parametrize(
    ("files", "file", "line", "key"),
    [
        ({"quotes.csv": QUOTES}, "2025-08-29", None, ""),
        ({"master_orders.csv": ORDERS}, "2025-08-29", None, ""),
        ({"quotes.csv": f"{QUOTE_HEADER}\n", "master_orders.csv": ORDERS}, "quotes.csv", None, ""),
        ({"quotes.csv": "", "master_orders.csv": ORDERS}, "quotes.csv", 1, "time"),
        ({"quotes.csv": QUOTES.replace("ask_qty", "asks"), "master_orders.csv": ORDERS}, "quotes.csv", 1, "ask_qty"),
        ({"candles.csv": f"{CANDLE_HEADER}\n", "master_orders.csv": ORDERS}, "candles.csv", None, ""),
        ({"candles.csv": CANDLES.replace("high", "hi"), "master_orders.csv": ORDERS}, "candles.csv", 1, "high"),
        ({"quotes.csv": QUOTES, "master_orders.csv": f"{ORDER_HEADER}\n"}, "master_orders.csv", None, ""),
        ({"quotes.csv": QUOTES, "master_orders.csv": ORDERS.replace("side", "way")}, "master_orders.csv", 1, "side"),
        ({"quotes.csv": QUOTES, "tradebook.csv": "symbol\n"}, "tradebook.csv", 1, "trade_date"),
        ({"quotes.csv": QUOTES, "tradebook.csv": f"{TRADE_HEADER}\n"}, "tradebook.csv", None, ""),
    ],
)
def test_missing_files_columns_and_rows_are_refused(
    tmp_path: Path, files: Mapping[str, str], file: str, line: int | None, key: str
) -> None:
    refused(write(tmp_path, files), file, line, key)


@pytest.mark.parametrize("name", ["29-08-2025", "20250829", "2025-08-29-copy", "2025-13-01"])
def test_a_directory_that_is_not_named_for_its_day_is_refused(tmp_path: Path, name: str) -> None:
    refused(write(tmp_path, {"quotes.csv": QUOTES, "master_orders.csv": ORDERS}, name), name, None, "")


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "2025-08-29", "2025-08-29", None, "")


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(QUOTES.encode() * 50, mtime=0)[:-20], gzip.compress(b"\xff\xfe,\n", mtime=0)],
    ids=["no gzip", "cut short", "not UTF-8"],
)
def test_a_damaged_packed_file_is_refused(tmp_path: Path, content: bytes) -> None:
    directory = write(tmp_path, {"master_orders.csv": ORDERS})
    (directory / "quotes.csv.gz").write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_day(directory)
    assert raised.value.file == str(directory / "quotes.csv.gz")


def refused(directory: Path, file: str, line: int | None, key: str) -> None:
    """Loading fails with file, line and key."""
    with pytest.raises(ConfigError) as raised:
        load_day(directory)
    error = raised.value
    assert (Path(error.file).name, error.line, error.key) == (file, line, key)
    assert error.text


@needs_recorded
@pytest.mark.parametrize(
    ("name", "orders", "quotes", "index", "instruments"),
    [
        ("2025-08-29", 13, 38_544, 0, 132),
        ("2026-03-11", 2, 8_634, 376, 20),
        ("2026-03-12", 15, 6_947, 376, 14),
        ("2026-03-13", 18, 8_588, 376, 18),
    ],
)
def test_real_days_are_loaded_whole(name: str, orders: int, quotes: int, index: int, instruments: int) -> None:
    loaded = load_day(SHARED / "recorded" / name)
    counts = (len(loaded.master_orders), sum(len(group) for _, group in loaded.quotes), len(loaded.index))
    assert (*counts, len(loaded.instruments)) == (orders, quotes, index, instruments)
    assert {made.lot_units for made in loaded.instruments} == {75 if name < "2026" else 65}
    assert loaded.cadence_ns == 60 * NS_PER_S
    times = [at_ns for at_ns, _ in loaded.quotes]
    assert times == sorted(set(times))


@needs_recorded
def test_master_of_the_quoted_day_traded_at_the_touch_of_then() -> None:
    loaded = load_day(SHARED / "recorded/2025-08-29")
    for order in loaded.master_orders:
        newest = [
            q for at_ns, qs in loaded.quotes if at_ns <= order.placed_ns for q in qs if q.instrument == order.instrument
        ]
        bid, ask, price = newest[-1].bid_inr, newest[-1].ask_inr, order.average_price_inr
        assert bid is not None
        assert ask is not None
        assert price is not None
        assert not newest[-1].is_stale(order.placed_ns)
        assert bid - Decimal("0.5") <= price <= ask + Decimal("0.5"), order


@needs_recorded
def test_the_gap_of_the_quoted_day_is_stale() -> None:
    loaded = load_day(SHARED / "recorded/2025-08-29")
    before = [(at_ns, quotes) for at_ns, quotes in loaded.quotes if at_ns < at("10:17:00")][-1]
    assert not any(at("10:17:00") <= at_ns <= at("10:34:00") for at_ns, _ in loaded.quotes)
    assert all(quote.is_stale(at("10:25:00")) for quote in before[1])


@needs_tradebook
def test_a_real_tradebook_is_grouped_into_its_two_orders(tmp_path: Path) -> None:
    text = (SHARED / "tradebook/zerodha_console_FO_sample_2025-06-02.csv").read_text(encoding="utf-8")
    quotes = f"{QUOTE_HEADER}\n09:21:00,NIFTY2560524750PE,326.8,326.7,75,326.9,75,1,1\n"
    directory = write(tmp_path, {"quotes.csv": quotes, "zerodha_sample.csv": text}, "2025-06-02")
    sold, bought = load_day(directory).master_orders
    assert (sold.order_id, sold.side, sold.quantity) == ("1500000005277076", Side.SELL, 300)
    assert sold.average_price_inr == Decimal("326.8375")
    assert (bought.order_id, bought.side, bought.quantity) == ("1500000005629196", Side.BUY, 225)
    assert load_day(directory).instruments[0].lot_units == 75
