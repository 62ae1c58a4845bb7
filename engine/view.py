"""Builds the snapshot that the dashboard draws from the core's state. Reads only; one place says how a child stands.

It must not decide anything and must not be asked by the core.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from config.schema import Child as ChildSettings
from engine.core import carried
from engine.core.lifecycle import OrderState
from engine.core.limits import limits
from engine.core.results import child_charges, child_day, child_pnl, master_day, opened_pnl, realised_inr, strategy_pnl
from engine.core.shapes import strategy_name
from engine.core.state import State
from engine.core.state_child import Child, ChildOrder
from engine.core.state_master import MasterLeg
from engine.core.strategy import is_quiet
from engine.core.turn import Turn, followed_legs
from engine.model import NS_PER_S, Basket, Quote, split_leg
from engine.money import sum_known
from engine.snapshot import (
    ChildColumn,
    EngineState,
    LegRow,
    Limit,
    NoticeLine,
    SampleView,
    Snapshot,
    StrategyState,
    StrategyView,
    WorkingOrder,
)
from engine.stamps import UNSTAMPED, Stamp
from engine.view_attention import attention_of
from engine.view_capital import master_moved, next_ratio, part_of
from engine.view_cells import can_be_adopted, cell_of, leg_title, lots, sizing_text
from engine.view_children import GOOD, child_state, left_out
from engine.view_copies import KeptRows
from engine.view_master import link_of
from engine.view_prompts import prompt_views
from engine.view_restart import restart_view

COPIES_SHOWN = 50
NOTICES_SHOWN = 200
MINUTE_NS = 60 * NS_PER_S


def _unstamped(tag: str) -> Stamp:
    """Nobody knows when."""
    return UNSTAMPED


class Frame:
    """What a snapshot needs beside the core's state."""

    __slots__ = (
        "basket_margins",
        "engine_failed",
        "finished",
        "kept_rows",
        "left_open",
        "limits",
        "limits_due_ns",
        "notices",
        "seq",
        "source",
        "speed",
        "stamps",
    )

    def __init__(self, *, source: str = "", speed: Decimal = Decimal(1)) -> None:
        self.source, self.speed = source, speed
        self.seq = 0
        self.engine_failed = ""
        self.left_open = ""
        "What the other mode's state holds open, '' for nothing."
        self.finished = False
        self.notices: Sequence[NoticeLine] = ()
        self.kept_rows = KeptRows()
        self.limits: tuple[Limit, ...] = ()
        self.limits_due_ns = 0
        self.stamps: Callable[[str], Stamp] = _unstamped
        "When an order was durable and handed over."
        self.basket_margins: Callable[[], Mapping[Basket, Decimal]] = dict
        "What brokers said that the baskets of open prompts need."


def build_snapshot(state: State, now_ns: int, frame: Frame) -> Snapshot:
    """The picture of the engine at `now_ns`."""
    frame.seq += 1
    turn = Turn(state, max(now_ns, state.now_ns), {child.id: child for child in state.settings.children})
    rows = tuple(_leg_row(turn, leg, followed=True) for leg in state.master.legs.values() if _is_shown(turn, leg))
    columns = tuple(_column(turn, child, rows, i) for i, child in enumerate(state.children.values()))
    working = tuple(_working(turn, order) for order in _open(state))
    open_session = next((s for s in state.sessions if s.open_ns <= turn.now_ns < s.close_ns), None)
    next_session = next((s for s in state.sessions if s.open_ns > turn.now_ns), None)
    engine, reason = _engine(state, frame)
    prompts = prompt_views(turn, frame.basket_margins())
    return Snapshot(
        seq=frame.seq,
        at_ns=turn.now_ns,
        engine=engine,
        engine_reason=reason,
        mode=state.mode,
        mode_next=state.mode_next,
        confirm=state.settings.confirm.when,
        source=frame.source,
        speed=frame.speed,
        market_open=open_session is not None,
        market_opens_ns=None if next_session is None else next_session.open_ns,
        market_closes_ns=None if open_session is None else open_session.close_ns,
        master=link_of(turn),
        master_day_inr=master_day(turn),
        children_day_inr=sum_known(column.day_inr for column in columns),
        master_pnl_stale=any(row.quote_stale and row.master_lots for row in rows),
        in_step=sum(column.state in GOOD for column in columns),
        children=columns,
        strategies=tuple(_strategy(turn, scope) for scope in state.strategies),
        legs=rows,
        background=tuple(
            _leg_row(turn, leg, followed=False) for leg in state.master.legs.values() if leg.background_units
        ),
        sample=_sample(turn),
        copies=frame.kept_rows.rows(turn, COPIES_SHOWN, frame.stamps),
        working=working,
        prompts=prompts,
        limits=_limits(turn, frame),
        attention=attention_of(turn, engine, prompts, frame.left_open),
        notices=tuple(frame.notices)[-NOTICES_SHOWN:],
        entries_last_minute=sum(
            at_ns > turn.now_ns - MINUTE_NS for child in state.children.values() for at_ns in child.entry_times_ns
        ),
        restart=restart_view(turn),
        finished=frame.finished,
    )


