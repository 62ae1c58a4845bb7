"""What goes wrong at the loopback SmartAPI. The names are those of `paper.sandbox.faults` where both brokers have it."""

from dataclasses import dataclass

ACCEPTS = frozenset(
    {
        "accepted_then_timeout", "dropped_after", "truncated", "html", "no_id", "unavailable", "timed_out_400",
        "empty_body", "status_text",
    }
)  # fmt: skip
"""These are carried out before they go wrong."""
WORDS: dict[str, tuple[int, str, str]] = {
    "unavailable": (200, "AB1004", "Something Went Wrong, Please Try After Sometime"),
    "timed_out_400": (200, "AB2001", "Internal Error, Please Try After Sometime"),
    "wrong_code": (200, "AB1050", "Invalid totp"),
    "rejected": (200, "AB4008", "The order was refused by the script."),
}
GATEWAY: dict[str, tuple[str, str]] = {
    "token_expired": ("AG8002", "Token Expired"),
    "ip_refused": ("AG7002", "Access denied: Unregistered IP address. Register your IP before retrying."),
}
PLAIN: dict[str, tuple[int, str, str]] = {
    "html": (502, "<html><body>502 Bad Gateway</body></html>", "text/html"),
    "server_error": (500, "Internal Server Error", "text/plain"),
    "rate_limited": (403, "Access denied because of exceeding access rate", "text/plain"),
    "empty_body": (200, "", "application/json"),
}
SILENT = frozenset({"accepted_then_timeout", "timeout_not_accepted", "accepted_late"})
DROPPED = frozenset({"dropped_before", "dropped_after"})


@dataclass(slots=True)
class Fault:
    """One line of the script."""

    on: str
    kind: str
    times: int = 1
    after_s: float = 0.6


class Script:
    """The faults that are armed."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Let it happen from now on."""
        known = ACCEPTS | SILENT | DROPPED | set(WORDS) | set(GATEWAY) | set(PLAIN)
        if fault.kind not in known:
            raise ValueError(f"unknown fault {fault.kind}")
        self._armed.append(fault)

    def take(self, on: str) -> Fault | None:
        """The fault that hits this request, if any; it is used up once."""
        for fault in self._armed:
            if fault.times > 0 and fault.on in (on, "any"):
                fault.times -= 1
                return fault
        return None

    def is_used_up(self) -> bool:
        """Whether everything that was armed has happened."""
        return all(fault.times == 0 for fault in self._armed)
