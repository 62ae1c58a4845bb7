"""Questions to the operator: opened, joined, withdrawn. What an answer does stands in `engine.core.answers`.

Only the answer waits; the engine goes on while a prompt is open.
"""

from collections.abc import Collection
from fractions import Fraction

import msgspec

from engine.core.state import Prompt, PromptItem
from engine.core.state_child import Child, ChildLeg, Mirror
from engine.core.turn import INFO, Turn, seconds_ns
from engine.model import LegId, Side

EXTENSIONS = 3
"""A prompt that legs keep joining closes at the latest after so many time-outs; no exit is postponed longer."""
ENTRY, EXIT, JOIN, ADOPT, RESYNC, TICKET = "entry", "exit", "join", "adopt", "resync", "ticket"
OF_HIS_LOTS = frozenset({JOIN, ADOPT, RESYNC})
"""Entries that the operator asked for, reckoned from what the master holds when they are approved."""
OFFERS = OF_HIS_LOTS | {TICKET}
"""Entries that the operator asked for."""


def open_prompt(turn: Turn, kind: str, *, fresh: bool = False) -> Prompt:
    """The open prompt of a kind, or a new one; a leg that arrives while it is open joins it and gets its full time."""
    state = turn.state
    timeout_ns = seconds_ns(turn.settings.confirm.timeout_s)
    full_ns = turn.now_ns + timeout_ns
    found = None if fresh else next((p for p in state.prompts.values() if _can_join(turn, p, kind, full_ns)), None)
    if found is None:
        state.prompt_count += 1
        found = Prompt(
            id=f"P{state.prompt_count}",
            kind=kind,
            opened_ns=turn.now_ns,
            deadline_ns=full_ns,
            latest_ns=turn.now_ns + EXTENSIONS * timeout_ns,
        )
        state.prompts[found.id] = found
        turn.notify(INFO, f"a prompt waits ({kind})")
    else:
        prolong(turn, found)
    turn.timer(f"prompt:{found.id}", found.deadline_ns)
    return found


def prolong(turn: Turn, prompt: Prompt) -> None:
    """Give a prompt its full time from now on, as far as it may last."""
    prompt.deadline_ns = min(turn.now_ns + seconds_ns(turn.settings.confirm.timeout_s), prompt.latest_ns)
    turn.timer(f"prompt:{prompt.id}", prompt.deadline_ns)


def shorten(turn: Turn, prompt: Prompt, asked_since_ns: int) -> None:
    """A prompt about an exit that was asked about before lasts no longer than that exit may still be put off."""
    most_ns = EXTENSIONS * seconds_ns(turn.settings.confirm.timeout_s)
    prompt.latest_ns = min(prompt.latest_ns, asked_since_ns + most_ns)
    prompt.deadline_ns = min(prompt.deadline_ns, prompt.latest_ns)
    turn.timer(f"prompt:{prompt.id}", prompt.deadline_ns)


def _can_join(turn: Turn, prompt: Prompt, kind: str, full_ns: int) -> bool:
    """Whether a leg may join: one that is over is only not closed yet (the machine slept).

    An exit that has been put off for long leaves others too little time.
    """
    return prompt.kind == kind and prompt.deadline_ns > turn.now_ns and (kind != EXIT or prompt.latest_ns >= full_ns)


def part_unseen(turn: Turn, prompt: Prompt, shown: dict[str, int]) -> None:
    """Move what the operator did not see into a prompt of its own, with its own time.

    `shown`: units by `child|leg`, those to be sold negative. What is left in `prompt` is what the answer means.
    """
    seen: list[PromptItem] = []
    unseen: list[PromptItem] = []
    for item in prompt.items:
        known = max(0, min(item.units, item.side.sign * shown.get(f"{item.child}|{item.leg}", 0)))
        if known < item.units:
            unseen.append(msgspec.structs.replace(item, units=item.units - known))
        if known:
            seen.append(msgspec.structs.replace(item, units=known, is_part=known < item.units))
    if not unseen:
        return
    prompt.items = seen
    another = open_prompt(turn, prompt.kind, fresh=True)
    another.items = unseen
    for item in unseen:
        leg = turn.state.children[item.child].legs[item.leg]
        if item.entry and prompt.kind == ENTRY:
            leg.prompt, leg.awaiting_units = another.id, item.units


