"""Cron expressions as crontab(5) has them: five fields, weekdays from Sunday = 0 or 7.

    minute hour day-of-month month day-of-week        "0 8 * * mon-fri"

Read here and not by APScheduler, whose weekdays count from Monday = 0 and which joins day of
month and day of week with "and", where crontab(5) says "or" when both are restricted.
"""

from __future__ import annotations

from dataclasses import dataclass

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("day of week", 0, 7, tuple(_DAYS)),
)


@dataclass(frozen=True, slots=True)
class Crontab:
    """The times that an expression means; weekdays from Sunday = 0 to Saturday = 6."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool
    """Both day fields are restricted: a day that fits one of them is meant."""

    @property
    def every_hour(self) -> bool:
        """Whether the hour is not restricted."""
        return len(self.hours) == 24


def parse(expression: str) -> Crontab:
    """Read an expression. Raises ValueError that names the field and what was expected."""
    words = MACROS.get(expression.strip().lower(), expression).split()
    if len(words) != len(_FIELDS):
        raise ValueError(
            f"{expression!r} has {len(words)} fields; expected five: "
            "minute hour day-of-month month day-of-week"
        )
    minutes, hours, days, months, weekdays = (
        _parse_field(word.lower(), field) for word, field in zip(words, _FIELDS, strict=True)
    )
    either = not words[2].startswith("*") and not words[4].startswith("*")
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    if not either and not any(day <= _LONGEST_MONTH[month - 1] for day in days for month in months):
        raise ValueError(f"{expression!r} never comes: no such day in these months")
    return Crontab(minutes, hours, days, months, weekdays, either)


def _parse_field(word: str, field: _Field) -> tuple[int, ...]:
    found: set[int] = set()
    for part in word.split(","):
        found |= set(_parse_part(part, field))
    return tuple(sorted(found))


def _parse_part(part: str, field: _Field) -> range:
    """`*`, `5`, `1-5`, each with an optional `/step`."""
    span, slash, step = part.partition("/")
    start, dash, end = span.partition("-")
    if span == "*":
        low, high = field.first, field.last - (field.name == "day of week")
    else:
        low = _number(start, field)
        # "5/10" means from 5 to the end, as in Vixie's cron.
        high = _number(end, field) if dash else (field.last if slash else low)
    if high < low:
        raise ValueError(f"{field.name}: {span!r} runs backwards")
    return range(low, high + 1, _step(step, field) if slash else 1)


def _step(text: str, field: _Field) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:4]) <= field.last:
        raise ValueError(f"{field.name}: expected a step from 1 to {field.last}, not {text!r}")
    return int(text[:4])


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names.index(text) + field.first
    if text.isascii() and text.isdigit() and field.first <= int(text[:4]) <= field.last:
        return int(text[:4])
    names = f" or {field.names[0]}-{field.names[-1]}" if field.names else ""
    raise ValueError(f"{field.name}: expected {field.first}-{field.last}{names}, not {text!r}")
