"""A strategy's mistake stays its own: what it says must be whole and storable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from autoscaler.decide import asking
from autoscaler.model import Recommendation
from autoscaler.policy import Scale
from autoscaler.ports import Reading
from autoscaler.testing.builders import a_memory, a_policy, observe, value


@dataclass(frozen=True)
class Says:
    """A strategy of somebody's own."""

    replicas: Any = 3
    reason: str = "because"
    memory: Any = None

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        said = Recommendation(name=reading.name, replicas=self.replicas, reason=self.reason)
        return self.memory, said


def asks(strategy: Says) -> tuple[Any, tuple[Recommendation, ...]]:
    scale = a_policy().scale
    assert scale is not None
    (metric,) = scale.metrics
    own: Scale = scale.model_copy(
        update={"metrics": (metric.model_copy(update={"strategy": strategy}),)}
    )
    return asking.recommend(own, observe(samples={"load": value(300.0)}), a_memory())


@pytest.mark.parametrize("replicas", [3, 0, None])
def test_whole_numbers_are_taken_and_none_is_an_answer(replicas: int | None) -> None:
    remembered, (found,) = asks(Says(replicas, memory={"ä": [1, None]}))
    assert (found.replicas, remembered) == (replicas, {"load": {"ä": [1, None]}})


@pytest.mark.parametrize("replicas", [3.0, True, "3"])
def test_what_is_no_whole_number_is_an_error(replicas: Any) -> None:
    with pytest.raises(TypeError, match=f"metric 'load': {replicas!r} is no whole number"):
        asks(Says(replicas))


@pytest.mark.parametrize(
    ("strategy", "error"),
    [
        (Says(memory={1, 2}), TypeError),
        (Says(memory=["\ud800"]), UnicodeEncodeError),
        (Says(reason="\ud800"), UnicodeEncodeError),
    ],
    ids=["a set", "half a letter remembered", "half a letter said"],
)
def test_what_cannot_be_stored_is_an_error(strategy: Says, error: type[Exception]) -> None:
    with pytest.raises(error):
        asks(strategy)
