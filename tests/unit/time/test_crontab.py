"""Cron expressions mean what crontab(5) says."""

from __future__ import annotations

import re

import pytest

from autoscaler import crontab


@pytest.mark.parametrize(
    ("word", "weekdays"),
    [
        ("*", (0, 1, 2, 3, 4, 5, 6)),
        ("0", (0,)),
        ("7", (0,)),
        ("1-5", (1, 2, 3, 4, 5)),
        ("5-7", (0, 5, 6)),
        ("mon-fri", (1, 2, 3, 4, 5)),
        ("SUN,sat", (0, 6)),
        ("*/2", (0, 2, 4, 6)),
    ],
)
def test_weekdays_count_from_sunday(word: str, weekdays: tuple[int, ...]) -> None:
    assert crontab.parse(f"0 0 * * {word}").weekdays == weekdays


@pytest.mark.parametrize(
    ("word", "minutes"),
    [
        ("5", (5,)),
        ("0,30", (0, 30)),
        ("*/20", (0, 20, 40)),
        ("10-12", (10, 11, 12)),
        ("0-10/5", (0, 5, 10)),
        ("50/5", (50, 55)),
    ],
)
def test_lists_ranges_and_steps(word: str, minutes: tuple[int, ...]) -> None:
    assert crontab.parse(f"{word} * * * *").minutes == minutes


def test_two_restricted_day_fields_mean_either() -> None:
    assert crontab.parse("0 0 13 * fri").either_day
    assert not crontab.parse("0 0 13 * *").either_day
    assert not crontab.parse("0 0 * * fri").either_day


def test_macros_stand_for_expressions() -> None:
    assert crontab.parse("@weekly") == crontab.parse("0 0 * * 0")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("* * * *", "4 fields; expected five"),
        ("60 * * * *", "minute: expected 0-59"),
        ("* 24 * * *", "hour: expected 0-23"),
        ("* * 0 * *", "day of month: expected 1-31"),
        ("* * * 13 *", "month: expected 1-12 or jan-dec"),
        ("* * * * 8", "day of week: expected 0-7 or sun-sat"),
        ("5-1 * * * *", "runs backwards"),
        ("*/0 * * * *", "expected a step"),
        ("1,,2 * * * *", "minute: expected 0-59, not ''"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("²  * * * *", "minute: expected"),
    ],
)
def test_a_wrong_expression_names_the_field(expression: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        crontab.parse(expression)
