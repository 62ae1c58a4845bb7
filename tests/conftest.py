"""What holds for every test.

Under `make coverage` the workers are measured, and what tests start runs as it always does. Properties are tried on the
same examples every time, without a bound on the clock; `ARGS="--hypothesis-profile=search"` looks for new ones.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A full disk that a test makes would else be met by the measuring first, and a killed process leaves torn figures.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=1000)
settings.register_profile("same", settings.get_profile("search"), max_examples=100, derandomize=True, database=None)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """What a session holds back of the signals that end it is heard again: what later tests start would inherit it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number in signal.sigpending():  # one that nobody heard would end the tests now
        signal.sigtimedwait({number}, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
