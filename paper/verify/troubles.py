"""Draws the faults: each adds itself to a day in the making."""

from collections.abc import Callable
from decimal import Decimal

from engine import events
from engine.model import NS_PER_MS, NS_PER_S, Quote, Side, instrument_id
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.scenario import MASTER
from paper.verify.draft import LOT, PRICE_INR, START_NS, WARM_NS, Draft, quote
from paper.verify.plan import Dies, DiskFails, Happening, LatePush, LogsIn, MasterBooks, PushTrouble

WRITES = (FaultOn.PLACE, FaultOn.PLACE, FaultOn.PLACE, FaultOn.CANCEL)
READS = (FaultOn.ORDERS, FaultOn.POSITIONS, FaultOn.MARGINS)


def _crash(draft: Draft) -> None:
    down = draft.rng.choice((0, 0, 1, 4, 35))
    draft.add(draft.moment(), act.Crash(for_ns=down * NS_PER_S), "crash")


def _dies(draft: Draft) -> None:
    """At an I/O point soon after something of the master's, perhaps again during the recovery."""
    rng = draft.rng
    at_ns = draft.soon_after_a_trade()
    if rng.random() < 0.2:  # when the checkpoint is written, and the entries after it are not durable yet
        at_ns = START_NS + (30 if draft.span_ns < 80 * NS_PER_S else 60) * NS_PER_S - rng.randrange(1500) * NS_PER_MS
        at_ns = min(at_ns, START_NS + WARM_NS + draft.span_ns)
    again = tuple(rng.randint(1, 25) for _ in range(rng.choice((0, 0, 1, 2))))
    points = rng.choice((1, 2, 3, 5, 8, 13, 21, 34))
    draft.add(at_ns, Dies(points=points, for_ns=rng.choice((0, 0, 1, 20)) * NS_PER_S, again=again), "dies")


def _disk(draft: Draft) -> None:
    rng = draft.rng
    at_ns = draft.soon_after_a_trade() if rng.random() < 0.5 else draft.moment()
    points = rng.choice((1, 2, 3, 5, 8, 21, 60))
    draft.add(at_ns, DiskFails(points=points, for_ns=rng.choice((1, 5, 30)) * NS_PER_S), "disk")


def _write_fault(kind: FaultKind) -> Callable[[Draft], None]:
    def add(draft: Draft) -> None:
        rng = draft.rng
        after_ns = rng.choice((5, 60, 125, 200, 400)) * NS_PER_S
        fault = act.ArmFault(
            child=draft.child(),
            on=rng.choice(WRITES),
            kind=kind,
            times=rng.choice((1, 1, 2, 3)),
            after_ns=after_ns,
            by_ns=rng.choice((2, 10, 20)) * NS_PER_S,
        )
        draft.add(draft.early() if rng.random() < 0.6 else draft.moment(), fault, kind.value)
        if kind is FaultKind.ACCEPTED_LATE and rng.random() < 0.5:
            _dry_up(draft)
        if rng.random() < 0.2:  # the answer is awaited when the process dies
            draft.add(draft.soon_after_a_trade(), act.Crash(for_ns=0), "crash")

    return add


def _dry_up(draft: Draft) -> None:
    """Long after the troubles a symbol has one side only for a while: an order that arrives then works and waits."""
    rng = draft.rng
    symbol, from_ns = rng.choice(draft.symbols), START_NS + draft.span_ns + rng.choice((50, 110)) * NS_PER_S
    bare = {rng.choice(("bid_inr", "ask_inr")): PRICE_INR, "bid_units": LOT, "ask_units": LOT}
    one_sided = Quote(instrument=instrument_id("NFO", symbol), at_ns=from_ns, **bare)  # type: ignore[arg-type]
    draft.add(from_ns, act.Quotes(quotes=(one_sided,)))
    back_ns = from_ns + 300 * NS_PER_S
    draft.add(back_ns, act.Quotes(quotes=(quote(symbol, back_ns),)))


