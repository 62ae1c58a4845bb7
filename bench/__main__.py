"""All measurements, one after the other: `make bench`, or `make bench ARGS="core journal"` for some of them."""

import sys
from collections.abc import Callable

from bench import core, dashboard, journal, latency

PARTS: dict[str, Callable[[], None]] = {
    "core": core.main,
    "journal": journal.main,
    "dashboard": dashboard.main,
    "latency": latency.main,
}


def main(names: list[str]) -> int:
    """Run the named parts, all of them when none is named."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in names or PARTS:
        PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
