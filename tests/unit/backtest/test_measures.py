"""How well replicas followed demand."""

from __future__ import annotations

import pytest

from autoscaler.backtest.measures import Quality, Span, quality, speedup


def test_supply_that_equals_demand_is_perfect() -> None:
    found = quality([Span(600, 3, 3), Span(600, 5, 5)], actions=1)
    assert found == Quality(0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 1.0, 1 / 3)


def test_what_lacks_and_what_is_too_much_is_relative_to_demand() -> None:
    found = quality([Span(100, 4, 3), Span(300, 2, 4)], actions=0)
    assert found.theta_under == pytest.approx(100 * (1 / 4) / 4)
    assert found.theta_over == pytest.approx(100 * 3 / 4)
    assert found.tau_under == pytest.approx(25.0)
    assert found.tau_over == pytest.approx(75.0)
    assert found.cost == pytest.approx((300 + 1200) / (400 + 600))


def test_moves_in_different_directions_are_instability() -> None:
    together = [Span(60, 1, 1), Span(60, 2, 2), Span(60, 1, 1)]
    apart = [Span(60, 1, 1), Span(60, 2, 1), Span(60, 1, 1)]
    assert quality(together, 0).instability == 0.0
    assert quality(apart, 0).instability == 100.0


def test_a_run_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="no length"):
        quality([], 0)


def test_the_speedup_is_the_geometric_mean_of_four_ratios() -> None:
    still = quality([Span(100, 4, 2), Span(100, 1, 2)], 0)
    assert speedup(still, still) == pytest.approx(1.0)
    half = quality([Span(50, 4, 2), Span(50, 1, 2), Span(100, 2, 2)], 0)
    assert speedup(still, half) == pytest.approx(2.0)
