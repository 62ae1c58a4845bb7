"""The daily loss limit: of each child, and of all together. What is not known is not guessed."""

from decimal import Decimal

from engine.core.results import child_net
from engine.core.state_child import Child
from engine.core.turn import ALARM, Turn
from engine.money import rupees, sum_known


def watch_losses(turn: Turn) -> list[Child]:
    """Note where a daily loss limit is reached, once; returns the children whose entries stop with it."""
    state = turn.state
    hit: list[Child] = []
    nets: list[Decimal | None] = []
    for child in turn.configured():
        net = child_net(turn, child)
        nets.append(net)
        limit = turn.child_settings[child.id].risk.max_daily_loss_inr
        if limit is not None and net is not None and net <= -limit and not child.loss_hit:
            child.loss_hit = True
            turn.notify(
                ALARM, f"daily loss limit of {rupees(limit)} reached: {rupees(net)}; no further entries", child.id
            )
            hit.append(child)
    limit = turn.settings.risk.max_daily_loss_inr
    total = sum_known(nets)
    if limit is not None and total is not None and total <= -limit and not state.loss_hit:
        state.loss_hit = True
        turn.notify(
            ALARM, f"daily loss limit of {rupees(limit)} over all children reached: {rupees(total)}; no further entries"
        )
        hit = turn.configured()
    return hit
