"""When it pays to ask again follows from when samples were taken."""

import pytest

from autoscaler.sources.prometheus.rhythm import LAGS, interval, next_due


def test_the_oldest_series_was_one_scrape_older_just_before_it_was_scraped() -> None:
    measured = {"a": 100.0, "b": 103.0}
    assert interval(measured, {"a": 95.0, "b": 98.0}) == 5.0


def test_an_aggregate_of_many_parts_tells_their_common_interval() -> None:
    """Its oldest part is scraped every 5 s, though the aggregate moves every 1 s."""
    scraped = {part: 100.0 + part for part in range(5)}
    oldest = min(scraped.values())
    before = min(at if at < oldest else at - 5.0 for at in scraped.values())
    assert interval({"sum": oldest}, {"sum": before}) == 5.0


def test_of_several_intervals_the_shortest_counts() -> None:
    assert interval({"slow": 100.0, "fast": 128.0}, {"slow": 40.0, "fast": 98.0}) == 30.0


@pytest.mark.parametrize(
    "before", [{}, {"other": 1.0}, {"a": 100.0}, {"a": 101.0}, {"a": 99.9}, {"a": -500.0}]
)
def test_an_interval_that_cannot_be_is_none(before: dict[str, float]) -> None:
    assert interval({"a": 100.0}, before) is None


def test_it_is_asked_soon_after_the_next_scrape_of_whichever_is_next() -> None:
    assert next_due([100.0, 103.0], 5.0, after=103.2) == 105.0 + LAGS[0]
    assert next_due([103.0, 105.0], 5.0, after=105.1) == 108.0 + LAGS[0]


def test_a_scrape_that_is_late_is_looked_for_a_few_times_and_then_given_up() -> None:
    asked, moment = [], 101.0
    while (due := next_due([100.0], 5.0, after=moment)) is not None:
        asked.append(due)
        moment = due
    assert asked == [105.0 + lag for lag in LAGS]


def test_one_that_died_does_not_hide_the_others() -> None:
    assert next_due([10.0, 100.0], 5.0, after=101.0) == 105.0 + LAGS[0]
