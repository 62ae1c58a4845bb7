"""How the master is seen: the link to it, and what is said to the operator when nobody sees it. Reads only."""

from engine.commands import Severity
from engine.core.turn import Turn
from engine.model import NS_PER_S
from engine.snapshot import Attention, EngineState, MasterLink
from engine.view_children import late_ns

LINK_LOST_NS = 5 * NS_PER_S
"""The master is called lost after so long without a read, or after some polls where these are further apart."""


def link_of(turn: Turn) -> MasterLink:
    """The link to the master; it is connected while complete reads come in time."""
    master, bound_ns = turn.state.master, late_ns(turn, LINK_LOST_NS)
    return MasterLink(
        account=master.account,
        connected=_is_read(turn) and not master.error,
        read_at_ns=master.read_at_ns,
        push_at_ns=master.push_at_ns,
        available_inr=master.available_inr,
        error=master.error,
        needs_login=master.needs_login,
        late_ns=bound_ns,
    )


def master_attention(turn: Turn, engine: EngineState) -> list[Attention]:
    """What the operator has to do about a master that nobody sees. One read that failed is no alarm yet."""
    master = turn.state.master
    if master.needs_login:
        text = "login required: its trades are not seen"
    elif master.read_at_ns is None or engine is EngineState.STOPPED or _is_read(turn) or not _matters(turn):
        return []
    else:
        age_s = (turn.state.now_ns - master.read_at_ns) // NS_PER_S
        text = f"not read for {age_s} s: its trades are not seen, exits neither. Log in, or exit by hand"
    return [Attention(severity=Severity.ALARM, text=text, key="a", account=master.account)]


def _is_read(turn: Turn) -> bool:
    read_at_ns = turn.state.master.read_at_ns
    return read_at_ns is not None and turn.state.now_ns - read_at_ns < late_ns(turn, LINK_LOST_NS)


def _matters(turn: Turn) -> bool:
    """Whether the master may trade now, or anything of ours is open that follows it."""
    return turn.market_open or any(
        leg.allocation_units or leg.orders for child in turn.state.children.values() for leg in child.legs.values()
    )
