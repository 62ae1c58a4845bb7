"""Entries that the operator asks for: a left-out child joins, missed lots are resynced, background lots are adopted.

All are prompts; nothing is sent without an answer. A ticket's prompt is written in `engine.core.tickets`.
"""

from collections.abc import Sequence
from fractions import Fraction

from engine.core import prompts, reasons
from engine.core.baseline import left_out_reason, ratio_of, select_baseline
from engine.core.entries import count_from_here, missing_units
from engine.core.filters import has_known_hours, why_unfollowed
from engine.core.lifecycle import OrderState
from engine.core.orders import give_up, new_copy
from engine.core.resting import cut_units, going_entries, going_exit_units
from engine.core.settle import settle
from engine.core.sizing import by_ratio
from engine.core.sizing_rules import rule_of_mode, sizing_rule
from engine.core.state import Baseline, Copy, Prompt, PromptItem
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import INFO, WARNING, Turn, followed_legs, held_units
from engine.model import Funds, Instrument, Side, is_delivery, split_leg
from engine.snapshot import StrategyState


def join(turn: Turn, child_id: str) -> None:
    """Offer all legs of the running strategy to a child that was left out."""
    child = turn.state.children.get(child_id)
    if child is None:
        turn.notify(WARNING, f"no child is called {child_id}")
        return
    if child_id not in turn.child_settings:
        turn.notify(WARNING, f"cannot join: {reasons.NOT_CONFIGURED}", child_id)
        return
    for strategy in turn.state.strategies.values():
        if strategy.state is not StrategyState.ACTIVE or child_id not in strategy.left_out:
            continue
        baseline = strategy.baseline
        if baseline is None or baseline.master_inr is None or strategy.exit_only:
            turn.notify(WARNING, "cannot join: the strategy has no baseline", child_id)
            continue
        now = Baseline(at_ns=turn.now_ns, master_inr=baseline.master_inr)
        if child.available_inr is not None and child.available_inr > 0:
            now.children_inr[child_id] = child.available_inr
            now.joined[child_id] = Funds(available_inr=child.available_inr, used_inr=child.used_inr)
        if reason := left_out_reason(turn, now, child_id):
            turn.notify(WARNING, f"cannot join: {reason}", child_id)
            continue
        _offer_join(turn, child, strategy.scope, now, baseline)
        return
    turn.notify(INFO, "nothing to join", child_id)


def _offer_join(turn: Turn, child: Child, scope: str, now: Baseline, start: Baseline) -> None:
    ratio, told = ratio_of(turn, now, child.id), now.joined.get(child.id)
    if ratio is not None and child.id in start.children_inr:
        at_start = ratio_of(turn, start, child.id) or ratio
        ratio, told = (ratio, told) if ratio < at_start else (at_start, None)
    offers: list[tuple[MasterLeg, int]] = []
    for master in followed_legs(turn, scope):
        instrument = turn.leg_instrument(child.id, master.leg)
        if instrument is None:
            turn.skip(child, master.leg, turn.why_unknown(child.id, master.leg))
            continue
        lots, reason = _lots_to_join(turn, child, master, instrument, ratio)
        if reason:
            turn.skip(child, master.leg, reason)
            continue
        offers.append((master, lots * instrument.lot_units))
    if not any(units for _, units in offers):
        why = f": {reasons.BELOW_ONE_LOT}" if offers else ", no leg can be entered"
        turn.notify(WARNING, f"cannot join{why}", child.id)
        return
    prompt = prompts.open_prompt(turn, prompts.JOIN, fresh=True)
    for master, units in _hedges_first(offers):
        offer(turn, prompt, child, master, units, ratio=ratio, told=told)


def _lots_to_join(
    turn: Turn, child: Child, master: MasterLeg, instrument: Instrument, ratio: Fraction | None
) -> tuple[int, str]:
    """A child's lots of a leg by its ratio, or by its mode where that has none; and why it gets none."""
    if ratio is not None:
        return by_ratio(ratio, instrument.lot_units)(abs(master.units)), ""
    rule, reason = rule_of_mode(turn, child, master, instrument)
    return (0, reason) if rule.lots_for is None else (rule.added_lots(0, abs(master.units)), "")


