"""The official kiteconnect client on the lean transport: its methods, routes and parameters, one request each.

An order can also be sent in two steps, `start_order` and `finish_order`, so that its bytes leave on the thread that
decided it and only the wait for the answer is left to another.

Only the sending is ours. kiteconnect's own goes through requests (about 2 ms of processor time an order), follows
redirects, obeys proxy variables and turns every number into a float and every error class that it does not know into
another one. Answers are handed out as bytes, for `wire` to decode.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus

from kiteconnect.connect import KiteConnect

from brokers.discreet import Discreet
from brokers.errors import Malformed, Refusal
from brokers.transport import NotSent, Reply, Started, Transport
from brokers.zerodha import wire
from brokers.zerodha.refusals import outcome_of
from config.credentials import Secret

ROOT_URL: Final = "https://api.kite.trade"
FORM: Final = "application/x-www-form-urlencoded"
OK: Final = 200
_is_plain: Final = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch


class KiteClient(Discreet, KiteConnect):  # type: ignore[misc]  # kiteconnect has no types
    """One account's client. Every method may be called from any thread.

    Args:
        api_key: The app's key.
        access_token: The day's token; `None` before the login.
        transport: The connections.
    """

    def __init__(self, api_key: Secret, access_token: Secret | None, transport: Transport) -> None:
        token = None if access_token is None else access_token.reveal()
        super().__init__(api_key.reveal(), access_token=token)
        self._transport = transport
        self._head: tuple[tuple[str, str | None], str, Mapping[str, str]] | None = None
        "What orders were last sent with, and by which variety and token."

    def __repr__(self) -> str:
        return "KiteClient()"

    def fetch(self, route: str, url_args: Mapping[str, str] | None = None, params: object = None) -> bytes:
        """The body of a read, by kiteconnect's name of the route.

        Raises:
            NotSent, NoAnswer: The request or its answer got lost.
            Refusal: Kite answered with an error.
        """
        return self._exchange(route, "GET", url_args, params, is_json=False, query=None).body

    def ask(self, route: str, params: object, query: Mapping[str, object]) -> bytes:
        """The body of a question that is asked with a JSON body (margins). Raises as `fetch`."""
        return self._exchange(route, "POST", None, params, is_json=True, query=query).body

    def _request(
        self,
        route: str,
        method: str,
        url_args: Mapping[str, str] | None = None,
        params: object = None,
        is_json: bool = False,
        query_params: Mapping[str, object] | None = None,
    ) -> Any:
        """What kiteconnect's methods send through; returns the answer's `data`."""
        return _data_of(self._exchange(route, method, url_args, params, is_json=is_json, query=query_params))

    def start_order(self, params: Mapping[str, object]) -> Started | None:
        """Send an order as far as that needs no waiting.

        Args:
            params: What `place_order` takes, in its order, `None` for what is left out.

        Returns:
            What `finish_order` takes, once; `None` when no connection is warm and nothing was sent.

        Raises:
            NotSent: It cannot be sent.
        """
        target, headers = self._order_head(str(params["variety"]), self.access_token)
        return self._transport.start("POST", target, headers, _form(params).encode())

    def finish_order(self, started: Started) -> object:
        """Wait for the answer to an order: what stands where the order's id should be. Raises as `place_order`."""
        return _data_of(self._checked(self._transport.finish(started)))["order_id"]

    def _order_head(self, variety: str, access_token: str | None) -> tuple[str, Mapping[str, str]]:
        """Target and headers of an order: the same for all orders of a session."""
        kept = self._head
        if kept is None or kept[0] != (variety, access_token):
            url_args = {"variety": variety}
            _, target, headers, _ = self._written("order.place", "POST", url_args, {}, is_json=False, query=None)
            kept = self._head = (variety, access_token), target, headers
        return kept[1:]

    def _exchange(
        self,
        route: str,
        method: str,
        url_args: Mapping[str, str] | None,
        params: object,
        *,
        is_json: bool,
        query: Mapping[str, object] | None,
    ) -> Reply:
        request = self._written(route, method, url_args, params, is_json=is_json, query=query)
        return self._checked(self._transport.request(*request))

    def _written(
        self,
        route: str,
        method: str,
        url_args: Mapping[str, str] | None,
        params: object,
        *,
        is_json: bool,
        query: Mapping[str, object] | None,
    ) -> tuple[str, str, dict[str, str], bytes | None]:
        target = self._routes[route].format(**{key: _segment(value) for key, value in (url_args or {}).items()})
        headers = {"X-Kite-Version": self.kite_header_version, "User-Agent": self._user_agent()}
        if self.api_key and self.access_token:
            headers["Authorization"] = f"token {self.api_key}:{self.access_token}"
        body: bytes | None = None
        if method in ("GET", "DELETE"):
            query = params  # type: ignore[assignment]
        elif is_json:
            body, headers["Content-Type"] = json.dumps(params).encode(), "application/json"
        else:
            body, headers["Content-Type"] = _form(params).encode(), FORM
        if query and (text := _form(query)):
            target = f"{target}?{text}"
        if route in ("market.instruments", "market.instruments.all"):
            headers["Accept-Encoding"] = "gzip"
        return method, target, headers, body

    def _checked(self, reply: Reply) -> Reply:
        """An answer that is no error."""
        if reply.status != OK:
            raise self._refusal(reply)
        if b'"error"' in reply.body[:200] and wire.decode_error(reply.body) != ("", ""):
            raise self._refusal(reply)
        return reply

    def _refusal(self, reply: Reply) -> Refusal:
        error_type, message = wire.decode_error(reply.body)
        outcome = outcome_of(reply.status, error_type, message)
        return Refusal(outcome, self._without_secrets(message or f"HTTP {reply.status} without Kite's own words"))

    def _hidden(self) -> set[str]:
        return {secret for secret in (self.api_key, self.access_token, *self._secrets) if secret}


def _data_of(reply: Reply) -> Any:
    """The `data` of an answer."""
    try:
        found = json.loads(reply.body)
        status, data = found["status"], found["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Malformed("the answer of Kite is not as documented: no JSON with data") from None
    if status != wire.SUCCESS:
        raise Malformed("the answer of Kite is not as documented: $.status")
    return data


def _segment(value: object) -> str:
    """A value as one segment of a path, so that it can never lead to another route.

    Raises:
        NotSent: No quoting makes it one.
    """
    text = str(value)
    if text in ("", ".", ".."):
        raise NotSent("an empty or dotted name cannot stand in an address")
    return quote(text, safe="")


def _form(params: object) -> str:
    """Parameters as requests would write them: lists repeat their key, `None` is left out."""
    if not isinstance(params, Mapping):
        return ""
    pairs: list[str] = []
    for key, value in params.items():
        name = key if key.isidentifier() and key.isascii() else quote_plus(key)
        values: Sequence[object] = value if isinstance(value, list | tuple) else (value,)
        for one in values:
            if one is not None:
                pairs.append(f"{name}={_quoted(str(one))}")
    return "&".join(pairs)


def _quoted(text: str) -> str:
    """A value of a form. Most are plain, and `quote_plus` takes its time to find that out."""
    return text if _is_plain(text) else quote_plus(text)
