"""What may be written beside `source: docker`, and what a share is of."""

import os
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.errors import Permanent
from autoscaler.model import Resources
from autoscaler.policy import parse_policy
from autoscaler.sources.docker import DockerSource, Options, Settings
from autoscaler.sources.docker.share import Size, base
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import a_policy_document, a_service

NODE = Size(cpu=8.0, memory=16e9)
SOME = Resources(nano_cpus=1_500_000_000, memory_bytes=1000)
MORE = Resources(nano_cpus=2_000_000_000, memory_bytes=3000)


def of(query: str, stated: str | None = None, **resources: Any) -> float:
    options = Options.model_validate({"query": query, "of": stated})
    return base(options, a_service(**resources), NODE)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"query": "disk"},
        {"query": "cpu", "of": "host"},
        {"query": "memory", "of": "core"},
        {"query": "cpu", "window": "1s"},
        {"query": "cpu", "window": "6m"},
        {"query": "cpu", "window": 15},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


def test_a_share_is_of_the_limit_if_there_is_one() -> None:
    assert of("cpu", limits=MORE, reservations=SOME) == 2.0
    assert of("memory", limits=MORE, reservations=SOME) == 3000.0


def test_without_a_limit_it_is_of_the_reservation() -> None:
    assert of("cpu", reservations=SOME) == 1.5
    assert of("memory", reservations=SOME) == 1000.0


def test_without_either_cpu_is_of_one_core() -> None:
    assert of("cpu") == 1.0


def test_without_either_memory_is_an_error_that_names_the_way_out() -> None:
    with pytest.raises(Permanent, match=r"no memory limit or reservation: .*`of: node`"):
        of("memory")


@pytest.mark.parametrize(
    ("query", "stated", "expected"),
    [
        ("cpu", "limit", 2.0),
        ("cpu", "reservation", 1.5),
        ("cpu", "core", 1.0),
        ("cpu", "node", 8.0),
        ("memory", "limit", 3000.0),
        ("memory", "reservation", 1000.0),
        ("memory", "node", 16e9),
    ],
)
def test_what_it_is_of_can_be_stated(query: str, stated: str, expected: float) -> None:
    assert of(query, stated, limits=MORE, reservations=SOME) == expected


@pytest.mark.parametrize("query", ["cpu", "memory"])
@pytest.mark.parametrize("stated", ["limit", "reservation"])
def test_what_is_stated_must_be_there(query: str, stated: str) -> None:
    with pytest.raises(Permanent, match=f"no .* {stated}: state one under deploy.resources"):
        of(query, stated)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "ssh://me@there"},
        {"host": "/var/run/docker.sock"},
        {"timeout": "0s"},
        {"streams": 0},
        {"tls_cert": "/a"},
        {"tls_ca": "/a"},
        {"no_such": 1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_the_host_is_docker_host_unless_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://there:2375")
    assert Settings().host == "tcp://there:2375"
    monkeypatch.delenv("DOCKER_HOST")
    assert "DOCKER_HOST" not in os.environ
    assert Settings().host == "unix:///var/run/docker.sock"


@pytest.mark.parametrize("model", [Options, Settings])
def test_each_field_is_described(model: type[Options] | type[Settings]) -> None:
    assert all(field.description for field in model.model_fields.values())


def test_the_example_in_the_docstring_is_a_metric() -> None:
    example = (DockerSource.__doc__ or "").partition("In a policy:")[2]
    text = "\n".join(line.strip() for line in example.strip().splitlines())
    policy = parse_policy(a_policy_document(metrics=[parse(text).data]))
    assert policy.scale is not None
    assert isinstance(policy.scale.metrics[0].options, Options)
