"""A happening of a simulated day in words, for the story of a broken rule. Pure."""

from engine.model import NS_PER_S, OrderReport
from paper import scenario as act
from paper.verify.plan import (
    CopiesTag,
    DamagesCheckpoint,
    Dies,
    DiskFails,
    LatePush,
    LogsIn,
    MasterBooks,
    PushTrouble,
    Suspended,
    Trouble,
    UnknownStatus,
)


def describe(trouble: Trouble) -> str:
    """A happening in words."""
    match trouble:
        case act.Quotes(quotes=quotes):
            return "quotes " + ", ".join(f"{q.instrument} {q.bid_inr}/{q.ask_inr}" for q in quotes)
        case act.SetAvailable(amounts=amounts):
            return "margins " + ", ".join(f"{account} {amount}" for account, amount in amounts)
        case act.ArmFault():
            return f"{trouble.child}: {trouble.kind.value} on {trouble.on.value}, {trouble.times} times"
        case act.Operate(event=event):
            return f"operator: {event}"
        case act.OwnTrade():
            return f"{trouble.child}: the owner trades {trouble.side} {trouble.quantity} {trouble.symbol}"
        case CopiesTag(child=child, is_against=is_against):
            return f"{child}: a second order with a tag of ours{', the other way' if is_against else ''}"
        case UnknownStatus(child=child, for_ns=for_ns):
            return f"{child}: orders have a status that nobody knows for {_seconds(for_ns)}"
        case LogsIn(child=child):
            return f"{child}: the owner logs in"
        case PushTrouble(child=child, delays_ns=delays_ns, for_ns=for_ns):
            how = " and ".join(f"{_seconds(delay_ns)} late" for delay_ns in delays_ns) or "lost"
            return f"{child}: pushes are {how} for {_seconds(for_ns)}"
        case _:
            return _of_the_master(trouble) or _of_the_process(trouble) or str(trouble)


def _of_the_master(trouble: Trouble) -> str:
    match trouble:
        case act.MasterTrades(report=report):
            return f"master {_row(report)}"
        case MasterBooks(report=report):
            return f"master {_row(report)}, the push is lost"
        case LatePush(report=report):
            return f"master {_row(report)}: pushed late or again"
        case act.MasterUnreadable(for_ns=for_ns):
            return f"the master cannot be read for {_seconds(for_ns)}"
        case _:
            return ""


def _of_the_process(trouble: Trouble) -> str:
    match trouble:
        case act.Crash(for_ns=for_ns):
            return f"the process is killed and down for {_seconds(for_ns)}"
        case Dies(points=points, for_ns=for_ns):
            return f"the process dies at I/O point {points} from now and is down for {_seconds(for_ns)}"
        case DiskFails(points=points, for_ns=for_ns):
            return f"the disk fails at I/O point {points} from now, in order again after {_seconds(for_ns)}"
        case DamagesCheckpoint(how=how, for_ns=for_ns):
            return f"the process is killed and down for {_seconds(for_ns)}, its checkpoint: {how}"
        case Suspended(is_step=True, for_ns=for_ns):
            return f"the clock of the machine leaps by {_seconds(for_ns)}"
        case Suspended(for_ns=for_ns, loses=loses):
            return f"the process is not run for {_seconds(for_ns)}{', and its connections break' if loses else ''}"
        case _:
            return ""


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS_PER_S:g} s"


def _row(report: OrderReport) -> str:
    filled = f"{report.filled}/{report.quantity} at {report.average_price_inr}"
    return f"{report.order_id} {report.side} {filled} {report.symbol} {report.status}"
