"""A simulated market after a kill: rebuilt from what it was made of, so that the next process goes on in the same one.

A paper world is a function of its inputs (`inputs_of`) and of the requests that reached it, and every request was in
the journal before it was sent. Rebuilding runs the venue from its start with those requests at their times. It must not
read the journal: whoever has it hands the requests in. Nobody hears the answers of that time, the new process reads the
books.
"""

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec

from config.schema import Settings
from engine.commands import Write
from engine.opening import opening
from paper.venues import Venue

RECORDED = ("*.csv", "*.csv.gz", "*.jsonl")
"""What a recorded day may consist of."""

KEPT = "kept"
"""The name of the only input that makes no other market: whether its state is kept when another one begins."""
YES, NO = "yes", "no"

Inputs = dict[str, str]
"""Everything that a market is made of, by what people call it; equal inputs make equal markets."""


def inputs_of(venue: Venue, settings: Settings, version: str, **further: str) -> Inputs:
    """The inputs of a venue's market.

    Args:
        venue: The venue, at its start.
        settings: Only what the exchange knows of them counts: accounts, seed, and the paper section.
        version: The program's: another one may simulate otherwise.
        further: What else decides, such as the options of a replay.
    """
    start = opening(settings, venue.day, venue.start_ns, unclean=False)
    accounts = [(account.id, str(account.capital_inr)) for account in (settings.master, *settings.children)]
    return {
        "program": version,
        "day": venue.day.isoformat(),
        "start": str(venue.start_ns),
        "seed": str(settings.demo.seed),
        "accounts": _digest(accounts),
        "paper settings": _digest(settings.paper),
        "market rules": _digest((start.sessions, start.charges, venue.instruments)),
        **further,
    }


def files_digest(directory: Path) -> str:
    """One digest of all files of a recorded day."""
    files = sorted({path for pattern in RECORDED for path in directory.glob(pattern)})
    return _digest([(path.name, sha256(path.read_bytes()).hexdigest()) for path in files])


def encode_inputs(inputs: Inputs) -> bytes:
    """Inputs as a readable file."""
    return msgspec.json.format(msgspec.json.encode(inputs)) + b"\n"


def changed(before: bytes, inputs: Inputs) -> list[str]:
    """Which inputs differ from those of a file; damaged or missing ones all do."""
    known = _known(before)
    names = dict.fromkeys([*inputs, *known])
    return [name for name in names if name != KEPT and known.get(name) != inputs.get(name)]


def kept_under(before: bytes, otherwise: str) -> str:
    """The day (ISO) under which the state of a market that is made of this is kept; '' where it is not kept.

    Args:
        before: What it was made of. Where that does not say, the state is kept.
        otherwise: The day where that is not known.
    """
    known = _known(before)
    if known.get(KEPT) == NO:
        return ""
    try:
        return date.fromisoformat(known.get("day", "")).isoformat()
    except ValueError:
        return otherwise


def _known(before: bytes) -> Inputs:
    try:
        return msgspec.json.decode(before, type=Inputs)
    except (msgspec.DecodeError, ValueError):
        return {}


def rebuild(venue: Venue, writes: Iterable[tuple[int, Write]], until_ns: int) -> None:
    """Let a venue that has not begun run up to and including `until_ns`, on its loop's virtual clock.

    Args:
        venue: The venue; its loop has no host.
        writes: Requests with the times at which they were sent, in order.
        until_ns: The time of the last thing that is known of the process that died.
    """
    loop, lines = venue.world.loop, venue.world.lines()
    venue.hurry(True, loop.now_ns())
    for at_ns, command in writes:
        loop.run(until_ns=at_ns)
        lines[command.account].submit(command)
    loop.run(until_ns=until_ns)
    venue.hurry(False, until_ns)


def _digest(value: object) -> str:
    return sha256(msgspec.json.encode(value, enc_hook=str)).hexdigest()[:16]
