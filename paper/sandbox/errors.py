"""What Kite answers when it refuses, by name, HTTP status and words. It decides nothing.

Words are the vendor's where a source is known (documents of July 2026, staff and users in the forum, recorded
answers); where none is, the sentence says so in its comment.
"""

from typing import Final

INPUT, ORDER, TOKEN, PERMISSION, NETWORK, MARGIN, GENERAL, DATA = (
    "InputException",
    "OrderException",
    "TokenException",
    "PermissionException",
    "NetworkException",
    "MarginException",
    "GeneralException",
    "DataException",
)
NO_PROTECTION: Final = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
NO_SL_M: Final = "SL-M orders are not allowed for this instrument. Use SL orders instead."
WRONG_TOKEN: Final = "Incorrect `api_key` or `access_token`."  # noqa: S105 - a message
WRONG_ADDRESS: Final = "IP (127.0.0.1) is not allowed to place orders for this app."
NO_ROUTE: Final = "Route not found"
TIMED_OUT: Final = "Order request timed out. Please check the order book and confirm before placing again."
# From here on no verbatim source is known.
AMO_WHILE_OPEN: Final = "After market orders cannot be placed while the market is open. Place a regular order."
TOO_MANY_SLICES: Final = "The order would need {count} slices, at most {most} are allowed."
TOO_FEW_LEGS: Final = "Invalid `iceberg_legs`. An iceberg order has {least} to {most} legs."
WRONG_LEG: Final = "Invalid `iceberg_quantity`. {legs} legs of {leg} do not make {total}."
TOO_MANY_NAMES: Final = "At most {most} instruments can be asked for at once."
NO_VARIETY: Final = "Orders of the variety {variety} are not taken here."
NO_REFRESH: Final = "Refresh tokens are for approved platforms only."
UNKNOWN_TOKEN: Final = "Invalid token."  # noqa: S105 - a message
NO_INTERVAL: Final = "Invalid interval."
SPAN_TOO_LONG: Final = "The interval exceeds the maximum of {most} days."
NO_TRIGGER: Final = "There is no such trigger."
TRIGGER_IS_OVER: Final = "The trigger is not active."
NOT_THAT_MANY: Final = "There are not that many units to convert."


class KiteError(Exception):
    """An error answer."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error_type = status, error_type


def refused(message: str) -> KiteError:
    """The refusal of a request's own values."""
    return KiteError(400, INPUT, message)


def below_freeze(freeze_units: int) -> str:
    """The refusal of slices for an order that needs none [Kite forum 53037, 53057, 8 Oct 2026]."""
    return f"Quantity should be greater than or equal to {freeze_units} for order slicing."


def no_funds(needed: object, available: object) -> str:
    """The refusal of a slice whose margin is not there [kiteconnect-mocks, autoslice_response.json]."""
    return f"Insufficient funds. Required margin is {needed:.2f} but available margin is {available:.2f}."
