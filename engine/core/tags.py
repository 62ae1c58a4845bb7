"""The tags that mark our orders at a broker: made from mode, day, child and number, and read back. Pure text.

    LK  P  2DL  00  00001  7F      mark, mode, day, child, number of the intent, check characters

The child's place stands in the tag so that two accounts never share one; it is not looked at when a tag is read: whose
order it is says the account in whose book it stands, also after the children were reordered in the configuration.
"""

from datetime import date
from functools import lru_cache
from operator import mul

TAG_MARK = "LK"
TAG_LENGTH = 15
_MODE = slice(2, 3)
_DAY = slice(3, 6)
_NUMBER = slice(8, 13)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_EPOCH_DAY = date(2020, 1, 1).toordinal()


def make_tag(mode: str, day: str, child: int, number: int) -> str:
    """The tag of intent `number` of a day (ISO) for the child at place `child`."""
    body = _head(mode, day, child) + _base36(number, 5)
    return TAG_MARK + body + _check(body)


def is_our_tag(tag: str) -> bool:
    """Whether a broker's order carries our mark and its check characters agree."""
    return len(tag) == TAG_LENGTH and tag.startswith(TAG_MARK) and _check(tag[2:-2]) == tag[-2:]


def may_be_ours(tag: str) -> bool:
    """Whether an order may be one of ours by its tag: it has none, or one that the broker cut or changed."""
    return not tag or (TAG_MARK in tag.upper() and not is_our_tag(tag))


def number_of(tag: str, mode: str, day: str) -> int | None:
    """The intent's number when `tag` is one of ours of this mode and day, else `None`."""
    if not tag.startswith(TAG_MARK) or not is_our_tag(tag):
        return None
    head = _head(mode, day, 0)
    if tag[_MODE] != head[0] or tag[_DAY] != head[1:4] or any(c not in _DIGITS for c in tag[_NUMBER]):
        return None
    return int(tag[_NUMBER], 36)


@lru_cache(maxsize=1024)
def _head(mode: str, day: str, child: int) -> str:
    days = date.fromisoformat(day).toordinal() - _EPOCH_DAY
    return f"{mode[0].upper()}{_base36(days, 3)}{_base36(child, 2)}"


def _check(body: str) -> str:
    """Two check characters, so that a tag cut short or made by somebody else is not taken for ours."""
    weighted: int = sum(map(mul, range(1, len(body) + 1), map(ord, body)))
    return _PAIRS[weighted % len(_PAIRS)]


def _base36(number: int, width: int) -> str:
    """The last `width` digits of a number, two at a time: a hundred children's tags are made in one turn."""
    out = ""
    for _ in range((width + 1) // 2):
        number, pair = divmod(number, len(_PAIRS))
        out = _PAIRS[pair] + out
    return out[-width:]
