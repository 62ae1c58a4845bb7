"""Draws a plan from a seed: accounts, settings, what the master does, and every fault that may hit.

Pure: one `random.Random(seed)`, nothing else. It must not look at the engine.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

from config.rules import ist
from config.schema import (
    Account,
    Child,
    Confirm,
    ConfirmWhen,
    OnLegBelowLot,
    OnLegRefused,
    Paper,
    Risk,
    Settings,
    Sizing,
    SizingMode,
    StrategyScope,
    Timing,
)
from engine import events
from engine.core.symbols import instrument_from_symbol
from engine.model import (
    NS_PER_MS,
    NS_PER_S,
    BookStatus,
    Instrument,
    LegId,
    OrderReport,
    OrderType,
    Quote,
    Side,
    instrument_id,
    leg_id,
)
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.scenario import MASTER, Scenario
from paper.verify.nights import over_night
from paper.verify.plan import Dies, DiskFails, Happening, LatePush, LogsIn, MasterBooks, Plan, PushTrouble, Trouble

DAY = date(2026, 11, 2)
START_NS = ist(DAY, "09:30:00")
LOT, TICK = 65, Decimal("0.05")
SYMBOLS = ("NIFTY26NOV24500CE", "NIFTY26NOV24700CE", "NIFTY26NOV24500PE", "NIFTY26NOV24300PE", "BANKNIFTY26NOV52000CE")
WARM_NS = 3 * NS_PER_S
"""The master trades from then on: margins have been sampled."""
MASTER_INR = Decimal(1_000_000)
SHARES = (Decimal(300_000), Decimal(500_000), Decimal(143_000), Decimal(1_000_000), Decimal(700_000), Decimal(90_000))
"""The ratio of 0.7 is one that floating point gets wrong."""
PRICE_INR = Decimal(100)
MARGINS_INR = (Decimal(1_000_000), Decimal(900_000), Decimal(640_000), Decimal(350_000))
WRITES = (FaultOn.PLACE, FaultOn.PLACE, FaultOn.PLACE, FaultOn.CANCEL)
READS = (FaultOn.ORDERS, FaultOn.POSITIONS, FaultOn.MARGINS)
NIGHTS = 0.05
"""The share of days that go on in the next morning."""
NIGHT = "night"


@dataclass(slots=True)
class _Draft:
    """A plan in the making."""

    rng: Random
    children: list[str]
    symbols: list[str]
    span_ns: int
    happenings: list[Happening] = field(default_factory=list)
    orders: int = 0
    units: dict[LegId, int] = field(default_factory=dict)

    def add(self, at_ns: int, trouble: Trouble, kind: str = "") -> None:
        self.happenings.append(Happening(at_ns=at_ns, trouble=trouble, kind=kind))

    def moment(self) -> int:
        """Some time of the day on which something may happen."""
        return START_NS + WARM_NS + self.rng.randrange(self.span_ns)

    def child(self) -> str:
        return self.rng.choice(self.children)


def draw(seed: int, faults: Collection[str] | None = None) -> Plan:
    """The plan of a seed.

    Args:
        seed: Any number.
        faults: Which of `FAULTS` may happen; `None` for all of them.
    """
    rng = Random(seed)
    symbols = rng.sample(SYMBOLS, rng.randint(1, 4))
    settings = _settings(rng)
    span_ns = rng.choice((20, 20, 40, 40, 80, 80, 200)) * NS_PER_S
    draft = _Draft(rng, [child.id for child in settings.children], symbols, span_ns)
    _market(draft)
    held = _background(draft)
    _master_day(draft)
    if rng.random() < 0.3:
        _margins(draft)
    if settings.confirm.when is not ConfirmWhen.NEVER and rng.random() < 0.6:
        _attentive(draft)
    names = list(FAULTS) if faults is None else [name for name in FAULTS if name in faults]
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5)) if names else 0):
        name = rng.choice(names)
        FAULTS[name](draft)
    if "operator" in names and rng.random() < 0.15:
        _operator(draft)
    plan = Plan(
        seed=seed,
        scenario=_scenario(rng, seed, settings, symbols, held),
        happenings=tuple(sorted(draft.happenings, key=lambda h: h.at_ns)),
        calm_ns=START_NS + WARM_NS + span_ns + 5 * NS_PER_S,
        resync=rng.random() < 0.4,
    )
    is_over_night = rng.random() < NIGHTS and (faults is None or NIGHT in faults)
    return over_night(plan, rng) if is_over_night else plan


def _scenario(rng: Random, seed: int, settings: Settings, symbols: list[str], held: dict[LegId, int]) -> Scenario:
    freeze = rng.choice((None, None, 4 * LOT, 7 * LOT + 10))
    return Scenario(
        name=f"seed {seed}",
        day=DAY,
        start_ns=START_NS,
        end_ns=START_NS,
        settings=settings,
        instruments=tuple(_instrument(symbol, freeze) for symbol in symbols),
        master_positions=held,
        instruments_next_day=None,
        steps=(),
        expect={},
    )


def _instrument(symbol: str, freeze_units: int | None) -> Instrument:
    return instrument_from_symbol("NFO", symbol, LOT, TICK, freeze_units)


def _settings(rng: Random) -> Settings:
    children = tuple(_child(rng, number) for number in range(rng.randint(1, 3)))
    when = rng.choice((ConfirmWhen.NEVER, ConfirmWhen.NEVER, ConfirmWhen.NEVER, ConfirmWhen.ENTRIES, ConfirmWhen.ALL))
    return Settings(
        master=Account(id=MASTER, broker="paper", capital_inr=MASTER_INR),
        children=children,
        confirm=Confirm(when=when, timeout_s=Decimal(5)),
        timing=Timing(
            poll_interval_s=Decimal(rng.choice((1, 2, 5, 5, 5, 5, 5, 10))),
            aggregation_ms=rng.choice((0, 250, 250, 1000)),
        ),
        risk=Risk(
            max_orders_per_minute=None,
            on_leg_refused=rng.choice((OnLegRefused.HOLD, OnLegRefused.CONTINUE)),
            on_leg_below_lot=rng.choice((OnLegBelowLot.HOLD, OnLegBelowLot.CONTINUE)),
            leg_wait_s=Decimal(rng.choice((1, 3))),
        ),
        strategy_scope=rng.choice((StrategyScope.ACCOUNT, StrategyScope.ACCOUNT, StrategyScope.UNDERLYING)),
        paper=Paper(
            margins=False, partial_fills=rng.random() < 0.3, latency_ms=rng.choice((5, 50, 50, 400)),
            quote_stale_s=Decimal(100_000),
        ),
    )  # fmt: skip


def _child(rng: Random, number: int) -> Child:
    sizing = Sizing()
    mode = rng.random()
    if mode < 0.1:
        sizing = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2))
    elif mode < 0.15:
        sizing = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)
    return Child(id=f"C{number + 1}", broker="paper", capital_inr=rng.choice(SHARES), sizing=sizing)


# The market and the master


def _market(draft: _Draft) -> None:
    """Quotes from the start; now and then one side is missing, or little is on offer."""
    for symbol in draft.symbols:
        draft.add(START_NS, act.Quotes(quotes=(quote(symbol, START_NS),)))
    for _ in range(draft.rng.choice((0, 0, 1, 3))):
        at_ns = draft.moment()
        symbol = draft.rng.choice(draft.symbols)
        what = draft.rng.random()
        thin = draft.rng.choice((LOT, LOT, 2 * LOT))
        if what < 0.4:
            bare = Quote(instrument=instrument_id("NFO", symbol), at_ns=at_ns, bid_inr=PRICE_INR, bid_units=thin)
            draft.add(at_ns, act.Quotes(quotes=(bare,)))
            back_ns = at_ns + draft.rng.randrange(12) * NS_PER_S
            draft.add(back_ns, act.Quotes(quotes=(quote(symbol, back_ns),)))
        else:
            draft.add(at_ns, act.Quotes(quotes=(quote(symbol, at_ns, units=thin),)))
            for step in range(1, draft.rng.randint(2, 6)):
                later_ns = at_ns + step * 700 * NS_PER_MS
                draft.add(later_ns, act.Quotes(quotes=(quote(symbol, later_ns, units=thin),)))


def quote(symbol: str, at_ns: int, *, units: int = 100_000) -> Quote:
    """A quote at the usual price."""
    return Quote(
        instrument=instrument_id("NFO", symbol),
        at_ns=at_ns,
        last_inr=PRICE_INR,
        bid_inr=PRICE_INR,
        ask_inr=PRICE_INR,
        bid_units=units,
        ask_units=units,
    )


def _background(draft: _Draft) -> dict[LegId, int]:
    if draft.rng.random() > 0.15:
        return {}
    leg = leg_id("NFO", draft.rng.choice(draft.symbols), "NRML")
    return {leg: draft.rng.choice((-5, -2, 3)) * LOT}


def _master_day(draft: _Draft) -> None:
    """What the master does: enters, adds, goes out in steps or at once, turns round."""
    rng = draft.rng
    at_ns = START_NS + WARM_NS + rng.randrange(2 * NS_PER_S)
    for _ in range(rng.randint(1, 9)):
        _master_order(draft, at_ns)
        at_ns += rng.choice((0, 40 * NS_PER_MS, 300 * NS_PER_MS, 2 * NS_PER_S, 7 * NS_PER_S, 15 * NS_PER_S))
        if at_ns > START_NS + WARM_NS + draft.span_ns:
            break


def _master_order(draft: _Draft, at_ns: int) -> None:
    rng = draft.rng
    leg = leg_id("NFO", rng.choice(draft.symbols), "NRML")
    held = draft.units.get(leg, 0) // LOT
    lots = rng.choice((1, 2, 3, 5, 7, 10, 20))
    what = rng.random()
    if held and what < 0.25:
        change = -held
    elif held and what < 0.45:
        change = -(1 if held > 0 else -1) * rng.randint(1, abs(held))
    elif held and what < 0.55:
        change = -held - (1 if held > 0 else -1) * lots
    elif held:
        change = (1 if held > 0 else -1) * lots
    else:
        change = rng.choice((-1, 1)) * lots
    _trade(draft, leg, change * LOT, at_ns)


def _trade(draft: _Draft, leg: LegId, units: int, at_ns: int) -> None:
    """One order of the master's: at once, in parts, cancelled on the way, or refused."""
    rng = draft.rng
    draft.orders += 1
    number, size = draft.orders, abs(units)
    side = Side.BUY if units > 0 else Side.SELL
    parts = sorted({rng.randrange(1, size // LOT) * LOT for _ in range(rng.randint(1, 2))}) if size > LOT else []
    style = rng.random()
    rows: list[tuple[int, int, BookStatus]] = []
    if style < 0.55:
        rows = [(0, size, BookStatus.COMPLETE)]
    elif style < 0.9:
        pause_ns = rng.choice((0, 60 * NS_PER_MS, 500 * NS_PER_MS, 3 * NS_PER_S))
        rows = [(0, 0, BookStatus.OPEN)]
        rows += [((i + 1) * pause_ns, part, BookStatus.OPEN) for i, part in enumerate(parts)]
        last = (len(parts) + 1) * pause_ns
        is_whole = rng.random() < 0.75
        filled = size if is_whole else (parts[-1] if parts else 0)
        rows.append((last, filled, BookStatus.COMPLETE if is_whole else BookStatus.CANCELLED))
    else:
        rows = [(0, 0, BookStatus.REJECTED)]
    for after_ns, filled, status in rows:
        _row(draft, leg, side, size, filled, status, number, at_ns, at_ns + after_ns)
    draft.units[leg] = draft.units.get(leg, 0) + side.sign * rows[-1][1]


def _row(
    draft: _Draft, leg: LegId, side: Side, size: int, filled: int, status: BookStatus, number: int, placed: int, at: int
) -> None:
    exchange, symbol, product = leg.split(":")
    report = OrderReport(
        order_id=f"M{number}",
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=side,
        order_type=OrderType.MARKET,
        quantity=size,
        filled=filled,
        average_price_inr=PRICE_INR if filled else None,
        status=status,
        placed_ns=placed,
        updated_ns=at,
    )
    draft.add(at, act.MasterTrades(report=report))


def _attentive(draft: _Draft) -> None:
    """Somebody approves what is asked, every few seconds, and goes away in the middle of the day."""
    for at_ns in range(START_NS + WARM_NS, START_NS + WARM_NS + draft.span_ns // 2, 3 * NS_PER_S):
        draft.add(at_ns, act.Operate(event=events.PromptAnswered(at_ns=at_ns, approve=True)))


def _margins(draft: _Draft) -> None:
    """What the master's orders block, and what the children's do: available margins change with his trades."""
    for happening in list(draft.happenings):
        if isinstance(happening.trouble, act.MasterTrades) and draft.rng.random() < 0.6:
            amounts = [(MASTER, draft.rng.choice(MARGINS_INR))]
            amounts += [(child, draft.rng.choice(SHARES)) for child in draft.children if draft.rng.random() < 0.3]
            after_ns = draft.rng.choice((0, 100, 1500)) * NS_PER_MS
            draft.add(happening.at_ns + after_ns, act.SetAvailable(amounts=tuple(amounts)))


# The faults


def _crash(draft: _Draft) -> None:
    down = draft.rng.choice((0, 0, 1, 4, 35))
    draft.add(draft.moment(), act.Crash(for_ns=down * NS_PER_S), "crash")


def _dies(draft: _Draft) -> None:
    """At an I/O point soon after something of the master's, perhaps again during the recovery."""
    rng = draft.rng
    at_ns = _soon_after_a_trade(draft)
    if rng.random() < 0.2:  # when the checkpoint is written, and the entries after it are not durable yet
        at_ns = START_NS + (30 if draft.span_ns < 80 * NS_PER_S else 60) * NS_PER_S - rng.randrange(1500) * NS_PER_MS
        at_ns = min(at_ns, START_NS + WARM_NS + draft.span_ns)
    again = tuple(rng.randint(1, 25) for _ in range(rng.choice((0, 0, 1, 2))))
    points = rng.choice((1, 2, 3, 5, 8, 13, 21, 34))
    draft.add(at_ns, Dies(points=points, for_ns=rng.choice((0, 0, 1, 20)) * NS_PER_S, again=again), "dies")


def _soon_after_a_trade(draft: _Draft) -> int:
    trades = [h.at_ns for h in draft.happenings if isinstance(h.trouble, act.MasterTrades)]
    return draft.rng.choice(trades) + draft.rng.randrange(1100) * NS_PER_MS if trades else draft.moment()


def _disk(draft: _Draft) -> None:
    rng = draft.rng
    at_ns = _soon_after_a_trade(draft) if rng.random() < 0.5 else draft.moment()
    points = rng.choice((1, 2, 3, 5, 8, 21, 60))
    draft.add(at_ns, DiskFails(points=points, for_ns=rng.choice((1, 5, 30)) * NS_PER_S), "disk")


def _write_fault(kind: FaultKind) -> Callable[[_Draft], None]:
    def add(draft: _Draft) -> None:
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
        draft.add(_early(draft) if rng.random() < 0.6 else draft.moment(), fault, kind.value)
        if kind is FaultKind.ACCEPTED_LATE and rng.random() < 0.5:
            _dry_up(draft)
        if rng.random() < 0.2:  # the answer is awaited when the process dies
            draft.add(_soon_after_a_trade(draft), act.Crash(for_ns=0), "crash")

    return add


def _dry_up(draft: _Draft) -> None:
    """Long after the troubles a symbol has one side only for a while: an order that arrives then works and waits."""
    rng = draft.rng
    symbol, from_ns = rng.choice(draft.symbols), START_NS + draft.span_ns + rng.choice((50, 110)) * NS_PER_S
    bare = {rng.choice(("bid_inr", "ask_inr")): PRICE_INR, "bid_units": LOT, "ask_units": LOT}
    one_sided = Quote(instrument=instrument_id("NFO", symbol), at_ns=from_ns, **bare)  # type: ignore[arg-type]
    draft.add(from_ns, act.Quotes(quotes=(one_sided,)))
    back_ns = from_ns + 300 * NS_PER_S
    draft.add(back_ns, act.Quotes(quotes=(quote(symbol, back_ns),)))


def _blind(draft: _Draft) -> None:
    """The answer to an order is lost, nothing is pushed, and the account cannot be read: for longer than a while."""
    rng = draft.rng
    child, at_ns = draft.child(), _early(draft)
    lost = rng.choice((FaultKind.ACCEPTED_THEN_TIMEOUT, FaultKind.TIMEOUT_NOT_ACCEPTED, FaultKind.ACCEPTED_LATE))
    for on, kind, times in (
        (FaultOn.PLACE, lost, rng.choice((1, 2))),
        (FaultOn.ORDERS, FaultKind.SERVER_ERROR, rng.choice((20, 200))),
        (FaultOn.POSITIONS, FaultKind.SERVER_ERROR, rng.choice((20, 200))),
    ):
        fault = act.ArmFault(child=child, on=on, kind=kind, times=times, after_ns=60 * NS_PER_S, by_ns=0)
        draft.add(at_ns, fault, "blind")
    draft.add(at_ns, PushTrouble(child=child, delays_ns=(), for_ns=250 * NS_PER_S), "blind")


def _placing_fault(kind: FaultKind) -> Callable[[_Draft], None]:
    def add(draft: _Draft) -> None:
        rng = draft.rng
        fault = act.ArmFault(
            child=draft.child(),
            on=FaultOn.CANCEL if kind is FaultKind.CANCEL_REFUSED else FaultOn.PLACE,
            kind=kind,
            times=rng.choice((1, 1, 2)),
            after_ns=rng.choice((1, 4)) * NS_PER_S,
            by_ns=0,
        )
        draft.add(_early(draft), fault, kind.value)

    return add


def _read_fault(draft: _Draft) -> None:
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
    draft.add(_early(draft), fault, "reads")


def _master_reads(draft: _Draft) -> None:
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


def _early(draft: _Draft) -> int:
    """Before most of what the master does."""
    return START_NS + draft.rng.randrange(WARM_NS + draft.span_ns // 2)


def _token(draft: _Draft) -> None:
    rng = draft.rng
    child, at_ns = draft.child(), draft.moment()
    on = rng.choice((*WRITES, *READS))
    fault = act.ArmFault(child=child, on=on, kind=FaultKind.TOKEN_EXPIRED, times=1, after_ns=0, by_ns=0)
    draft.add(at_ns, fault, "token")
    draft.add(at_ns + rng.choice((1, 8, 25)) * NS_PER_S, LogsIn(child=child), "token")


def _manual(draft: _Draft) -> None:
    trade = act.OwnTrade(
        child=draft.child(),
        exchange="NFO",
        symbol=draft.rng.choice(draft.symbols),
        product="NRML",
        side=draft.rng.choice((Side.BUY, Side.SELL)),
        quantity=draft.rng.choice((1, 1, 2, 4)) * LOT,
    )
    draft.add(draft.moment(), trade, "manual")


def _unreadable(draft: _Draft) -> None:
    draft.add(draft.moment(), act.MasterUnreadable(for_ns=draft.rng.choice((2, 10, 40)) * NS_PER_S), "unreadable")


def _master_pushes(draft: _Draft) -> None:
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


def _child_pushes(draft: _Draft) -> None:
    delays = draft.rng.choice(((), (2 * NS_PER_S,), (50 * NS_PER_MS, 50 * NS_PER_MS, 3 * NS_PER_S)))
    trouble = PushTrouble(child=draft.child(), delays_ns=delays, for_ns=draft.rng.choice((5, 30)) * NS_PER_S)
    draft.add(draft.moment(), trouble, "push")


def _operator(draft: _Draft) -> None:
    rng = draft.rng
    at_ns = draft.moment() if rng.random() < 0.5 else _soon_after_a_trade(draft)
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


FAULTS: dict[str, Callable[[_Draft], None]] = {
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
    "operator": _operator,
}
"""What may go wrong, by name; each adds itself to a draft."""
FAULT_NAMES = (*FAULTS, NIGHT)
"""Every name that `--faults` takes."""
