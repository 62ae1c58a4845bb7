"""What `verify` prints: figures of a campaign and stories of what went wrong, as lines. It must not print by itself."""

from collections.abc import Iterable

from paper.verify.campaign import Campaign
from paper.verify.chance import FAULT_NAMES
from paper.verify.trial import Outcome


def chosen_faults(text: str) -> list[str]:
    """The faults that a comma-separated list names.

    Raises:
        ValueError: No such fault; the text names those that there are.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FAULT_NAMES]
    if unknown or not names:
        what = ", ".join(unknown) or "nothing was named"
        raise ValueError(f"no such fault: {what}; there are {', '.join(FAULT_NAMES)}")
    return names


def summary(campaign: Campaign, first_seed: int, elapsed_s: float) -> list[str]:
    """The figures."""
    rate = campaign.steps / elapsed_s if elapsed_s > 0 else 0.0
    return [
        f"seeds       {campaign.seeds:,} from {first_seed}",
        f"steps       {campaign.steps:,} events handled, {rate:,.0f} a second",
        f"orders      {campaign.orders:,} at the simulated brokers",
        "faults injected",
        *_columns(f"{name} {count:,}" for name, count in sorted(campaign.faults.items())),
        f"violations  {len(campaign.broken)}",
    ]


def _columns(items: Iterable[str], width: int = 36, across: int = 3) -> list[str]:
    rows = list(items)
    return [
        "  " + "".join(item.ljust(width) for item in rows[i : i + across]).rstrip() for i in range(0, len(rows), across)
    ]


def broken_line(outcome: Outcome) -> str:
    """One broken seed in one line."""
    return f"seed {outcome.seed}, step {outcome.broken_at}: {outcome.violations[0]}"
