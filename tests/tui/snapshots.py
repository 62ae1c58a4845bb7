"""Realistic snapshots for the tests of the dashboard, built from plain numbers. Times are IST of 2 November 2026."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import msgspec

from config.schema import ConfirmWhen, Mode
from engine.commands import Severity
from engine.events import Operator
from engine.model import NS_PER_S, Basket, BasketOrder, LegId, OrderType, Side, leg_id
from engine.snapshot import (
    Attention,
    Cell,
    CellState,
    ChildColumn,
    ChildScope,
    ChildState,
    CopyLine,
    CopyRow,
    EngineState,
    LegRow,
    Limit,
    MasterLink,
    NoticeLine,
    OrderTrace,
    PromptMargin,
    PromptRow,
    PromptView,
    SampleView,
    Snapshot,
    StrategyState,
    StrategyView,
    WorkingOrder,
)
from engine.trail import Step, TrailLine

IST = timezone(timedelta(hours=5, minutes=30))
LOT = 65
HOSTILE = "Insufficient funds [required=12,000.00] [/v3/orders] [red]M&M[/red] \x1b[2J\nBAJAJ-AUTO ⚠"


def at(text: str) -> int:
    """`11:42:07` of the day in nanoseconds."""
    moment = datetime.fromisoformat(f"2026-11-02T{text}").replace(tzinfo=IST)
    return int(moment.timestamp()) * NS_PER_S


NOW = at("11:42:07")


def rupees(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


@dataclass
class FakeFeed:
    """A feed that hands out what it is given and keeps what was sent."""

    newest: Snapshot | None
    now: int = NOW
    live_refusal: str = ""
    sent: list[Operator] = field(default_factory=list)

    def snapshot(self) -> Snapshot | None:
        return self.newest

    def send(self, event: Operator) -> None:
        self.sent.append(event)

    def now_ns(self) -> int:
        return self.now

    def publish(self, **changes: object) -> None:
        """A newer snapshot with these fields changed."""
        assert self.newest is not None
        self.newest = changed(self.newest, seq=self.newest.seq + 1, **changes)


def changed(snapshot: Snapshot, **changes: object) -> Snapshot:
    return msgspec.structs.replace(snapshot, **changes)


def leg_of(symbol: str) -> LegId:
    return leg_id("NFO", symbol, "NRML")


CONDOR = (
    ("NIFTY26N0324750CE", "NIFTY 24750 CE 03Nov", -10, "34.30", "28.10", "4650"),
    ("NIFTY26N0324900CE", "NIFTY 24900 CE 03Nov", 10, "13.00", "10.20", "-2100"),
    ("NIFTY26N0324350PE", "NIFTY 24350 PE 03Nov", -10, "31.15", "22.40", "5687.5"),
    ("NIFTY26N0324200PE", "NIFTY 24200 PE 03Nov", 10, "12.05", "9.90", "-1397.5"),
)
SIX = (
    ("ZC0001", "3/10", "10,50,000", 3),
    ("ZC0002", "1/2", "17,50,000", 5),
    ("AC0003", "1/7", "5,00,000", 1),
    ("ZC0004", "3/10", "10,50,000", 3),
    ("ZC0005", "3/10", "10,51,234", 3),
    ("ZC0006", "", "0", 0),
)


def cell(child: str, have: int, want: int, state: CellState = CellState.IN_STEP, **more: object) -> Cell:
    base = Cell(child=child, state=state, have_lots=Decimal(have), want_lots=Decimal(want))
    return msgspec.structs.replace(base, **more)


def leg_row(symbol: str, title: str, master: int, average: str, last: str, pnl: str, cells: Sequence[Cell]) -> LegRow:
    return LegRow(
        leg=leg_of(symbol), scope="account", exchange="NFO", symbol=symbol, product="NRML", title=title, lot_units=LOT,
        master_lots=Decimal(master), background_lots=Decimal(0), master_average_inr=Decimal(average),
        last_inr=Decimal(last), bid_inr=Decimal(last) - Decimal("0.05"), ask_inr=Decimal(last) + Decimal("0.05"),
        quote_at_ns=NOW - NS_PER_S // 2, quote_stale=False, master_pnl_inr=Decimal(pnl), followed=True,
        cells=tuple(cells),
    )  # fmt: skip


def part_of(ratio: str, capital: str = "3,00,000", scope: str = "account", **more: object) -> tuple[ChildScope, ...]:
    """A child's part in one strategy."""
    base = ChildScope(scope=scope, ratio=Fraction(ratio), capital_inr=rupees(capital))
    return (msgspec.structs.replace(base, **more),)


