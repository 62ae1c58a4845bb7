"""Rows of Kite's books as the engine gets them."""

from brokers.zerodha import wire
from engine.model import OrderReport, Position
from tests.unit.brokers.zerodha.payloads import book, order_row, position_row, positions

IST_0920_03_NS = 1_791_172_203_000_000_000
"2026-10-05 09:20:03 in India."
S = 1_000_000_000
CANARY = "canary-7c1e"


def reports(body: bytes) -> tuple[OrderReport, ...]:
    return wire.reports_of(wire.decode(body, tuple[wire.OrderRow, ...]))


def report(**changes: object) -> OrderReport:
    (found,) = reports(book(order_row(**changes)))
    return found


def position(**changes: object) -> Position:
    (row,) = wire.decode(positions(position_row(**changes)), wire.Positions).net
    return wire.position_of(row)
