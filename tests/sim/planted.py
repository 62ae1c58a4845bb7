"""Every planted bug: wrong versions of single functions that the fault simulation must find (docs/verify.md)."""

from tests.sim import (
    bugs_books,
    bugs_durable,
    bugs_entries,
    bugs_exits,
    bugs_limits,
    bugs_mirroring,
    bugs_offers,
    bugs_outside,
    bugs_resting,
    bugs_sending,
    bugs_words,
)
from tests.sim.planting import BUGS, Bug

GROUPS = {
    bugs_sending.__name__: "Sending",
    bugs_books.__name__: "Fills, books and positions",
    bugs_entries.__name__: "Entries",
    bugs_words.__name__: "What is told of lots that do not come",
    bugs_exits.__name__: "Exits, and the life of a strategy",
    bugs_limits.__name__: "Limits",
    bugs_offers.__name__: "What the operator asks for",
    bugs_durable.__name__: "Journal and recovery",
    bugs_outside.__name__: "The machine, and rows that cannot be ours",
    bugs_resting.__name__: "What rests (`--follow orders`)",
    bugs_mirroring.__name__: "What the fills and ends of resting orders mean (`--follow orders`)",
}
"""Headings of the groups."""

__all__ = ["BUGS", "GROUPS", "Bug"]
