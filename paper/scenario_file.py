"""Reads scenario files: checked, typed, every fault with file, line and key.

The format is an interface that people script against; unknown keys, values and steps are errors.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from config.document import Located
from config.fields import as_bool, as_choice, as_decimal, as_int, as_mapping, as_sequence, as_text, check_keys
from config.load import build_child, build_settings, load_document
from config.rules import ist
from config.schema import Account
from engine.core.symbols import instrument_from_symbol
from engine.model import (
    AMO,
    NS_PER_S,
    BookStatus,
    Instrument,
    LegId,
    OrderReport,
    OrderType,
    Quote,
    Side,
    Validity,
    instrument_id,
    leg_id,
)
from paper.faults import AFTER_NS, AFTER_USUAL_NS, BY_USUAL_NS, FaultKind, FaultOn, fits
from paper.instrument_file import read_instruments
from paper.scenario import (
    MASTER,
    Action,
    ArmFault,
    Check,
    Crash,
    MasterConverts,
    MasterTrades,
    MasterUnreadable,
    Operate,
    OwnTrade,
    Quotes,
    Scenario,
    SetAvailable,
    Step,
)
from paper.scenario_expect import of_child, positions, read_expectation
from paper.scenario_operator import operator_event

DAY = date(2026, 11, 2)
START = "09:30:00"
EXCHANGE = "NFO"
PRODUCT = "NRML"
TOP_KEYS = (
    "name", "instruments", "instruments_next_day", "master", "children", "settings", "steps", "end", "expect", "date",
)  # fmt: skip


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises `ConfigError` with file, line and key."""
    return _Reader(path, load_document(path)).scenario()


