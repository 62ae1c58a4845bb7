"""What a broker says, told without the credentials that it repeats: refusals, and rows of the order book."""

from typing import Final

from msgspec.structs import replace

from config.credentials import Secret
from engine.model import OrderReport

HIDDEN: Final = "***"
SECRET_LEAST: Final = 4
"""Letters of a secret. What is as short as a word would be hidden in words."""


class Discreet:
    """A client that never tells what it was given to hide."""

    _secrets: tuple[str, ...] = ()

    def hide(self, *texts: Secret) -> None:
        """Let these never stand in what is told, should the server repeat them."""
        shown = (text.reveal() for text in texts if text)
        self._secrets = (*self._secrets, *(text for text in shown if len(text) >= SECRET_LEAST))

    def told(self, report: OrderReport) -> OrderReport:
        """A row of the book whose words repeat no credential: risk management names the account that it refuses."""
        if not report.status_text:
            return report
        return replace(report, status_text=self._without_secrets(report.status_text))

    def _hidden(self) -> set[str]:
        """What is hidden now."""
        return set(self._secrets)

    def _without_secrets(self, text: str) -> str:
        for secret in sorted(self._hidden(), key=len, reverse=True):  # one may be part of another
            text = text.replace(secret, HIDDEN)
        return text