def _open(state: State) -> list[ChildOrder]:
    return [state.orders[tag] for child in state.children.values() for leg in child.legs.values() for tag in leg.orders]


def _is_shown(turn: Turn, leg: MasterLeg) -> bool:
    """Legs with strategy lots, or in which some child still has something of ours."""
    if leg.units or leg.window is not None:
        return True
    for child in turn.state.children.values():
        own = child.legs.get(leg.leg)
        if own is not None and (own.allocation_units or own.orders or own.awaiting_units or own.orphaned_units):
            return True
    return False


def _leg_row(turn: Turn, leg: MasterLeg, *, followed: bool) -> LegRow:
    """A leg's strategy lots, or (`followed` is false) its background lots: nothing of the other is said of them."""
    units = leg.units if followed else 0
    instrument = turn.leg_instrument(turn.state.master.account, leg.leg)
    lot = None if instrument is None else instrument.lot_units
    quote: Quote | None = turn.quote(leg.leg)
    exchange, symbol, product = split_leg(leg.leg)
    return LegRow(
        leg=leg.leg,
        scope=leg.scope,
        exchange=exchange,
        symbol=symbol,
        product=product,
        title=leg_title(turn, leg.leg),
        lot_units=lot,
        master_lots=lots(units, lot),
        background_lots=lots(leg.background_units, lot),
        adoptable=can_be_adopted(leg),
        master_average_inr=leg.open_cost_inr / abs(units) if units else None,
        last_inr=None if quote is None else quote.last_inr,
        bid_inr=None if quote is None else quote.bid_inr,
        ask_inr=None if quote is None else quote.ask_inr,
        quote_at_ns=None if quote is None else quote.at_ns,
        quote_stale=quote is None or quote.is_stale(turn.now_ns),
        master_pnl_inr=opened_pnl(turn, leg) if followed else None,
        followed=followed,
        cells=tuple(cell_of(turn, child, leg) for child in turn.state.children.values()),
        changed=carried.changed_of(turn, leg.leg),
    )


def _column(turn: Turn, child: Child, rows: Sequence[LegRow], index: int) -> ChildColumn:
    settings: ChildSettings | None = turn.child_settings.get(child.id)
    cells = [row.cells[index] for row in rows]
    state, reason = child_state(turn, child, cells)
    return ChildColumn(
        id=child.id,
        name=child.id if settings is None or settings.name is None else settings.name,
        broker="paper" if settings is None or settings.broker is None else settings.broker,
        live=settings is not None and settings.live,
        state=state,
        reason=reason,
        sizing="" if settings is None else sizing_text(settings),
        scopes=tuple(part_of(turn, strategy, child, settings) for strategy in turn.state.strategies.values()),
        available_inr=child.available_inr,
        available_at_ns=child.available_ns or None,
        max_capital_inr=child.max_capital_inr,
        next_ratio=next_ratio(turn, child, settings),
        day_inr=child_day(turn, child),
        pnl_inr=child_pnl(turn, child),
        realised_inr=sum((realised_inr(leg) for leg in child.legs.values()), Decimal(0)),
        pnl_stale=any(row.quote_stale and cell.have_lots for row, cell in zip(rows, cells, strict=True)),
        charges_inr=child_charges(child),
        drift_lots=sum((abs(c.want_lots - c.have_lots) for c in cells), Decimal(0)),
        missed_lots=sum((abs(c.missing_lots) for c in cells), Decimal(0)),
        drift_since_ns=min(
            (c.since_ns for c in cells if c.since_ns is not None and c.want_lots != c.have_lots), default=None
        ),
        read_at_ns=child.positions_at_ns,
        left_out=left_out(turn, child),
    )


