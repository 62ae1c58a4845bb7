"""Configuration and credentials files for a running sandbox, so that the program can be started against it at once."""

from pathlib import Path
from typing import Final

from paper.sandbox.sandbox import Sandbox

PRIVATE: Final = 0o600


def write_configuration(directory: Path, sandbox: Sandbox) -> Path:
    """Write `config.yaml` and one credentials file an account; the first account is the master.

    Returns:
        The configuration's path.
    """
    directory.mkdir(parents=True, exist_ok=True)
    entries = []
    for account in sandbox.desk.accounts.values():
        file = directory / f"credentials_{account.user_id.lower()}.txt"
        file.touch(mode=PRIVATE)
        file.chmod(PRIVATE)
        file.write_text(
            f"api_key = {account.api_key}\n"
            f"api_secret = {account.api_secret}\n"
            f"user_id = {account.user_id}\n"
            f"access_token = {account.access_token}\n",
            encoding="utf-8",
        )
        entries.append(f"{{id: {account.user_id}, broker: zerodha, credentials: {file}")
    master, *children = entries
    lines = [
        "mode: live",
        "confirm: {when: never}",
        f"master: {master}}}",
        "children:",
        *(f"  - {child}, live: true}}" for child in children),
        "brokers:",
        f'  zerodha: {{root_url: "{sandbox.root_url}", ticker_url: "{sandbox.ticker_url}"}}',
    ]
    path = directory / "config.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