def made(column: ChildColumn, inr: str) -> ChildColumn:
    """The child with another result, all of it of today."""
    return msgspec.structs.replace(column, day_inr=Decimal(inr), pnl_inr=Decimal(inr))


def child(name: str, ratio: str, capital: str, state: ChildState = ChildState.IN_STEP, **more: object) -> ChildColumn:
    base = ChildColumn(
        id=name, name=f"Account {name}", broker="zerodha", live=True, state=state, reason="", sizing="frozen ratio",
        scopes=part_of(ratio, capital) if ratio else (), available_inr=rupees(capital), available_at_ns=NOW - NS_PER_S,
        max_capital_inr=None, realised_inr=Decimal(0),
        day_inr=Decimal("2790") if ratio else Decimal(0), pnl_inr=Decimal("2790") if ratio else Decimal(0), charges_inr=Decimal("182.40"), drift_lots=Decimal(0),
        read_at_ns=NOW - NS_PER_S, left_out=str(more.get("reason")) if state is ChildState.LEFT_OUT else "",
    )  # fmt: skip
    return msgspec.structs.replace(base, **more)


def condor_cells(sign: int, row: int) -> list[Cell]:
    cells = []
    for name, _, _, lots in SIX:
        want = sign * lots
        if name == "ZC0006":
            cells.append(cell(name, 0, 0, CellState.SKIPPED, reason="left out: margin stale"))
        elif name == "ZC0004" and row == 0:
            cells.append(
                cell(name, want - sign, want, CellState.UNKNOWN, unknown_lots=Decimal(sign), since_ns=at("11:41:20"),
                     reason="sent, no answer; asked 3 times")
            )  # fmt: skip
        elif name == "AC0003" and row == 3:
            cells.append(cell(name, want, want, external_lots=Decimal(2), residue_lots=Fraction(3, 7)))
        else:
            cells.append(cell(name, want, want, pnl_inr=Decimal("1395"), average_inr=Decimal("34.30")))
    return cells


