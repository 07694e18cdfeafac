"""What a Prometheus says of the past."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Quality
from autoscaler.ports import Span
from autoscaler.sources.prometheus import Options
from autoscaler.sources.prometheus.connection import Reply
from autoscaler.sources.prometheus.judge import judge
from autoscaler.sources.prometheus.matrix import understand_range

SPAN = Span(1000.0, 15.0, 3)


def reply(data: Any, status: int = 200, **more: Any) -> Reply:
    body = {"status": "success" if status == 200 else "error", "data": data, **more}
    return Reply(status, "application/json", None, json.dumps(body).encode())


def matrix(*series: dict[str, Any]) -> dict[str, Any]:
    return {"resultType": "matrix", "result": [*series]}


def test_each_moment_has_the_answer_of_its_time() -> None:
    series = {"metric": {"job": "web"}, "values": [[1000, "1"], [1030, "NaN"]]}
    answers = understand_range(reply(matrix(series)), SPAN, 10)
    options = Options(query="load")
    samples = [judge(options, answer, "web", None) for answer in answers]
    assert [sample.quality for sample in samples] == [Quality.VALUE, Quality.NO_DATA, Quality.NAN]
    assert (samples[0].value, samples[0].at) == (1.0, 1000.0)


def test_of_all_services_each_has_its_own_series() -> None:
    found = [
        {"metric": {"service": name}, "values": [[1000, value]]}
        for name, value in (("web", "3"), ("api", "5"))
    ]
    answers = understand_range(reply(matrix(*found)), SPAN, 10)
    options = Options(query="load", match="service")
    assert judge(options, answers[0], "api", None).value == 5.0


def test_that_nothing_was_there_may_mean_zero() -> None:
    answers = understand_range(reply(matrix()), SPAN, 10)
    options = Options(query="load", on_empty="zero")
    sample = judge(options, answers[2], "web", None)
    assert (sample.value, sample.at) == (0.0, 1030.0)


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        (reply({"resultType": "vector", "result": []}), Temporary, "without a matrix"),
        (reply(matrix(*[{"metric": {}, "values": []}] * 11)), Temporary, "the bound is 10"),
        (reply(matrix({"metric": {}, "histograms": []})), Permanent, "native histogram"),
        (reply(matrix({"metric": {}})), Temporary, "without values"),
        (reply(None, 400, error="parse error"), Permanent, "the query is wrong: parse error"),
        (reply(None, 503, error="busy"), Temporary, "HTTP 503: busy"),
    ],
)
def test_what_is_no_answer_is_an_error(
    given: Reply, kind: type[AutoscalerError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        understand_range(given, SPAN, 10)
