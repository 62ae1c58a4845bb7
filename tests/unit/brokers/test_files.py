"""Instrument files: one broker's failure is none of the others', and a file of early morning is not kept."""

from datetime import date
from pathlib import Path

import pytest

from brokers.files import InstrumentFiles
from brokers.markets import Market
from engine.errors import ReadFailed
from engine.model import instrument_id
from tests.unit.brokers.test_introduce import CALL, HEAD, PUT, line

DAY = date(2026, 11, 2)
SCRIPS = (
    '[{"token":"20","symbol":"NIFTY24NOV2624500CE","name":"NIFTY","expiry":"24NOV2026","strike":"2450000.000000",'
    '"lotsize":"65","instrumenttype":"OPTIDX","exch_seg":"NFO","tick_size":"5.000000"}]'
)


class Brokers:
    def __init__(self, directory: Path) -> None:
        self.files = InstrumentFiles(directory, {"angel_one", "zerodha"})
        self.texts: dict[str, str] = {"zerodha": HEAD + line(CALL), "angel_one": SCRIPS}
        self.asked: list[str] = []
        self.fresh: frozenset[str] = frozenset()

    def dump(self, broker: str) -> str:
        self.asked.append(broker)
        if broker not in self.texts:
            raise ReadFailed("no answer in time")
        return self.texts[broker]

    def load(
        self, known: dict[str, Market] | None = None, *, keeps: bool = True, anew: bool = False
    ) -> dict[str, Market]:
        found, self.fresh = self.files.load(DAY, self.dump, known or {}, keeps=keeps, anew=anew)
        return found


def test_both_brokers_name_one_contract(tmp_path: Path) -> None:
    found = Brokers(tmp_path).load()
    names = [found[broker].look_up(instrument_id("NFO", CALL)) for broker in ("zerodha", "angel_one")]
    assert [not isinstance(name, str) and name.instrument.symbol for name in names] == [CALL, CALL]


def test_one_brokers_failure_leaves_the_other_one(tmp_path: Path) -> None:
    brokers = Brokers(tmp_path)
    del brokers.texts["angel_one"]
    assert list(brokers.load()) == ["zerodha"]


def test_only_what_is_missing_is_asked_for_again(tmp_path: Path) -> None:
    brokers = Brokers(tmp_path)
    del brokers.texts["angel_one"]
    found = brokers.load()
    brokers.texts["angel_one"] = SCRIPS
    brokers.asked.clear()
    again = brokers.load(found)
    assert (brokers.asked, again["zerodha"] is found["zerodha"], set(again)) == (
        ["angel_one"],
        True,
        {"angel_one", "zerodha"},
    )


def test_file_of_the_day_is_kept_and_one_of_early_morning_is_not(tmp_path: Path) -> None:
    brokers = Brokers(tmp_path)
    brokers.load(keeps=False)
    assert list(tmp_path.iterdir()) == []
    brokers.load()
    brokers.asked.clear()
    assert set(brokers.load()) == {"angel_one", "zerodha"}
    assert brokers.asked == []


def test_files_that_cannot_be_had_anew_stay_as_they_are(tmp_path: Path) -> None:
    brokers = Brokers(tmp_path)
    known = brokers.load()
    brokers.texts = {"angel_one": "no JSON"}
    assert brokers.load(known, anew=True) == known


def test_new_strike_comes_with_a_file_that_is_read_anew(tmp_path: Path) -> None:
    brokers = Brokers(tmp_path)
    known = brokers.load()
    brokers.texts["zerodha"] = HEAD + line(CALL) + line(PUT)
    assert not isinstance(brokers.load(known, anew=True)["zerodha"].look_up(instrument_id("NFO", PUT)), str)


ODD = "NIFTY26N24500ODD"
"""No name by Kite's rules, as a merger or a special expiry makes some."""


@pytest.mark.parametrize("anew", [False, True])
def test_names_of_a_broker_that_was_read_first_are_kites_as_soon_as_kites_file_is_there(
    tmp_path: Path, *, anew: bool
) -> None:
    """Somebody logs in at Zerodha after Angel's file was read; whether that can be had once more does not matter."""
    brokers = Brokers(tmp_path)
    del brokers.texts["zerodha"]
    known = brokers.load(keeps=False)
    assert isinstance(known["angel_one"].look_up(instrument_id("NFO", ODD)), str)
    brokers.texts = {"zerodha": HEAD + line(CALL).replace(CALL, ODD)}
    found = brokers.load(known, keeps=False, anew=anew)
    listing = found["angel_one"].look_up(instrument_id("NFO", ODD))
    assert not isinstance(listing, str)
    assert listing.instrument.symbol == ODD
    assert brokers.fresh == {"zerodha"}
    assert brokers.load(found, keeps=False)["angel_one"] is found["angel_one"]
