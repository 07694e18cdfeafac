"""Which nodes placement constraints leave."""

from __future__ import annotations

import pytest

from autoscaler.model import Node
from autoscaler.placement.constraints import unmet

NODE = Node(
    id="abc123",
    hostname="Node1",
    role="manager",
    labels={"zone": "a", "Rack": "r7"},
    engine_labels={"disk": "ssd"},
    os="linux",
    arch="x86_64",
)


@pytest.mark.parametrize(
    "constraint",
    [
        "node.id==abc123",
        "node.hostname == node1",
        "NODE.HOSTNAME==NODE1",
        "node.role != worker",
        "node.platform.os==linux",
        "node.platform.arch == x86_64",
        "node.labels.zone==A",
        "node.labels.zone!=b",
        "node.labels.missing!=anything",
        "Node.Labels.Rack==r7",
        "engine.labels.disk == ssd",
    ],
)
def test_it_is_met(constraint: str) -> None:
    assert unmet(NODE, [constraint]) is None


@pytest.mark.parametrize(
    "constraint",
    [
        "node.id!=abc123",
        "node.id==abc",
        "node.hostname==node2",
        "node.role==worker",
        "node.platform.os!=linux",
        "node.platform.arch==arm64",
        "node.labels.zone==b",
        "node.labels.zone!=a",
        "node.labels.missing==anything",
        "node.labels.rack==r7",
        "engine.labels.disk==hdd",
        "engine.labels.zone==a",
    ],
)
def test_it_is_not_met(constraint: str) -> None:
    assert unmet(NODE, [constraint]) == constraint


@pytest.mark.parametrize(
    "constraint",
    ["node.ip==10.0.0.0/8", "node.mood==good", "node.labels", "", "zone > a", "==a"],
)
def test_what_is_not_understood_keeps_no_task_away(constraint: str) -> None:
    assert unmet(NODE, [constraint]) is None


def test_what_a_node_does_not_tell_keeps_no_task_away() -> None:
    silent = Node(id="1", hostname="", arch="")
    assert unmet(silent, ["node.platform.arch==arm64", "node.hostname==node1"]) is None


def test_all_must_be_met_and_the_first_that_is_not_is_named() -> None:
    constraints = ["node.labels.zone==a", "node.role==worker", "node.id==other"]
    assert unmet(NODE, constraints) == "node.role==worker"