def trace(tag: str, units: int, decided_ns: int, *after_ms: int, **more: object) -> OrderTrace:
    """An order with its stages (durable, sent, answered, done) so many ms after it was decided."""
    names = ("durable_ns", "sent_ns", "answered_ns", "done_ns")
    times = {name: decided_ns + ms * NS_PER_S // 1000 for name, ms in zip(names, after_ms, strict=False)}
    base = OrderTrace(
        tag=tag, order_id=f"2611020{tag[-4:]}", units=units, filled_units=units, status="filled",
        order_type=OrderType.MARKET, price_inr=None, decided_ns=decided_ns, **times,
    )  # fmt: skip
    return msgspec.structs.replace(base, **more)


def staged() -> Snapshot:
    """The newest copy with all that is known of it: stages, sizes, and an order that nobody knows."""
    newest = copies()[0]
    decided_ns = newest.at_ns
    lines = []
    for number, part in enumerate(newest.lines):
        orders: tuple[OrderTrace, ...] = (
            trace(f"LKP1XD0{number}00001MT", part.units, decided_ns, 3, 4, 15 + 9 * number, 31 + 40 * number),
        )
        if part.child == "ZC0002":  # two slices
            half = trace("LKP1XD0100002NA", 130, decided_ns, 3, 5, 40, 90, order_type=OrderType.LIMIT,
                         price_inr=Decimal("34.30"), tries=2)  # fmt: skip
            orders = (msgspec.structs.replace(orders[0], units=195, filled_units=195), half)
        if part.child == "ZC0004":
            orders = (trace("LKP1XD0300001MT", 195, decided_ns, 3, 4, status="unknown", order_id="", filled_units=130),)
        if part.child == "ZC0006":
            orders = ()
        ratio = next(ratio for name, ratio, _, _ in SIX if name == part.child)
        exact = float(Fraction(ratio) * 10) if ratio else 0.0
        why = f"{ratio} x 10 lots = {exact:.2f}: target {int(exact)}" if ratio else ""
        lines.append(msgspec.structs.replace(part, orders=orders, why=why))
    whole = msgspec.structs.replace(
        newest, lines=tuple(lines), traded_ns=decided_ns - 290_000_000, learned_ns=decided_ns - 250_000_000
    )
    return condor(copies=(whole, *copies()[1:]))


def trail() -> tuple[TrailLine, ...]:
    """What the journal has of one of its orders."""
    texts = (
        (Step.INTENT, "place SELL 195 MARKET"), (Step.PUSH, "OPEN 0/195"),
        (Step.ANSWER, "place: acked, order 26110201MT"), (Step.BOOK, f"COMPLETE 195/195 at 34.25: {HOSTILE}"),
    )  # fmt: skip
    return tuple(
        TrailLine(seq=n, at_ns=copies()[0].at_ns + n * 15_000_000, account="ZC0001", tag="LKP1XD0000001MT",
                  step=step, text=text)
        for n, (step, text) in enumerate(texts)
    )  # fmt: skip


def copies() -> tuple[CopyRow, ...]:
    rows = []
    for number, (symbol, title, lots, price, _, _) in enumerate(reversed(CONDOR)):
        lines = [
            CopyLine(child=name, units=n * LOT, filled_units=n * LOT, status="filled", average_inr=Decimal(price),
                     latency_ms=48 + 7 * i + number, slippage_inr=Decimal("0.05"))
            for i, (name, _, _, n) in enumerate(SIX) if n
        ]  # fmt: skip
        if number == 3:
            lines[3] = CopyLine(child="ZC0004", units=195, filled_units=130, status="unknown", reason="no answer")
        lines.append(CopyLine(child="ZC0006", units=0, filled_units=0, status="skipped", reason="margin stale"))
        rows.append(
            CopyRow(id=number + 1, at_ns=at("09:31:05") + number * 13 * NS_PER_S, leg=leg_of(symbol), title=title,
                    side=Side.SELL if lots < 0 else Side.BUY, entry=True, master_lots=Decimal(lots),
                    master_price_inr=Decimal(price), lines=tuple(lines), done=number != 3, learned_ns=at("09:31:05"))
        )  # fmt: skip
    return tuple(reversed(rows))


def notices() -> tuple[NoticeLine, ...]:
    texts = (
        ("09:15:00", Severity.INFO, "", "The market is open."),
        ("09:31:05", Severity.INFO, "ZM0001", "Strategy begins: baseline ₹35,00,000 taken at 09:31:04."),
        ("09:31:05", Severity.WARNING, "ZC0006", "ZC0006 is left out: its margin is 3 min old. j lets it join."),
        ("09:31:44", Severity.INFO, "ZC0001", "entry SELL 195 filled at 34.25"),
        ("11:41:20", Severity.ALARM, "ZC0004", "SELL 65: no answer; the order book is asked"),
    )
    return tuple(
        NoticeLine(
            number=n,
            at_ns=at(when),
            severity=severity,
            text=text,
            account=account,
            symbol=CONDOR[0][0] if "SELL" in text else "",
        )
        for n, (when, severity, account, text) in enumerate(texts, 1)
    )


def master_link(**more: object) -> MasterLink:
    base = MasterLink(
        account="ZM0001", connected=True, read_at_ns=NOW - NS_PER_S * 8 // 10, push_at_ns=NOW - NS_PER_S // 5,
        available_inr=rupees("21,40,000"),
    )  # fmt: skip
    return msgspec.structs.replace(base, **more)


def limits() -> tuple[Limit, ...]:
    """Some limits of one child."""
    rows = (
        ("kill switch", None, "off", 0), ("age of the master's fill", "30 s", "", 1), ("account", None, "ready", 0),
        ("daily loss", "₹10,000.00", "result -₹1,860.00", 0), ("filters", "NFO:NIFTY*, not *FUT", "", 0),
        ("open lots", "", "12", 0), ("entries a minute", "120", "7", 0),
        ("the broker's budget", "5000 orders a day", "4493 left for entries", 0),
    )  # fmt: skip
    return tuple(Limit(account="ZC0001", name=n, bound=b, now=now, stopped=count) for n, b, now, count in rows)


def flat(**changes: object) -> Snapshot:
    """No strategy, six children, everything fine."""
    base = Snapshot(
        seq=1, at_ns=NOW, engine=EngineState.ARMED, engine_reason="", mode=Mode.PAPER, mode_next=None,
        confirm=ConfirmWhen.ENTRIES, source="", speed=Decimal(1), market_open=True, market_opens_ns=None,
        market_closes_ns=at("15:30:00"), master=master_link(), master_day_inr=Decimal(0), children_day_inr=Decimal(0),
        in_step=6, children=tuple(child(name, "", capital, ChildState.IDLE) for name, _, capital, _ in SIX),
        strategies=(), legs=(), background=(),
        sample=SampleView(at_ns=at("11:42:06"), master_inr=rupees("35,00,000"), settled=True),
        copies=(), working=(), prompts=(), limits=limits(), attention=(), notices=notices()[:1], entries_last_minute=0,
    )  # fmt: skip
    return changed(base, **changes)


def condor(**changes: object) -> Snapshot:
    """A running iron condor with six children: one unknown order, one child left out."""
    states = {"ZC0004": ChildState.UNKNOWN, "ZC0006": ChildState.LEFT_OUT}
    reasons = {"ZC0006": "left out: margin stale", "ZC0004": "an order without an answer"}
    children = [
        child(name, ratio, capital, states.get(name, ChildState.IN_STEP), reason=reasons.get(name, ""))
        for name, ratio, capital, _ in SIX
    ]
    children[3] = made(msgspec.structs.replace(children[3], drift_lots=Decimal(1)), "-1860")
    legs = [
        leg_row(symbol, title, lots, average, last, pnl, condor_cells(1 if lots > 0 else -1, row))
        for row, (symbol, title, lots, average, last, pnl) in enumerate(CONDOR)
    ]
    strategy = StrategyView(
        scope="account", state=StrategyState.ACTIVE, name="iron condor", started_ns=at("09:31:05"),
        baseline_inr=rupees("35,00,000"), baseline_at_ns=at("09:31:04"), mode=Mode.PAPER, exit_only=False, reason="",
        master_pnl_inr=Decimal("18450"), children_pnl_inr=Decimal("9120"),
    )  # fmt: skip
    working = WorkingOrder(
        account="ZC0004", tag="LKB2D4K0001A7", order_id="", leg=leg_of(CONDOR[0][0]), title=CONDOR[0][1],
        side=Side.SELL, entry=True, units=65, filled_units=0, order_type=OrderType.MARKET, status="unknown",
        reason="no answer within 15 s", since_ns=at("11:41:20"), deadline_ns=at("11:43:21"),
    )  # fmt: skip
    attention = (
        Attention(severity=Severity.ALARM, text="unknown SELL 65: asked 3 times", key="5",
                  account="ZC0004", symbol=CONDOR[0][0], deadline_ns=at("11:43:21")),
        Attention(severity=Severity.WARNING, text="ZC0006 left out: margin stale 3 min", key="j", account="ZC0006"),
    )  # fmt: skip
    base = flat(
        master_day_inr=Decimal("18450"), children_day_inr=Decimal("9120"), in_step=4, children=tuple(children),
        strategies=(strategy,), legs=tuple(legs), sample=None, copies=copies(), working=(working,),
        attention=attention, notices=notices(), entries_last_minute=2,
    )  # fmt: skip
    return changed(base, **changes)


def old_prices() -> Snapshot:
    """The condor with old quotes, one of a future at a long price."""
    base = condor(master_pnl_stale=True)
    legs = [msgspec.structs.replace(leg, quote_stale=True) for leg in base.legs]
    legs[0] = msgspec.structs.replace(legs[0], title="NIFTY FUT Nov", last_inr=Decimal("24750.00"))
    children = tuple(msgspec.structs.replace(child, pnl_stale=child.id != "ZC0006") for child in base.children)
    return changed(base, legs=tuple(legs), children=children)


def beside_background(**changes: object) -> Snapshot:
    """The condor with five bought lots in the background of its first leg."""
    base = condor()
    leg = msgspec.structs.replace(base.legs[0], background_lots=Decimal(5))
    none = {"master_lots": Decimal(0), "master_average_inr": None, "master_pnl_inr": None, "adoptable": False}
    background = msgspec.structs.replace(leg, followed=False, **none)
    return changed(base, legs=(leg, *base.legs[1:]), background=(background,), **changes)


def nothing_held(**changes: object) -> Snapshot:
    """The condor before any child holds a lot of it."""
    base = condor()
    legs = tuple(
        msgspec.structs.replace(leg, cells=tuple(cell(c.child, 0, 0, CellState.WORKING) for c in leg.cells))
        for leg in base.legs
    )
    return changed(base, legs=legs, **changes)


def prompt_row(name: str, lots: int, leg: int = 0, **more: object) -> PromptRow:
    symbol, title, master, _, last, _ = CONDOR[leg]
    ratio = next((r for n, r, _, _ in SIX if n == name), "")
    base = PromptRow(
        child=name, leg=leg_of(symbol), title=title, side=Side.SELL if master < 0 else Side.BUY, lot_units=LOT,
        units=lots * LOT, price_inr=Decimal(last), value_inr=Decimal(last) * lots * LOT,
        available_inr=rupees("10,50,000"), charges_inr=Decimal("24.60") * lots,
        ratio=Fraction(ratio) if ratio else None,
    )  # fmt: skip
    return msgspec.structs.replace(base, **more)


def prompt(number: int = 1, leg: int = 0, **more: object) -> PromptView:
    """Six children are asked about one leg; the last is skipped."""
    _, title, master, average, _, _ = CONDOR[leg]
    rows = [prompt_row(name, lots, leg) for name, _, _, lots in SIX if lots]
    rows.append(prompt_row("ZC0006", 0, leg, reason="left out: margin stale"))
    base = PromptView(
        id=f"P{number}", kind="entry", title=title, opened_ns=NOW - 8 * NS_PER_S,
        deadline_ns=NOW + 22 * NS_PER_S + number, at_deadline="declined", signal_ns=NOW - 9 * NS_PER_S,
        master_lots=Decimal(master), master_price_inr=Decimal(average), rows=tuple(rows),
    )  # fmt: skip
    asked = msgspec.structs.replace(base, **more)
    return asked if "margins" in more else msgspec.structs.replace(asked, margins=margins(asked.rows))


def margins(rows: Iterable[PromptRow], *, is_brokers: bool = False) -> tuple[PromptMargin, ...]:
    """1,18,000 a lot."""
    baskets: dict[str, list[BasketOrder]] = {}
    for row in rows:
        if row.units:
            baskets.setdefault(row.child, []).append(BasketOrder(leg=row.leg, side=row.side, units=row.units))
    return tuple(
        PromptMargin(
            basket=Basket(account=child, orders=tuple(orders)),
            needed_inr=Decimal(118000) * sum(order.units for order in orders) / LOT,
            is_brokers=is_brokers,
        )
        for child, orders in baskets.items()
    )


def asking(**changes: object) -> Snapshot:
    """The condor with two prompts open."""
    return condor(prompts=(prompt(1, 0), prompt(2, 1)), **changes)


def live(**changes: object) -> Snapshot:
    """The condor, live."""
    base = condor()
    strategies = tuple(msgspec.structs.replace(s, mode=Mode.LIVE) for s in base.strategies)
    return changed(base, mode=Mode.LIVE, strategies=strategies, **changes)


def stale(**changes: object) -> Snapshot:
    """The master was last read 40 s ago."""
    return condor(master=master_link(read_at_ns=NOW - 40 * NS_PER_S, error="positions: read timed out"), **changes)


def killed(**changes: object) -> Snapshot:
    """Kill level 2 with a strategy open."""
    return condor(engine=EngineState.KILLED_ALL, **changes)


def held(**changes: object) -> Snapshot:
    """One child's order ended without a fill and waits for the operator, and its later legs with it."""
    base = condor()
    why = "not filled within the slippage limit"
    order = msgspec.structs.replace(
        base.working[0], status="held", reason=why, units=195, since_ns=at("11:39:02"), deadline_ns=None
    )
    legs = [
        msgspec.structs.replace(leg, cells=tuple(
            msgspec.structs.replace(one, state=CellState.HELD, reason=why, have_lots=Decimal(0), unknown_lots=Decimal(0))
            if one.child == "ZC0004" and row == 0 else one for one in leg.cells
        )) for row, leg in enumerate(base.legs)
    ]  # fmt: skip
    children = tuple(
        msgspec.structs.replace(one, state=ChildState.HELD, reason="an order is held", drift_lots=Decimal(3))
        if one.id == "ZC0004" else one for one in base.children
    )  # fmt: skip
    attention = (
        Attention(
            severity=Severity.ALARM, text=f"held SELL 195: {why}", key="r", account="ZC0004", symbol=CONDOR[0][0]
        ),
        base.attention[1],
    )
    return changed(base, legs=tuple(legs), children=children, working=(order,), attention=attention, **changes)


def hostile(**changes: object) -> Snapshot:
    """Broker text full of markup and control characters, everywhere."""
    base = condor()
    first = msgspec.structs.replace(base.legs[0], title="[red]M&M", cells=tuple(
        msgspec.structs.replace(c, reason=HOSTILE, state=CellState.HELD) for c in base.legs[0].cells
    ))  # fmt: skip
    lines = tuple(msgspec.structs.replace(part, reason=HOSTILE, status="[b]rejected") for part in base.copies[0].lines)
    notice = NoticeLine(number=6, at_ns=NOW, severity=Severity.ALARM, text=HOSTILE, account="[ZC]", symbol="[/x]")
    return changed(
        base,
        engine=EngineState.FAILED, engine_reason=HOSTILE, source="[demo]",
        master=master_link(account="[ZM]", error=HOSTILE),
        strategies=(msgspec.structs.replace(base.strategies[0], name="[b]condor", reason=HOSTILE),),
        legs=(first, *base.legs[1:]), copies=(msgspec.structs.replace(base.copies[0], title="[red]", lines=lines),),
        children=tuple(msgspec.structs.replace(c, reason=HOSTILE, name="[i]n") for c in base.children),
        attention=(Attention(severity=Severity.ALARM, text=HOSTILE, key="c"),),
        notices=(*base.notices, notice),
        working=(msgspec.structs.replace(base.working[0], reason=HOSTILE, title="[x]", status="[/]"),),
        prompts=(prompt(1, 0, title=HOSTILE, at_deadline="[declined]", rows=(
            prompt_row("ZC0001", 3, reason=HOSTILE), prompt_row("ZC0002", 0, reason=HOSTILE)
        )),),
        **changes,
    )  # fmt: skip


def crowd(children: int = 20, legs: int = 8, seq: int = 1) -> Snapshot:
    """Many children and legs; prices and profits depend on `seq`, a few cells are not in step."""
    names = [f"ZC{n:04d}" for n in range(1, children + 1)]
    odd = {4: CellState.DRIFT, 11: CellState.WORKING, 17: CellState.HELD}
    child_states = {4: ChildState.DRIFT, 11: ChildState.WORKING, 17: ChildState.HELD}
    rows = []
    for row in range(legs):
        strike, sign = 24000 + 50 * row, -1 if row % 2 else 1
        cells = [
            cell(name, sign * (3 - (n in odd)), sign * 3, odd.get(n, CellState.IN_STEP), pnl_inr=Decimal(seq * n))
            for n, name in enumerate(names)
        ]
        rows.append(
            leg_row(f"NIFTY26N03{strike}CE", f"NIFTY {strike} CE 03Nov", 10 * sign, "34.30",
                    f"{28 + (seq + row) % 40 / 20:.2f}", str(4650 + seq * 13 + row), cells)
        )  # fmt: skip
    columns = tuple(
        made(child(name, "3/10", "10,50,000", child_states.get(n, ChildState.IN_STEP)), str(2000 + seq * 7 + n))
        for n, name in enumerate(names)
    )
    base = condor()
    strategy = msgspec.structs.replace(base.strategies[0], master_pnl_inr=Decimal(18450 + seq * 11))
    return changed(
        base, seq=seq, strategies=(strategy,), children=columns, legs=tuple(rows), in_step=children - sum(n < children for n in odd),
        master_day_inr=Decimal(18450 + seq * 11),
    )  # fmt: skip


FAMILY = {
    "ZC0001": "GRANDMOTHER-HDFC",
    "ZC0002": "GRANDMOTHER-ICICI",
    "AC0003": "GRANDMOTHER-SBI",
    "ZC0004": "GRANDMOTHER-AXIS-NRI",
    "ZC0005": "FAMILY-TRUST-ZERODHA",
    "ZC0006": "FAMILY-TRUST-ANGEL",
}
"Ids that begin alike, up to the 20 characters that the configuration takes."


def family(snapshot: Snapshot) -> Snapshot:
    """The snapshot with such ids."""
    found = _renamed(snapshot)
    assert isinstance(found, Snapshot)
    return found


def _renamed(value: object) -> object:
    if type(value) is str:
        return FAMILY.get(value, value)
    if isinstance(value, tuple):
        return tuple(_renamed(each) for each in value)
    if isinstance(value, msgspec.Struct):
        fields = {name: _renamed(getattr(value, name)) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value
