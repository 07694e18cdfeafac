"""What was measured, with its gaps."""

from __future__ import annotations

import pytest

from autoscaler.backtest.series import Series, read_csv
from autoscaler.errors import Invalid


def test_between_two_samples_lies_a_line() -> None:
    series = Series.of([(0, 10.0), (60, 20.0), (120, 20.0)])
    assert series.at(0) == 10.0
    assert series.at(15) == 12.5
    assert series.at(120) == 20.0


def test_nothing_is_known_before_after_and_in_a_gap() -> None:
    series = Series.of([(0, 1.0), (60, 1.0), (120, 1.0), (600, 1.0), (660, 1.0)])
    assert series.at(-1) is None
    assert series.at(661) is None
    assert series.at(300) is None
    assert series.at(600) == 1.0


def test_samples_may_come_in_any_order_and_the_largest_of_one_moment_counts() -> None:
    series = Series.of([(60, 2.0), (0, 1.0), (60, 3.0)])
    assert [*series.times] == [0, 60]
    assert series.at(60) == 3.0


def test_it_is_sampled_in_equal_steps_up_to_but_not_at_the_end() -> None:
    series = Series.of([(0, 0.0), (10, 10.0)])
    assert [*series.sampled(0, 10, 5)] == [(0, 0.0), (5, 5.0)]


def test_a_csv_file_holds_a_time_and_series_by_column() -> None:
    found = read_csv("timestamp_s,load,cpu\n0,1,10\n60,2,\n120,3,30\n", "f.csv")
    assert found["load"].at(60) == 2.0
    assert [*found["cpu"].times] == [0, 120]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f.csv: line 1: expected a header such as timestamp_s,value"),
        ("timestamp_s\n0\n", "f.csv: line 1: expected a header"),
        ("t,v\n0,1\n60,one\n", "f.csv: line 3: v: expected a finite number, not 'one'"),
        ("t,v\nnan,1\n", "f.csv: line 2: t: expected a finite number, not 'nan'"),
        ("t,v\n0,1,2\n", "f.csv: line 2: expected 2 fields, found 3"),
        ("t,v\n1795680000000,1\n", "f.csv: line 2: t: expected Unix seconds; 1795680000000 is in"),
        ("t,v\n0,\n", "f.csv: column 'v' holds no value"),
        ("t,v\n", "f.csv: column 'v' holds no value"),
        ("t,v\n\n0,1\n0,\ufffd\n", "f.csv: line 4: v: expected a finite number"),
        ("t,v\n0," + "1" * 200_000, "f.csv: line 2: field larger than"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        read_csv(text, "f.csv")