def _blind(draft: Draft) -> None:
    """The answer to an order is lost, nothing is pushed, and the account cannot be read: for longer than a while."""
    rng = draft.rng
    child, at_ns = draft.child(), draft.early()
    lost = rng.choice((FaultKind.ACCEPTED_THEN_TIMEOUT, FaultKind.TIMEOUT_NOT_ACCEPTED, FaultKind.ACCEPTED_LATE))
    for on, kind, times in (
        (FaultOn.PLACE, lost, rng.choice((1, 2))),
        (FaultOn.ORDERS, FaultKind.SERVER_ERROR, rng.choice((20, 200))),
        (FaultOn.POSITIONS, FaultKind.SERVER_ERROR, rng.choice((20, 200))),
    ):
        fault = act.ArmFault(child=child, on=on, kind=kind, times=times, after_ns=60 * NS_PER_S, by_ns=0)
        draft.add(at_ns, fault, "blind")
    draft.add(at_ns, PushTrouble(child=child, delays_ns=(), for_ns=250 * NS_PER_S), "blind")


def _placing_fault(kind: FaultKind) -> Callable[[Draft], None]:
    def add(draft: Draft) -> None:
        rng = draft.rng
        fault = act.ArmFault(
            child=draft.child(),
            on=FaultOn.CANCEL if kind is FaultKind.CANCEL_REFUSED else FaultOn.PLACE,
            kind=kind,
            times=rng.choice((1, 1, 2)),
            after_ns=rng.choice((1, 4)) * NS_PER_S,
            by_ns=0,
        )
        draft.add(draft.early(), fault, kind.value)

    return add


def _read_fault(draft: Draft) -> None:
    """A read of a child fails, comes late, or is a lie: of a while ago, empty, or cut short."""
    rng = draft.rng
    on = rng.choice(READS)
    kinds = [FaultKind.SERVER_ERROR, FaultKind.SLOW, FaultKind.TIMEOUT_NOT_ACCEPTED, FaultKind.RATE_LIMITED]
    if on is not FaultOn.MARGINS:
        kinds += [FaultKind.PARTIAL_READ, FaultKind.EMPTY_READ, FaultKind.STALE_READ]
    fault = act.ArmFault(
        child=draft.child(),
        on=on,
        kind=rng.choice(kinds),
        times=rng.randint(1, 6),
        after_ns=0,
        by_ns=rng.choice((1, 3, 7)) * NS_PER_S,
    )
    draft.add(draft.early(), fault, "reads")


def _master_reads(draft: Draft) -> None:
    """A read of the master fails or comes late."""
    rng = draft.rng
    kinds = (FaultKind.SLOW, FaultKind.SLOW, FaultKind.SERVER_ERROR, FaultKind.TIMEOUT_NOT_ACCEPTED)
    fault = act.ArmFault(
        child=MASTER,
        on=rng.choice(READS),
        kind=rng.choice(kinds),
        times=rng.randint(1, 4),
        after_ns=0,
        by_ns=rng.choice((1, 3, 7)) * NS_PER_S,
    )
    draft.add(draft.moment(), fault, "master_reads")


def _token(draft: Draft) -> None:
    rng = draft.rng
    child, at_ns = draft.child(), draft.moment()
    on = rng.choice((*WRITES, *READS))
    fault = act.ArmFault(child=child, on=on, kind=FaultKind.TOKEN_EXPIRED, times=1, after_ns=0, by_ns=0)
    draft.add(at_ns, fault, "token")
    draft.add(at_ns + rng.choice((1, 8, 25)) * NS_PER_S, LogsIn(child=child), "token")


def _manual(draft: Draft) -> None:
    trade = act.OwnTrade(
        child=draft.child(),
        exchange="NFO",
        symbol=draft.rng.choice(draft.symbols),
        product="NRML",
        side=draft.rng.choice((Side.BUY, Side.SELL)),
        quantity=draft.rng.choice((1, 1, 2, 4)) * LOT,
    )
    draft.add(draft.moment(), trade, "manual")


def _unreadable(draft: Draft) -> None:
    draft.add(draft.moment(), act.MasterUnreadable(for_ns=draft.rng.choice((2, 10, 40)) * NS_PER_S), "unreadable")


def _master_pushes(draft: Draft) -> None:
    """Some of the master's pushes are lost, come late, twice, or out of order."""
    rng = draft.rng
    for place, happening in enumerate(list(draft.happenings)):
        trouble = happening.trouble
        if not isinstance(trouble, act.MasterTrades):
            continue
        what = rng.random()
        if what < 0.4:
            draft.happenings[place] = Happening(
                at_ns=happening.at_ns, trouble=MasterBooks(report=trouble.report), kind="push"
            )
        if 0.25 < what < 0.7:
            late_ns = happening.at_ns + rng.choice((1, 900, 4000, 40_000)) * NS_PER_MS
            draft.add(late_ns, LatePush(report=trouble.report), "push")


