"""What all tests of Kite need."""

from collections.abc import Iterator

import pytest

from brokers.zerodha import wire


@pytest.fixture(autouse=True)
def _times_are_not_remembered() -> Iterator[None]:
    wire.ist_ns.cache_clear()
    yield
