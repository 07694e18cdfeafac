"""Forecasts that compete."""

from __future__ import annotations

import pytest

from autoscaler.strategies.rivals import EACH, Rivals

NONE = Rivals((0.0, 0.0))


def told(*said: float, came: float) -> Rivals:
    """Forecasts of one moment that has come."""
    return NONE.saying(0.0, 10.0, said).after(10.0, 10.0, came)


def test_the_one_that_was_right_counts() -> None:
    assert told(5.0, 7.0, came=7.0).average([1.0, 2.0]) == pytest.approx(2.0, abs=1e-4)


def test_those_that_are_about_as_good_count_both() -> None:
    assert 1.1 < told(5.0, 5.1, came=7.0).average([1.0, 2.0]) < 1.9


def test_before_one_has_come_true_the_first_is_taken() -> None:
    found = NONE.saying(0.0, 10.0, [5.0, 7.0]).after(9.0, 9.0, 7.0)
    assert found.average([1.0, 2.0]) == 1.0
    assert found.variance == 0.0


def test_only_what_was_too_low_is_doubted() -> None:
    assert told(5.0, 6.0, came=8.0).variance == 4.0
    assert told(8.0, 9.0, came=5.0).variance == 0.0


def test_a_forecast_that_nobody_looked_at_in_time_says_nothing() -> None:
    found = NONE.saying(0.0, 10.0, [5.0, 7.0]).after(7200.0, 7200.0, 7.0)
    assert found.weight == 0.0
    assert not found.pending


def test_old_errors_are_forgotten() -> None:
    wrong = told(5.0, 7.0, came=5.0)
    later = wrong.saying(7200.0, 10.0, [5.0, 7.0]).after(7210.0, 7200.0, 7.0)
    assert later.average([1.0, 2.0]) == pytest.approx(2.0, abs=1e-2)


def test_few_forecasts_are_open_at_a_time() -> None:
    found = NONE
    for number in range(100):
        found = found.after(number * 1.0, 1.0, 5.0).saying(number * 1.0, 60.0, [5.0, 7.0])
        assert len(found.pending) <= EACH + 1
    assert found.weight > 1


def test_what_is_stored_is_read_again() -> None:
    found = NONE.saying(0.0, 10.0, [5.0, 7.0]).after(3.0, 3.0, 7.0)
    assert Rivals.read(found.stored(), 2) == found
    with pytest.raises(ValueError, match="not these forecasts"):
        Rivals.read(found.stored(), 3)
