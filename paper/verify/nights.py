"""Puts a night into a plan: what was to happen after the close happens from the next morning's open on.

Pure; the master's day orders that are open at the close end there, as at every exchange.
"""

from dataclasses import replace
from datetime import date
from random import Random
from typing import TypeVar

import msgspec

from engine.model import NS_PER_S, TERMINAL_BOOK, BookStatus, OrderReport
from engine.opening import sessions_of
from paper import scenario as act
from paper.verify.plan import Happening, LatePush, MasterBooks, Plan, Trouble

FIRST_NS = 8 * NS_PER_S
"""The day begins at least so long before the close: margins are sampled before the master trades."""
AT_THE_OPEN_NS = NS_PER_S
Stamped = TypeVar("Stamped", bound=msgspec.Struct)


def over_night(plan: Plan, rng: Random) -> Plan:
    """The plan with the close of its day somewhere in it, and mostly with the process down for the night."""
    close_ns, open_ns = _night_after(plan.scenario.day)
    start_ns = plan.scenario.start_ns
    before_ns = FIRST_NS + rng.randrange(plan.calm_ns - start_ns - FIRST_NS)
    night = _Night(close_ns - before_ns - start_ns, close_ns, open_ns + AT_THE_OPEN_NS - close_ns)
    happenings = [moved for happening in plan.happenings if (moved := night.happening(happening)) is not None]
    happenings += night.ended_at_the_close()
    if rng.random() < 0.8:
        down_ns = close_ns + rng.choice((-2, 1, 40)) * NS_PER_S
        up_ns = open_ns + rng.choice((-3600, -60, 0, 5)) * NS_PER_S
        happenings.append(Happening(at_ns=down_ns, trouble=act.Crash(for_ns=up_ns - down_ns), kind="night"))
    return replace(
        plan,
        scenario=replace(plan.scenario, start_ns=night.moment(start_ns), end_ns=night.moment(start_ns)),
        happenings=tuple(sorted(happenings, key=lambda h: h.at_ns)),
        calm_ns=max(night.moment(plan.calm_ns), open_ns + 10 * NS_PER_S),
    )


def _night_after(day: date) -> tuple[int, int]:
    """(close of the day, open of the next trading day), ns."""
    sessions = sessions_of(day)
    first = sessions[0]
    return first.close_ns, sessions[1].open_ns


class _Night:
    """Moves what is planned: all of it by `shift_ns`, and what lies after the close over the night, too."""

    def __init__(self, shift_ns: int, close_ns: int, gap_ns: int) -> None:
        self._shift_ns, self._close_ns, self._gap_ns = shift_ns, close_ns, gap_ns
        self._open: dict[str, OrderReport] = {}
        "The master's orders of the evening, as they stand at the close."

    def moment(self, at_ns: int) -> int:
        """When something planned for `at_ns` happens."""
        moved_ns = at_ns + self._shift_ns
        return moved_ns if moved_ns < self._close_ns else moved_ns + self._gap_ns

    def happening(self, happening: Happening) -> Happening | None:
        """The happening at its new time; `None` for what cannot be any more: an order that ended at the close."""
        at_ns = self.moment(happening.at_ns)
        trouble = self._trouble(happening.trouble, at_ns)
        return None if trouble is None else replace(happening, at_ns=at_ns, trouble=trouble)

    def _trouble(self, trouble: Trouble, at_ns: int) -> Trouble | None:
        match trouble:
            case act.MasterTrades() | MasterBooks() | LatePush():
                report = self._report(trouble.report, at_ns, is_news=not isinstance(trouble, LatePush))
                return None if report is None else replace(trouble, report=report)
            case act.Quotes(quotes=quotes):
                return act.Quotes(quotes=tuple(_at(quote, at_ns) for quote in quotes))
            case act.Operate(event=event):
                return act.Operate(event=_at(event, at_ns))
            case _:
                return trouble

    def _report(self, report: OrderReport, at_ns: int, *, is_news: bool) -> OrderReport | None:
        placed_ns = self.moment(report.placed_ns)
        if placed_ns < self._close_ns <= at_ns:
            return None
        moved = msgspec.structs.replace(report, placed_ns=placed_ns, updated_ns=self.moment(report.updated_ns))
        if is_news and at_ns < self._close_ns:
            self._open[report.order_id] = moved
        return moved

    def ended_at_the_close(self) -> list[Happening]:
        """The master's orders that were open then are cancelled."""
        ended = [report for report in self._open.values() if report.status not in TERMINAL_BOOK]
        at_ns = self._close_ns
        return [
            Happening(
                at_ns=at_ns,
                trouble=act.MasterTrades(
                    report=msgspec.structs.replace(report, status=BookStatus.CANCELLED, updated_ns=at_ns)
                ),
            )
            for report in ended
        ]


def _at(value: Stamped, at_ns: int) -> Stamped:
    return msgspec.structs.replace(value, at_ns=at_ns)
