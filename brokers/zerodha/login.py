"""Zerodha's morning login: a person logs in at Kite's own page, which sends him back with a request token.

The token comes back to a page on this machine (when the app's redirect address is `REDIRECT`) or is pasted. It is
exchanged for the day's access token, and the account that was logged in must be the one that was meant. Automating the
login itself is against the exchanges' rules and is not done here.
"""

import html
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent, Transport
from brokers.zerodha import wire
from brokers.zerodha.client import ROOT_URL, KiteClient
from config.credentials import Credentials, Secret
from config.schema import BrokerUrls
from engine.errors import LockstepError
from engine.events import Outcome

HOST: Final = "127.0.0.1"
PORT: Final = 8766
SILENT_S: Final = 10.0
"""So long a connection of the browser may say nothing: some open a spare one and keep it."""
REDIRECT: Final = f"http://{HOST}:{PORT}/"
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{4,128}")


class LoginFailed(LockstepError):
    """The login did not work; the text says why and what to do."""


class Login:
    """The login of one account.

    Args:
        credentials: Key, secret and user id.
        urls: Where Kite is, for a sandbox.
    """

    def __init__(self, credentials: Credentials, urls: BrokerUrls) -> None:
        self._credentials, self._urls = credentials, urls
        self._transport = Transport(urls.root_url or ROOT_URL)

    @property
    def url(self) -> str:
        """Kite's login page for the account's app. It names the key, which is no secret, and nothing else."""
        client = self._client(None)
        if self._urls.root_url is None:
            return str(client.login_url())
        return f"{self._urls.root_url}/connect/login?api_key={client.api_key}&v=3&redirect_url={REDIRECT}"

    def holder(self, token: Secret | None) -> str:
        """Whose session a token is, '' when it is nobody's any more.

        Raises:
            LoginFailed: Kite cannot be asked.
        """
        if token is None:
            return ""
        try:
            return wire.decode(self._client(token).fetch("user.profile"), wire.Profile).user_id
        except Refusal as refusal:
            if refusal.outcome is Outcome.NEEDS_LOGIN:
                return ""
            raise LoginFailed(f"Kite does not say whose token it is: {refusal}") from None
        except (NotSent, NoAnswer, Malformed) as error:
            raise LoginFailed(f"Kite cannot be reached: {error}") from None

    def exchange(self, given: str) -> Secret:
        """The day's access token for a request token.

        Args:
            given: The request token, or the whole address that Kite sent the browser to.

        Raises:
            LoginFailed: It is no token, Kite refuses it, or somebody else has logged in.
        """
        client, request_token = self._client(None), request_token_of(given)
        client.hide(Secret(request_token))
        try:
            session = client.generate_session(request_token, self._credentials["api_secret"].reveal())
            token, user_id = Secret(str(session["access_token"])), str(session["user_id"])
        except Refusal as refusal:
            raise LoginFailed(f"Kite refuses the login: {refusal}. Log in again; a token works once") from None
        except (NotSent, NoAnswer, Malformed) as error:
            raise LoginFailed(f"Kite cannot be reached: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):  # the SDK reads a time out of it
            raise LoginFailed("Kite's answer to the login is not as documented") from None
        if not self._credentials.is_of(user_id):
            raise LoginFailed("another user has logged in than the one of this credentials file; log in as that one")
        return token

    def close(self) -> None:
        """End the connections."""
        self._transport.close()

    def _client(self, token: Secret | None) -> KiteClient:
        client = KiteClient(self._credentials["api_key"], token, self._transport)
        client.hide(*self._credentials.values())
        return client


def request_token_of(given: str) -> str:
    """The request token of what was pasted.

    Raises:
        LoginFailed: There is none in it; what was pasted is not repeated.
    """
    text = given.strip()
    if "request_token=" in text:
        query = urlsplit(text).query or text
        text = (parse_qs(query).get("request_token") or [""])[0]
    if not _TOKEN.fullmatch(text):
        raise LoginFailed("there is no request token in it; paste the whole address that the browser shows at the end")
    return text


class Catcher:
    """A page on this machine that takes the request token out of Kite's redirect, once.

    Args:
        on_token: Takes the token, on another thread.
    """

    def __init__(self, on_token: Callable[[str], None]) -> None:
        catcher = self
        self._on_token = on_token

        class Page(BaseHTTPRequestHandler):
            timeout = SILENT_S

            def do_GET(self) -> None:
                found = parse_qs(urlsplit(self.path).query).get("request_token", [""])[0]
                text = "Lockstep has the login. You may close this page." if found else "There is no login in this."
                body = f"<!doctype html><title>Lockstep</title><p>{html.escape(text)}</p>".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if found:
                    catcher._on_token(found)

            def log_message(self, *_arguments: object) -> None:
                """Nothing: the address has the token in it."""

        self._server = ThreadingHTTPServer((HOST, PORT), Page)
        self._thread = threading.Thread(target=self._server.serve_forever, name="login", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
