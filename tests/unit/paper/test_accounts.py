"""Who trades in a replay: everybody on paper, or a reason why not."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.schema import Account, Child, Confirm, ConfirmWhen, Settings
from engine.errors import ConfigError
from paper.accounts import for_replay

FILE = Path("config.yaml")
MASTER = Account(id="M", broker="paper", capital_inr=Decimal(100))
REAL_MASTER = Account(id="M", broker="zerodha", credentials="m.txt", paper_capital_inr=Decimal(100))
ON_PAPER = Child(id="C1", broker="paper", capital_inr=Decimal(7))
REAL = Child(
    id="C2", broker="angel_one", credentials="c.txt", paper_capital_inr=Decimal(50), live=True, name="Second account"
)
SETTINGS = Settings(master=MASTER, children=(ON_PAPER, REAL), confirm=Confirm(when=ConfirmWhen.ALL))


def test_real_child_takes_part_with_its_paper_capital_and_nothing_real_is_left() -> None:
    settings = for_replay(SETTINGS, FILE, answered=True)
    assert [account.broker for account in settings.children] == ["paper", "paper"]
    assert settings.children[1].credentials is None
    assert settings.children[1].capital_inr == Decimal(50)
    assert not settings.children[1].live
    assert settings.children[1].name == "Second account"


def test_real_master_takes_part_with_his_paper_capital() -> None:
    settings = for_replay(replace(SETTINGS, master=REAL_MASTER), FILE, answered=True)
    assert settings.master == MASTER


def test_paper_account_stays_as_it_is() -> None:
    assert for_replay(SETTINGS, FILE, answered=True).children[0] is ON_PAPER


@pytest.mark.parametrize(("answered", "when"), [(True, ConfirmWhen.ALL), (False, ConfirmWhen.NEVER)])
def test_nothing_is_asked_where_nobody_answers(answered: bool, when: ConfirmWhen) -> None:
    settings = for_replay(SETTINGS, FILE, answered=answered)
    assert settings.confirm.when is when
    assert settings.confirm.timeout_s == SETTINGS.confirm.timeout_s


@pytest.mark.parametrize("poor", ["M", "C2"])
def test_real_account_without_paper_capital_is_refused_by_name(poor: str) -> None:
    master = replace(REAL_MASTER, paper_capital_inr=None) if poor == "M" else MASTER
    child = replace(REAL, paper_capital_inr=None) if poor == "C2" else REAL
    with pytest.raises(ConfigError) as refusal:
        for_replay(replace(SETTINGS, master=master, children=(ON_PAPER, child)), FILE, answered=True)
    assert (refusal.value.file, refusal.value.key) == ("config.yaml", "paper_capital_inr")
    assert poor in refusal.value.text
