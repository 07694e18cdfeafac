"""Windows are open when they should be: over clock changes, restarts and leap days."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoscaler.calendar_windows import Calendar, next_start, phase
from autoscaler.policy.schedule import Window

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    """Unix seconds of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def window(cron: str, **words: Any) -> Window:
    return Window.model_validate({"timezone": BERLIN, "cron": cron, **words})


def is_open(cron: str, moment: float, **words: Any) -> bool:
    return phase(window(cron, **words), moment).open


def test_office_hours_open_on_weekdays_only() -> None:
    hours = {"cron": "0 8 * * mon-fri", "duration": "10h"}
    assert not is_open(moment=at("2026-11-23T07:59:59"), **hours)
    assert is_open(moment=at("2026-11-23T08:00:00"), **hours)
    assert is_open(moment=at("2026-11-23T17:59:59"), **hours)
    assert not is_open(moment=at("2026-11-23T18:00:00"), **hours)
    assert not is_open(moment=at("2026-11-22T12:00:00"), **hours)


def test_numbers_mean_the_same_weekdays_as_names() -> None:
    for day in range(22, 29):
        moment = at(f"2026-11-{day}T12:00:00")
        named = is_open("0 8 * * mon-fri", moment, duration="10h")
        assert is_open("0 8 * * 1-5", moment, duration="10h") == named


def test_a_window_may_pass_midnight() -> None:
    assert is_open("0 22 * * fri", at("2026-11-28T05:00:00"), duration="8h")


def test_a_window_that_is_open_at_start_up_is_open() -> None:
    moment = at("2026-11-23T12:00:00")
    assert Calendar().phase(window("0 8 * * *", duration="10h"), moment).open


def test_on_the_short_day_a_window_lasts_as_long_as_ever() -> None:
    # 2026-03-29: the clock goes from 02:00 to 03:00.
    assert is_open("0 1 * * *", at("2026-03-29T04:59:59"), duration="3h")
    assert not is_open("0 1 * * *", at("2026-03-29T05:00:00"), duration="3h")


def test_a_start_in_the_skipped_hour_is_not_lost() -> None:
    assert is_open("30 2 * * *", at("2026-03-29T03:45:00"), duration="1h")


@pytest.mark.parametrize("duration", ["5m", "10m", "20m", "3h"])
def test_a_short_window_opens_too_where_its_start_is_skipped(duration: str) -> None:
    assert not is_open("30 2 * * *", at("2026-03-29T03:29:59"), duration=duration)
    assert is_open("30 2 * * *", at("2026-03-29T03:30:00"), duration=duration)
    assert is_open("30 2 * * *", at("2026-03-29T03:34:59"), duration=duration)


@pytest.mark.parametrize("minute", range(0, 30, 7))
def test_a_skipped_start_is_at_the_same_time_whenever_it_is_asked_for(minute: int) -> None:
    for asked in (f"2026-03-29T01:{minute:02}:00", f"2026-03-29T03:{minute:02}:00"):
        found = next_start("30 2 * * *", BERLIN, at(asked), after=True)
        assert found == at("2026-03-29T03:30:00")


def test_a_day_that_is_skipped_has_its_starts_on_the_next() -> None:
    """Samoa had no 30 December in 2011."""
    shown = datetime(2011, 12, 31, 9, 30, tzinfo=ZoneInfo("Pacific/Apia")).timestamp()
    assert next_start("30 9 30 12 *", "Pacific/Apia", shown - 60) == shown


def test_a_start_in_the_repeated_hour_comes_once() -> None:
    # 2026-10-25: the clock goes from 03:00 back to 02:00.
    assert is_open("30 2 * * *", at("2026-10-25T02:35:00"), duration="10m")
    assert not is_open("30 2 * * *", at("2026-10-25T02:35:00", fold=1), duration="10m")


def test_an_hourly_start_comes_in_both_repeated_hours() -> None:
    assert is_open("30 * * * *", at("2026-10-25T02:35:00", fold=1), duration="10m")


def test_either_day_opens_where_both_are_restricted() -> None:
    for day, fits in [("2026-11-13", True), ("2026-11-20", True), ("2026-12-13", True)]:
        assert is_open("0 0 13 * fri", at(f"{day}T01:00:00"), duration="2h") is fits
    assert not is_open("0 0 13 * fri", at("2026-11-14T03:00:00"), duration="2h")


@pytest.mark.parametrize(
    ("moment", "expected"), [("16:29", False), ("16:30", True), ("23:00", True)]
)
def test_an_end_closes_a_window(moment: str, expected: bool) -> None:
    assert is_open("30 16 * * *", at(f"2026-11-23T{moment}:00"), end="0 9 * * *") is expected


def test_leap_day_is_found_from_years_away() -> None:
    assert is_open("0 0 29 2 *", at("2028-02-29T11:59:00"), end="0 12 29 2 *")
    assert not is_open("0 0 29 2 *", at("2026-03-01T00:00:00"), end="0 12 29 2 *")


CRONS = st.sampled_from(
    ["0 8 * * mon-fri", "*/15 * * * *", "30 2 * * *", "0 0 1 * *", "5 4 29 2 *"]
)
MOMENTS = st.floats(at("2025-01-01T00:00:00"), at("2029-01-01T00:00:00"))


@example("*/15 * * * *", 60, 1861916399.9999998, 1.0)
@given(CRONS, st.integers(60, 200_000), MOMENTS, st.floats(0, 1))
def test_a_phase_holds_until_it_says(cron: str, seconds: int, moment: float, share: float) -> None:
    one = window(cron, duration=f"{seconds}s")
    found = phase(one, moment)
    assert found.until > moment
    # Dates are reckoned in whole microseconds.
    last = max(moment, found.until - 1e-6)
    later = min(moment + share * (found.until - moment), last, moment + 1e8)
    assert phase(one, later).open == found.open


@given(CRONS, st.lists(MOMENTS, min_size=2, max_size=6))
def test_a_calendar_answers_as_if_it_kept_nothing(cron: str, moments: list[float]) -> None:
    calendar, one = Calendar(), window(cron, duration="7h")
    for moment in moments:
        assert calendar.phase(one, moment).open == phase(one, moment).open
