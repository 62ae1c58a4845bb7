"""What two or more values of the configuration must be together: accounts, sizing, filters.

Each check returns its faults and raises nothing; it reads no files. Single values are in `config.limits`.
"""

from collections.abc import Iterable
from os.path import normpath
from typing import Final

from config.document import Located
from config.errors import ConfigError
from config.limits import PAPER_BROKER, REAL_BROKERS
from config.schema import (
    FOLLOWED_EXCHANGES,
    Account,
    Child,
    ChildFilters,
    ChildRisk,
    Filters,
    Risk,
    Section,
    Sizing,
    SizingMode,
)

SIZING_NEEDS: Final = {SizingMode.FIXED_RATIO: "ratio", SizingMode.FIXED_LOTS: "lots", SizingMode.RISK_PCT: "pct"}
_SIZING_KEYS: Final = ("ratio", "lots", "pct")
_FIRST_CUTOFF: Final = "09:15"
_LAST_CUTOFF: Final = "15:40"


def _below(node: Located, key: str, text: str) -> ConfigError:
    """A fault at a key below a node, also where that key is missing."""
    prefix = f"{node.key}." if node.key else ""
    return ConfigError(node.file, node.line((key,)), f"{prefix}{key}", text)


def account_faults(node: Located, account: Account) -> list[ConfigError]:
    """Whether an account says where its money is: a real broker with credentials, or paper with capital."""
    if account.broker == PAPER_BROKER:
        return _paper_account_faults(node, account)
    faults = []
    if account.credentials is None:
        have = f"broker: {account.broker} needs its credentials file" if account.broker else "needs a broker"
        text = (
            f"{have}; write credentials: config/credentials_{account.id.lower()}.txt, or broker: paper with capital_inr"
        )
        faults.append(_below(node, "credentials" if account.broker else "broker", text))
    if account.capital_inr is not None:
        text = "is for broker: paper; the capital of an account at a broker in paper mode is paper_capital_inr"
        faults.append(_below(node, "capital_inr", text))
    return faults


def _paper_account_faults(node: Located, account: Account) -> list[ConfigError]:
    faults = []
    if account.credentials is not None:
        text = f"broker: paper has no credentials; remove them, or write broker: {' or '.join(REAL_BROKERS)}"
        faults.append(_below(node, "credentials", text))
    if account.capital_inr is None:
        faults.append(_below(node, "capital_inr", "broker: paper needs its capital, such as capital_inr: 1000000"))
    if account.paper_capital_inr is not None:
        faults.append(_below(node, "paper_capital_inr", "broker: paper has capital_inr; write it there"))
    if isinstance(account, Child) and account.live:
        faults.append(_below(node, "live", "broker: paper cannot trade live; remove it or name a real broker"))
    return faults


def section_faults(node: Located, section: Section) -> list[ConfigError]:
    """A section by itself; accounts are checked by `account_faults`."""
    if isinstance(section, Sizing):
        return sizing_faults(node, section)
    if isinstance(section, Filters | ChildFilters):
        return filter_faults(node, section)
    cutoff = section.expiry_cutoff if isinstance(section, Risk | ChildRisk) else None
    if cutoff is not None and not _FIRST_CUTOFF <= cutoff <= _LAST_CUTOFF:
        return [_below(node, "expiry_cutoff", f"must be in market hours, {_FIRST_CUTOFF} to {_LAST_CUTOFF}")]
    return []


def sizing_faults(node: Located, sizing: Sizing) -> list[ConfigError]:
    """Whether a sizing mode has its own number and no other."""
    needed = SIZING_NEEDS.get(sizing.mode)
    given = {"ratio": sizing.ratio, "lots": sizing.lots, "pct": sizing.pct}
    faults = []
    if needed is not None and given[needed] is None:
        faults.append(_below(node, needed, f"is missing; mode: {sizing.mode} needs it"))
    for key in _SIZING_KEYS:
        if key != needed and given[key] is not None:
            users = [str(mode) for mode, name in SIZING_NEEDS.items() if name == key]
            faults.append(_below(node, key, f"is for mode: {users[0]}; remove it from mode: {sizing.mode}"))
    return faults


def filter_faults(node: Located, filters: Filters | ChildFilters) -> list[ConfigError]:
    """Whether filters let anything through at all."""
    faults = []
    if not filters.allow:
        faults.append(_below(node, "allow", 'allows nothing; write ["*"] for everything'))
    if filters.exchanges and not set(filters.exchanges) & set(FOLLOWED_EXCHANGES):
        text = f"allows nothing: of {', '.join(filters.exchanges)} nothing is followed, since its hours are its own"
        faults.append(_below(node, "exchanges", f"{text}; write one of {', '.join(FOLLOWED_EXCHANGES)}"))
    if isinstance(filters, Filters) and not filters.products:
        faults.append(_below(node, "products", "allows nothing; write [NRML, MIS]"))
    if filters.from_time is not None and filters.to_time is not None and filters.from_time >= filters.to_time:
        faults.append(_below(node, "to_time", f"must be later than from_time {filters.from_time}"))
    return faults


def account_set_faults(root: Located) -> list[ConfigError]:
    """All accounts together: at least one child, and no account twice. Works on what is written, valid or not."""
    master, children = root.get("master"), root.get("children")
    if children is None or children.items is None:
        return []
    if not children.items:
        return [children.fault("has no child; write at least one, such as {id: ZC0001, credentials: FILE}")]
    faults: list[ConfigError] = []
    ids = {_folded(master): "the master"} if master is not None else {}
    files = {_file(master): "the master"} if master is not None else {}
    for child in children.items:
        id_, file = _folded(child), _file(child)
        if id_ is not None and id_ in ids:
            faults.append(
                _below(child, "id", f"{_id(child)} is already the id of {ids[id_]}; an account is given once")
            )
        if file is not None and file in files:
            text = f"this file is already {files[file]}'s; the same account cannot be given twice"
            faults.append(_below(child, "credentials", text))
        ids.setdefault(id_, f"the child on line {child.line()}")
        files.setdefault(file, f"the child on line {child.line()}")
    return faults


def account_list_faults(file: str, master: Account, children: Iterable[Child]) -> list[ConfigError]:
    """The same for accounts that are already built, as in a scenario."""
    seen = {master.id.lower()}
    faults = []
    for number, child in enumerate(children):
        if child.id.lower() in seen:
            text = f"{child.id} is already the id of another account; an account is given once"
            faults.append(ConfigError(file, None, f"children[{number}].id", text))
        seen.add(child.id.lower())
    return faults


def _id(node: Located) -> str | None:
    id_ = node.get("id")
    return id_.text if id_ is not None else None


def _folded(node: Located) -> str | None:
    # Ids become file names, and some file systems do not tell a from A.
    id_ = _id(node)
    return id_.lower() if id_ is not None else None


def _file(node: Located) -> str | None:
    file = node.get("credentials")
    return normpath(file.text) if file is not None and file.text is not None else None
