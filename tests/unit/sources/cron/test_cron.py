"""One number inside of a window, and another outside."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from autoscaler.model import Quality, Sample
from autoscaler.policy import parse_policy
from autoscaler.ports import Query
from autoscaler.sources.cron import CronSource
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import a_policy_document, a_service
from autoscaler.testing.clock import ManualClock

OFFICE = {
    "cron": "0 8 * * mon-fri",
    "duration": "10h",
    "timezone": "Europe/Berlin",
    "inside": 10,
}


async def ask(local: str, **changes: Any) -> Sample:
    """At this time in Berlin."""
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    source = CronSource(CronSource.Settings(), ManualClock(now))
    options = CronSource.Options.model_validate({**OFFICE, **changes})
    (sample,) = await source.read([Query(options, a_service())], {})
    assert sample.at == now
    assert sample.quality is Quality.VALUE
    return sample


@pytest.mark.parametrize(
    ("local", "value"),
    [
        ("2026-11-23T07:59:59", 0.0),
        ("2026-11-23T08:00:00", 10.0),
        ("2026-11-23T17:59:59", 10.0),
        ("2026-11-23T18:00:00", 0.0),
        ("2026-11-22T12:00:00", 0.0),
        ("2026-07-01T08:00:00", 10.0),
    ],
)
async def test_inside_and_outside(local: str, value: float) -> None:
    assert (await ask(local)).value == value


async def test_a_window_may_end_by_an_expression() -> None:
    changes = {"duration": None, "end": "30 9 * * *", "outside": -1.5}
    assert (await ask("2026-11-23T09:29:59", **changes)).value == 10.0
    assert (await ask("2026-11-23T09:30:00", **changes)).value == -1.5


async def test_time_goes_on() -> None:
    clock = ManualClock(datetime.fromisoformat("2026-11-23T06:59:59+00:00").timestamp())
    source = CronSource(CronSource.Settings(), clock)
    query = Query(CronSource.Options.model_validate(OFFICE), a_service())
    values = []
    for seconds in (0, 1, 35_998, 2):
        clock.advance(seconds)
        values.append((await source.read([query], {}))[0].value)
    assert values == [0.0, 10.0, 10.0, 0.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"inside": None},
        {"inside": float("inf")},
        {"outside": "none"},
        {"duration": None},
        {"end": "0 18 * * *"},
        {"cron": "0 25 * * *"},
        {"timezone": "Mars/Olympus"},
        {"start": "0 8 * * *"},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CronSource.Options.model_validate({**OFFICE, **wrong})


def test_the_example_in_the_docstring_is_a_metric() -> None:
    example = (CronSource.__doc__ or "").partition("more:\n")[2].partition("`schedules:`")[0]
    text = "\n".join(line.strip() for line in example.strip().splitlines())
    policy = parse_policy(a_policy_document(metrics=[parse(text).data]))
    assert policy.scale is not None
    assert policy.scale.metrics[0].options == CronSource.Options.model_validate(OFFICE)
