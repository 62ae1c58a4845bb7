"""All measurements, one after the other: `make bench`, or `make bench ARGS="core journal"` for some of them.

`steady` takes half an hour and runs only when it is named: `make bench ARGS="dashboard steady"`.
"""

import sys
from collections.abc import Callable

from bench import core, dashboard, journal, latency, steady

PARTS: dict[str, Callable[[], object]] = {
    "core": core.main,
    "journal": journal.main,
    "dashboard": dashboard.main,
    "latency": latency.main,
    "steady": lambda: steady.main(()),
}
LONG = {"steady"}


def main(names: list[str]) -> int:
    """Run the named parts, all but the long ones when none is named; 1 when one found something wrong."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    found = [PARTS[name]() for name in names or [part for part in PARTS if part not in LONG]]
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
