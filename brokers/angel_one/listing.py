"""Angel's scrip master in the form of Kite's instrument dump, for a run that has no account at Zerodha.

`brokers.catalogue.Catalogue` reads it. Names are made from the contracts by Kite's rules; Kite's own numbers
(`instrument_token`) are the exchange's number with its segment in the last byte, as at Kite.
"""

import csv
import io
from typing import Final

from brokers.angel_one.symbols import Symbols
from engine.model import Kind

HEAD: Final = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
SEGMENT_BYTE: Final = {"NSE": 1, "NFO": 2, "BSE": 4, "BFO": 5}
TOKEN_MOST: Final = 2**31


def kite_csv(symbols: Symbols) -> str:
    """Every scrip that can be used, one a line. Takes seconds for a whole scrip master."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for scrip in symbols.scrips():
        instrument, token = scrip.instrument, scrip.token
        segment = SEGMENT_BYTE.get(instrument.exchange)
        if segment is None or not token.isascii() or not token.isdigit() or int(token) >= TOKEN_MOST:
            continue
        writer.writerow(
            (
                int(token) << 8 | segment,
                token,
                instrument.symbol,
                instrument.underlying,
                0,
                instrument.expiry or "",
                f"{instrument.strike_inr or 0:f}",
                f"{instrument.tick_inr:f}",
                instrument.lot_units,
                instrument.kind.value,
                f"{instrument.exchange}-OPT" if instrument.kind in (Kind.CALL, Kind.PUT) else instrument.exchange,
                instrument.exchange,
            )
        )
    return text.getvalue()
