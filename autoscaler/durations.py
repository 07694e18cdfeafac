"""Durations as Docker writes them: `500ms`, `30s`, `5m`, `1h30m`, `0s`.

A policy says "5m", the code reckons in seconds, and a policy that is dumped says "5m" again.
Units stand in falling order, each at most once: h, m, s, ms, us (or µs), ns. Parts may have
a fraction (`1.5h`). The resolution is Docker's, one nanosecond.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = 1_000_000 * 3600.0
"""The longest duration that is understood, in seconds: a million hours."""

_UNITS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
_PARTS = "".join(f"(?:({_NUMBER}){unit.replace('us', '[uµμ]s')})?" for unit in _UNITS)
_DURATION = re.compile(_PARTS)
# For editors: shorter, and only a little more lenient, than what is parsed.
_HINT = r"^(0|([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+)$"
_EXPECTED = "expected a duration such as 500ms, 30s, 5m or 1h30m"


def parse_duration(value: object) -> float:
    """Return the seconds that a duration stands for: 0 up to a million hours.

    Takes text, and the number 0, which needs no unit. Raises ValueError that says what was
    expected: for another bare number, a sign, an unknown unit or units out of order.
    """
    if isinstance(value, str):
        return _parse_text(value)
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise ValueError(_no_duration(value))


def format_duration(seconds: float) -> str:
    """Write seconds as Docker would: 90 as `1m30s`, 0.5 as `500ms`, 0 as `0s`.

    Rounds to a nanosecond; `parse_duration` reads the same number back. Raises ValueError
    for what is negative, not finite or longer than a million hours.
    """
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"a duration lies between 0s and {LONGEST / 3600:.0f}h, not {seconds}")
    nanoseconds = round(Decimal(repr(float(seconds))) * _UNITS["s"])
    if nanoseconds < _UNITS["s"]:
        return _below_a_second(nanoseconds)
    hours, rest = divmod(nanoseconds, _UNITS["h"])
    minutes, rest = divmod(rest, _UNITS["m"])
    parts = ((Decimal(hours), "h"), (Decimal(minutes), "m"), (Decimal(rest) / _UNITS["s"], "s"))
    return "".join(f"{_plain(number)}{unit}" for number, unit in parts if number)


def _parse_text(text: str) -> float:
    text = text.strip()
    if text == "0":
        return 0.0
    if _is_number(text):
        raise ValueError(_without_unit(text))
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{_EXPECTED}, not {text[:40]!r}")
    parts = zip(found.groups(), _UNITS.values(), strict=True)
    nanoseconds = round(sum(Decimal(number) * unit for number, unit in parts if number))
    seconds = nanoseconds / _UNITS["s"]
    if seconds > LONGEST:
        raise ValueError(f"a duration is at most {LONGEST / 3600:.0f}h, not {text[:40]!r}")
    return seconds


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _no_duration(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _without_unit(str(value))
    return f"{_EXPECTED}, not {type(value).__name__}"


def _without_unit(number: str) -> str:
    if number.startswith("-"):
        return f"{_EXPECTED}, not {number[:40]}: a duration is never negative"
    return f"{number[:40]} has no unit: write {number[:40]}s for seconds"


def _below_a_second(nanoseconds: int) -> str:
    for unit in ("ms", "us", "ns"):
        if nanoseconds >= _UNITS[unit]:
            return f"{_plain(Decimal(nanoseconds) / _UNITS[unit])}{unit}"
    return "0s"


def _plain(number: Decimal) -> str:
    """Without an exponent and without zeros at the end of a fraction."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _HINT, "examples": ["30s", "5m", "1h30m"]}),
]
"""Seconds in the code, Docker's words in a document; for the fields of pydantic models."""
