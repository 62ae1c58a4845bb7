"""Credentials that an account goes on with: those of its broker, and all of them."""

from pathlib import Path

import pytest

from brokers.line import is_whole
from brokers.zerodha.line import ZerodhaLine
from config.credentials import REQUIRED, Credentials, Secret
from config.schema import BrokerUrls


def credentials(broker: str, **changes: str) -> Credentials:
    values = dict.fromkeys(REQUIRED[broker], "old") | changes
    return Credentials(path=Path("c.txt"), broker=broker, values={k: Secret(v) for k, v in values.items()})


@pytest.mark.parametrize("broker", list(REQUIRED))
def test_whole_credentials_have_every_key_of_their_broker(broker: str) -> None:
    assert is_whole(credentials(broker), broker)
    assert is_whole(credentials(broker, more="x"), broker)
    for other in REQUIRED:
        assert is_whole(credentials(other), broker) is (other == broker)
    for key in REQUIRED[broker]:
        assert not is_whole(credentials(broker, **{key: ""}), broker)
        values = {k: v for k, v in credentials(broker).items() if k != key}
        assert not is_whole(Credentials(path=Path("c.txt"), broker=broker, values=values), broker)


def test_zerodha_goes_on_with_whole_credentials_alone() -> None:
    line = ZerodhaLine("A1", credentials("zerodha", access_token="a"), BrokerUrls(), lambda: 0, 1)
    half = Credentials(path=Path("c.txt"), broker="zerodha", values={"access_token": Secret("b")})
    for odd in (credentials("angel_one"), half, credentials("zerodha", access_token="b", api_secret="")):
        line.log_in(odd)
        assert line._client.access_token == "a"
    line.log_in(credentials("zerodha", access_token="c"))
    assert line._client.access_token == "c"
    line.log_in(credentials("zerodha"))
    assert line._client.access_token is None
    line.close()
