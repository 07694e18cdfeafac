"""What may be written beside `source: scrape`."""

from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.policy import parse_policy
from autoscaler.sources.scrape import Options, ScrapeSource, Settings
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import a_policy_document

GOOD = {"metric": "a", "urls": ["http://a:9090/metrics"]}
PORT = {"metric": "a", "tasks": {"port": 80}}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"metric": "a"},
        {**GOOD, **PORT},
        {**GOOD, "metric": "a-b"},
        {**GOOD, "metric": ""},
        {**GOOD, "metric": "a|b"},
        {**GOOD, "urls": []},
        {**GOOD, "urls": ["a:9090"]},
        {**GOOD, "urls": ["file:///etc/passwd"]},
        {**GOOD, "urls": ["http://"]},
        {**GOOD, "urls": ["http://a:0/"]},
        {**GOOD, "urls": ["http://a/b c"]},
        {**GOOD, "urls": ["http://a/\n"]},
        {**GOOD, "labels": {"a": 1}},
        {**GOOD, "labels": ["a"]},
        {**GOOD, "function": "delta"},
        {**GOOD, "reduce": "first"},
        {**GOOD, "interval": "100ms"},
        {**GOOD, "window": "1h"},
        {**GOOD, "function": "rate", "interval": "10s", "window": "15s"},
        {"metric": "a", "tasks": {}},
        {"metric": "a", "tasks": {"port": 0}},
        {"metric": "a", "tasks": {"port": 80, "path": "metrics"}},
        {"metric": "a", "tasks": {"port": 80, "path": "/a b"}},
        {"metric": "a", "tasks": {"port": 80, "address": "host"}},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


def test_labels_are_equal_in_any_order() -> None:
    one = Options.model_validate({**GOOD, "labels": {"a": "1", "b": "2"}})
    two = Options.model_validate({**GOOD, "labels": {"b": "2", "a": "1"}})
    assert one == two
    assert hash(one) == hash(two)
    assert Options.model_validate(one.model_dump(mode="json")) == one
    assert one.model_dump(mode="json")["labels"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "wrong", [{"timeout": "0s"}, {"targets": 0}, {"max_body": 1}, {"concurrency": 0}, {"x": 1}]
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


@pytest.mark.parametrize("model", [Options, Settings])
def test_each_field_is_described(model: type[Options] | type[Settings]) -> None:
    assert all(field.description for field in model.model_fields.values())


def test_the_example_in_the_docstring_is_a_metric() -> None:
    example = (ScrapeSource.__doc__ or "").partition("In a policy:")[2]
    text = "\n".join(line.strip() for line in example.strip().splitlines())
    policy = parse_policy(a_policy_document(metrics=[parse(text).data]))
    assert policy.scale is not None
    assert isinstance(policy.scale.metrics[0].options, Options)
