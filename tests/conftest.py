"""What holds for every test: under `make coverage` the workers are measured, and what tests start runs as it always does."""

import os

# A full disk that a test makes would else be met by the measuring first, and a killed process leaves torn figures.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
