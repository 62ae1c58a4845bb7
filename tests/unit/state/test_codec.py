"""Every event and command comes back from the journal as it went in."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import Account, Child, RatioSettings, Settings, Sizing
from engine.commands import Command, Notify, Severity
from engine.events import AccountRead, Event, MaxCapitalSet, OrderUpdated, QuotesUpdated
from engine.model import InstrumentId, Quote
from state.codec import decode, decode_command, decode_event, encode
from tests.unit.state.samples import COMMAND_CLASSES, EVENT_CLASSES, filled, order, sparse, tick


@pytest.mark.parametrize("make", [filled, sparse])
@pytest.mark.parametrize("kind", EVENT_CLASSES)
def test_every_event_class_round_trips(
    kind: type[Event], make: Callable[[type[msgspec.Struct]], msgspec.Struct]
) -> None:
    event = make(kind)
    back = decode_event(encode(event))
    assert type(back) is kind
    assert back == event
    assert encode(back) == encode(event)


@pytest.mark.parametrize("make", [filled, sparse])
@pytest.mark.parametrize("kind", COMMAND_CLASSES)
def test_every_command_class_round_trips(
    kind: type[Command], make: Callable[[type[msgspec.Struct]], msgspec.Struct]
) -> None:
    command = make(kind)
    back = decode_command(encode(command))
    assert type(back) is kind
    assert back == command
    assert encode(back) == encode(command)


def test_tags_of_events_and_commands_are_unique() -> None:
    names = [kind.__name__ for kind in (*EVENT_CLASSES, *COMMAND_CLASSES)]
    assert len(set(names)) == len(names)
    assert len(EVENT_CLASSES) >= 20
    assert len(COMMAND_CLASSES) >= 6


def test_fractions_and_decimals_are_exact_text() -> None:
    settings = Settings(
        master=Account(id="M", capital_inr=Decimal("3500000.10")),
        children=(Child(id="C", sizing=Sizing(ratio=Fraction(1, 3))),),
        ratio=RatioSettings(max_ratio=Fraction(29, 100)),
    )
    text = encode(settings)
    assert b'"29/100"' in text
    assert b'"1/3"' in text
    assert b'"3500000.10"' in text
    back: Settings = decode(text, Settings)
    assert back == settings
    assert str(back.master.capital_inr) == "3500000.10"


def test_read_of_a_journal_from_before_says_nothing_of_what_is_used() -> None:
    text = b'{"type":"AccountRead","at_ns":2,"account":"C","began_ns":1,"available_inr":"300000.50"}'
    back = decode_event(text)
    assert back == AccountRead(at_ns=2, account="C", began_ns=1, available_inr=Decimal("300000.50"))
    assert isinstance(back, AccountRead)
    assert back.used_inr is None


def test_order_of_a_journal_from_before_is_of_no_known_variety() -> None:
    text = (
        b'{"type":"OrderUpdated","at_ns":2,"account":"M","report":{"order_id":"1","exchange":"NFO","symbol":"X",'
        b'"product":"NRML","side":"BUY","order_type":"LIMIT","quantity":65}}'
    )
    back = decode_event(text)
    assert isinstance(back, OrderUpdated)
    assert back.report.variety == ""


def test_trailing_zeros_of_a_price_are_kept() -> None:
    event = MaxCapitalSet(at_ns=1, child="C", max_capital_inr=Decimal("500000.00"))
    back = decode_event(encode(event))
    assert isinstance(back, MaxCapitalSet)
    assert str(back.max_capital_inr) == "500000.00"


@pytest.mark.parametrize("text", [b'"1/0"', b'"x"', b"0.5", b"[3, 10]"])
def test_what_is_no_fraction_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(text, Fraction)


def test_broker_text_with_a_lone_surrogate_is_recorded_with_a_question_mark() -> None:
    command = Notify(at_ns=1, severity=Severity.ALARM, text="RMS\ud800: blocked", account="C1")
    back = decode_command(encode(command))
    assert back == Notify(at_ns=1, severity=Severity.ALARM, text="RMS?: blocked", account="C1")


def test_a_value_without_json_form_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="complex"):
        encode({"value": 1j})


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event(b'{"type": "MarketExploded", "at_ns": 1}')
    with pytest.raises(msgspec.ValidationError):
        decode_command(encode(tick(1)))
    with pytest.raises(msgspec.ValidationError):
        decode_event(encode(order()))


def test_generic_decoding_takes_a_union() -> None:
    quotes = QuotesUpdated(at_ns=1, quotes=(Quote(instrument=InstrumentId("NFO:X"), at_ns=1),))
    assert decode(encode(quotes), Event) == quotes
