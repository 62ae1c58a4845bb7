"""Numbers, times and durations as text for people. Pure functions; nothing here knows a widget or a snapshot.

A number is never clipped: what does not fit becomes `####`. What is not known is `?`, never zero.
"""

from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from engine.model import NS_PER_MS, NS_PER_S
from engine.money import group_indian

IST = timezone(timedelta(hours=5, minutes=30), "IST")
UNKNOWN = "?"
LAKH = Decimal(100_000)
CRORE = Decimal(10_000_000)
RATIO_DENOMINATOR_MAX = 99
"Larger denominators are shown as a decimal number: `≈0.2989` says more than `104987/351234`."


def number(value: Decimal | int | None, *, places: int = 0, signed: bool = False, symbol: str = "") -> str:
    """A number in Indian grouping; `signed` writes the plus too; `symbol` stands after the sign."""
    if value is None:
        return UNKNOWN
    exact = Decimal(value)
    if not exact.is_finite():
        return UNKNOWN
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    whole, _, rest = f"{abs(rounded):f}".partition(".")
    mark = "-" if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{mark}{symbol}{group_indian(whole)}{'.' + rest if rest else ''}"


def rupees(value: Decimal | None, *, signed: bool = False, places: int = 0) -> str:
    """An amount with its sign and rupee symbol: `-₹1,00,000`."""
    return number(value, places=places, signed=signed, symbol="₹")


def price(value: Decimal | None) -> str:
    """A price with two decimals."""
    return number(value, places=2)


def compact(value: Decimal | None, *, signed: bool = False) -> str:
    """A large amount in lakh or crore: `12.35 L`, `1.20 Cr`; below one lakh in full."""
    if value is None:
        return UNKNOWN
    for unit, name in ((CRORE, "Cr"), (LAKH, "L")):
        if abs(value) >= unit:
            return f"{number(value / unit, places=2, signed=signed)} {name}"
    return number(value, signed=signed)


def fit(text: str, width: int) -> str:
    """A number's text, right-aligned; `####` when it does not fit."""
    return text.rjust(width) if len(text) <= width else "#" * max(width, 0)


def fit_amount(value: Decimal | None, width: int, *, signed: bool = False) -> str:
    """An amount in `width` cells: in full, else in lakh and crore, else `####`."""
    full = number(value, signed=signed)
    return fit(full if len(full) <= width else compact(value, signed=signed), width)


def percent(part: Decimal) -> str:
    """A part as whole percents with its sign: `+32 %`; `0 %` where that is next to nothing."""
    return f"{number(part * 100, signed=True)} %"


def lots(value: Decimal | int, *, signed: bool = True) -> str:
    """Lots with their sign, decimals only for odd remainders: `+3`, `-1.5`, `0`; `≈0` for a unit of a large lot."""
    exact = Decimal(value)
    if exact == exact.to_integral_value():
        return number(exact, signed=signed)
    rounded = exact.quantize(Decimal("0.01"))
    if rounded == rounded.to_integral_value():
        return f"≈{number(rounded, signed=signed)}"
    return f"{rounded.normalize():{'+' if signed else ''}f}"


def word(value: Decimal | int, name: str) -> str:
    """A name behind one of it, its plural behind any other number."""
    return name if abs(value) == 1 else f"{name}s"


def in_lots(value: Decimal | int, *, signed: bool = True) -> str:
    """`+3 lots`, `-1 lot`."""
    return f"{lots(value, signed=signed)} {word(value, 'lot')}"


def counted(count: int, name: str) -> str:
    """`1 leg`, `4 legs`."""
    return f"{count} {word(count, name)}"


def lots_or_units(value: Decimal, lot_units: int | None) -> str:
    """`+3 lots`; `+650 units` where it is not known how many make a lot."""
    return f"{lots(value)} {word(value, 'unit' if lot_units is None else 'lot')}"


