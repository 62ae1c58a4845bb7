"""What a scenario expects, checked where it is read: an expectation that cannot be compared would never be missed."""

from collections.abc import Callable, Collection
from fractions import Fraction

from config.document import Located
from config.fields import as_fraction, as_int, as_mapping, as_sequence, as_text, check_keys
from engine.snapshot import StrategyState

Expectation = dict[str, object]
ROW_KEYS = ("child", "symbol", "reason")


def read_expectation(node: Located, children: Collection[str]) -> Expectation:
    """The `expect` section of a scenario with these children. Raises `ConfigError`."""
    return {key: READERS[key](value, children) for key, value in check_keys(node, tuple(READERS)).items()}


def of_child(node: Located, name: str, children: Collection[str]) -> str:
    """The name of a child that there is."""
    if name not in children:
        raise node.fault(f"no child is called {name}; there are {', '.join(children)}")
    return name


def positions(node: Located, children: Collection[str]) -> dict[str, dict[str, int]]:
    """Net units by symbol, by child."""
    return {
        of_child(rows, child, children): {symbol: as_int(units) for symbol, units in as_mapping(rows).items()}
        for child, rows in as_mapping(node).items()
    }


def _ratios(node: Located, children: Collection[str]) -> dict[str, Fraction]:
    return {of_child(ratio, child, children): as_fraction(ratio) for child, ratio in as_mapping(node).items()}


def _counts(node: Located, children: Collection[str]) -> dict[str, int]:
    return {of_child(count, child, children): as_int(count) for child, count in as_mapping(node).items()}


def _quantities(node: Located, children: Collection[str]) -> dict[str, list[int]]:
    return {
        of_child(rows, child, children): [as_int(item) for item in as_sequence(rows)]
        for child, rows in as_mapping(node).items()
    }


def _types(node: Located, children: Collection[str]) -> dict[str, list[str]]:
    return {
        of_child(rows, child, children): [as_text(item) for item in as_sequence(rows)]
        for child, rows in as_mapping(node).items()
    }


def _largest(node: Located, _children: Collection[str]) -> int:
    return as_int(node)


def _state(node: Located, _children: Collection[str]) -> str:
    text = as_text(node)
    if text not in set(StrategyState):
        raise node.fault(f"must be one of {', '.join(StrategyState)}, not {text}")
    return text


def _rows(node: Located, _children: Collection[str]) -> list[dict[str, str]]:
    return [{key: as_text(value) for key, value in check_keys(row, ROW_KEYS).items()} for row in as_sequence(node)]


READERS: dict[str, Callable[[Located, Collection[str]], object]] = {
    "positions": positions,
    "ratios": _ratios,
    "order_counts": _counts,
    "max_order_counts": _counts,
    "order_quantities": _quantities,
    "order_types": _types,
    "max_order_quantity": _largest,
    "strategy_state": _state,
    "skipped": _rows,
    "held": _rows,
}
"""The keys of `expect`."""
