"""The configuration: what is refused, with line, key and the right words, and what is accepted."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.errors import ConfigError, all_messages
from config.load import build_child, build_settings, load_settings, load_settings_text, parse_document
from config.schema import (
    Account,
    Child,
    ConfirmWhen,
    CopyAs,
    OnLegBelowLot,
    OnLegRefused,
    Settings,
    Sizing,
    SizingMode,
)

ACCOUNTS = """\
master: {id: ZM0001, broker: zerodha, credentials: config/m.txt}
children:
  - {id: ZC0001, broker: zerodha, credentials: config/c1.txt}
"""
"Three lines; what is tested begins on line 4."


def faults_of(text: str) -> list[ConfigError]:
    with pytest.raises(ConfigError) as caught:
        load_settings_text(text, "c.yaml")
    return [caught.value, *caught.value.others]


# What is wrong, text after ACCOUNTS, line, key, words of the message.
REFUSED_SETTINGS = [
    ("unknown key", "timing: {poll_intervall_s: 1}", 4, "timing.poll_intervall_s", "did you mean poll_interval_s?"),
    ("unknown key, far away", "colour: red", 4, "colour", "known here: master, children"),
    ("key of another section", "poll_interval_s: 1", 4, "poll_interval_s", "did you mean timing.poll_interval_s?"),
    ("child's key at the top", "max_capital_inr: 1", 4, "max_capital_inr", "children[].max_capital_inr"),
    ("duplicate key", "mode: paper\nmode: live", 5, "mode", "first on line 4"),
    ("duplicate section", "risk: {leg_wait_s: 1}\nrisk: {leg_wait_s: 2}", 5, "risk", "first on line 4"),
    ("wrong word", "mode: papr", 4, "mode", "paper, live, not papr; did you mean paper?"),
    ("word in capitals", "mode: PAPER", 4, "mode", "did you mean paper?"),
    ("null for a word", "mode: null", 4, "mode", "the default is paper"),
    ("empty section", "risk:", 4, "risk", "leave the key out"),
    ("text for a section", "risk: none", 4, "risk", "section with keys below it, not none"),
    ("list for a section", "risk: [a]", 4, "risk", "not a list"),
    ("section for a number", "timing: {poll_interval_s: {a: 1}}", 4, "timing.poll_interval_s", "number, not a section"),
    ("text for a number", "timing: {poll_interval_s: fast}", 4, "timing.poll_interval_s", "must be a number, not fast"),
    ("number in quotes", 'timing: {poll_interval_s: "1"}', 4, "timing.poll_interval_s", "write 1 without quotes"),
    ("bool for a number", "timing: {poll_interval_s: true}", 4, "timing.poll_interval_s", "number, not true"),
    ("null for a number", "timing: {poll_interval_s: null}", 4, "timing.poll_interval_s", "default is 1.0"),
    ("fraction of an integer", "timing: {aggregation_ms: 250.5}", 4, "timing.aggregation_ms", "whole number"),
    ("integer written as decimal", "timing: {aggregation_ms: 250.0}", 4, "timing.aggregation_ms", "whole number"),
    ("number for a bool", "paper: {partial_fills: 1}", 4, "paper.partial_fills", "true or false, not 1"),
    ("bool in quotes", 'paper: {partial_fills: "true"}', 4, "paper.partial_fills", "not 'true'"),
    ("yes for a bool", "paper: {partial_fills: yes}", 4, "paper.partial_fills", "write true"),
    ("commas in block style", "risk:\n  max_daily_loss_inr: 5,00,000", 5, "risk.max_daily_loss_inr", "write 500000"),
    ("commas in flow style", "risk: {max_daily_loss_inr: 5,00,000}", 4, "risk.00", "write 500000, not 5,00,000"),
    ("percent sign", "copy: {max_slippage_pct: 1%}", 4, "copy.max_slippage_pct", "write 1"),
    ("octal", "timing: {aggregation_ms: 012}", 4, "timing.aggregation_ms", "octal"),
    ("exponent", "risk: {max_daily_loss_inr: 1e5}", 4, "risk.max_daily_loss_inr", "power of ten"),
    ("time without quotes", "risk: {expiry_cutoff: 12:30}", 4, "risk.expiry_cutoff", '"12:30"'),
    ("time with one digit", 'risk: {expiry_cutoff: "9:30"}', 4, "risk.expiry_cutoff", "HH:MM"),
    ("time past midnight", 'risk: {expiry_cutoff: "24:00"}', 4, "risk.expiry_cutoff", "HH:MM"),
    ("cut-off before the open", 'risk: {expiry_cutoff: "09:00"}', 4, "risk.expiry_cutoff", "09:15 to 15:40"),
    (
        "child's cut-off after the close",
        '  - {id: B, broker: paper, risk: {expiry_cutoff: "15:41"}}',
        4,
        "children[1].risk.expiry_cutoff",
        "09:15 to 15:40",
    ),
    ("cut-off after the close", 'risk: {expiry_cutoff: "15:41"}', 4, "risk.expiry_cutoff", "09:15 to 15:40"),
    ("ratio 10", "ratio: {max_ratio: 10}", 4, "ratio.max_ratio", "at most 5, not 10"),
    ("ratio 0", "ratio: {max_ratio: 0}", 4, "ratio.max_ratio", "above 0"),
    ("ratio 1/0", "ratio: {max_ratio: 1/0}", 4, "ratio.max_ratio", "divided by 0"),
    ("negative ratio", "ratio: {max_ratio: -1/2}", 4, "ratio.max_ratio", "1/2, 0.5 or 1"),
    ("ratio in percent", "ratio: {max_ratio: 50%}", 4, "ratio.max_ratio", "1/2, 0.5 or 1"),
    ("ratio as a time", "ratio: {max_ratio: 1:2}", 4, "ratio.max_ratio", "base 60"),
    ("ratio as a list", "ratio: {max_ratio: [1, 2]}", 4, "ratio.max_ratio", "not a list"),
    ("poll too fast", "timing: {poll_interval_s: 0.1}", 4, "timing.poll_interval_s", "between 0.2 and 60 s, not 0.1"),
    ("poll too slow", "timing: {poll_interval_s: 61}", 4, "timing.poll_interval_s", "between 0.2 and 60 s"),
    ("aggregation too long", "timing: {aggregation_ms: 1001}", 4, "timing.aggregation_ms", "between 0 and 1000 ms"),
    ("negative aggregation", "timing: {aggregation_ms: -1}", 4, "timing.aggregation_ms", "between 0 and 1000 ms"),
    ("prompt too short", "confirm: {timeout_s: 4}", 4, "confirm.timeout_s", "between 5 and 600 s"),
    ("zero percent", "copy: {max_slippage_pct: 0}", 4, "copy.max_slippage_pct", "above 0 and at most 100 percent"),
    ("more than all", "copy: {max_slippage_pct: 100.01}", 4, "copy.max_slippage_pct", "at most 100 percent"),
    ("zero money", "risk: {max_daily_loss_inr: 0}", 4, "risk.max_daily_loss_inr", "above 0"),
    ("zero orders", "risk: {max_orders_per_minute: 0}", 4, "risk.max_orders_per_minute", "between 1 and 400"),
    ("zero lots", "risk: {max_open_lots: 0}", 4, "risk.max_open_lots", "between 1"),
    ("zero speed", "demo: {speed: 0}", 4, "demo.speed", "above 0"),
    ("nothing kept", "state: {keep_days: 0}", 4, "state.keep_days", "between 1 and 3650 days"),
    ("kept beyond a life", "state: {keep_days: 3651}", 4, "state.keep_days", "between 1 and 3650 days"),
    ("part of a day kept", "state: {keep_days: 1.5}", 4, "state.keep_days", "must be a whole number"),
    ("wrong policy", "risk: {on_leg_refused: wait}", 4, "risk.on_leg_refused", "must be one of hold, unwind, continue, not wait"),
    ("internal name of as", "copy: {as_: market}", 4, "copy.as_", "did you mean as?"),
    ("text for a list", "filters: {allow: NFO:NIFTY*}", 4, "filters.allow", "must be a list"),
    ("number in a list", "filters: {allow: [1]}", 4, "filters.allow[0]", "must be a text"),
    ("glob twice", 'filters: {deny: ["NFO:*", "NFO:*"]}', 4, "filters.deny[1]", "stands twice"),
    ("glob in small letters", 'filters: {allow: ["nfo:nifty*"]}', 4, "filters.allow[0]", "in capitals"),
    ("glob without exchange", 'filters: {allow: ["NIFTY*"]}', 4, "filters.allow[0]", "write NFO:NIFTY*"),
    ("glob of no exchange", 'filters: {allow: ["NFX:NIFTY*"]}', 4, "filters.allow[0]", "names no exchange"),
    ("glob without symbol", 'filters: {allow: ["NFO:"]}', 4, "filters.allow[0]", "both sides"),
    ("empty glob", 'filters: {allow: [""]}', 4, "filters.allow[0]", "pattern"),
    ("open bracket in a glob", 'filters: {allow: ["NFO:[AB*"]}', 4, "filters.allow[0]", "pattern"),
    ("nothing allowed", "filters: {allow: []}", 4, "filters.allow", "allows nothing"),
    ("no product allowed", "filters: {products: []}", 4, "filters.products", "allows nothing"),
    ("unknown exchange", "filters: {exchanges: [NYSE]}", 4, "filters.exchanges[0]", "NSE, BSE, NFO"),
    ("an exchange of other hours", "filters: {exchanges: [MCX]}", 4, "filters.exchanges", "allows nothing"),
    ("unknown product", "filters: {products: [BO]}", 4, "filters.products[0]", "NRML, MIS, CNC, MTF"),
    ("unknown order type", "filters: {order_types: [SLM]}", 4, "filters.order_types[0]", "SL-M"),
    ("unknown side", "filters: {sides: [buy]}", 4, "filters.sides[0]", "BUY, SELL"),
    ("window ends first", 'filters: {from_time: "15:00", to_time: "10:00"}', 4, "filters.to_time", "later than"),
    ("empty window", 'filters: {from_time: "10:00", to_time: "10:00"}', 4, "filters.to_time", "later than"),
    ("URL with a path", 'brokers: {zerodha: {root_url: "http://127.0.0.1:1/x"}}', 4, "brokers.zerodha.root_url", "no path"),
    ("URL of a far machine", 'brokers: {zerodha: {root_url: "http://a.example"}}', 4, "brokers.zerodha.root_url", "https"),
    ("URL of another kind", 'brokers: {zerodha: {root_url: "ftp://a"}}', 4, "brokers.zerodha.root_url", "http://127"),
    ("ticker over http", 'brokers: {zerodha: {ticker_url: "http://127.0.0.1"}}', 4, "brokers.zerodha.ticker_url", "ws://"),
    ("order stream over http", 'brokers: {angel_one: {order_stream_url: "http://127.0.0.1"}}', 4, "brokers.angel_one.order_stream_url", "ws://"),
    ("far scrip master in the clear", 'brokers: {angel_one: {scrip_url: "http://a.example/x.json"}}', 4, "brokers.angel_one.scrip_url", "https"),
    ("order stream of Kite", 'brokers: {zerodha: {order_stream_url: "ws://127.0.0.1"}}', 4, "brokers.zerodha.order_stream_url", "unknown"),
    ("bad port", 'brokers: {zerodha: {root_url: "http://h:99999"}}', 4, "brokers.zerodha.root_url", "http://127"),
    ("unknown broker's URL", "brokers: {dhan: {}}", 4, "brokers.dhan", "known here: zerodha, angel_one"),
]  # fmt: skip

# What is wrong, whole text, line, key, words of the message.
REFUSED_ACCOUNTS = [
    ("no master", "children: [{id: A, broker: paper, capital_inr: 1}]", 1, "master", "is missing; write master:"),
    ("no children", "master: {id: A, broker: paper, capital_inr: 1}", 1, "children", "is missing; write children:"),
    ("empty children", "master: {id: A, broker: paper, capital_inr: 1}\nchildren: []", 2, "children", "has no child"),
    ("null children", "master: {id: A, broker: paper, capital_inr: 1}\nchildren:", 2, "children", "must have a value"),
    ("one child alone", "master: {id: A, broker: paper, capital_inr: 1}\nchildren: {id: B}", 2, "children", "a list"),
    ("child of text", "master: {id: A, broker: paper, capital_inr: 1}\nchildren: [B]", 2, "children[0]", "a section"),
    ("list of nothing", "master: {id: A, broker: paper, capital_inr: 1}\nchildren: [~]", 2, "children[0]", "not nothing"),
]  # fmt: skip

# What is wrong, the child's text (line 3), key below the child, words of the message.
REFUSED_CHILDREN = [
    ("no id", "{broker: paper, capital_inr: 1}", "id", "is missing; write id: ZC0001"),
    ("id NO", "{id: NO, broker: paper, capital_inr: 1}", "id", '"NO"'),
    ("id true", "{id: true, broker: paper, capital_inr: 1}", "id", '"true"'),
    ("id octal", "{id: 012, broker: paper, capital_inr: 1}", "id", '"012"'),
    ("id exponent", "{id: 1e5, broker: paper, capital_inr: 1}", "id", '"1e5"'),
    ("id number", "{id: 77, broker: paper, capital_inr: 1}", "id", '"77"'),
    ("id null", "{id: null, broker: paper, capital_inr: 1}", "id", "must have a value"),
    ("empty id", '{id: "", broker: paper, capital_inr: 1}', "id", "1 to 20 characters"),
    ("long id", "{id: AAAAAAAAAAAAAAAAAAAAA, broker: paper, capital_inr: 1}", "id", "1 to 20 characters"),
    ("id with a slash", "{id: ../x, broker: paper, capital_inr: 1}", "id", "1 to 20 characters"),
    ("id with a letter that is not ASCII", "{id: ZÉ1, broker: paper, capital_inr: 1}", "id", "1 to 20 characters"),
    ("child is the master", "{id: M, broker: paper, capital_inr: 1}", "id", "already the id of the master"),
    ("child is the master in small letters", "{id: m, broker: paper, capital_inr: 1}", "id", "already the id of the master"),
    ("same credentials as the master", "{id: B, credentials: ./config/../config/m.txt}", "credentials", "the master's"),
    ("unknown broker", "{id: B, broker: dhan, credentials: x}", "broker", "zerodha, angel_one, paper, not dhan"),
    ("no broker and no credentials", "{id: B}", "broker", "broker: paper with capital_inr"),
    ("broker without credentials", "{id: B, broker: zerodha}", "credentials", "needs its credentials file"),
    ("broker with null credentials", "{id: B, broker: zerodha, credentials: null}", "credentials", "credentials file"),
    ("broker with capital", "{id: B, credentials: x, capital_inr: 5}", "capital_inr", "paper_capital_inr"),
    ("credentials are a directory", "{id: B, credentials: config/}", "credentials", "path of a credentials file"),
    ("paper without capital", "{id: B, broker: paper}", "capital_inr", "needs its capital"),
    ("paper with null capital", "{id: B, broker: paper, capital_inr: null}", "capital_inr", "needs its capital"),
    ("paper without money", "{id: B, broker: paper, capital_inr: 0}", "capital_inr", "above 0"),
    ("paper with debts", "{id: B, broker: paper, capital_inr: -5}", "capital_inr", "above 0"),
    ("paper with credentials", "{id: B, broker: paper, capital_inr: 1, credentials: x}", "credentials", "remove them"),
    ("paper with paper capital", "{id: B, broker: paper, capital_inr: 1, paper_capital_inr: 1}", "paper_capital_inr", "capital_inr"),
    ("paper that trades live", "{id: B, broker: paper, capital_inr: 1, live: true}", "live", "cannot trade live"),
    ("fixed ratio without ratio", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: fixed_ratio}}", "sizing.ratio", "needs it"),
    ("fixed lots without lots", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: fixed_lots}}", "sizing.lots", "needs it"),
    ("risk without percent", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: risk_pct}}", "sizing.pct", "needs it"),
    ("lots for a frozen ratio", "{id: B, broker: paper, capital_inr: 1, sizing: {lots: 2}}", "sizing.lots", "is for mode: fixed_lots"),
    ("ratio for fixed lots", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: fixed_lots, lots: 1, ratio: 1}}", "sizing.ratio", "remove it"),
    ("fixed ratio 10", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: fixed_ratio, ratio: 10}}", "sizing.ratio", "at most 5"),
    ("fixed lots 0", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: fixed_lots, lots: 0}}", "sizing.lots", "between 1 and 1000"),
    ("risk of more than all", "{id: B, broker: paper, capital_inr: 1, sizing: {mode: risk_pct, pct: 101}}", "sizing.pct", "at most 100"),
    ("maximum ratio 10", "{id: B, broker: paper, capital_inr: 1, max_ratio: 10}", "max_ratio", "at most 5"),
    ("unknown child key", "{id: B, broker: paper, capital_inr: 1, max_capital: 1}", "max_capital", "did you mean max_capital_inr?"),
    ("unknown gate", "{id: B, broker: paper, capital_inr: 1, risk: {leg_wait_s: 1}}", "risk.leg_wait_s", "risk.leg_wait_s"),
    ("child allows nothing", "{id: B, broker: paper, capital_inr: 1, filters: {allow: []}}", "filters.allow", "allows nothing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "key", "words"), [row[1:] for row in REFUSED_SETTINGS], ids=[row[0] for row in REFUSED_SETTINGS]
)
def test_setting_is_refused_with_line_key_and_remedy(text: str, line: int, key: str, words: str) -> None:
    found = {(fault.line, fault.key): fault.text for fault in faults_of(ACCOUNTS + text + "\n")}
    assert words in found[line, key]


@pytest.mark.parametrize(
    ("text", "line", "key", "words"), [row[1:] for row in REFUSED_ACCOUNTS], ids=[row[0] for row in REFUSED_ACCOUNTS]
)
def test_set_of_accounts_is_refused(text: str, line: int, key: str, words: str) -> None:
    found = {(fault.line, fault.key): fault.text for fault in faults_of(text)}
    assert words in found[line, key]


@pytest.mark.parametrize(
    ("child", "key", "words"), [row[1:] for row in REFUSED_CHILDREN], ids=[row[0] for row in REFUSED_CHILDREN]
)
def test_child_is_refused_with_line_key_and_remedy(child: str, key: str, words: str) -> None:
    master = "master: {id: M, broker: zerodha, credentials: config/m.txt}"
    faults = faults_of(f"{master}\nchildren:\n  - {child}\n")
    assert [(fault.line, fault.key) for fault in faults] == [(3, f"children[0].{key}")]
    assert words in faults[0].text


@pytest.mark.parametrize(("text", "days"), [("null", None), ("1", 1), ("3650", 3650)])
def test_days_that_are_kept_may_be_all(text: str, days: int | None) -> None:
    assert load_settings_text(ACCOUNTS + f"state: {{keep_days: {text}}}\n", "f").state.keep_days == days


def test_same_account_twice_is_refused_by_id_and_by_file() -> None:
    text = ACCOUNTS + "  - {id: zc0001, credentials: a.txt}\n  - {id: ZC0003, credentials: ./config/c1.txt}\n"
    assert [(fault.line, fault.key) for fault in faults_of(text)] == [
        (4, "children[1].id"),
        (5, "children[2].credentials"),
    ]


def test_message_has_file_line_key_and_remedy() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings_text(ACCOUNTS + "timing:\n  poll_intervall_s: 1\n", "config/config.yaml")
    assert str(caught.value) == (
        "config/config.yaml:5: timing.poll_intervall_s: unknown key; did you mean poll_interval_s?"
    )


def test_all_faults_are_told_in_the_order_of_their_lines() -> None:
    text = (
        ACCOUNTS + "follow: order\nrisk: {max_open_lots: 0, expiry_cutoff: 12:30}\nmode: papr\nratio: {max_ratio: 10}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_settings_text(text, "c.yaml")
    assert str(caught.value).endswith("(+4 more)")
    assert [message.split(": ")[:2] for message in all_messages(caught.value)] == [
        ["c.yaml:4", "follow"],
        ["c.yaml:5", "risk.expiry_cutoff"],
        ["c.yaml:5", "risk.max_open_lots"],
        ["c.yaml:6", "mode"],
        ["c.yaml:7", "ratio.max_ratio"],
    ]


def test_message_of_an_address_does_not_repeat_its_password() -> None:
    text = ACCOUNTS + 'brokers: {zerodha: {root_url: "https://me:CANARY@h.example"}}\n'
    assert "CANARY" not in "".join(str(fault) for fault in faults_of(text))


def test_least_configuration_has_all_defaults() -> None:
    settings = load_settings_text(ACCOUNTS, "c.yaml")
    assert settings == Settings(
        master=Account(id="ZM0001", broker="zerodha", credentials="config/m.txt"),
        children=(Child(id="ZC0001", broker="zerodha", credentials="config/c1.txt"),),
    )


@pytest.mark.parametrize(
    ("written", "ratio"),
    [
        ("1/2", Fraction(1, 2)),
        ("0.29", Fraction(29, 100)),
        ("1", Fraction(1)),
        ('"3/10"', Fraction(3, 10)),
        ("5", Fraction(5)),
    ],
)
def test_ratio_is_exact(written: str, ratio: Fraction) -> None:
    assert load_settings_text(ACCOUNTS + f"ratio: {{max_ratio: {written}}}", "c").ratio.max_ratio == ratio


def test_money_keeps_the_digits_of_the_text() -> None:
    settings = load_settings_text(ACCOUNTS + "risk: {max_daily_loss_inr: 100000.10}", "c")
    assert str(settings.risk.max_daily_loss_inr) == "100000.10"


def test_null_turns_a_gate_off() -> None:
    settings = load_settings_text(ACCOUNTS + "risk: {max_orders_per_minute: null, price_band_pct: ~}", "c")
    assert settings.risk.max_orders_per_minute is None
    assert settings.risk.price_band_pct is None


@pytest.mark.parametrize("key", ["on_leg_refused", "on_leg_below_lot"])
def test_continue_is_a_word_of_the_policies(key: str) -> None:
    risk = load_settings_text(ACCOUNTS + f"risk: {{{key}: continue}}", "c").risk
    assert getattr(risk, key) in {OnLegRefused.CONTINUE, OnLegBelowLot.CONTINUE}


def test_everything_of_a_child_is_read() -> None:
    text = ACCOUNTS + (
        "  - id: AC-2\n"
        "    credentials: c2.txt\n"
        "    name: Second account\n"
        "    paper_capital_inr: 700000\n"
        "    max_capital_inr: 500000.50\n"
        "    max_ratio: 3/2\n"
        "    live: true\n"
        "    sizing: {mode: risk_pct, pct: 2.5}\n"
        "    risk: {max_open_lots: 7}\n"
        '    filters: {deny: ["*:BANKNIFTY*"], from_time: "09:20", to_time: "15:00", options_only: true}\n'
    )
    child = load_settings_text(text, "c").children[1]
    assert child.broker is None
    assert (child.paper_capital_inr, child.max_capital_inr) == (Decimal(700000), Decimal("500000.50"))
    assert (child.max_ratio, child.live, child.risk.max_open_lots) == (Fraction(3, 2), True, 7)
    assert child.sizing == Sizing(mode=SizingMode.RISK_PCT, pct=Decimal("2.5"))
    assert (child.filters.deny, child.filters.from_time) == (("*:BANKNIFTY*",), "09:20")


def test_word_as_is_a_key_of_copy() -> None:
    assert load_settings_text(ACCOUNTS + "copy: {as: market}", "c").copy.as_ is CopyAs.MARKET


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765", "http://localhost:1/", "http://10.0.0.5:80", "https://a.example"]
)
def test_addresses_near_by_or_encrypted_are_accepted(url: str) -> None:
    settings = load_settings_text(ACCOUNTS + f'brokers: {{zerodha: {{root_url: "{url}"}}}}', "c")
    assert settings.brokers.zerodha.root_url == url


# Files


def test_missing_file_says_where_every_key_is_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: does not exist; config/config\.example\.yaml"):
        load_settings(tmp_path / "none.yaml")


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load_settings(tmp_path)


def test_device_is_refused() -> None:
    with pytest.raises(ConfigError, match="no plain file"):
        load_settings(Path("/dev/zero"))


def test_file_below_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "f" / "config.yaml")


def test_name_with_a_zero_byte_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be"):
        load_settings(Path("a\0b"))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing\n", b"---\n"])
def test_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="is empty"):
        load_settings(path)


def test_other_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"mode: paper\nmaster: \xe9\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert (caught.value.line, "UTF-8" in caught.value.text) == (2, True)


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + ACCOUNTS.replace("\n", "\r\n").encode())
    assert load_settings(path).master.id == "ZM0001"


# Nothing passes silently

NAMES = ["mode", "master", "children", "risk", "sizing", "id", "broker", "capital_inr", "paper", "NO", "null", "true"]
MARKS = ["[", "]", "{", "}", ":", ": ", ", ", "\n", "  ", "- ", '"', "'", "*a", "&a", "!x"]
WORDS = st.sampled_from([*NAMES, *MARKS, "1", "0", "-1", "1/2", "012", "12:30"])


@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(load_settings(path), Settings)
    except ConfigError as error:
        assert all_messages(error)


@given(st.text(max_size=200) | st.lists(WORDS, max_size=40).map("".join))
def test_any_text_gives_settings_or_a_config_error(text: str) -> None:
    for whole in (text, ACCOUNTS + text):
        try:
            assert isinstance(load_settings_text(whole, "c"), Settings)
        except ConfigError as error:
            assert all_messages(error)


@given(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=30), st.sampled_from(["", "risk", "timing", "copy"]))
def test_key_that_the_schema_does_not_have_never_passes(key: str, section: str) -> None:
    kind = type(getattr(DEFAULTS, section)) if section else Settings
    assume(key not in kind.__struct_encode_fields__ and key not in {"on", "no", "off", "yes", "null", "true", "false"})
    text, path = (f"{section}: {{{key}: 1}}", f"{section}.{key}") if section else (f"{key}: 1", key)
    assert (4, path) in {(fault.line, fault.key) for fault in faults_of(ACCOUNTS + text)}


DEFAULTS = Settings(master=Account(id="M"), children=())


# Scenarios

PAPER_MASTER = Account(id="MASTER", broker="paper", capital_inr=Decimal(3_500_000))


def test_scenario_child_takes_any_child_key() -> None:
    root = parse_document("children:\n- {id: C1, available: 1000000.50, max_capital_inr: 500000}", "s.yaml")
    child = build_child(root.at(("children", 0)))
    assert child == Child(id="C1", broker="paper", capital_inr=Decimal("1000000.50"), max_capital_inr=Decimal(500_000))


@pytest.mark.parametrize("amount", ["0", "-5.25"])
def test_scenario_child_may_have_no_money(amount: str) -> None:
    child = build_child(parse_document(f"{{id: C1, available: {amount}}}", "s"))
    assert child.capital_inr == Decimal(amount)


def test_scenario_child_leaves_extra_keys_to_the_caller() -> None:
    node = parse_document("{id: C1, available: 1, positions: {X: 65}}", "s")
    assert build_child(node, ("available", "positions")).id == "C1"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("{id: C1}", "available", "is missing"),
        ("{id: C1, available: NO}", "available", ""),
        ("{id: C1, available: lots}", "available", "must be a number"),
        ("{id: C1, available: 9999999999999}", "available", "must be between"),
        ("{id: C1, available: 1, availabel: 2}", "availabel", "did you mean available?"),
        ("{id: C1, available: 1, credentials: x}", "credentials", "only available"),
        ("{id: C1, available: 1, capital_inr: 5}", "capital_inr", "only available"),
        ("{id: C1, available: 1, broker: zerodha}", "broker", "on paper"),
        ("{id: C1, available: 1, sizing: {mode: fixed_ratio}}", "sizing.ratio", "needs it"),
        ("{id: C1, available: 1, positions: {}}", "positions", "unknown key"),
    ],
)
def test_scenario_child_is_refused(text: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_child(parse_document(f"children:\n- {text}", "s.yaml").at(("children", 0)))
    assert (caught.value.line, caught.value.key) == (2, f"children[0].{key}")
    assert words in caught.value.text


def test_scenario_settings_change_only_what_is_written() -> None:
    node = parse_document("settings: {confirm: {when: never}, timing: {margin_hold_s: 5}}", "s").get("settings")
    settings = build_settings(node, master=PAPER_MASTER, children=(Child(id="C1"),))
    assert settings.confirm.when is ConfirmWhen.NEVER
    assert settings.timing.margin_hold_s == 5
    assert settings.timing.aggregation_ms == DEFAULTS.timing.aggregation_ms
    assert settings.master == PAPER_MASTER


def test_scenario_without_settings_has_the_defaults() -> None:
    settings = build_settings(None, master=PAPER_MASTER, children=(Child(id="C1"),), file="s")
    assert settings == Settings(master=PAPER_MASTER, children=(Child(id="C1"),))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{master: {id: A}}", "settings.master"),
        ("{confirm: {wen: never}}", "settings.confirm.wen"),
        ("{follow: order}", "settings.follow"),
        ("{filters: {allow: []}}", "settings.filters.allow"),
        ("[]", "settings"),
    ],
)
def test_scenario_settings_are_as_strict(text: str, key: str) -> None:
    node = parse_document(f"a: 1\nsettings: {text}", "s.yaml").get("settings")
    with pytest.raises(ConfigError) as caught:
        build_settings(node, master=PAPER_MASTER, children=())
    assert (caught.value.line, caught.value.key) == (2, key)


@pytest.mark.parametrize("ids", [("C1", "C1"), ("C1", "c1"), ("MASTER",)])
def test_scenario_with_an_account_twice_is_refused(ids: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="given once"):
        build_settings(None, master=PAPER_MASTER, children=tuple(Child(id=id_) for id_ in ids), file="s")


SCENARIOS = Path("../shared/scenarios")


@pytest.mark.skipif(not SCENARIOS.is_dir(), reason="the worked scenarios are not beside this checkout")
def test_worked_scenarios_are_read() -> None:
    for path in sorted(SCENARIOS.glob("*.yaml")):
        root = parse_document(path.read_text(encoding="utf-8"), str(path))
        children = tuple(build_child(node) for node in root.at(("children",)).items or ())
        assert build_settings(root.get("settings"), master=PAPER_MASTER, children=children).children == children
