"""What the exchange takes from quotes beside fills: valuation and where an underlying stands."""

from decimal import Decimal

import pytest

from engine.model import Quote
from paper.quotes import QuoteBoard
from tests.unit.paper.builders import CALL, NOW, PUT, money, nfo, option, quote


@pytest.mark.parametrize(
    ("description", "given", "mark", "last"),
    [
        ("the middle of both sides", quote("100", "101", "99"), "100.5", "99"),
        ("last when one side is missing", quote("100", None, "99"), "99", "99"),
        ("last when crossed", quote("102", "101", "99"), "99", "99"),
        ("the bid when it is all there is", quote("100", None, None), "100", "100"),
        ("the ask when it is all there is", quote(None, "101", None), "101", "101"),
        ("zero is no price", quote("0", "101", "0"), "101", "101"),
        ("nothing", quote(None, None, None), None, None),
        ("stale or not", quote("100", "101", "99", stale_at_ns=0), "100.5", "99"),
    ],
)
def test_valuation(description: str, given: Quote, mark: str | None, last: str | None) -> None:
    board = QuoteBoard()
    board.update(given)
    assert (board.mark_inr(nfo(CALL)), board.last_inr(nfo(CALL))) == (money(mark), money(last)), description


def test_older_quote_changes_nothing() -> None:
    board = QuoteBoard()
    newer = quote("100", "101", at_ns=NOW)
    assert board.update(newer)
    number = board.number(nfo(CALL))
    assert not board.update(quote("90", "91", at_ns=NOW - 1))
    assert (board.newest(nfo(CALL)), board.number(nfo(CALL))) == (newer, number)
    assert board.update(quote("102", "103", at_ns=NOW))
    assert board.number(nfo(CALL)) > number


def test_unknown_instrument_has_no_quote() -> None:
    board = QuoteBoard()
    assert (board.newest(nfo(CALL)), board.number(nfo(CALL)), board.mark_inr(nfo(CALL))) == (None, 0, None)


def test_spot_follows_the_quotes() -> None:
    board = QuoteBoard()
    assert board.spot_inr("NIFTY") is None
    board.know((option(), option(PUT)))
    board.update(quote("100", "100"))
    assert board.spot_inr("NIFTY") == 24500
    board.update(quote("40", "40", symbol=PUT))
    assert board.spot_inr("NIFTY") == Decimal(24560)
    board.forget_instruments()
    assert board.spot_inr("NIFTY") is None
