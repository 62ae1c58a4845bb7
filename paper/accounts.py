"""Which accounts trade in a replay: those of a configuration, all on paper."""

from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from config.schema import Account, Child, ConfirmWhen, Settings
from engine.errors import ConfigError

PAPER = "paper"
A = TypeVar("A", Account, Child)


def for_replay(settings: Settings, file: Path, *, answered: bool) -> Settings:
    """The settings with every account on paper.

    Args:
        settings: As configured; real accounts take part with their `paper_capital_inr`.
        file: The configuration, for messages.
        answered: Whether somebody is there to answer prompts; otherwise nothing is asked.

    Raises:
        ConfigError: A real account has no paper capital.
    """
    master = _on_paper(settings.master, file)
    children = tuple(_child_on_paper(child, file) for child in settings.children)
    confirm = settings.confirm if answered else replace(settings.confirm, when=ConfirmWhen.NEVER)
    return replace(settings, master=master, children=children, confirm=confirm)


def _child_on_paper(child: Child, file: Path) -> Child:
    return child if child.broker == PAPER else replace(_on_paper(child, file), live=False)


def _on_paper(account: A, file: Path) -> A:
    if account.broker == PAPER:
        return account
    if account.paper_capital_inr is None:
        text = f"{account.id} is a real account; a replay needs its paper_capital_inr"
        raise ConfigError(file, None, "paper_capital_inr", text)
    return replace(
        account, broker=PAPER, capital_inr=account.paper_capital_inr, paper_capital_inr=None, credentials=None
    )
