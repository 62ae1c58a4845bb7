"""Operator commands of scenario files as events: one table from the command's word to what it makes."""

from collections.abc import Callable

from config.document import Located
from config.fields import as_bool, as_choice, as_decimal, as_int, as_text, as_texts
from config.schema import Mode
from engine import events
from engine.model import LegId, leg_id

Given = dict[str, Located]


def operator_event(given: Given, at_ns: int) -> events.Operator:
    """An operator's command as an event.

    Args:
        given: The step's keys, `command` among them.
        at_ns: When it is given.

    Raises:
        ConfigError: No such command, or a key that it needs is missing.
    """
    word = as_text(given["command"])
    make = COMMANDS.get(word)
    if make is None:
        raise given["command"].fault(f"{word} is no operator command; there are {', '.join(COMMANDS)}")
    return make(given, at_ns)


def _needed(given: Given, key: str) -> Located:
    node = given.get(key)
    if node is None:
        raise given["command"].fault(f"{given['command'].text} needs {key}")
    return node


def _text(given: Given, key: str) -> str:
    return as_text(_needed(given, key))


def _children(given: Given) -> tuple[str, ...] | None:
    return tuple(as_texts(given["children"])) if "children" in given else None


def _named(given: Given) -> tuple[str, ...]:
    """The children of `children` or of `child`; none for all."""
    return _children(given) or ((_text(given, "child"),) if "child" in given else ())


def _leg(given: Given) -> LegId:
    exchange = as_text(given["exchange"]) if "exchange" in given else "NFO"
    product = as_text(given["product"]) if "product" in given else "NRML"
    return leg_id(exchange, _text(given, "symbol"), product)


def _kill(given: Given, at_ns: int) -> events.Operator:
    level = as_int(given["level"]) if "level" in given else 1
    if level not in (0, 1, 2):
        raise given["level"].fault(f"must be 0, 1 or 2, not {level}")
    return events.KillSwitched(at_ns=at_ns, level=level)


def _set_mode(given: Given, at_ns: int) -> events.Operator:
    _text(given, "mode")
    mode = as_choice(given["mode"], Mode)
    refused = "no real broker is configured in a scenario" if mode is Mode.LIVE else ""
    return events.ModeRequested(at_ns=at_ns, mode=mode, refused=refused)


def _set_max_capital(given: Given, at_ns: int) -> events.Operator:
    amount = given.get("inr")
    cap = None if amount is None or amount.is_null else as_decimal(amount)
    return events.MaxCapitalSet(at_ns=at_ns, child=_text(given, "child"), max_capital_inr=cap)


def _flatten(given: Given, at_ns: int) -> events.Operator:
    return events.Flattened(at_ns=at_ns, children=_named(given))


def _exit_leg(given: Given, at_ns: int) -> events.Operator:
    return events.LegExited(at_ns=at_ns, leg=_leg(given), children=_named(given))


def _ticket(given: Given, at_ns: int) -> events.Operator:
    lots = as_int(_needed(given, "lots"))
    if not lots:
        raise given["lots"].fault("must be a number of lots, + for more, - for fewer")
    return events.TicketWritten(
        at_ns=at_ns,
        leg=_leg(given),
        lots=lots,
        children=_named(given),
        in_ratio="in_ratio" in given and as_bool(given["in_ratio"]),
    )


def _map_leg(given: Given, at_ns: int) -> events.Operator:
    symbol = _text(given, "symbol")
    to = as_text(given["to"]) if "to" in given else symbol
    return events.LegMapped(at_ns=at_ns, leg=_leg(given), symbol=to)


def _hand_over(given: Given, at_ns: int) -> events.Operator:
    return events.HandedOver(at_ns=at_ns, children=_named(given))


COMMANDS: dict[str, Callable[[Given, int], events.Operator]] = {
    "pause": lambda given, at_ns: events.Paused(at_ns=at_ns),
    "resume": lambda given, at_ns: events.Resumed(at_ns=at_ns),
    "kill": _kill,
    "approve": lambda given, at_ns: events.PromptAnswered(at_ns=at_ns, approve=True, children=_children(given)),
    "decline": lambda given, at_ns: events.PromptAnswered(at_ns=at_ns, approve=False, children=_children(given)),
    "reset_strategy": lambda given, at_ns: events.StrategyReset(at_ns=at_ns),
    "adopt": lambda given, at_ns: events.BackgroundAdopted(at_ns=at_ns, symbol=_text(given, "symbol")),
    "set_mode": _set_mode,
    "set_max_capital": _set_max_capital,
    "join": lambda given, at_ns: events.ChildJoined(at_ns=at_ns, child=_text(given, "child")),
    "resync": lambda given, at_ns: events.ChildResynced(at_ns=at_ns, child=_text(given, "child")),
    "flatten": _flatten,
    "exit_leg": _exit_leg,
    "ticket": _ticket,
    "hand_over": _hand_over,
    "hasten_exits": lambda given, at_ns: events.ExitsHastened(at_ns=at_ns, child=_text(given, "child")),
    "start_fresh": lambda given, at_ns: events.StartedFresh(at_ns=at_ns),
    "map_leg": _map_leg,
}
"""The words of INTERFACES, and what each makes."""
