"""What a window of values comes to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.sources.scrape.series import MOST_KEPT, Made, Series, reduce
from autoscaler.sources.scrape.text import Value


def series(*values: float, every: float = 5.0, keep: float = 300.0) -> Series:
    made = Series()
    for number, value in enumerate(values):
        made.add(Value(value, None), number * every, keep)
    return made


def test_the_last_value() -> None:
    assert series(1, 2, 9).make("value", 30) == Made(9.0)


def test_a_rate_is_growth_per_second() -> None:
    assert series(100, 150, 200, 250).make("rate", 30) == Made(10.0, 15.0)


def test_a_rate_needs_two_values() -> None:
    assert series(100).make("rate", 30) is None
    assert Series().make("rate", 30) is None


def test_a_rate_looks_at_its_window_only() -> None:
    made = series(*([0] * 10), *range(0, 100, 10)).make("rate", 30)
    assert made is not None
    assert made.value == pytest.approx(2.0)
    assert made.window == 30.0


def test_a_counter_that_falls_began_again_from_zero() -> None:
    assert series(100, 150, 20, 70).make("rate", 30) == Made((50 + 20 + 50) / 15, 15.0)


def test_a_counter_that_stands_still_has_the_rate_zero() -> None:
    assert series(5, 5, 5).make("rate", 30) == Made(0.0, 10.0)


@pytest.mark.parametrize(("function", "value"), [("avg", 4.0), ("max", 9.0), ("min", 1.0)])
def test_functions_over_the_window(function: str, value: float) -> None:
    assert series(2, 1, 9, 4).make(function, 30) == Made(value, 15.0)


@pytest.mark.parametrize("function", ["rate", "avg", "max", "min"])
@pytest.mark.parametrize("place", range(4))
def test_what_is_no_number_is_not_hidden(function: str, place: int) -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    values[place] = math.nan
    made = series(*values).make(function, 30)
    assert made is not None
    assert math.isnan(made.value)


@pytest.mark.parametrize("function", ["sum", "avg", "max", "min"])
def test_no_reduction_hides_what_is_no_number(function: str) -> None:
    for place in range(3):
        values = [1.0, 2.0, 3.0]
        values[place] = math.nan
        assert math.isnan(reduce(function, values))


def test_a_page_that_dates_its_values_is_believed() -> None:
    made = Series()
    for scraped, at in ((0, 1000.0), (5, 1000.0), (10, 1030.0)):
        made.add(Value(at, at), scraped, 300)
    assert made.make("rate", 60) == Made(1.0, 30.0)
    assert made.dated == 1030.0


def test_a_date_that_goes_back_begins_anew() -> None:
    made = Series()
    made.add(Value(5, 1000.0), 0, 300)
    made.add(Value(6, 900.0), 5, 300)
    assert made.make("rate", 60) is None


def test_dated_and_undated_values_do_not_mix() -> None:
    made = series(1, 2)
    made.add(Value(9, 1e9), 50, 300)
    assert made.make("rate", 60) is None


def test_no_more_is_kept_than_is_needed() -> None:
    assert len(series(*range(100), keep=30)._points) == 7
    assert len(series(*range(100), keep=0)._points) == 1
    assert len(series(*range(5000), every=0.01)._points) == MOST_KEPT


@given(
    st.lists(
        st.tuples(st.floats(), st.none() | st.floats(-1e12, 1e12), st.floats(0, 100)), max_size=40
    ),
    st.sampled_from(["value", "rate", "avg", "max", "min"]),
)
def test_whatever_comes_there_is_a_number_or_none(
    steps: list[tuple[float, float | None, float]], function: str
) -> None:
    made, now = Series(), 0.0
    for value, at, step in steps:
        now += step
        made.add(Value(value, at), now, 60)
        found = made.make(function, 60)
        assert found is None or (type(found.value) is float and 0 <= found.window <= 61)


@given(st.lists(st.floats(0, 1e15), min_size=2, max_size=30))
def test_a_rate_of_a_counter_is_never_negative(values: list[float]) -> None:
    made = series(*values).make("rate", 300)
    assert made is not None
    assert made.value >= 0