def _limits(turn: Turn, frame: Frame) -> tuple[Limit, ...]:
    """The children's limits, reckoned once a second: nobody watches them more closely."""
    if not frame.limits_due_ns - NS_PER_S <= turn.now_ns < frame.limits_due_ns:
        frame.limits, frame.limits_due_ns = tuple(limits(turn)), turn.now_ns + NS_PER_S
    return frame.limits


def _strategy(turn: Turn, scope: str) -> StrategyView:
    strategy = turn.state.strategies[scope]
    baseline = strategy.baseline
    running = strategy.state is not StrategyState.FLAT
    return StrategyView(
        scope=scope,
        state=strategy.state,
        name=strategy_name(turn, followed_legs(turn, scope)),
        started_ns=strategy.started_ns if running else None,
        baseline_inr=baseline.master_inr if running and baseline is not None else None,
        baseline_at_ns=baseline.at_ns if running and baseline is not None else None,
        baseline_moved=master_moved(turn, baseline) if running and baseline is not None else None,
        mode=strategy.mode,
        exit_only=strategy.exit_only,
        master_pnl_inr=strategy_pnl(turn, strategy, turn.state.master.account),
        children_pnl_inr=sum_known(strategy_pnl(turn, strategy, child) for child in turn.state.children),
        reason="" if baseline is None or not running else baseline.reasons.get("", ""),
    )


def _sample(turn: Turn) -> SampleView | None:
    """The newest quiet sample while the first scope is flat."""
    strategy = next(iter(turn.state.strategies.values()), None)
    if strategy is None or not is_quiet(turn, strategy):
        return None
    runs = turn.state.samples.get(turn.state.master.account)
    if not runs:
        return None
    note = ""
    if len(runs) > 1 and runs[-1].value_inr < runs[-2].value_inr:
        note = "the margin fell: the older one holds a little longer"
    return SampleView(at_ns=runs[-1].last_ns, master_inr=runs[-1].value_inr, settled=strategy.settled, note=note)


def _engine(state: State, frame: Frame) -> tuple[EngineState, str]:
    if frame.engine_failed:
        return EngineState.FAILED, frame.engine_failed
    if state.stopped:
        return EngineState.STOPPED, "stopped"
    if state.kill >= 2:
        return EngineState.KILLED_ALL, "no orders at all"
    if state.kill == 1:
        return EngineState.KILLED_ENTRIES, "no entries"
    if not state.master.synced:
        return EngineState.STARTING, "books and positions are being read"
    if not state.armed:
        return EngineState.DISARMED, "what the last session left open waits"
    if state.paused:
        return EngineState.PAUSED, "exits only"
    return EngineState.ARMED, ""


def _working(turn: Turn, order: ChildOrder) -> WorkingOrder:
    deadline = order.resolve_from_ns if order.state is OrderState.UNKNOWN else None
    return WorkingOrder(
        account=order.account,
        tag=order.tag,
        order_id=order.order_id,
        leg=order.leg,
        title=leg_title(turn, order.leg),
        side=order.side,
        entry=order.entry,
        units=order.units,
        filled_units=order.filled,
        order_type=order.terms.order_type,
        status=order.state.value,
        reason=order.reason,
        since_ns=order.changed_ns,
        deadline_ns=deadline,
        limit_inr=order.terms.price_inr,
        trigger_inr=order.terms.trigger_inr,
    )
