"""Values for the tests of `state`: one of every event and command class, made from its own field types."""

from decimal import Decimal
from fractions import Fraction
from typing import get_args

import msgspec
from msgspec import inspect

from engine.commands import Command, PlaceOrder
from engine.events import Event, TimePassed
from engine.model import OrderType, Side

EVENT_CLASSES: tuple[type[Event], ...] = get_args(Event)
COMMAND_CLASSES: tuple[type[Command], ...] = get_args(Command)


def filled(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """An instance with every field set, none of them to its default."""
    return _struct(_info(kind))


def sparse(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """An instance with only the fields set that have no default."""
    info = _info(kind)
    return kind(**{field.name: _value(field.type) for field in info.fields if field.required})


def tick(at_ns: int) -> TimePassed:
    """A small event."""
    return TimePassed(at_ns=at_ns)


def order(tag: str = "LS2B1C1N7Q", quantity: int = 195) -> PlaceOrder:
    """An intent."""
    return PlaceOrder(
        account="C1",
        tag=tag,
        exchange="NFO",
        symbol="NIFTY26NOV24500CE",
        product="NRML",
        side=Side.SELL,
        quantity=quantity,
        order_type=OrderType.LIMIT,
        price_inr=Decimal("100.10"),
    )


def _info(kind: type[msgspec.Struct]) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


def _struct(info: inspect.StructType) -> msgspec.Struct:
    return info.cls(**{field.name: _value(field.type) for field in info.fields})


def _value(kind: inspect.Type) -> object:
    simple: dict[type[inspect.Type], object] = {
        inspect.StrType: 'M&M [bold] \x1b[31m "₹" 🚀 \x00',
        inspect.IntType: 1_793_591_400_123_456_789,
        inspect.BoolType: True,
        inspect.DecimalType: Decimal("24500.050"),
    }
    if type(kind) in simple:
        return simple[type(kind)]
    match kind:
        case inspect.EnumType():
            return list(kind.cls)[-1]
        case inspect.StructType():
            return _struct(kind)
        case inspect.VarTupleType():
            return (_value(kind.item_type), _value(kind.item_type))
        case inspect.DictType():
            return {_value(kind.key_type): _value(kind.value_type)}
        case inspect.UnionType():
            return _value(next(item for item in kind.types if not isinstance(item, inspect.NoneType)))
        case inspect.CustomType() if kind.cls is Fraction:
            return Fraction(3, 10)
    raise AssertionError(f"no sample for a field of type {kind}: add one here and see that the codec keeps it")
