"""The official SmartConnect client on the lean transport, with what it does to a process kept away.

Importing it asks a foreign server for this machine's address; its constructor makes a folder of logs and redirects a
process-wide logger; its errors write PIN, TOTP and token to the terminal. Its methods, routes and headers are used;
none of this happens.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import requests

from brokers.angel_one import wire
from brokers.angel_one.refusals import outcome_of_text
from brokers.discreet import Discreet
from brokers.errors import Malformed, Refusal
from brokers.transport import Transport
from config.credentials import Secret
from engine.events import Outcome

ROOT_URL: Final = "https://apiconnect.angelone.in"
BROKEN: Final = 500
"""From this HTTP status on an answer to a write means nothing, and one to a read is no success."""
TEXT_MOST: Final = 200
"""Letters of an answer that people are shown."""
READ_MOST: Final = 16_384
"""Bytes of it that secrets are looked for in: one that is cut in two would not be found."""


def _import_quietly() -> Any:
    """SmartApi's module, imported without its request to the network and without its logger."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError("no network at import")

    get: Callable[..., object] = requests.get
    requests.get = refuse  # type: ignore[assignment]  # for the import alone
    quiet = logging.getLogger("SmartApi")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    quiet.setLevel(logging.CRITICAL + 1)  # it writes whole answers, whoever listens
    import logzero

    loud, logzero.logger = logzero.logger, quiet
    try:
        from SmartApi import smartConnect
    finally:
        requests.get = get  # type: ignore[assignment]
        logzero.logger = loud
    smartConnect.logger = quiet
    return smartConnect


_SDK: Final = _import_quietly()


class Session(NamedTuple):
    """What a login gives. It is never written anywhere."""

    jwt: Secret
    "For requests and the order stream, without the word Bearer."
    feed: Secret
    "For the market stream."
    refresh: Secret
    until_ns: int
    "When it ends at the latest."


class AngelClient(Discreet, _SDK.SmartConnect):  # type: ignore[misc,name-defined]  # SmartApi has no types
    """One account's client. Every method may be called from any thread.

    Args:
        api_key: The key of the account's app.
        transport: The connections.
    """

    def __init__(self, api_key: Secret, transport: Transport) -> None:
        # SmartConnect's own constructor is left out: it writes to the disk. These are the fields its methods use.
        self.debug, self.session_expiry_hook = False, None
        self.set_api_key(api_key)
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        self.feed_token: str | None = None
        self.userId: str | None = None
        self.root = self._rootUrl = ROOT_URL
        self._transport = transport

    def __repr__(self) -> str:
        return "AngelClient()"

    def set_api_key(self, api_key: Secret) -> None:
        """Send requests with this key."""
        self.api_key = self.privateKey = api_key.reveal()
        self.hide(api_key)

    def ask_login(self, username: Secret, pin: Secret, code: Secret) -> Any:
        """The envelope of a login; nothing of it is kept here. Raises as `_request`.

        SmartConnect's `generateSession` asks for the profile behind it and stumbles over half of the refusals.
        """
        parameters = {"clientcode": username.reveal(), "password": pin.reveal(), "totp": code.reveal()}
        return self._postRequest("api.login", parameters)

    def profile(self) -> Any:
        """Whose session it is; raises as `_request`. The official one writes the refresh token into a URL."""
        return self._getRequest("api.user.profile")

    def take(self, session: Session | None) -> None:
        """Send requests with this session from now on, or with none."""
        jwt = None if session is None else session.jwt.reveal()
        if session is not None and jwt != self.access_token:
            self.hide(session.jwt, session.feed, session.refresh)
        self.access_token = jwt
        self.feed_token = None if session is None else session.feed.reveal()
        self.refresh_token = None if session is None else session.refresh.reveal()

    def _request(self, route: str, method: str, parameters: Mapping[str, object] | None = None) -> Any:
        """What SmartConnect's methods send through; returns the whole envelope, successful or not.

        Raises:
            NotSent, NoAnswer: The request or its answer got lost.
            Refusal: The answer is no envelope, or one of a broken server.
        """
        text = json.dumps(dict(parameters or {}))
        target = self._routes[route]
        target = target if target.startswith("/") else f"/{target}"
        if method in ("POST", "PUT"):
            return self._exchange(method, target, text.encode())
        return self._exchange(method, f"{target}?{quote(text)}", None)

    def individual_order_details(self, qParam: str) -> Any:  # noqa: N803  the official name
        """One order by its `uniqueorderid`. Raises as `_request`; the official one goes past every connection here."""
        return self._exchange("GET", self._routes["api.individual.order.details"] + quote(qParam, safe=""), None)

    def _exchange(self, method: str, target: str, body: bytes | None) -> Any:
        headers = {name: str(value) for name, value in self.requestHeaders().items()}
        if self.access_token:
            headers["Authorization"] = f"Bearer {self.access_token}"
        reply = self._transport.request(method, target, headers, body)
        is_broken = reply.status >= BROKEN
        is_write = method != "GET" and target != self._routes["api.login"]
        try:
            found = wire.decode(reply.body)
            envelope = wire.envelope_of(found)
        except Malformed:
            words = reply.body[:READ_MOST].decode("utf-8", "replace").strip()
            outcome = outcome_of_text(reply.status, words[:TEXT_MOST], is_read=not is_write)
            told = words if outcome is Outcome.RATE_LIMITED else f"HTTP {reply.status} without Angel's own words"
            raise Refusal(outcome, self._without_secrets(told)[:TEXT_MOST]) from None
        if is_broken and (is_write or envelope.succeeded):
            raise Refusal(Outcome.UNKNOWN, f"HTTP {reply.status}: {self.words(envelope)}")
        return found

    def words(self, envelope: wire.Envelope) -> str:
        """Angel's words of a refusal, for people."""
        text = envelope.message or "no reason given"
        text = self._without_secrets(text)[:TEXT_MOST]
        return f"{text} ({self._without_secrets(envelope.code)[:TEXT_MOST]})" if envelope.code else text
