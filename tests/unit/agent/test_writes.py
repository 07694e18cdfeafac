"""What may be changed of a service, as its agent judges by the specs alone."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.agent import writes
from autoscaler.agent.templates import identity
from autoscaler.agent.writes import Change, NotAllowed
from autoscaler.model import Act

SPEC: dict[str, Any] = {
    "Name": "web",
    "Labels": {"a": "b", "null": None},
    "TaskTemplate": {"ContainerSpec": {"Image": "web:1", "Env": ["A=1"]}, "ForceUpdate": 3},
    "Mode": {"Replicated": {"Replicas": 2}},
    "Unknown": {"of": ["a", "later", "version"]},
}


def other(*path: str, value: Any) -> dict[str, Any]:
    """The spec with something else at a place."""
    spec = copy.deepcopy(SPEC)
    inner = spec
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    inner[path[-1]] = value
    return spec


BAD = other("TaskTemplate", "ContainerSpec", "Image", value="evil:1")


def test_a_scale_a_restart_and_another_template_are_told_apart() -> None:
    scaled = writes.change(SPEC, other("Mode", "Replicated", "Replicas", value=5))
    assert scaled == Change(Act.SCALE, replicas=5)
    assert writes.change(SPEC, other("TaskTemplate", "ForceUpdate", value=4)).act is Act.RESTART
    template = identity(BAD["TaskTemplate"])
    assert writes.change(SPEC, BAD) == Change(Act.ROLLBACK, release=template)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (SPEC, "nothing differs"),
        (None, "not a spec"),
        ([], "not a spec"),
        ({}, "more than"),
        (other("Name", value="other"), "more than"),
        (other("Labels", "autoscaler.policy", value="x"), "more than"),
        (other("EndpointSpec", value={"Ports": [{"PublishedPort": 22}]}), "more than"),
        (other("UpdateConfig", value={"Parallelism": 0}), "more than"),
        (other("Mode", value={"Global": {}}), "more than"),
        (other("Mode", "Replicated", "More", value=1), "more than"),
        (other("Mode", "Replicated", "Replicas", value=-1), "replicas is none"),
        (other("Mode", "Replicated", "Replicas", value="5"), "replicas is none"),
        (other("Mode", "Replicated", "Replicas", value=True), "replicas is none"),
        (other("TaskTemplate", "ForceUpdate", value=2), "counter falls"),
        (other("TaskTemplate", "Runtime", value="plugin"), "another runtime"),
        (other("tasktemplate", value=BAD["TaskTemplate"]), "more than"),
        (other("Mode", "Replicated", "replicas", value=9), "more than"),
        ({**BAD, "Mode": {"Replicated": {"Replicas": 5}}}, "two things"),
    ],
)
def test_nothing_else_may_differ(after: Any, told: str) -> None:
    with pytest.raises(NotAllowed, match=told):
        writes.change(SPEC, after)


@pytest.mark.parametrize("mode", ["ReplicatedJob", "GlobalJob", "SomethingNew"])
def test_a_job_and_what_is_not_known_are_never_written(mode: str) -> None:
    before = {**SPEC, "Mode": {mode: {}}}
    with pytest.raises(NotAllowed):
        writes.change(before, {**before, "TaskTemplate": {"ForceUpdate": 4}})


PLACES = st.sampled_from(
    [("Name",), ("Labels", "a"), ("Networks",), ("Mode", "Global"), ("Unknown", "of"), ("New",)]
)
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


@given(place=PLACES, value=VALUES, replicas=st.integers(0, 50))
def test_whatever_else_is_changed_beside_a_scale_is_noticed(
    place: tuple[str, ...], value: Any, replicas: int
) -> None:
    after = other(*place, value=value)
    after["Mode"] = {**after["Mode"], "Replicated": {"Replicas": replicas}}
    same = json.dumps(after, sort_keys=True) == json.dumps(
        other("Mode", "Replicated", "Replicas", value=replicas), sort_keys=True
    )
    if not same:
        with pytest.raises(NotAllowed):
            writes.change(SPEC, after)


def test_templates_that_a_service_had_are_those_of_its_last_spec_and_of_its_tasks() -> None:
    service = {"PreviousSpec": SPEC}
    task = {"Spec": {**BAD["TaskTemplate"], "ForceUpdate": 9}}
    known = writes.earlier(service, [task, None, {}])
    assert known == {
        identity(SPEC["TaskTemplate"]),
        identity(BAD["TaskTemplate"]),
    }