def _child_pushes(draft: Draft) -> None:
    delays = draft.rng.choice(((), (2 * NS_PER_S,), (50 * NS_PER_MS, 50 * NS_PER_MS, 3 * NS_PER_S)))
    trouble = PushTrouble(child=draft.child(), delays_ns=delays, for_ns=draft.rng.choice((5, 30)) * NS_PER_S)
    draft.add(draft.moment(), trouble, "push")


def operator(draft: Draft) -> None:
    """The operator orders something, and takes it back if it stops the copying."""
    rng = draft.rng
    at_ns = draft.moment() if rng.random() < 0.5 else draft.soon_after_a_trade()
    child = draft.child()
    event = rng.choice(
        (
            events.Paused(at_ns=at_ns),
            events.Resumed(at_ns=at_ns),
            events.KillSwitched(at_ns=at_ns, level=1),
            events.KillSwitched(at_ns=at_ns, level=2),
            events.Flattened(at_ns=at_ns, children=(child,)),
            events.ChildResynced(at_ns=at_ns, child=child),
            events.StrategyReset(at_ns=at_ns),
            events.PromptAnswered(at_ns=at_ns, approve=True),
            events.PromptAnswered(at_ns=at_ns, approve=False),
            events.PromptAnswered(at_ns=at_ns, approve=True, children=(child,)),
            events.ChildJoined(at_ns=at_ns, child=child),
            events.MaxCapitalSet(at_ns=at_ns, child=child, max_capital_inr=Decimal(100_000)),
        )
    )
    draft.add(at_ns, act.Operate(event=event), "operator")
    if isinstance(event, events.KillSwitched | events.Paused):
        later_ns = at_ns + rng.choice((1, 6, 30)) * NS_PER_S
        lift = (
            events.KillSwitched(at_ns=later_ns, level=0)
            if isinstance(event, events.KillSwitched)
            else events.Resumed(at_ns=later_ns)
        )
        draft.add(later_ns, act.Operate(event=lift), "operator")
        if rng.random() < 0.3:
            draft.add(at_ns + 700 * NS_PER_MS, act.Crash(for_ns=0), "crash")
        elif rng.random() < 0.5:  # an order that was decided before waits meanwhile
            on, kind = FaultOn.PLACE, FaultKind.RATE_LIMITED
            limited = act.ArmFault(child=child, on=on, kind=kind, times=1, after_ns=0, by_ns=0)
            draft.add(at_ns - 1100 * NS_PER_MS, limited, kind.value)


FAULTS: dict[str, Callable[[Draft], None]] = {
    "crash": _crash,
    "dies": _dies,
    "disk": _disk,
    "accepted_then_timeout": _write_fault(FaultKind.ACCEPTED_THEN_TIMEOUT),
    "timeout_not_accepted": _write_fault(FaultKind.TIMEOUT_NOT_ACCEPTED),
    "accepted_late": _write_fault(FaultKind.ACCEPTED_LATE),
    "rejected": _write_fault(FaultKind.REJECTED),
    "rate_limited": _write_fault(FaultKind.RATE_LIMITED),
    "server_error": _write_fault(FaultKind.SERVER_ERROR),
    "slow": _write_fault(FaultKind.SLOW),
    "lost_answer": _placing_fault(FaultKind.LOST_ANSWER_CONNECTION),
    "not_sent": _placing_fault(FaultKind.NOT_SENT),
    "accepted_then_rejected": _placing_fault(FaultKind.ACCEPTED_THEN_REJECTED),
    "tag_dropped": _placing_fault(FaultKind.TAG_DROPPED),
    "tag_dropped_then_timeout": _placing_fault(FaultKind.TAG_DROPPED_THEN_TIMEOUT),
    "ip_refused": _placing_fault(FaultKind.IP_REFUSED),
    "cancel_refused": _placing_fault(FaultKind.CANCEL_REFUSED),
    "token": _token,
    "blind": _blind,
    "reads": _read_fault,
    "master_reads": _master_reads,
    "unreadable": _unreadable,
    "manual": _manual,
    "master_pushes": _master_pushes,
    "child_pushes": _child_pushes,
    "operator": operator,
}
"""What may go wrong, by name; each adds itself to a draft."""