def offer(
    turn: Turn,
    prompt: Prompt,
    child: Child,
    master: MasterLeg,
    units: int,
    *,
    ratio: Fraction | None = None,
    told: Funds | None = None,
    background: int = 0,
    copy: Copy | None = None,
) -> None:
    """Put units of a leg into a prompt, at today's price.

    Args:
        turn: The turn.
        prompt: Where they are asked about.
        child: For whom.
        master: The master's leg.
        units: How many, at least one lot.
        ratio: The ratio that the child gets when it is approved, `None` to leave it as it is.
        told: What the broker said when that ratio was taken, `None` for a ratio of the start.
        background: The master's background units, signed, where they are adopted.
        copy: The record that others take part in, `None` for one of its own.
    """
    leg = turn.child_leg(child, master.leg)
    side = Side.BUY if (master.units or background) > 0 else Side.SELL
    quote = turn.quote(leg.leg)
    today_inr = None if quote is None else quote.touch(side)
    if copy is None:
        copy = new_copy(turn, master.leg, side, entry=True, signal_ns=turn.now_ns, by_master=False)
    copy.master_price_inr = today_inr
    prompt.items.append(
        PromptItem(
            child=child.id,
            leg=leg.leg,
            side=side,
            units=units,
            entry=True,
            signal_ns=turn.now_ns,
            decision=copy.id,
            ratio=ratio,
            told=told,
            reference_inr=today_inr,
        )
    )


def resync(turn: Turn, child_id: str) -> None:
    """Ask for fresh reads of both sides; what is missing is offered when they are there."""
    child = turn.state.children.get(child_id)
    if child is None:
        turn.notify(WARNING, f"no child is called {child_id}")
        return
    child.resync_ns = turn.now_ns
    child.want_orders = child.want_positions = True
    turn.notify(INFO, "resync: both sides are read anew", child_id)


def resync_ready(turn: Turn) -> None:
    """Offer what is missing to children whose resync has fresh reads of both sides."""
    master = turn.state.master
    for child in turn.state.children.values():
        asked_ns = child.resync_ns
        if asked_ns is None or master.read_began_ns < asked_ns or child.positions_began_ns < asked_ns:
            continue
        if child.orders_began_ns < asked_ns or any(_is_suspected(leg) for leg in child.legs.values()):
            continue
        if any(leg.window is not None for leg in master.legs.values()):
            continue  # what the master adds just now is decided first
        child.resync_ns = None
        _offer_missing(turn, child)


def _is_suspected(leg: ChildLeg) -> bool:
    """Whether another read tells what a leg holds. Shares that are missing may be so for hours: they stay ours."""
    return leg.suspicion is not None and not is_delivery(leg.leg)


def _offer_missing(turn: Turn, child: Child) -> None:
    is_untold = False
    for leg in child.legs.values():
        for order in [o for o in turn.open_orders(leg) if o.state is OrderState.HELD]:
            is_untold = is_untold or order.reason == reasons.UNTOLD
            give_up(turn, child, leg, order, order.reason)
        leg.exit_after_ns = 0
        settle(turn, child, leg, at_once=leg.due)
    if is_untold:  # the broker's figure counts from now on: first it is seen whose lots those are
        child.resync_ns = turn.now_ns + 1
        child.want_orders = child.want_positions = True
        return
    offers, leaving = _missing(turn, child)
    if leaving:
        turn.notify(WARNING, leaving_text(leaving), child.id)
    if not offers:
        if leaving:
            return
        turn.notify(INFO, "resync: nothing is missing", child.id)
        child.stopped = {scope: why for scope, why in child.stopped.items() if not why}
        return
    prompt = prompts.open_prompt(turn, prompts.RESYNC, fresh=True)
    for master, units in _hedges_first(offers):
        offer(turn, prompt, child, master, units)


def _hedges_first(offers: list[tuple[MasterLeg, int]]) -> list[tuple[MasterLeg, int]]:
    """What is bought before what is sold: where a limit has room for some, shorts do not take that of their hedges."""
    return sorted(offers, key=lambda each: each[0].units < 0)


