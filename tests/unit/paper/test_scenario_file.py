"""Scenario files: read as INTERFACES says, and every fault told with file, line and key."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from config.schema import ConfirmWhen, SizingMode
from engine import events
from engine.errors import ConfigError
from engine.model import NS_PER_MS, NS_PER_S, BookStatus, LegId, OrderType, Side, Validity
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.scenario_file import load_scenario
from paper.scenario_operator import COMMANDS
from tests.unit.paper.builders import CALL, NOW

BASE = """\
name: a name
instruments:
  - {symbol: NIFTY26NOV24500CE, exchange: NFO, lot: 65, tick: 0.05, freeze: 3510}
master: {available: 1000000}
children:
  - {id: C1, available: 300000}
steps:
  - {at: 0s, quote: {NIFTY26NOV24500CE: {bid: 100.00, ask: 100.10, last: 100.05}}}
  - {at: 1s, STEP}
end: 10s
"""
STEP_LINE = 9
ORDER = "id: M1, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 65, status: COMPLETE"
TRADE = "child: C1, symbol: NIFTY26NOV24500CE, side: BUY, quantity: 65"
FAULT = "child: C1, on: place, kind: rejected"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def with_step(step: str) -> str:
    return BASE.replace("STEP", step)


def action_of(step: str, tmp_path: Path) -> act.Action:
    scenario = load_scenario(written(tmp_path, with_step(step)))
    assert scenario.steps[1].at_ns == NOW + NS_PER_S
    return scenario.steps[1].action


# What is read


def test_smallest_file_has_the_defaults_of_a_scenario(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, with_step("crash: true")))
    assert (scenario.name, scenario.day, scenario.start_ns) == ("a name", date(2026, 11, 2), NOW)
    assert scenario.end_ns == NOW + 10 * NS_PER_S
    assert scenario.settings.master.capital_inr == Decimal(1_000_000)
    assert [(c.id, c.broker, c.capital_inr) for c in scenario.settings.children] == [("C1", "paper", Decimal(300_000))]
    assert not scenario.settings.paper.margins
    assert scenario.settings.paper.latency_ms == 50
    assert (scenario.master_positions, scenario.expect) == ({}, {})
    (instrument,) = scenario.instruments
    assert (instrument.lot_units, instrument.freeze_units, instrument.tick_inr) == (65, 3510, Decimal("0.05"))


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0s", 0),
        ("5s", 5 * NS_PER_S),
        ("1.5s", 1500 * NS_PER_MS),
        ("250ms", 250 * NS_PER_MS),
        ("2m", 120 * NS_PER_S),
        ("24.5h", 88_200 * NS_PER_S),
        ("0.000000001s", 1),
    ],
)
def test_times_are_exact(text: str, nanoseconds: int, tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, with_step("crash: true").replace("end: 10s", f"end: {text}")))
    assert scenario.end_ns - NOW == nanoseconds


def test_steps_are_in_the_order_of_time_and_ties_in_that_of_the_file(tmp_path: Path) -> None:
    steps = "\n".join(f"  - {{at: {at}, master_available: {n}}}" for n, at in enumerate(["3s", "1s", "3s", "1s"], 1))
    text = BASE.replace("  - {at: 1s, STEP}", steps)
    amounts = [
        s.action.amounts[0][1]
        for s in load_scenario(written(tmp_path, text)).steps[1:]
        if isinstance(s.action, act.SetAvailable)
    ]
    assert amounts == [2, 4, 1, 3]


def test_settings_children_date_and_positions_are_those_of_the_file(tmp_path: Path) -> None:
    text = with_step("crash: true").replace(
        "end: 10s",
        "settings: {confirm: {when: all}, paper: {margins: true, latency_ms: 5}}\ndate: 2026-11-03\n"
        "expect: {ratios: {C1: 1/3}, skipped: []}\nend: 10s",
    )
    text = text.replace(
        "{available: 1000000}", "{available: 1000000.50, positions: {NIFTY26NOV24500CE: -650, OTHER: 65}}"
    )
    text = text.replace("{id: C1, available", "{id: C1, sizing: {mode: fixed_ratio, ratio: 1/2}, available")
    scenario = load_scenario(written(tmp_path, text))
    assert scenario.settings.confirm.when is ConfirmWhen.ALL
    assert (scenario.settings.paper.margins, scenario.settings.paper.latency_ms) == (True, 5)
    assert scenario.day == date(2026, 11, 3)
    assert scenario.start_ns == NOW + 86_400 * NS_PER_S
    assert scenario.settings.master.capital_inr == Decimal("1000000.50")
    assert scenario.master_positions == {LegId(f"NFO:{CALL}:NRML"): -650, LegId("NFO:OTHER:NRML"): 65}
    sizing = scenario.settings.children[0].sizing
    assert (sizing.mode, sizing.ratio) == (SizingMode.FIXED_RATIO, Fraction(1, 2))
    assert scenario.expect == {"ratios": {"C1": Fraction(1, 3)}, "skipped": []}


def test_instruments_of_a_file_are_those_that_the_scenario_names(tmp_path: Path) -> None:
    (tmp_path / "kite.csv").write_text(
        "tradingsymbol,name,expiry,strike,tick_size,lot_size,instrument_type,exchange\n"
        "NIFTY26NOV24500CE,NIFTY,2026-11-24,24500,0.05,65,CE,NFO\n"
        "NIFTY26NOV24600CE,NIFTY,2026-11-24,24600,0.05,65,CE,NFO\n",
        encoding="utf-8",
    )
    line = "  - {symbol: NIFTY26NOV24500CE, exchange: NFO, lot: 65, tick: 0.05, freeze: 3510}"
    for given in ("instruments: {file: kite.csv}", "instruments:\n  - {file: kite.csv}"):
        text = with_step("crash: true").replace(f"instruments:\n{line}", given)
        assert [i.symbol for i in load_scenario(written(tmp_path, text)).instruments] == [CALL]


def test_quote_s_zero_is_no_price_and_its_age_is_kept(tmp_path: Path) -> None:
    action = action_of("quote: {NIFTY26NOV24500CE: {bid: 0, ask: 100.10, ask_qty: 65}}, stale_after: 5s", tmp_path)
    assert isinstance(action, act.Quotes)
    (quote,) = action.quotes
    assert (quote.bid_inr, quote.ask_inr, quote.last_inr, quote.ask_units) == (None, Decimal("100.10"), None, 65)
    assert quote.stale_at_ns == NOW + 6 * NS_PER_S


def test_master_order_has_the_documented_defaults(tmp_path: Path) -> None:
    action = action_of(f"master_order: {{{ORDER}}}", tmp_path)
    assert isinstance(action, act.MasterTrades)
    report = action.report
    assert (report.exchange, report.product, report.order_type) == ("NFO", "NRML", OrderType.MARKET)
    assert (report.filled, report.average_price_inr, report.validity) == (0, None, Validity.DAY)
    assert report.placed_ns == report.updated_ns == NOW + NS_PER_S


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("COMPLETE", BookStatus.COMPLETE),
        ("complete", BookStatus.COMPLETE),
        ("TRIGGER PENDING", BookStatus.TRIGGER_PENDING),
        ("CANCELLED", BookStatus.CANCELLED),
        ("PUT ORDER REQ RECEIVED", BookStatus.OPEN),
    ],
)
def test_interim_status_counts_as_open(word: str, status: BookStatus, tmp_path: Path) -> None:
    action = action_of(f"master_order: {{{ORDER.replace('COMPLETE', word)}}}", tmp_path)
    assert isinstance(action, act.MasterTrades)
    assert action.report.status is status


@pytest.mark.parametrize(
    ("variety", "word", "kept", "status"),
    [
        ("amo", "AMO REQ RECEIVED", "amo", BookStatus.PENDING),
        ("AMO", "amo req received", "amo", BookStatus.PENDING),
        ("amo", "OPEN", "amo", BookStatus.OPEN),
        ("regular", "AMO REQ RECEIVED", "regular", BookStatus.OPEN),
        ("co", "TRIGGER PENDING", "co", BookStatus.TRIGGER_PENDING),
    ],
)
def test_order_for_the_opening_waits_by_its_status(
    variety: str, word: str, kept: str, status: BookStatus, tmp_path: Path
) -> None:
    text = f"master_order: {{{ORDER.replace('COMPLETE', word)}, variety: {variety}}}"
    action = action_of(text, tmp_path)
    assert isinstance(action, act.MasterTrades)
    assert (action.report.variety, action.report.status) == (kept, status)


def test_order_id_of_digits_stays_text(tmp_path: Path) -> None:
    action = action_of(f"master_order: {{{ORDER.replace('M1', '2611020000000000001')}}}", tmp_path)
    assert isinstance(action, act.MasterTrades)
    assert action.report.order_id == "2611020000000000001"


STEPS: dict[str, act.Action] = {
    "master_available: 5.50": act.SetAvailable(amounts=((act.MASTER, Decimal("5.50")),)),
    "child_available: {C1: -1}": act.SetAvailable(amounts=(("C1", Decimal(-1)),)),
    "check: {positions: {C1: {NIFTY26NOV24500CE: -65}}}": act.Check(positions={"C1": {CALL: -65}}),
    f"child_fault: {{{FAULT}}}": act.ArmFault(
        child="C1", on=FaultOn.PLACE, kind=FaultKind.REJECTED, times=1, after_ns=60 * NS_PER_S, by_ns=10 * NS_PER_S
    ),
    "child_fault: {child: C1, on: orders, kind: slow, times: 3, after: 2s, by: 1s}": act.ArmFault(
        child="C1", on=FaultOn.ORDERS, kind=FaultKind.SLOW, times=3, after_ns=2 * NS_PER_S, by_ns=NS_PER_S
    ),
    f"child_trade: {{{TRADE}}}": act.OwnTrade(
        child="C1", exchange="NFO", symbol=CALL, product="NRML", side=Side.BUY, quantity=65
    ),
    "crash: true": act.Crash(for_ns=0),
    "crash: {for: 60s}": act.Crash(for_ns=60 * NS_PER_S),
    "master_read_fails: {for: 5s}": act.MasterUnreadable(for_ns=5 * NS_PER_S),
    "operator: {command: pause}": act.Operate(event=events.Paused(at_ns=NOW + NS_PER_S)),
    "operator: {command: kill}": act.Operate(event=events.KillSwitched(at_ns=NOW + NS_PER_S, level=1)),
    "operator: {command: kill, level: 0}": act.Operate(event=events.KillSwitched(at_ns=NOW + NS_PER_S, level=0)),
    "operator: {command: approve}": act.Operate(event=events.PromptAnswered(at_ns=NOW + NS_PER_S, approve=True)),
    "operator: {command: decline, children: [C1]}": act.Operate(
        event=events.PromptAnswered(at_ns=NOW + NS_PER_S, approve=False, children=("C1",))
    ),
    "operator: {command: set_max_capital, child: C1, inr: 5}": act.Operate(
        event=events.MaxCapitalSet(at_ns=NOW + NS_PER_S, child="C1", max_capital_inr=Decimal(5))
    ),
    "operator: {command: set_max_capital, child: C1, inr: null}": act.Operate(
        event=events.MaxCapitalSet(at_ns=NOW + NS_PER_S, child="C1", max_capital_inr=None)
    ),
    "operator: {command: ticket, symbol: NIFTY26NOV24500CE, lots: -2, child: C1, in_ratio: true}": act.Operate(
        event=events.TicketWritten(
            at_ns=NOW + NS_PER_S, leg=LegId("NFO:NIFTY26NOV24500CE:NRML"), lots=-2, children=("C1",), in_ratio=True
        )
    ),
    "operator: {command: flatten, child: C1}": act.Operate(
        event=events.Flattened(at_ns=NOW + NS_PER_S, children=("C1",))
    ),
}  # fmt: skip


@pytest.mark.parametrize(("step", "action"), STEPS.items(), ids=STEPS)
def test_step_becomes_its_action(step: str, action: act.Action, tmp_path: Path) -> None:
    assert action_of(step, tmp_path) == action


@pytest.mark.parametrize("word", COMMANDS)
def test_every_operator_command_can_be_written(word: str, tmp_path: Path) -> None:
    step = f"operator: {{command: {word}, child: C1, symbol: NIFTY26NOV24500CE, mode: paper, inr: 5, lots: 1}}"
    assert isinstance(action_of(step, tmp_path), act.Operate)


# What is refused: text, line, key, a part of what is said

STEP_FAULTS = {
    "no such step": ("quotes: {}", "steps[1].quotes", "did you mean quote?"),
    "nothing to do": ("stale_after: 5s", "steps[1]", "exactly one of"),
    "two things to do": ("crash: true, master_available: 5", "steps[1]", "exactly one of"),
    "crash of false": ("crash: false", "steps[1].crash", "must be true"),
    "crash of a word": ("crash: later", "steps[1].crash", "true or false"),
    "crash with another key": ("crash: {during: 5s}", "steps[1].crash.during", "unknown key"),
    "crash of a negative time": ("crash: {for: -5s}", "steps[1].crash.for", "must be a time"),
    "unreadable for a number": ("master_read_fails: {for: 5}", "steps[1].master_read_fails.for", "must be a time"),
    "unreadable without a time": ("master_read_fails: {}", "steps[1].master_read_fails.for", "is missing"),
    "stale_after beside a crash": ("crash: true, stale_after: 5s", "steps[1].stale_after", "belongs to a quote"),
    "available that is no number": ("master_available: much", "steps[1].master_available", "must be a number"),
    "available with a comma": ("child_available: {C1: '5,00,000'}", "steps[1].child_available.C1", "write 500000"),
    "available of nobody": ("child_available: {C9: 5}", "steps[1].child_available.C9", "C9"),
    "quote with another key": ("quote: {X: {bidd: 5}}", "steps[1].quote.X.bidd", "did you mean bid?"),
    "quote that is a list": ("quote: [5]", "steps[1].quote", "must be a section"),
    "quote of words": ("quote: {X: {bid: high}}", "steps[1].quote.X.bid", "must be a number"),
    "quote with a part of a unit": ("quote: {X: {bid: 5, bid_qty: 1.5}}", "steps[1].quote.X.bid_qty", "whole number"),
    "order without a side": ("master_order: {id: M1, symbol: X, quantity: 5, status: OPEN}", "steps[1].master_order.side", "is missing"),
    "order with another key": (f"master_order: {{{ORDER}, qty: 65}}", "steps[1].master_order.qty", "unknown key"),
    "order of an unknown side": (f"master_order: {{{ORDER.replace('BUY', 'LONG')}}}", "steps[1].master_order.side", "one of BUY, SELL"),
    "order of an unknown type": (f"master_order: {{{ORDER}, type: SLM}}", "steps[1].master_order.type", "SL-M"),
    "order of nothing": (f"master_order: {{{ORDER.replace('65', '0')}}}", "steps[1].master_order", "filled must lie"),
    "order filled beyond its quantity": (f"master_order: {{{ORDER}, filled: 130}}", "steps[1].master_order", "filled must lie"),
    "order filled below nothing": (f"master_order: {{{ORDER}, filled: -5}}", "steps[1].master_order", "filled must lie"),
    "order of an unknown validity": (f"master_order: {{{ORDER}, validity: GTC}}", "steps[1].master_order.validity", "one of DAY, IOC"),
    "fault without a kind": ("child_fault: {child: C1, on: place}", "steps[1].child_fault.kind", "is missing"),
    "fault of an unknown kind": (f"child_fault: {{{FAULT.replace('rejected', 'refused')}}}", "steps[1].child_fault.kind", "must be one of"),
    "fault on an unknown call": (f"child_fault: {{{FAULT.replace('place', 'buy')}}}", "steps[1].child_fault.on", "must be one of"),
    "fault that never happens": (f"child_fault: {{{FAULT}, times: 0}}", "steps[1].child_fault.times", ""),
    "fault less than never": (f"child_fault: {{{FAULT}, times: -3}}", "steps[1].child_fault.times", ""),
    "fault of nobody": (f"child_fault: {{{FAULT.replace('C1', 'C9')}}}", "steps[1].child_fault.child", "C9"),
    "trade of nobody": (f"child_trade: {{{TRADE.replace('C1', 'C9')}}}", "steps[1].child_trade.child", "C9"),
    "trade of nothing": (f"child_trade: {{{TRADE.replace('65', '0')}}}", "steps[1].child_trade.quantity", ""),
    "trade the wrong way round": (f"child_trade: {{{TRADE.replace('65', '-65')}}}", "steps[1].child_trade.quantity", ""),
    "trade with another key": (f"child_trade: {{{TRADE}, price: 5}}", "steps[1].child_trade.price", "unknown key"),
    "check of nothing": ("check: {}", "steps[1].check.positions", "is missing"),
    "check of something else": ("check: {orders: {}}", "steps[1].check.orders", "unknown key"),
    "check of nobody": ("check: {positions: {C9: {}}}", "steps[1].check.positions.C9", "C9"),
    "check with words": ("check: {positions: {C1: {X: long}}}", "steps[1].check.positions.C1.X", "whole number"),
    "no such command": ("operator: {command: stop}", "steps[1].operator.command", "no operator command"),
    "command with another key": ("operator: {command: pause, until: 5s}", "steps[1].operator.until", "unknown key"),
    "join without a child": ("operator: {command: join}", "steps[1].operator.command", "needs child"),
    "ticket without lots": ("operator: {command: ticket, symbol: X}", "steps[1].operator.command", "needs lots"),
    "ticket of nothing": ("operator: {command: ticket, symbol: X, lots: 0}", "steps[1].operator.lots", "+ for more"),
    "adopt without a symbol": ("operator: {command: adopt}", "steps[1].operator.command", "needs symbol"),
    "mode without one": ("operator: {command: set_mode}", "steps[1].operator.command", "needs mode"),
    "unknown mode": ("operator: {command: set_mode, mode: real}", "steps[1].operator.mode", "paper, live"),
    "kill of a word": ("operator: {command: kill, level: all}", "steps[1].operator.level", "whole number"),
    "kill beyond the last level": ("operator: {command: kill, level: 3}", "steps[1].operator.level", ""),
}  # fmt: skip


@pytest.mark.parametrize(("step", "key", "said"), STEP_FAULTS.values(), ids=STEP_FAULTS)
def test_fault_in_a_step_is_refused_with_its_line_and_key(step: str, key: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, with_step(step))
    with pytest.raises(ConfigError) as refusal:
        load_scenario(path)
    assert (refusal.value.file, refusal.value.line, refusal.value.key) == (str(path), STEP_LINE, key)
    assert said in refusal.value.text


FILE_FAULTS = {
    "another key": ("name: a name", "name: a name\nseed: 5", 2, "seed", "unknown key"),
    "a key twice": ("end: 10s", "end: 10s\nend: 20s", 11, "end", ""),
    "no end": ("end: 10s\n", "", 1, "end", "is missing"),
    "no children": ("children:\n  - {id: C1, available: 300000}\n", "", 1, "children", "is missing"),
    "name of nothing": ("name: a name", "name:", 1, "name", "must be a text"),
    "end of a word": ("end: 10s", "end: soon", 10, "end", "must be a time"),
    "end of a number": ("end: 10s", "end: 10", 10, "end", "must be a time"),
    "end in another script": ("end: 10s", "end: ²s", 10, "end", "must be a time"),
    "end without a number": ("end: 10s", "end: .s", 10, "end", "must be a time"),
    "time of two points": ("end: 10s", "end: 1.2.3s", 10, "end", "must be a time"),
    "date that is none": ("end: 10s", "date: 2026-02-30\nend: 10s", 10, "date", "must be a date"),
    "step without a time": ("{at: 1s, crash: true}", "{crash: true}", 9, "steps[1].at", "is missing"),
    "instrument without a lot": ("lot: 65, ", "", 3, "instruments[0].lot", "is missing"),
    "instrument with a lot of nothing": ("lot: 65", "lot: 0", 3, "instruments[0]", "above 0"),
    "instrument with a negative tick": ("tick: 0.05", "tick: -0.05", 3, "instruments[0]", "above 0"),
    "instrument with a freeze of nothing": ("freeze: 3510", "freeze: 0", 3, "instruments[0].freeze", ""),
    "instrument of an unreadable symbol": ("{symbol: NIFTY26NOV24500CE, exchange", "{symbol: NIFTYCE!, exchange", 3, "instruments[0]", "NIFTYCE!"),
    "instrument with another key": ("freeze: 3510", "freezes: 3510", 3, "instruments[0].freezes", "did you mean freeze?"),
    "instrument twice": ("freeze: 3510}\n", "freeze: 3510}\n  - {symbol: NIFTY26NOV24500CE, lot: 75, tick: 0.05}\n", 4, "instruments[1].symbol", ""),
    "expiry that is none": ("freeze: 3510", "expiry: tomorrow", 3, "instruments[0].expiry", "must be a date"),
    "master without money": ("{available: 1000000}", "{}", 4, "master.available", "is missing"),
    "master with a child's key": ("{available: 1000000}", "{available: 1, live: true}", 4, "master.live", "unknown key"),
    "position of a part of a unit": ("{available: 1000000}", "{available: 1, positions: {X: 1.5}}", 4, "master.positions.X", "whole number"),
    "child without money": ("{id: C1, available: 300000}", "{id: C1}", 6, "children[0].available", "is missing"),
    "child with another key": ("{id: C1, available", "{id: C1, max_capital: 5, available", 6, "children[0].max_capital", "did you mean max_capital_inr?"),
    "child twice": ("  - {id: C1, available: 300000}", "  - {id: C1, available: 3}\n  - {id: C1, available: 4}", None, "", "C1"),
    "child with the master's name": ("{id: C1, available", "{id: MASTER, available", None, "", "MASTER"),
    "setting that is none": ("end: 10s", "settings: {confirm: {whenn: never}}\nend: 10s", 10, "settings.confirm.whenn", "did you mean when?"),
    "setting out of range": ("end: 10s", "settings: {confirm: {timeout_s: 0}}\nend: 10s", 10, "settings.confirm.timeout_s", "between"),
    "accounts among the settings": ("end: 10s", "settings: {master: {id: M}}\nend: 10s", 10, "settings.master", ""),
    "expectation that is none": ("end: 10s", "expect: {position: {}}\nend: 10s", 10, "expect.position", "did you mean positions?"),
    "expectations that are a list": ("end: 10s", "expect: [positions]\nend: 10s", 10, "expect", "must be a section"),
    "file of instruments that is missing": ("  - {symbol: NIFTY26NOV24500CE, exchange: NFO, lot: 65, tick: 0.05, freeze: 3510}", "  - {file: none.csv}", None, "", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "said"), FILE_FAULTS.values(), ids=FILE_FAULTS)
def test_fault_in_the_file_is_refused_with_its_line_and_key(
    old: str, new: str, line: int | None, key: str, said: str, tmp_path: Path
) -> None:
    text = with_step("crash: true")
    assert text.count(old) == 1
    path = written(tmp_path, text.replace(old, new))
    with pytest.raises(ConfigError) as refusal:
        load_scenario(path)
    assert str(tmp_path) in refusal.value.file
    assert said in refusal.value.text
    if line is not None:
        assert (refusal.value.line, refusal.value.key) == (line, key)


# An expectation that cannot be compared would always be met, or end the program in the middle of its verdict

EXPECT_FAULTS = {
    "positions of a number": "positions: 5",
    "positions of a child that are a list": "positions: {C1: [65]}",
    "positions in words": "positions: {C1: {NIFTY26NOV24500CE: long}}",
    "ratio that is none": "ratios: {C1: half}",
    "ratios as a list": "ratios: [1/2]",
    "count that is none": "order_counts: {C1: two}",
    "counts as a number": "order_counts: 2",
    "largest count as a number": "max_order_counts: 2",
    "quantities without a child": "order_quantities: [65]",
    "quantities that are no list": "order_quantities: {C1: 65}",
    "types without a child": "order_types: [MARKET]",
    "largest quantity that is none": "max_order_quantity: many",
    "state that there is not": "strategy_state: flat",
    "skipped as a section": "skipped: {child: C1}",
    "skipped row with another key": "skipped: [{account: C1}]",
    "held that is a text": "held: nothing",
    "positions of nobody": "positions: {C9: {}}",
}


@pytest.mark.parametrize("expect", EXPECT_FAULTS.values(), ids=EXPECT_FAULTS)
def test_expectation_that_cannot_be_compared_is_refused(expect: str, tmp_path: Path) -> None:
    text = with_step("crash: true").replace("end: 10s", f"expect: {{{expect}}}\nend: 10s")
    with pytest.raises(ConfigError) as refusal:
        load_scenario(written(tmp_path, text))
    assert refusal.value.line == 10
