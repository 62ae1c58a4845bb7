"""Kite's instruments CSV: taken exactly, or refused with file and line."""

import gzip
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.rules import freeze_units
from engine.errors import ConfigError
from engine.instrument_rows import COLUMNS
from engine.model import Kind
from paper.instrument_file import read_instruments
from tests.scenarios.files import ROOT

DAY = date(2026, 11, 2)
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    "segment,exchange"
)
CE = "15377922,60070,NIFTY26NOV24500CE,NIFTY,0,2026-11-24,24500,0.05,65,CE,NFO-OPT,NFO"
FUT = "15377923,60071,NIFTY26NOVFUT,NIFTY,0,2026-11-24,0,0.1,65,FUT,NFO-FUT,NFO"
EQ = "408065,1594,INFY,INFOSYS,0,,0,0.1,1,EQ,NSE,NSE"
SHARED = ROOT.parent / "shared" / "data" / "instruments"


def written(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "instruments.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_option_future_and_share_are_taken_as_written(tmp_path: Path) -> None:
    call, future, share = read_instruments(written(tmp_path, CE, FUT, EQ), DAY)
    assert (call.exchange, call.symbol, call.underlying, call.kind) == ("NFO", "NIFTY26NOV24500CE", "NIFTY", Kind.CALL)
    assert (call.lot_units, call.tick_inr, call.strike_inr) == (65, Decimal("0.05"), Decimal(24500))
    assert call.expiry == "2026-11-24"
    assert (future.kind, future.strike_inr, future.tick_inr) == (Kind.FUTURE, None, Decimal("0.1"))
    assert (share.kind, share.expiry, share.freeze_units, share.lot_units) == (Kind.EQUITY, None, None, 1)


def test_freeze_quantity_is_that_of_the_day(tmp_path: Path) -> None:
    (call,) = read_instruments(written(tmp_path, CE), DAY)
    assert call.freeze_units == freeze_units("NIFTY", DAY) is not None


def test_only_what_is_wanted_is_kept_and_the_rest_is_not_even_read(tmp_path: Path) -> None:
    path = written(tmp_path, "x,x,BROKEN,x,x,x,x,x,x,x,x,x", CE, FUT)
    assert [i.symbol for i in read_instruments(path, DAY, {"NIFTY26NOVFUT", "OTHER"})] == ["NIFTY26NOVFUT"]


def test_packed_file_is_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path, CE, FUT)
    packed = tmp_path / "instruments.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_instruments(packed, DAY) == read_instruments(plain, DAY)


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    cells = dict(zip(HEADER.split(","), CE.split(","), strict=True))
    path = written(tmp_path, ",".join(cells[name] for name in sorted(cells)), header=",".join(sorted(cells)))
    assert read_instruments(path, DAY) == read_instruments(written(tmp_path, CE), DAY)


@pytest.mark.parametrize("column", COLUMNS)
def test_missing_column_is_named(column: str, tmp_path: Path) -> None:
    header = ",".join("other" if name == column else name for name in HEADER.split(","))
    with pytest.raises(ConfigError) as refusal:
        read_instruments(written(tmp_path, CE, header=header), DAY)
    assert refusal.value.line == 1
    assert column in refusal.value.text


BAD_CELLS = {
    "lot that is no number": ("lot_size", "many"),
    "lot with a fraction": ("lot_size", "65.5"),
    "lot of nothing": ("lot_size", "0"),
    "negative lot": ("lot_size", "-65"),
    "tick that is no number": ("tick_size", "x"),
    "tick of nothing": ("tick_size", "0"),
    "tick that is not a number": ("tick_size", "NaN"),
    "strike that is no number": ("strike", "high"),
    "strike that is infinite": ("strike", "Infinity"),
    "unknown kind": ("instrument_type", "XX"),
    "no kind": ("instrument_type", ""),
    "no date": ("expiry", "24-11-2026"),
    "impossible date": ("expiry", "2026-02-30"),
    "no exchange": ("exchange", ""),
    "no symbol": ("tradingsymbol", ""),
}


@pytest.mark.parametrize(("column", "text"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_row_that_cannot_be_used_is_refused_with_its_line(column: str, text: str, tmp_path: Path) -> None:
    cells = dict(zip(HEADER.split(","), CE.split(","), strict=True))
    cells[column] = text
    path = written(tmp_path, FUT, ",".join(cells.values()))
    with pytest.raises(ConfigError) as refusal:
        read_instruments(path, DAY)
    assert (refusal.value.file, refusal.value.line) == (str(path), 3)


@pytest.mark.parametrize("cells", range(1, 12))
def test_row_that_was_cut_short_is_refused_with_its_line(cells: int, tmp_path: Path) -> None:
    """A download that broke off must not give an instrument."""
    path = written(tmp_path, FUT, ",".join(CE.split(",")[:cells]))
    with pytest.raises(ConfigError) as refusal:
        read_instruments(path, DAY)
    assert refusal.value.line == 3


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_instruments(tmp_path / "none.csv", DAY)
    assert refusal.value.file == str(tmp_path / "none.csv")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "instruments.csv"
    path.write_bytes(HEADER.encode() + b"\n" + CE.replace("NIFTY", "N\xe9", 1).encode("latin-1") + b"\n")
    with pytest.raises(ConfigError):
        read_instruments(path, DAY)


def packed_bytes() -> bytes:
    return gzip.compress(("\n".join([HEADER, *[CE] * 2000]) + "\n").encode(), mtime=0)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "no gzip at all": lambda data: b"PK" + data,
    "wrong check sum": lambda data: data[:-8] + b"\0" * 8,
    "bytes changed inside": lambda data: data[:12] + b"\xff" * 20 + data[32:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_packed_file_is_refused(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "instruments.csv.gz"
    path.write_bytes(damage(packed_bytes()))
    with pytest.raises(ConfigError):
        read_instruments(path, DAY)


def test_real_dumps_are_read_where_they_are_present() -> None:
    dumps = [path for path in SHARED.rglob("*.csv*") if _is_kite_dump(path)] if SHARED.is_dir() else []
    if not dumps:
        pytest.skip("shared/data/instruments is not beside the checkout")
    symbols = {"INFY", "NIFTY26NOVFUT"}
    for path in dumps:
        for instrument in read_instruments(path, DAY, symbols):
            assert instrument.symbol in symbols


def _is_kite_dump(path: Path) -> bool:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return set(COLUMNS) <= set(file.readline().strip().split(","))
