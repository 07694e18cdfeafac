"""The figures of `bench.events`, from times that are known."""

import pytest

from bench.events import Seen, figures


def test_each_death_is_compared_with_the_first_decision_after_it() -> None:
    seen = Seen(
        died={"a": 10.0, "b": 20.0, "c": 30.0},
        raw={"a": 10.001, "b": 20.002, "c": 30.004},
        decided=[9.0, 10.010, 10.5, 20.004, 30.008],
    )
    found = figures(seen)
    assert found["deaths"] == 3
    assert found["raw_subscriber_ms"]["p50"] == pytest.approx(2.0)
    assert found["decision_ms"] == {
        "p50": pytest.approx(8.0),
        "p90": pytest.approx(8.0),
        "least": pytest.approx(4.0),
        "most": pytest.approx(10.0),
    }
    assert found["ratio"]["p50"] == pytest.approx(2.0)
