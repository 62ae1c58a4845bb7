"""Events, commands and states as JSON bytes and back, exactly: decimals and fractions travel as text, never as floats.

It must not know where the bytes are kept. What cannot be decoded raises `msgspec.DecodeError` (or a `ValueError` for
text that is not UTF-8); the callers say which file it was and what to do.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeVar, overload

import msgspec

from engine.commands import Command
from engine.events import Event

T = TypeVar("T")

UNDECODABLE = (msgspec.DecodeError, ValueError, RecursionError)
"What decoding damaged bytes may raise."


def encode(obj: object) -> bytes:
    """JSON of an event, a command, or anything made of the same values.

    Text of a broker that is not valid Unicode (a lone surrogate) would stop every account's journal; it is written with
    question marks instead, because such text is for people only.
    """
    try:
        return _ENCODER.encode(obj)
    except UnicodeEncodeError:
        return _ENCODER.encode(_valid_text(msgspec.to_builtins(obj, enc_hook=_to_text)))


def decode_event(data: bytes | str) -> Event:
    """The event that was encoded."""
    return _EVENT_DECODER.decode(data)


def decode_command(data: bytes | str) -> Command:
    """The command that was encoded."""
    return _COMMAND_DECODER.decode(data)


@overload
def decode(data: bytes | str, kind: type[T]) -> T: ...
@overload
def decode(data: bytes | str, kind: Any) -> Any: ...
def decode(data: bytes | str, kind: Any) -> Any:
    """The value of type `kind` that was encoded."""
    return _decoder(kind).decode(data)


def _to_text(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form; events and commands must not hold it")


def _from_text(kind: type, text: object) -> Fraction:
    if kind is not Fraction:
        raise NotImplementedError(f"{kind.__name__} has no JSON form")
    if not isinstance(text, str):
        raise ValueError(f"expected a fraction such as '3/10', got {text!r}")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{text!r} divides by zero") from None


def _valid_text(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_valid_text(key): _valid_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_valid_text(item) for item in value]
    return value


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=_from_text)


_ENCODER = msgspec.json.Encoder(enc_hook=_to_text)
_EVENT_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event, dec_hook=_from_text)
_COMMAND_DECODER: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command, dec_hook=_from_text)
