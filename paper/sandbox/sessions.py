"""Logins at the sandbox: request tokens, access tokens and how they end. It must not know orders.

An access token dies at 06:00 IST of the next day, by a logout through the API, and by the next login with the same
key [Kite Connect v3, "User", 2026-07-14; staff, 11 Sep 2026].
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from engine.model import NS_PER_S
from paper.ist import IST, ist_ns
from paper.sandbox import rows
from paper.sandbox.account import Account
from paper.sandbox.errors import NO_REFRESH, TOKEN, WRONG_TOKEN, KiteError
from paper.sandbox.rows import Json

DIES_S: Final = 6 * 3600
"""06:00 IST, in seconds after midnight."""


def dies_ns(now_ns: int) -> int:
    """When a token given at `now_ns` dies."""
    day = datetime.fromtimestamp(now_ns // NS_PER_S, IST).date()
    return ist_ns(day + timedelta(days=1), DIES_S)


class Sessions:
    """Who is logged in.

    Args:
        accounts: Everybody, as it is when it is asked.
        now_ns: The server's clock.
    """

    def __init__(self, accounts: Callable[[], Iterable[Account]], now_ns: Callable[[], int]) -> None:
        self._accounts, self._now_ns = accounts, now_ns
        self._logins = itertools.count(1)

    def account_of(self, authorization: str) -> Account:
        """Who sends a request with this header. Raises `KiteError` when his token is none, or dead."""
        kind, _, pair = authorization.partition(" ")
        api_key, _, token = pair.partition(":")
        account = self._holder(api_key, token)
        if kind != "token" or account is None or self._now_ns() >= account.token_until_ns:
            raise KiteError(403, TOKEN, WRONG_TOKEN)
        return account

    def start(self, form: Mapping[str, str]) -> Json:
        """Exchange a request token for the day's access token; an older one of the same key dies."""
        account = next((a for a in self._accounts() if a.api_key == form.get("api_key")), None)
        given = form.get("request_token", "")
        if account is None or not given or given != account.request_token:
            raise KiteError(403, TOKEN, "Token is invalid or has expired.")
        text = f"{account.api_key}{given}{account.api_secret}"
        if hashlib.sha256(text.encode()).hexdigest() != form.get("checksum"):
            raise KiteError(403, TOKEN, "Invalid `checksum`.")
        number, now_ns = next(self._logins), self._now_ns()
        account.request_token = f"request{account.user_id.lower()}{number}"
        account.access_token = f"token{account.user_id.lower()}{number}"
        account.token_until_ns = dies_ns(now_ns)
        return profile(account) | {
            "api_key": account.api_key,
            "access_token": account.access_token,
            "public_token": f"public{account.user_id.lower()}",
            "refresh_token": "",
            "enctoken": "",
            "silo": "",
            "login_time": rows.stamp(now_ns),
        }

    def end(self, form: Mapping[str, str]) -> bool:
        """Kill an access token. A refresh token there is not: nothing happens."""
        account = self._holder(form.get("api_key", ""), form.get("access_token", ""))
        if account is not None:
            account.access_token = ""
        return True

    def renew(self) -> Json:
        """Refresh tokens are for approved platforms only."""
        raise KiteError(403, TOKEN, NO_REFRESH)

    def _holder(self, api_key: str, token: str) -> Account | None:
        fitting = (a for a in self._accounts() if token and a.api_key == api_key and a.access_token == token)
        return next(fitting, None)


def profile(account: Account) -> Json:
    """Who is logged in."""
    return {
        "user_id": account.user_id,
        "user_type": "individual",
        "email": "",
        "user_name": account.user_id,
        "user_shortname": account.user_id,
        "broker": "ZERODHA",
        "exchanges": ["NFO", "BFO", "NSE", "BSE", "MCX"],
        "products": ["CNC", "NRML", "MIS"],
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "avatar_url": None,
        "meta": {"demat_consent": "consent"},
    }
