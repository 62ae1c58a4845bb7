"""A small recorded day for tests with real processes: five options, two strategies of several legs, a run of a second.

Prices change every 5 s and the master trades in between, so that a copy which is some hundred milliseconds late (its
answer was lost with a process) still meets the same prices.
"""

from pathlib import Path

NAME = "2026-11-02"
CONFIG = """\
confirm: {when: never}
copy: {max_slippage_pct: 5.0}
filters: {products: [NRML]}
master: {id: M, broker: paper, capital_inr: 3500000}
children:
  - {id: C1, broker: paper, capital_inr: 1050000}
  - {id: C2, broker: paper, capital_inr: 1750000, max_capital_inr: 500000}
  - {id: C3, broker: paper, capital_inr: 1400000, sizing: {mode: fixed_ratio, ratio: 1/2}}
"""
FIRST_S, LAST_S, STEP_S = 9 * 3600 + 30 * 60, 9 * 3600 + 46 * 60, 5
"From 09:30 to 09:46."
CALL_WING, CALL, PUT, PUT_MOVED, PUT_WING = (
    f"NIFTY26NOV{strike}" for strike in ("25000CE", "24800CE", "24200PE", "24100PE", "24000PE")
)
_TICKS = {CALL_WING: 600, CALL: 1600, PUT: 1500, PUT_MOVED: 1100, PUT_WING: 700}
"Where the prices start, in ticks of 0.05."
_ORDERS = (
    # seconds after 09:30, symbol, side, lots
    (121, CALL_WING, "BUY", 6),
    (122, CALL_WING, "BUY", 4),
    (131, PUT_WING, "BUY", 10),
    (141, CALL, "SELL", 5),
    (142, CALL, "SELL", 5),
    (151, PUT, "SELL", 10),
    (241, PUT, "BUY", 10),
    (246, PUT_MOVED, "SELL", 10),
    (301, CALL, "BUY", 5),
    (306, PUT_MOVED, "BUY", 5),
    (311, CALL_WING, "SELL", 5),
    (316, PUT_WING, "SELL", 5),
    (401, CALL, "BUY", 5),
    (402, PUT_MOVED, "BUY", 5),
    (406, CALL_WING, "SELL", 5),
    (407, PUT_WING, "SELL", 5),
    (601, CALL, "BUY", 8),
    (611, PUT, "BUY", 8),
    (701, CALL, "SELL", 12),  # beyond zero: an exit and an entry
    (706, PUT, "SELL", 8),
    (801, CALL, "BUY", 2),
    (851, CALL, "BUY", 2),
)
LOT = 65
ORDERS = len(_ORDERS)


def write_day(directory: Path) -> str:
    """Write the day and its configuration below `directory`; returns the day's directory name."""
    day = directory / NAME
    day.mkdir()
    (directory / "accounts.yaml").write_text(CONFIG, encoding="utf-8")
    rows = [
        f"{_time(at_s)},{symbol},{_price(ticks)},{_price(ticks - 1)},6500,{_price(ticks + 1)},6500,1,1"
        for at_s in range(FIRST_S, LAST_S, STEP_S)
        for symbol, ticks in _prices(at_s).items()
    ]
    header = "time,symbol,last,bid,bid_qty,ask,ask_qty,volume_lots,oi_lots"
    (day / "quotes.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    rows = []
    for number, (after_s, symbol, side, lots) in enumerate(_ORDERS, start=1):
        ticks = _prices(FIRST_S + after_s)[symbol] + (1 if side == "BUY" else -1)
        time = _time(FIRST_S + after_s)
        rows.append(f"{time},26110200000000{number:05d},{symbol},{side},{lots * LOT},{_price(ticks)},NRML")
    header = "time,order_id,symbol,side,quantity,price,product"
    (day / "master_orders.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return NAME


def _prices(at_s: int) -> dict[str, int]:
    """Middle prices in ticks: each symbol on a path of its own that no two snapshots share."""
    step = (at_s - FIRST_S) // STEP_S
    return {
        symbol: start + (step * (7 + 2 * number)) % 23 - (step * 5) % 17
        for number, (symbol, start) in enumerate(_TICKS.items())
    }


def _price(ticks: int) -> str:
    return f"{ticks * 5 // 100}.{ticks * 5 % 100:02d}"


def _time(at_s: int) -> str:
    return f"{at_s // 3600:02d}:{at_s // 60 % 60:02d}:{at_s % 60:02d}"
