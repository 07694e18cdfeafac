"""The arithmetic behind forecasts, held against its definition."""

from __future__ import annotations

import json
import random
from math import exp

import pytest

from autoscaler.strategies.foresight import ERRORS, FEWEST, FIRST, ROLLING, Foresight, Pending
from autoscaler.strategies.lines import Line
from autoscaler.strategies.recursive import DOUBT, KEPT, TOO_UNCERTAIN, Weights
from autoscaler.strategies.season import SLOT, Season
from autoscaler.strategies.trend import AHEAD, Noise, Trend, follow, newest

HORIZON = 60.0


def going(level: float, slope: float = 0.0) -> Trend:
    return Trend(level, slope * HORIZON, level)


# forecasts


def test_at_first_a_forecast_is_where_the_trend_leads() -> None:
    known, value = Foresight().after(1000.0, going(200.0, 2.0), HORIZON, 7.0)
    assert value == 320.0
    assert known.pending == (Pending(1060.0, 320.0, (200.0, 120.0, 7.0)),)
    assert (known.errors, known.weights) == ((), Foresight().weights)


def test_four_forecasts_are_made_in_the_time_that_one_looks_ahead() -> None:
    known = Foresight()
    for second in range(241):
        known, _ = known.after(float(second), going(100.0), HORIZON, 0.0)
    assert [each.due for each in known.pending] == [255.0, 270.0, 285.0, 300.0]


def test_a_forecast_whose_time_has_come_is_compared_with_what_came() -> None:
    made = Pending(1000.0, 180.0, (150.0, 30.0, 0.0))
    known, _ = Foresight(pending=(made,)).after(1000.0, going(200.0), HORIZON, 0.0)
    assert known.errors == (20.0,)
    assert known.loss == pytest.approx((1 - ROLLING) * 20.0)
    assert known.naive == pytest.approx((1 - ROLLING) * 20.0)
    again = Pending(1000.0, 230.0, (190.0, 0.0, 0.0))
    known, _ = Foresight(
        pending=(again,), errors=(20.0,), loss=known.loss, naive=known.naive
    ).after(1000.0, going(200.0), HORIZON, 0.0)
    assert known.errors == (20.0, -30.0)
    assert known.loss == pytest.approx(ROLLING * 0.4 + 0.6)
    assert known.naive == pytest.approx(ROLLING * 0.4 + 0.2)


def test_only_the_last_errors_are_remembered() -> None:
    made = Pending(1000.0, 180.0, (150.0, 30.0, 0.0))
    before = tuple(float(n) for n in range(ERRORS))
    known, _ = Foresight(pending=(made,), errors=before).after(1000.0, going(200.0), HORIZON, 0.0)
    assert known.errors == (*before[1:], 20.0)


def test_forecasts_of_a_clock_that_was_ahead_are_forgotten() -> None:
    inputs = (1.0, 0.0, 0.0)
    pending = tuple(Pending(at, 1.0, inputs) for at in (1000.1, 1060.0, 1060.1, 9000.0))
    known, _ = Foresight(pending=pending).after(1000.0, going(1.0), HORIZON, 0.0)
    assert [each.due for each in known.pending] == [1000.1, 1060.0]


@pytest.mark.parametrize(
    ("slope", "value"), [(1.0, 160.0), (99.0, 300.0), (-1.0, 40.0), (-9.0, 0.0)]
)
def test_a_forecast_is_never_below_nothing_nor_above_three_times_what_there_is(
    slope: float, value: float
) -> None:
    sure = Foresight(weights=Weights((1.0, 1.0, 0.0), Weights.begun(FIRST).covariance))
    assert sure.after(0.0, going(100.0, slope), HORIZON, 0.0)[1] == pytest.approx(value)


def test_a_forecast_without_bounds_is_what_there_is() -> None:
    wild = Foresight(weights=Weights((1e308, 1e308, 0.0), Weights.begun(FIRST).covariance))
    assert wild.after(0.0, going(100.0, 9.0), HORIZON, 0.0)[1] == 100.0
    assert wild.after(0.0, going(-100.0, -9.0), HORIZON, 0.0)[1] == 0.0


@pytest.mark.parametrize(
    ("errors", "quantile", "margin"),
    [
        (range(1, 11), 0.9, 9.0),
        (range(10, 0, -1), 0.5, 5.0),
        (range(1, 11), 0.91, 10.0),
        ((-5, -3), 0.9, 0.0),
        ((7,), 0.5, 7.0),
        ((), 0.9, 0.0),
    ],
)
def test_the_margin_covers_that_share_of_the_errors(
    errors: range | tuple[int, ...], quantile: float, margin: float
) -> None:
    assert Foresight(errors=tuple(map(float, errors))).margin(quantile) == margin


@pytest.mark.parametrize(
    ("errors", "loss", "counts"),
    [(FEWEST, 1.0, True), (FEWEST - 1, 1.0, False), (FEWEST, 1.01, False), (FEWEST, 0.5, True)],
)
def test_forecasts_count_once_enough_of_them_were_no_worse_than_none(
    errors: int, loss: float, counts: bool
) -> None:
    assert Foresight(errors=(1.0,) * errors, loss=loss, naive=1.0).counts is counts


