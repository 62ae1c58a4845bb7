"""How many orders a broker takes in a second, a minute, an hour and a day: the shape of the dated table.

The numbers are data (`config/market/order_limits.yaml`), read by `config.rules`. Nothing is counted here.
"""

import msgspec


class OrderLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be sent for one account; every figure is what we plan with, at most what the broker allows.

    `None`: the broker has no such limit.
    """

    second: int
    "Writes (place, modify, cancel together) in any second."
    minute: int
    "Writes in any minute."
    hour: int | None = None
    "Writes in any hour."
    day_placements: int | None = None
    "Orders placed on a day, those of the broker's other programs included."

    def __post_init__(self) -> None:
        """Refuse what would stop an account for good."""
        for figure in (self.second, self.minute, self.hour, self.day_placements):
            if figure is not None and figure < 1:
                raise ValueError("a limit of orders is at least 1")