def duration_ns(node: Located) -> int:
    """`5s`, `1.5s`, `250ms`, `2m`, `24h` as nanoseconds."""
    text = node.text or ""
    for suffix, unit_ns in (("ms", NS_PER_S // 1000), ("s", NS_PER_S), ("m", 60 * NS_PER_S), ("h", 3600 * NS_PER_S)):
        if text.endswith(suffix):
            digits = text.removesuffix(suffix)
            if re.fullmatch(r"[0-9]+(\.[0-9]+)?", digits):
                return int(Decimal(digits) * unit_ns)
            break
    raise node.fault(f"must be a time such as 5s, 1.5s, 250ms, 2m or 24h, not {node.text!r}")


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path, root: Located) -> None:
        self.path, self.root = path, root
        self.top = check_keys(root, TOP_KEYS, ("name", "instruments", "master", "children", "steps", "end"))
        self.day = _date(self.top["date"]) if "date" in self.top else DAY
        self.start_ns = ist(self.day, START)
        self.exchanges: dict[str, str] = {}
        self.children: list[str] = []

    def scenario(self) -> Scenario:
        """The file as a scenario."""
        instruments = self._instruments(self.top["instruments"])
        later = self.top.get("instruments_next_day")
        next_day = None if later is None else self._instruments(later)
        self.exchanges = {i.symbol: i.exchange for i in (*instruments, *(next_day or ()))}
        master = check_keys(self.top["master"], ("available", "positions"), ("available",))
        account = Account(id=MASTER, broker="paper", capital_inr=as_decimal(master["available"]))
        children = tuple(build_child(node) for node in as_sequence(self.top["children"]))
        settings = build_settings(self.top.get("settings"), master=account, children=children, file=str(self.path))
        margins = self.root.at(("settings", "paper", "margins"))
        if margins.path != ("settings", "paper", "margins"):
            settings = replace(settings, paper=replace(settings.paper, margins=False))
        self.children = [child.id for child in children]
        steps = [self._step(node) for node in as_sequence(self.top["steps"])]
        return Scenario(
            name=as_text(self.top["name"]),
            day=self.day,
            start_ns=self.start_ns,
            end_ns=self.start_ns + duration_ns(self.top["end"]),
            settings=settings,
            instruments=instruments,
            instruments_next_day=next_day,
            master_positions=self._held(master.get("positions")),
            steps=tuple(sorted(steps, key=lambda s: s.at_ns)),
            expect=self._expect(),
        )

    def _expect(self) -> dict[str, object]:
        node = self.top.get("expect")
        return {} if node is None else read_expectation(node, self.children)

    def _child(self, node: Located) -> str:
        return of_child(node, as_text(node), self.children)

    def _held(self, node: Located | None) -> dict[LegId, int]:
        if node is None:
            return {}
        return {leg_id(self._exchange(s), s, PRODUCT): as_int(units) for s, units in as_mapping(node).items()}

    def _exchange(self, symbol: str) -> str:
        return self.exchanges.get(symbol, EXCHANGE)

    def _instruments(self, node: Located) -> tuple[Instrument, ...]:
        if node.entries is not None:
            return self._from_file(node)
        found: list[Instrument] = []
        for item in as_sequence(node):
            made = self._from_file(item) if item.get("file") is not None else (self._instrument(item),)
            for instrument in made:
                if any(known.id == instrument.id for known in found):
                    raise item.at(("symbol",)).fault(f"{instrument.id} is given twice")
            found.extend(made)
        return tuple(found)

    def _from_file(self, node: Located) -> tuple[Instrument, ...]:
        name = as_text(check_keys(node, ("file",), ("file",))["file"])
        symbols = _texts(self.top["steps"]) | _texts(self.top["master"])
        return read_instruments(self.path.parent / name, self.day, symbols)

    def _instrument(self, node: Located) -> Instrument:
        keys = ("symbol", "exchange", "lot", "tick", "freeze", "expiry", "strike", "underlying")
        given = check_keys(node, keys, ("symbol", "lot", "tick"))
        symbol = as_text(given["symbol"])
        exchange = as_text(given["exchange"]) if "exchange" in given else EXCHANGE
        freeze = given.get("freeze")
        freeze_units = None if freeze is None or freeze.is_null else _positive(freeze)
        lot, tick = as_int(given["lot"]), as_decimal(given["tick"])
        if lot < 1 or tick <= 0:
            raise node.fault("lot and tick must be above 0")
        try:
            made = instrument_from_symbol(exchange, symbol, lot, tick, freeze_units)
        except ValueError as error:
            raise node.fault(str(error)) from None
        if "expiry" in given:
            made = replace(made, expiry=_date(given["expiry"]).isoformat())
        if "strike" in given:
            made = replace(made, strike_inr=as_decimal(given["strike"]))
        return replace(made, underlying=as_text(given["underlying"])) if "underlying" in given else made

    def _step(self, node: Located) -> Step:
        readers: dict[str, Callable[[Located, int], Action]] = {
            "quote": self._quotes,
            "master_order": self._master_order,
            "master_converts": self._conversion,
            "master_available": lambda n, _: SetAvailable(amounts=((MASTER, as_decimal(n)),)),
            "child_available": self._child_available,
            "check": self._check,
            "operator": self._operator,
            "child_fault": self._fault,
            "child_trade": self._trade,
            "crash": self._crash,
            "master_read_fails": lambda n, _: MasterUnreadable(for_ns=_for_ns(n)),
        }
        given = check_keys(node, ("at", *readers, "stale_after"), ("at",))
        named = [name for name in given if name in readers]
        if len(named) != 1:
            raise node.fault(f"must have exactly one of {', '.join(readers)} beside at")
        at_ns = self.start_ns + duration_ns(given["at"])
        action = readers[named[0]](given[named[0]], at_ns)
        if "stale_after" in given:
            if not isinstance(action, Quotes):
                raise given["stale_after"].fault("belongs to a quote")
            stale_ns = at_ns + duration_ns(given["stale_after"])
            action = Quotes(quotes=tuple(replace(q, stale_at_ns=stale_ns) for q in action.quotes))
        return Step(at_ns=at_ns, action=action)

    def _quotes(self, node: Located, at_ns: int) -> Quotes:
        keys = ("bid", "ask", "last", "bid_qty", "ask_qty", "stale_after")
        quotes: list[Quote] = []
        for symbol, item in as_mapping(node).items():
            given = check_keys(item, keys)
            price = {name: _price(given.get(name)) for name in ("bid", "ask", "last")}
            stale = given.get("stale_after")
            quotes.append(
                Quote(
                    instrument=instrument_id(self._exchange(symbol), symbol),
                    at_ns=at_ns,
                    last_inr=price["last"],
                    bid_inr=price["bid"],
                    ask_inr=price["ask"],
                    bid_units=as_int(given["bid_qty"]) if "bid_qty" in given else None,
                    ask_units=as_int(given["ask_qty"]) if "ask_qty" in given else None,
                    stale_at_ns=None if stale is None else at_ns + duration_ns(stale),
                )
            )
        return Quotes(quotes=tuple(quotes))

    def _master_order(self, node: Located, at_ns: int) -> MasterTrades:
        keys = (
            "id", "symbol", "exchange", "side", "quantity", "type", "price", "trigger_price", "product", "status",
            "filled", "average_price", "placed_at", "validity", "variety",
        )  # fmt: skip
        given = check_keys(node, keys, ("id", "symbol", "side", "quantity", "status"))
        symbol = as_text(given["symbol"])
        quantity = as_int(given["quantity"])
        filled = as_int(given["filled"]) if "filled" in given else 0
        if not 0 <= filled <= quantity or quantity < 1:
            raise node.fault(f"filled must lie between 0 and quantity, not {filled} of {quantity}")
        placed = given.get("placed_at")
        variety = as_text(given["variety"]).lower() if "variety" in given else ""
        return MasterTrades(
            report=OrderReport(
                order_id=given["id"].text or "",
                exchange=as_text(given["exchange"]) if "exchange" in given else self._exchange(symbol),
                symbol=symbol,
                product=as_text(given["product"]) if "product" in given else PRODUCT,
                side=as_choice(given["side"], Side),
                order_type=as_choice(given["type"], OrderType) if "type" in given else OrderType.MARKET,
                quantity=quantity,
                filled=filled,
                average_price_inr=_price(given.get("average_price")),
                status=_status(given["status"], variety),
                price_inr=_price(given.get("price")),
                trigger_price_inr=_price(given.get("trigger_price")),
                placed_ns=at_ns if placed is None else self.start_ns + duration_ns(placed),
                updated_ns=at_ns,
                validity=as_choice(given["validity"], Validity) if "validity" in given else Validity.DAY,
                variety=variety,
            )
        )

    def _conversion(self, node: Located, _at_ns: int) -> MasterConverts:
        given = check_keys(node, ("symbol", "from", "to", "quantity"), ("symbol", "from", "to", "quantity"))
        symbol = as_text(given["symbol"])
        leg, to = (leg_id(self._exchange(symbol), symbol, as_text(given[key])) for key in ("from", "to"))
        return MasterConverts(leg=leg, to=to, quantity=_positive(given["quantity"]))

    def _child_available(self, node: Located, _at_ns: int) -> SetAvailable:
        amounts = as_mapping(node).items()
        return SetAvailable(amounts=tuple((of_child(a, c, self.children), as_decimal(a)) for c, a in amounts))

    def _check(self, node: Located, _at_ns: int) -> Check:
        held = check_keys(node, ("positions",), ("positions",))["positions"]
        return Check(positions=positions(held, self.children))

    def _operator(self, node: Located, at_ns: int) -> Operate:
        keys = (
            *("command", "level", "children", "child", "symbol", "to", "product", "mode", "inr", "units", "scope"),
            *("lots", "in_ratio"),
        )
        return Operate(event=operator_event(check_keys(node, keys, ("command",)), at_ns))

    def _fault(self, node: Located, _at_ns: int) -> ArmFault:
        keys = ("child", "on", "kind", "times", "after", "by")
        given = check_keys(node, keys, ("child", "on", "kind"))
        on, kind = as_choice(given["on"], FaultOn), as_choice(given["kind"], FaultKind)
        if not fits(kind, on):
            raise given["kind"].fault(f"{kind.value} cannot happen to {on.value}")
        return ArmFault(
            child=self._child(given["child"]),
            on=on,
            kind=kind,
            times=_positive(given["times"]) if "times" in given else 1,
            after_ns=duration_ns(given["after"]) if "after" in given else AFTER_NS.get(kind, AFTER_USUAL_NS),
            by_ns=duration_ns(given["by"]) if "by" in given else BY_USUAL_NS,
        )

    def _trade(self, node: Located, _at_ns: int) -> OwnTrade:
        keys = ("child", "symbol", "exchange", "side", "quantity", "product")
        given = check_keys(node, keys, ("child", "symbol", "side", "quantity"))
        symbol = as_text(given["symbol"])
        return OwnTrade(
            child=self._child(given["child"]),
            exchange=as_text(given["exchange"]) if "exchange" in given else self._exchange(symbol),
            symbol=symbol,
            product=as_text(given["product"]) if "product" in given else PRODUCT,
            side=as_choice(given["side"], Side),
            quantity=_positive(given["quantity"]),
        )

    def _crash(self, node: Located, _at_ns: int) -> Crash:
        if node.entries is not None:
            return Crash(for_ns=_for_ns(node))
        if not as_bool(node):
            raise node.fault("must be true, or {for: 60s}")
        return Crash(for_ns=0)


def _for_ns(node: Located) -> int:
    """`{for: 60s}` as nanoseconds."""
    return duration_ns(check_keys(node, ("for",), ("for",))["for"])


def _positive(node: Located) -> int:
    number = as_int(node)
    if number < 1:
        raise node.fault(f"must be a whole number above 0, not {number}")
    return number


def _status(node: Located, variety: str) -> BookStatus:
    """A status; interim ones of the broker count as open, but that of an AMO which waits for the opening."""
    text = as_text(node).upper()
    if (variety, text) == (AMO, "AMO REQ RECEIVED"):
        return BookStatus.PENDING
    return BookStatus(text) if text in set(BookStatus) - {BookStatus.PENDING} else BookStatus.OPEN


def _price(node: Located | None) -> Decimal | None:
    """A price; zero and nothing mean that there is none."""
    if node is None or node.is_null:
        return None
    amount = as_decimal(node)
    return amount if amount > 0 else None


def _date(node: Located) -> date:
    try:
        return date.fromisoformat(node.text or "")
    except ValueError:
        raise node.fault(f"must be a date such as 2026-11-02, not {node.text!r}") from None


def _texts(node: Located) -> set[str]:
    """Every key and text below a node: the symbols that a scenario names are among them."""
    found: set[str] = set()
    stack = [node]
    while stack:
        item = stack.pop()
        if item.entries is not None:
            found.update(item.entries)
            stack.extend(item.entries.values())
        elif item.items is not None:
            stack.extend(item.items)
        elif item.text is not None:
            found.add(item.text)
    return found