@pytest.mark.parametrize(
    ("inputs", "level", "shares", "error"),
    [
        ((200.0, 40.0, 8.0), 250.0, (1.0, 0.2, 0.04), 0.05),
        ((200.0, 40.0, 8.0), 900.0, (1.0, 0.2, 0.04), 1.0),
        ((200.0, 40.0, 8.0), -900.0, (1.0, 0.2, 0.04), -1.0),
        ((-200.0, 40.0, 8.0), -250.0, (-1.0, 0.2, 0.04), -0.45),
    ],
)
def test_weights_are_learned_from_shares_of_what_there_was(
    inputs: tuple[float, ...], level: float, shares: tuple[float, ...], error: float
) -> None:
    made = Pending(1000.0, 180.0, inputs)
    known, _ = Foresight(pending=(made,)).after(1000.0, going(level), HORIZON, 0.0)
    expected = Weights.begun(FIRST).learned(shares, error)
    assert expected is not None
    assert known.weights.weights == pytest.approx(expected.weights)
    assert known.weights.covariance == expected.covariance


def test_weights_that_blow_up_begin_anew() -> None:
    rows = ((0.1, 0.0, 0.0), (0.0, TOO_UNCERTAIN, 0.0), (0.0, 0.0, 0.1))
    wide = Weights(FIRST, rows)
    made = Pending(1000.0, 180.0, (200.0, 0.0, 0.0))
    known, _ = Foresight(weights=wide, pending=(made,)).after(1000.0, going(250.0), HORIZON, 0.0)
    assert known.weights == Weights.begun(FIRST)


def test_what_is_remembered_is_read_as_it_was() -> None:
    made = Pending(1000.0, 180.0, (150.0, 30.0, 6.0))
    known = Foresight(pending=(made,), errors=(1.0, -2.0), loss=3.0, naive=4.0)
    assert Foresight.read(json.loads(json.dumps(known.stored()))) == known
    season = Season().after(10.0, 5.0).after(10.0 + SLOT, 7.0).after(20.0 + SLOT, 9.0)
    assert Season.read(json.loads(json.dumps(season.stored()))) == season


# recursive least squares


def test_weights_are_those_of_least_squares_that_forget() -> None:
    draw, known = random.Random(4), Weights.begun([0.5, -0.5])
    # Its definition, as the normal equations: what was known at first, and each example since.
    a, b, c = 1 / DOUBT, 0.0, 1 / DOUBT
    p, q = 0.5 / DOUBT, -0.5 / DOUBT
    for _ in range(40):
        x, y, target = draw.uniform(-1, 2), draw.uniform(-2, 1), draw.uniform(0, 5)
        found = known.learned((x, y), target - known.output((x, y)))
        assert found is not None
        known = found
        a, b, c = KEPT * a + x * x, KEPT * b + x * y, KEPT * c + y * y
        p, q = KEPT * p + x * target, KEPT * q + y * target
        size = a * c - b * b
        assert known.weights == pytest.approx(((c * p - b * q) / size, (a * q - b * p) / size))
        inverse = (c / size, -b / size, -b / size, a / size)
        assert (*known.covariance[0], *known.covariance[1]) == pytest.approx(inverse)


# the line through noisy points


def test_a_line_is_that_of_least_squares_whose_points_fade() -> None:
    draw, line, points, at = random.Random(5), Line(), [], 0.0
    for _ in range(30):
        seconds, value = draw.uniform(1, 20), draw.uniform(0, 100)
        line, at = line.after(seconds, value, 20.0), at + seconds
        points.append((at, value))
        weights = [exp((then - at) / 20.0) for then, _ in points]
        whole = sum(weights)
        mean_at = sum(w * then for w, (then, _) in zip(weights, points, strict=True)) / whole
        mean = sum(w * seen for w, (_, seen) in zip(weights, points, strict=True)) / whole
        across = sum(
            w * (then - mean_at) ** 2 for w, (then, _) in zip(weights, points, strict=True)
        )
        both = sum(
            w * (then - mean_at) * (seen - mean)
            for w, (then, seen) in zip(weights, points, strict=True)
        )
        slope = both / across if len(points) > 1 else 0.0
        assert line.now() == pytest.approx((mean + slope * (at - mean_at), slope))


def test_its_mean_is_as_sure_as_noise_of_one_at_even_distances_makes_it() -> None:
    def drawn(place: int | None) -> Line:
        line = Line()
        for number in range(120):
            line = line.after(5.0, 1.0 if number == place else 0.0, 20.0)
        return line

    error = sum(drawn(place).mean ** 2 for place in range(120)) ** 0.5
    assert drawn(None).mean_error == pytest.approx(error, rel=1e-6)


def test_a_single_point_is_as_sure_as_its_noise() -> None:
    assert Line().after(0.0, 7.0, 20.0).mean_error == 1.0


def noise_of(points: list[tuple[float, float]]) -> float:
    noise, before = Noise(), 0.0
    for at, value in points:
        noise, before = noise.after(at, at - before, value), at
    return noise.variance


def test_the_noise_is_that_of_points_around_whatever_line_they_follow() -> None:
    draw, at = random.Random(6), 0.0
    points = [(at := at + draw.uniform(1, 9), draw.gauss(0, 3)) for _ in range(3000)]
    assert noise_of(points) == pytest.approx(9.0, rel=0.3)
    assert noise_of([(when, value + 2 * when) for when, value in points]) == pytest.approx(
        noise_of(points)
    )
    assert noise_of([(when, 2 * when) for when, _ in points]) == pytest.approx(0.0, abs=1e-9)


def test_less_than_three_points_say_nothing_of_noise() -> None:
    assert noise_of([(1.0, 5.0), (2.0, 9.0)]) == 0.0


def test_a_clock_may_be_ahead_by_a_minute() -> None:
    memory, _ = follow(None, 1000.0 + AHEAD, 5.0, 1000.0, HORIZON)
    assert newest(memory) == 1000.0 + AHEAD
    assert follow(memory, 1000.0, 7.0, 1000.0, HORIZON)[0] == memory
    assert newest(follow(memory, 999.0, 7.0, 999.0, HORIZON)[0]) == 999.0
    assert newest(None) is None
