"""Planted bugs about what the machine and the brokers' books do: clocks that leap, rows that cannot be ours."""

from engine.core import answering
from engine.core.turn import Turn
from engine.events import PromptAnswered
from tests.sim.planting import Swap, planted, replace_everywhere


@planted
def answer_after_its_time_counts() -> list[Swap]:
    """A prompt is approved by an answer that is taken up when its time is long over: the machine slept."""
    right = answering.answer

    def wrong(turn: Turn, event: PromptAnswered) -> None:
        for prompt in turn.state.prompts.values():
            prompt.deadline_ns = max(prompt.deadline_ns, turn.now_ns)
        right(turn, event)

    return [replace_everywhere(right, wrong)]
