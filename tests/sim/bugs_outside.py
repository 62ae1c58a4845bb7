"""Planted bugs about what the machine and the brokers' books do: clocks that leap, rows that cannot be ours."""

from decimal import Decimal

import msgspec

from engine.core import answering, answers, fills, terms
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.turn import Turn
from engine.events import PromptAnswered
from engine.model import TERMINAL_BOOK, OrderReport
from tests.sim.planting import Swap, in_module, planted, replace_everywhere


@planted
def answer_after_its_time_counts() -> list[Swap]:
    """A prompt is approved by an answer that is taken up when its time is long over: the machine slept."""
    right = answering.answer

    def wrong(turn: Turn, event: PromptAnswered) -> None:
        for prompt in turn.state.prompts.values():
            prompt.deadline_ns = max(prompt.deadline_ns, turn.now_ns)
        right(turn, event)

    return [replace_everywhere(right, wrong)]


@planted
def second_order_of_a_tag_is_passed_over() -> list[Swap]:
    """Another order in a child's book carries a tag of ours, and entries go on."""
    return [in_module(fills, "_second_order", lambda _turn, _child, _order, _report: None)]


@planted
def second_order_of_a_tag_is_ours() -> list[Swap]:
    """What another order with a tag of ours fills is counted as ours."""
    right = fills._second_order

    def wrong(turn: Turn, child: Child, order: ChildOrder, report: OrderReport) -> None:
        both = msgspec.structs.replace(report, filled=order.units + report.filled)
        fills.take_fill(turn, child, child.legs[order.leg], order, both)
        right(turn, child, order, report)

    return [replace_everywhere(right, wrong)]


@planted
def changed_tag_is_somebody_elses() -> list[Swap]:
    """An exit without an answer is sent again although an order like it works, whose tag the broker cut or changed."""
    return [in_module(answers, "may_be_ours", lambda tag: not tag)]


@planted
def fills_count_with_the_end() -> list[Swap]:
    """What an order filled counts when its status says that it has ended, not before: an unknown one never does."""
    right = fills.take_fill

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, report: OrderReport) -> bool:
        return report.status in TERMINAL_BOOK and right(turn, child, leg, order, report)

    return [replace_everywhere(right, wrong)]


@planted
def chased_beside_a_change() -> list[Swap]:
    """An entry that is not filled is moved again while it is not known what became of the move before."""
    return [replace_everywhere(terms.is_asked, lambda _turn, _order: False)]


@planted
def chased_beyond_the_slippage_limit() -> list[Swap]:
    """An entry that is copied as a limit is moved to the market, wherever that is."""
    return [in_module(terms, "most_slippage_inr", lambda _turn, _child, _instrument, _reference: Decimal(1000))]
