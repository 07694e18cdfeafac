"""What a policy and the settings may say, and that secrets stay hidden."""

import pytest
from pydantic import ValidationError

from autoscaler.sources.prometheus import Options, PrometheusSource, Settings


def options(**written: object) -> Options:
    return Options.model_validate({"query": "up", **written})


def settings(**written: object) -> Settings:
    return Settings.model_validate(written)


def test_by_default_nothing_is_assumed() -> None:
    given = options()
    assert (given.reduce, given.on_empty, given.max_age) == (None, "missing", 300)


def test_a_template_is_checked_when_a_policy_is_loaded() -> None:
    with pytest.raises(ValidationError, match="allowed in the string of a label matcher only"):
        options(query="up * $service")


def test_one_query_for_all_cannot_name_one_service() -> None:
    with pytest.raises(ValidationError, match="use one of them"):
        options(query='up{service="$service"}', match="service")
    assert options(query='up{stack="$stack"}', match="service").match == "service"


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": ""},
        {"query": "up" * 20_000},
        {"match": "not a label"},
        {"match": 'x"}'},
        {"per_task": "1"},
        {"reduce": "median"},
        {"on_empty": "ignore"},
        {"max_age": 30},
        {"query_": "up"},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        options(**wrong)


@pytest.mark.parametrize("model", [Options, Settings])
def test_each_field_is_described(model: type[Options] | type[Settings]) -> None:
    assert all(field.description for field in model.model_fields.values())


def test_the_example_in_the_docstring_is_valid() -> None:
    example = (PrometheusSource.__doc__ or "").partition("In a policy:")[2]
    lines = [line.strip().partition(": ") for line in example.strip().splitlines()]
    written = {key: text for key, _, text in lines if key != "source"}
    assert Options.model_validate(written).match == "service"


@pytest.mark.parametrize(
    "wrong",
    [
        {"urls": []},
        {"urls": ["prometheus:9090"]},
        {"urls": ["file:///etc/passwd"]},
        {"urls": ["http://"]},
        {"urls": ["http://a:0/"]},
        {"urls": ["http://a:99999/"]},
        {"urls": ["http://a/?x=1"]},
        {"urls": ["http://[::1"]},
        {"timeout": "0s"},
        {"timeout": "1h"},
        {"threads": 0},
        {"username": "me"},
        {"password_file": "/run/secrets/password"},
        {"username": "me", "password_file": "/a", "bearer_token_file": "/b"},
        {"key_file": "/a"},
        {"headers": {"X-A": "a\r\nX-B: b"}},
        {"headers": {"X A": "a"}},
        {"max_body": 0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_neither_repr_nor_errors_show_a_secret() -> None:
    given = settings(urls=["http://me:hush@a:9090/"], headers={"X-Token": "hush"})
    assert "hush" not in repr(given)
    for wrong in (
        {"urls": ["ftp://me:hush@a"]},
        {"urls": ["http://me:hush@a:99999"]},
        {"headers": {"X": "hush\n"}},
        {"urls": ["http://me:hush@a"], "threads": "many"},
        {"urls": {"hush": 1}},
        {"password": "hush"},
    ):
        with pytest.raises(ValidationError) as caught:
            settings(**wrong)
        assert "hush" not in str(caught.value)