def ratio(value: Fraction | None) -> str:
    """A ratio as a fraction where that is readable, else as a decimal number."""
    if value is None:
        return "–"
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator <= RATIO_DENOMINATOR_MAX:
        return f"{value.numerator}/{value.denominator}"
    decimal = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.0001"))
    return f"≈{decimal}"


def to_ist(at_ns: int) -> datetime:
    """The moment as a time in India."""
    return datetime.fromtimestamp(at_ns // NS_PER_S, IST)


def clock(at_ns: int | None) -> str:
    """`11:42:07` in India."""
    return UNKNOWN if at_ns is None else to_ist(at_ns).strftime("%H:%M:%S")


def moment(at_ns: int) -> str:
    """`11:42:07.250`."""
    return f"{clock(at_ns)}.{at_ns % NS_PER_S // NS_PER_MS:03d}"


def short_clock(at_ns: int | None) -> str:
    """`11:42` in India."""
    return UNKNOWN if at_ns is None else to_ist(at_ns).strftime("%H:%M")


def day_clock(at_ns: int | None, now_ns: int, *, today: str = "%H:%M") -> str:
    """`09:15` (or as `today` says) when it is the same day as now, else `Mon 09:15`, from a week on `02 Nov 09:15`."""
    if at_ns is None:
        return UNKNOWN
    then, now = to_ist(at_ns), to_ist(now_ns)
    if then.date() == now.date():
        return then.strftime(today)
    pattern = "%a %H:%M" if abs((then.date() - now.date()).days) < 7 else "%d %b %H:%M"
    return then.strftime(pattern)


def duration(length_ns: int) -> str:
    """How long: `0.2 s`, `12 s`, `3 min`, `2 h 05 min`, `4 d`. Nothing negative."""
    tenths = max(length_ns, 0) // (NS_PER_S // 10)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s"
    seconds = tenths // 10
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{hours // 24} d"


def age(at_ns: int | None, now_ns: int) -> str:
    """How long ago something happened, `never` when it did not."""
    return "never" if at_ns is None else duration(now_ns - at_ns)


def seconds_left(deadline_ns: int, now_ns: int) -> int:
    """Whole seconds until a deadline, rounded up, never negative."""
    return max(-(-(deadline_ns - now_ns) // NS_PER_S), 0)


def countdown(deadline_ns: int, now_ns: int) -> str:
    """`74 s left`, from two minutes on `3 min left`, `now` at the end."""
    left = seconds_left(deadline_ns, now_ns)
    if left == 0:
        return "now"
    return f"{left} s left" if left < 120 else f"{left // 60} min left"


def speed(factor: Decimal) -> str:
    """`×4`; '' at the speed of the real time."""
    if factor == 1:
        return ""
    return "×max" if factor <= 0 or not factor.is_finite() else f"×{factor.normalize():f}"


def sparkline(values: list[int]) -> str:
    """Values as block characters, scaled to the largest."""
    top = max(values, default=0)
    if top <= 0:
        return "▁" * len(values)
    return "".join("▁▂▃▄▅▆▇█"[min(7, 8 * max(value, 0) // (top + 1))] for value in values)


def parse_amount(text: str) -> Decimal | None:
    """A typed positive amount: digits with commas or spaces, `5 L` and `1.2 Cr` too; `None` when it is not one."""
    bare = text.replace(",", "").replace("₹", "").strip().lower()
    factor = Decimal(1)
    for suffix, unit in (("cr", CRORE), ("l", LAKH)):
        if bare.endswith(suffix):
            bare, factor = bare.removesuffix(suffix).strip(), unit
            break
    whole, dot, rest = bare.partition(".")
    if (
        not whole.isascii()
        or not whole.isdigit()
        or (dot and not (rest.isascii() and rest.isdigit()))
        or len(bare) > 15
    ):
        return None
    amount = Decimal(bare) * factor
    return amount if amount > 0 else None
