"""Which windows of time are open: cron expressions, durations and time zones, with `now`.

APScheduler's `CronTrigger` is the calculator. A window is [start, start + duration) in
elapsed time, so that it is as long on the day of a clock change as on any other. A start
in an hour that is skipped comes when the clock has gone on for as long as it lies in that
hour; one in an hour that is repeated comes once, unless the expression means every hour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from autoscaler import crontab
from autoscaler.policy.schedule import Window

MOST_KEPT = 4096
"""Expressions, and windows, that are kept ready."""
_LOOK_BACK = (3_600, 86_400, 8 * 86_400, 32 * 86_400, 367 * 86_400, 9 * 366 * 86_400)
"""Seconds to look back for the latest start, near ones first; 29 February skips 8 years."""
_DAY = 86_400
_NOTHING = timedelta()
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Phase:
    """Whether a window is open, from one moment up to, but not including, another."""

    open: bool
    since: float
    until: float


class Calendar:
    """Looks windows up, and reckons again only when one opens or closes."""

    def __init__(self) -> None:
        self._phases: dict[Window, Phase] = {}

    def phase(self, window: Window, now: float) -> Phase:
        """The phase that a window is in at `now`, in Unix seconds."""
        known = self._phases.get(window)
        if known is not None and known.since <= now < known.until:
            return known
        if len(self._phases) >= MOST_KEPT:
            self._phases.clear()
        self._phases[window] = phase(window, now)
        return self._phases[window]

    def next_change(self, now: float) -> float:
        """When the next of the windows that were asked for opens or closes; inf for never."""
        return min((p.until for p in self._phases.values() if p.until > now), default=math.inf)


def phase(window: Window, now: float) -> Phase:
    """Whether a window is open at `now`, and until when that is so at least."""
    if window.end is not None:
        return _between(window.cron, window.end, window.timezone, now)
    duration = window.duration or 0.0
    start = next_start(window.cron, window.timezone, now - duration, after=True)
    if start is None:
        return Phase(False, now, math.inf)
    is_open = start <= now
    return Phase(is_open, now, start + duration if is_open else start)


def _between(start: str, end: str, timezone: str, now: float) -> Phase:
    """Open from a start to the first end after it."""
    coming = next_start(start, timezone, now, after=True) or math.inf
    begun = latest_start(start, timezone, now)
    if begun is None:
        return Phase(False, now, coming)
    ended = next_start(end, timezone, begun, after=True) or math.inf
    return Phase(True, now, ended) if now < ended else Phase(False, now, coming)


def next_start(cron: str, timezone: str, moment: float, *, after: bool = False) -> float | None:
    """The first start at `moment` or later; with `after`, later. None: there is none."""
    return next(_starts(cron, timezone, moment + 1e-6 if after else moment), None)


def latest_start(cron: str, timezone: str, now: float) -> float | None:
    """The last start at `now` or before."""
    for seconds in _LOOK_BACK:
        latest = None
        for start in _starts(cron, timezone, now - seconds):
            if start > now:
                break
            latest = start
        if latest is not None:
            return latest
    return None


def _starts(cron: str, timezone: str, moment: float) -> Iterator[float]:
    """All starts from `moment` on, in order."""
    meaning, triggers = _triggers(cron, timezone)
    at = datetime.fromtimestamp(moment - _skipped_before(timezone, moment), UTC)
    while True:
        fires = [t.get_next_fire_time(None, at) for t in triggers]
        known = [fire for fire in fires if fire is not None]
        if not known:
            return
        first = min(known, key=lambda fire: fire.timestamp())
        if first.timestamp() >= moment and (not first.fold or meaning.every_hour):
            yield first.timestamp()
        at = first.astimezone(UTC) + timedelta(microseconds=1)


def _skipped_before(timezone: str, moment: float) -> float:
    """How much the clock was put forward within the last day, in seconds.

    The trigger knows of a start in what was skipped only if it is asked from before that.
    """
    zone = ZoneInfo(timezone)
    now, before = (datetime.fromtimestamp(at, zone).utcoffset() for at in (moment, moment - _DAY))
    return max(0.0, ((now or _NOTHING) - (before or _NOTHING)).total_seconds())


@lru_cache(maxsize=MOST_KEPT)
def _triggers(cron: str, timezone: str) -> tuple[crontab.Crontab, tuple[CronTrigger, ...]]:
    """One trigger, or two where either day may fit."""
    meaning, zone = crontab.parse(cron), ZoneInfo(timezone)
    every_day, every_weekday = tuple(range(1, 32)), tuple(range(7))
    pairs = [(meaning.days, meaning.weekdays)]
    if meaning.either_day:
        pairs = [(meaning.days, every_weekday), (every_day, meaning.weekdays)]
    return meaning, tuple(_trigger(meaning, days, weekdays, zone) for days, weekdays in pairs)


def _trigger(
    meaning: crontab.Crontab, days: tuple[int, ...], weekdays: tuple[int, ...], zone: ZoneInfo
) -> CronTrigger:
    return CronTrigger(
        minute=_listed(meaning.minutes),
        hour=_listed(meaning.hours),
        day=_listed(days),
        month=_listed(meaning.months),
        day_of_week=",".join(_DAYS[day] for day in weekdays),
        timezone=zone,
    )


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))