def ask(
    turn: Turn,
    prompt: Prompt,
    child: Child,
    leg: ChildLeg,
    side: Side,
    units: int,
    *,
    entry: bool,
    signal_ns: int,
    decision: int,
    ratio: Fraction | None = None,
) -> None:
    """Put one child's part into a prompt; it replaces what waits there for the same child and leg."""
    prompt.items = [item for item in prompt.items if (item.child, item.leg) != (child.id, leg.leg)]
    prompt.items.append(
        PromptItem(
            child=child.id,
            leg=leg.leg,
            side=side,
            units=units,
            entry=entry,
            signal_ns=signal_ns,
            decision=decision,
            ratio=ratio,
        )
    )
    if entry:
        leg.prompt, leg.awaiting_units = prompt.id, units


def item_of(turn: Turn, child: Child, leg: ChildLeg) -> PromptItem | None:
    """A leg's entry in the prompt that it waits in."""
    items = turn.state.prompts[leg.prompt].items if leg.prompt else []
    return next((item for item in items if item.entry and (item.child, item.leg) == (child.id, leg.leg)), None)


def take_out(turn: Turn, child: Child, leg: ChildLeg, units: int) -> int:
    """Withdraw up to `units` of a leg's entry from the prompt that it waits in; returns how many were withdrawn."""
    taken = min(units, leg.awaiting_units)
    if not taken:
        return 0
    leg.awaiting_units -= taken
    prompt = turn.state.prompts[leg.prompt]
    if (item := item_of(turn, child, leg)) is not None:
        item.units = leg.awaiting_units
    prompt.items = [item for item in prompt.items if item.units or not item.entry]
    close_if_empty(turn, prompt)
    if not leg.awaiting_units:
        leg.prompt = ""
    return taken


def ask_less(turn: Turn, child: Child, leg: ChildLeg, mirror: Mirror, keep_units: int) -> None:
    """Of what is asked about for one of the master's orders only `keep_units` are from now on."""
    gone = mirror.asked_units - keep_units
    mirror.asked_units = keep_units
    take_out(turn, child, leg, gone)


def drop_exit(turn: Turn, child: Child, leg: LegId) -> None:
    """Take an exit that is no longer wanted out of its prompt."""
    _take_out_of(turn, {EXIT}, child, {leg})


def forget(turn: Turn, child: Child, leg: LegId) -> None:
    """Take a leg that ended out of every prompt."""
    _take_out_of(turn, {ENTRY, EXIT, *OFFERS}, child, {leg})


def drop_offers(turn: Turn, child: Child, legs: Collection[LegId]) -> bool:
    """Take back what was offered to a child of these legs; whether there was something."""
    return _take_out_of(turn, OFFERS, child, legs)


def void_resync(turn: Turn, child: Child, legs: Collection[LegId]) -> bool:
    """Take back what was offered of these legs, and a resync that would offer it again; whether there was one."""
    is_found = drop_offers(turn, child, legs) or child.resync_ns is not None
    child.resync_ns = None
    return is_found


def drop_tickets(turn: Turn, child: Child, leg: LegId) -> None:
    """The master is out of a leg: what a ticket asked for is not of what he holds next."""
    _take_out_of(turn, {TICKET}, child, {leg})


def _take_out_of(turn: Turn, kinds: Collection[str], child: Child, legs: Collection[LegId]) -> bool:
    """Take a child's legs out of the prompts of some kinds; one that asks nothing more is closed. Whether any was."""
    found = False
    for prompt in [p for p in turn.state.prompts.values() if p.kind in kinds]:
        left = [item for item in prompt.items if item.child != child.id or item.leg not in legs]
        found = found or len(left) < len(prompt.items)
        prompt.items = left
        close_if_empty(turn, prompt)
    return found


def close_if_empty(turn: Turn, prompt: Prompt) -> None:
    """Close a prompt that asks nothing any more."""
    if not prompt.items:
        close(turn, prompt)


def close(turn: Turn, prompt: Prompt) -> None:
    """Remove a prompt; its legs wait for it no longer."""
    turn.state.prompts.pop(prompt.id, None)
    turn.state.timers.pop(f"prompt:{prompt.id}", None)
    for item in prompt.items:
        leg = turn.state.children[item.child].legs[item.leg]
        if leg.prompt == prompt.id:
            leg.prompt, leg.awaiting_units = "", 0
