"""A finding of the doctor as one line of a plain terminal. It checks nothing."""

from typing import Final

from engine.findings import Finding, Level
from tui.text import clean

MARKS: Final = {Level.GOOD: "ok  ", Level.NOTE: "note", Level.BAD: "BAD "}


def finding_line(finding: Finding) -> str:
    """How it ended, whom it is about, what was checked, what was found, and what to do."""
    todo = f"; {finding.todo}" if finding.todo else ""
    return clean(f"{MARKS[finding.level]} {finding.account:<8} {finding.check:<12} {finding.text}{todo}")
