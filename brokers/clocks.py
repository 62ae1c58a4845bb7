"""This machine's clock beside a broker's: signals are aged and orders are counted by the second."""

from email.utils import parsedate_to_datetime
from typing import Final

from brokers.transport import NoAnswer, NotSent, Transport
from engine.findings import Finding, Level
from engine.model import NS_PER_S

OFFSET_MOST_S: Final = 2


def clock_finding(account: str, broker: str, transport: Transport, now_ns: int) -> Finding:
    """What the time in a header of the broker's answer says of ours; one request, which needs no session.

    Args:
        account: For whom it is found.
        broker: Its name for people.
        transport: The way to it.
        now_ns: Our time.
    """
    try:
        reply = transport.request("GET", "/", {})
        theirs_s = int(parsedate_to_datetime(reply.date).timestamp())
    except (NotSent, NoAnswer) as error:
        text, todo = f"no connection: {error}", f"check the network and {broker}'s status page"
        return Finding(account=account, check="connection", level=Level.BAD, text=text, todo=todo)
    except (TypeError, ValueError):
        text = f"{broker}'s answer has no time to compare with"
        return Finding(account=account, check="clock", level=Level.NOTE, text=text)
    offset_s = now_ns // NS_PER_S - theirs_s
    text = f"{offset_s:+d} s beside {broker}'s"
    if abs(offset_s) <= OFFSET_MOST_S:
        return Finding(account=account, check="clock", level=Level.GOOD, text=text)
    todo = "set the machine's clock by NTP; one-time codes depend on it, too"
    return Finding(account=account, check="clock", level=Level.BAD, text=text, todo=todo)