def _missing(turn: Turn, child: Child) -> tuple[list[tuple[MasterLeg, int]], list[str]]:
    """What a child lacks of every leg, and the symbols of legs whose exits have to end before they can be entered."""
    offers: list[tuple[MasterLeg, int]] = []
    leaving: list[str] = []
    for master in turn.state.master.legs.values():
        instrument = turn.leg_instrument(child.id, master.leg)
        if not master.units or instrument is None or master.window is not None:
            continue
        leg = turn.child_leg(child, master.leg)
        if is_leaving(turn, leg, master) or cut_units(turn, leg):  # that may fill still, beside what would be entered
            leaving.append(split_leg(leg.leg)[1])
            continue
        units = missing_units(turn, child, master, leg, instrument)
        if units:
            offers.append((master, units))
            continue
        count_from_here(turn, child, master, leg)
        if leg.lacking:  # the child has its share of what the master holds now
            leg.lacking = False
            leg.skipped = "" if leg.allocation_units else reasons.BELOW_ONE_LOT
    return offers, leaving


def is_leaving(turn: Turn, leg: ChildLeg, master: MasterLeg) -> bool:
    """Whether lots leave a leg before it can be entered, and its plan with them.

    Exits that are under way or due or of lots against its direction, and entries of the side that he has left: they may
    still fill.
    """
    held = held_units(leg)
    is_exited = going_exit_units(turn, leg) > 0 or held < 0 or (leg.due and held > leg.target_units)
    is_against = any(order.side.sign * master.units < 0 for order in going_entries(turn, leg))
    return is_exited or is_against or leg.sign * master.units < 0


def leaving_text(symbols: Sequence[str]) -> str:
    """Why a resync offers or sends nothing of some legs."""
    return f"resync: orders of {', '.join(symbols)} are under way: resync again when they have ended"


def adopt(turn: Turn, symbol: str) -> None:
    """Offer a background leg of the master to all children."""
    legs = [leg for leg in turn.state.master.legs.values() if split_leg(leg.leg)[1] == symbol and is_adoptable(leg)]
    if not legs:
        turn.notify(WARNING, f"no background lots of {symbol}")
        return
    if others := [leg.leg for leg in legs if not has_known_hours(leg.leg)]:
        turn.notify(WARNING, why_unfollowed(others[0]), "", symbol)
        return
    for master in legs:
        turn.subscribe(master.leg)
        strategy = turn.strategy(master.scope)
        if strategy.state is StrategyState.FLAT and strategy.settled:
            strategy.baseline = select_baseline(turn, strategy, turn.now_ns)
        prompt = prompts.open_prompt(turn, prompts.ADOPT, fresh=True)
        for child in turn.configured():
            _offer_adopted(turn, prompt, child, master)
        prompts.close_if_empty(turn, prompt)


def is_adoptable(leg: MasterLeg) -> bool:
    """Whether a leg's background may be followed: not beside strategy lots, nor shares sold that were not there."""
    is_oversold = leg.background_units < 0 and is_delivery(leg.leg)
    return leg.background_units != 0 and not leg.units and not is_oversold


def _offer_adopted(turn: Turn, prompt: Prompt, child: Child, master: MasterLeg) -> None:
    strategy = turn.strategy(master.scope)
    instrument = turn.leg_instrument(child.id, master.leg)
    baseline = strategy.baseline
    if instrument is None:
        turn.skip(child, master.leg, turn.why_unknown(child.id, master.leg))
        return
    runs = strategy.state is not StrategyState.FLAT
    if why := (child.stopped.get(strategy.scope) or strategy.left_out.get(child.id)) if runs else "":
        turn.skip(child, master.leg, why)  # it was flattened, or handed over: a resync or a join brings it all legs
        return
    ratio = strategy.ratios.get(child.id)
    if ratio is None and strategy.state is StrategyState.FLAT and baseline is not None:
        if reason := left_out_reason(turn, baseline, child.id):
            turn.skip(child, master.leg, reason)
            return
        ratio = ratio_of(turn, baseline, child.id)
    size = abs(master.background_units)
    if ratio is not None:
        units = by_ratio(ratio, instrument.lot_units)(size) * instrument.lot_units
    else:
        rule, reason = sizing_rule(turn, child, master, instrument)
        if rule.lots_for is None:
            turn.skip(child, master.leg, reason)
            return
        units = rule.added_lots(0, size) * instrument.lot_units
    if not units:
        turn.skip(child, master.leg, reasons.BELOW_ONE_LOT)
        return
    offer(turn, prompt, child, master, units, ratio=ratio, background=master.background_units)
