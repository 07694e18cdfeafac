"""`formula`: replicas by an arithmetic expression over named metrics.

formula: ceil(max(value / 100, cpu / 70) * replicas)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from autoscaler.model import Recommendation, Sample
from autoscaler.ports import Reading
from autoscaler.strategies import arithmetic
from autoscaler.strategies.arithmetic import Formula as Expression
from autoscaler.strategies.caution import by_total
from autoscaler.strategies.proportion import MOST_REPLICAS
from autoscaler.strict import Strict

OWN = frozenset({"value", "replicas"})
"""Names that stand for the metric's own value and for the replicas of now."""


def _readable(text: str) -> str:
    arithmetic.read(text)
    return text


class Formula(Strict):
    """Have as many replicas as an expression over metrics comes to, rounded up."""

    # To editors: the short form is text.
    model_config = ConfigDict(json_schema_extra={"type": ["object", "string"]})

    expression: Annotated[str, Field(max_length=arithmetic.LONGEST), AfterValidator(_readable)]
    """The expression; `value` is this metric, `replicas` the present number, other names are
    those of the policy's other metrics."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """`formula: a / b` for `formula: {expression: a / b}`."""
        return {"expression": data} if isinstance(data, str) else data

    @cached_property
    def _formula(self) -> Expression:
        return arithmetic.read(self.expression)

    @property
    def inputs(self) -> frozenset[str]:
        """The other metrics that it needs."""
        return self._formula.names - OWN

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """Recommend replicas; remembers nothing. Unknown inputs make the whole unknown."""
        samples = reading.observation.samples
        lacking = sorted(name for name in self.inputs if not _known(samples.get(name)))
        if lacking:
            reason = f"{lacking[0]} is not known"
            return None, Recommendation(name=reading.name, replicas=None, reason=reason)
        return None, self._recommend(reading, samples)

    def _recommend(self, reading: Reading, samples: Mapping[str, Sample]) -> Recommendation:
        numbers = {name: samples[name].total for name in self.inputs}
        numbers |= {"value": reading.total, "replicas": float(reading.current)}
        try:
            result = self._formula.evaluate(numbers)
        except ValueError as error:
            return Recommendation(name=reading.name, replicas=None, reason=str(error))
        replicas = max(0, math.ceil(min(result, MOST_REPLICAS)))
        reason = f"{self.expression} = {result:g}: {reading.current} -> {replicas}"
        return by_total(reading, replicas, reason)


def _known(sample: Sample | None) -> bool:
    """Whether there is a number; of what tasks answer, all of it."""
    if sample is None or not sample.known or not math.isfinite(sample.total):
        return False
    if sample.tasks is None:
        return sample.value is not None
    return all(part.value is not None for part in sample.tasks.values())
