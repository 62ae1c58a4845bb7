"""The daily loss limit: of each child, and of all together."""

from decimal import Decimal

from config.schema import OnMaxLoss
from engine.core.results import child_net
from engine.core.state_child import Child
from engine.core.turn import ALARM, Turn
from engine.money import rupees


def watch_losses(turn: Turn) -> list[Child]:
    """Stop entries where a daily loss limit is reached, once; returns the children to be exited completely."""
    state = turn.state
    hit: list[Child] = []
    total = Decimal(0)
    for child in turn.configured():
        net = child_net(turn, child)
        if net is None:
            continue
        total += net
        limit = turn.child_settings[child.id].risk.max_daily_loss_inr
        if limit is not None and net <= -limit and not child.loss_hit:
            child.loss_hit = True
            turn.notify(
                ALARM, f"daily loss limit of {rupees(limit)} reached: {rupees(net)}; no further entries", child.id
            )
            hit.append(child)
    limit = turn.settings.risk.max_daily_loss_inr
    if limit is not None and total <= -limit and not state.loss_hit:
        state.loss_hit = True
        turn.notify(
            ALARM, f"daily loss limit of {rupees(limit)} over all children reached: {rupees(total)}; no further entries"
        )
        hit = turn.configured()
    return hit if turn.settings.risk.on_max_loss is OnMaxLoss.EXIT_ALL else []
