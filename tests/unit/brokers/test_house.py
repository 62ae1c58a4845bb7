"""Which broker's instrument file is an account's, also while another one's cannot be had."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from brokers.house import House
from config.rules import ist
from config.schema import Account, AngelOneUrls, Brokers, Child, Settings
from engine.model import Instrument, instrument_id
from tests.unit.brokers.raw_server import refused_port
from tests.unit.brokers.test_introduce import CALL, HEAD, line

DAY = date(2026, 11, 2)
SECRETS = {
    "zerodha": "api_key = K\napi_secret = S\nuser_id = {name}\n",
    "angel_one": "api_key = K\nusername = {name}\npassword = 4711\ntotp_token = JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A master and a child at Zerodha, whose file is kept; a child at Angel One, whose file cannot be had; one on paper."""

    def credentials(name: str, broker: str) -> str:
        path = tmp_path / f"{name}.txt"
        path.touch(mode=0o600)
        path.write_text(SECRETS[broker].format(name=name), encoding="utf-8")
        return str(path)

    nowhere = f"http://127.0.0.1:{refused_port()}"
    settings = Settings(
        master=Account(id="M", broker="zerodha", credentials=credentials("M", "zerodha")),
        children=(
            Child(id="Z1", broker="zerodha", credentials=credentials("Z1", "zerodha")),
            Child(id="A1", broker="angel_one", credentials=credentials("A1", "angel_one")),
            Child(id="P1", broker="paper"),
        ),
        brokers=Brokers(angel_one=AngelOneUrls(root_url=nowhere, scrip_url=f"{nowhere}/scrips.json")),
    )
    (tmp_path / f"zerodha-{DAY.isoformat()}.csv").write_text(HEAD + line(CALL), encoding="utf-8")
    made = House(settings, lambda: ist(DAY, "10:00:00"), lambda _event: None, tmp_path)
    made.open([settings.master, *settings.children[:2]])
    made.load_instruments(DAY)
    yield made
    made.close()


def test_account_is_reckoned_by_its_own_brokers_file_alone(house: House) -> None:
    found = {name: house.instrument(name, instrument_id("NFO", CALL)) for name in ("M", "Z1", "P1", "A1")}
    assert [name for name, one in found.items() if isinstance(one, Instrument)] == ["M", "Z1", "P1"]
    assert found["A1"] == "the instrument file of the day is not there yet"
