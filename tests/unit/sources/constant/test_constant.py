"""The same number, always."""

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Quality
from autoscaler.policy import parse_policy
from autoscaler.ports import Query
from autoscaler.sources.constant import ConstantSource
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import NOW, a_policy_document, a_service
from autoscaler.testing.clock import ManualClock


async def test_each_query_gets_its_own_number_as_of_now() -> None:
    source = ConstantSource(ConstantSource.Settings(), ManualClock(NOW))
    options = [ConstantSource.Options(value=number) for number in (3, -0.5, 0)]
    samples = await source.read([Query(one, a_service()) for one in options], {})
    assert [(one.quality, one.value, one.at) for one in samples] == [
        (Quality.VALUE, 3.0, NOW),
        (Quality.VALUE, -0.5, NOW),
        (Quality.VALUE, 0.0, NOW),
    ]


@pytest.mark.parametrize("wrong", [{}, {"value": "many"}, {"value": float("nan")}, {"of": 1}])
def test_what_is_no_finite_number_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConstantSource.Options.model_validate(wrong)


def test_the_example_in_the_docstring_is_a_metric() -> None:
    example = (ConstantSource.__doc__ or "").partition("replicas:")[2]
    text = "\n".join(line.strip() for line in example.strip().splitlines())
    policy = parse_policy(a_policy_document(metrics=[parse(text).data]))
    assert policy.scale is not None
    assert policy.scale.metrics[0].options == ConstantSource.Options(value=3)
