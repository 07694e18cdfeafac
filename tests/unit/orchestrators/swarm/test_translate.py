"""The engine's JSON becomes nouns, whatever it lacks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Mode, Node, NodeState, Resources, Rollout, TaskState
from autoscaler.orchestrators.swarm import translate

WORDS = """
    ID Version Index Spec Name Labels TaskTemplate ContainerSpec Image Placement Constraints
    MaxReplicas Mode Replicated Replicas Global UpdateStatus State Message Networks Target
    Endpoint VirtualIPs NetworkID Resources Limits NanoCPUs Status Timestamp DesiredState
    ContainerStatus ExitCode Slot NodeID CreatedAt Description Platform Engine x
"""
NAMES = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.just("2026-11-23T22:19:21.346744304Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)

SERVICE = {
    "ID": "0kyko1h8tp8b3uf3ym5cl0ax4",
    "Version": {"Index": 22},
    "CreatedAt": "2026-11-23T22:19:21.346744304Z",
    "UpdatedAt": "2026-11-23T22:19:22Z",
    "Spec": {
        "Name": "shop_web",
        "Labels": {"com.docker.stack.namespace": "shop"},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "web:1@sha256:00", "Labels": {"autoscaler": "inside"}},
            "Resources": {
                "Limits": {"NanoCPUs": 2_000_000_000},
                "Reservations": {"MemoryBytes": 1024},
            },
            "Placement": {"Constraints": ["node.role==worker"], "MaxReplicas": 3},
            "Networks": [{"Target": "net1"}],
            "ForceUpdate": 4,
        },
        "Mode": {"Replicated": {"Replicas": 5}},
    },
    "Endpoint": {"VirtualIPs": [{"NetworkID": "ingress"}, {"NetworkID": "net1"}]},
    "UpdateStatus": {"State": "paused", "Message": "update paused due to failure"},
    "ServiceStatus": {"RunningTasks": 2, "DesiredTasks": 5},
    "FieldOfTomorrow": {"x": 1},
}


def test_a_service_is_read_in_full() -> None:
    service = translate.service(SERVICE)
    assert (service.id, service.name, service.version) == (SERVICE["ID"], "shop_web", 22)
    assert (service.mode, service.replicas, service.running) == (Mode.REPLICATED, 5, 2)
    assert service.stack == "shop"
    assert service.container_labels == {"autoscaler": "inside"}
    assert service.image == "web:1@sha256:00"
    assert (service.rollout, service.rollout_message) == (
        Rollout.PAUSED,
        "update paused due to failure",
    )
    assert service.limits == Resources(nano_cpus=2_000_000_000)
    assert service.reservations == Resources(memory_bytes=1024)
    assert (service.constraints, service.max_per_node) == (("node.role==worker",), 3)
    assert service.networks == ("net1", "ingress")
    assert service.created_at == pytest.approx(1795472361.346744, abs=1e-5)
    assert service.updated_at == 1795472362.0


@given(VALUES)
def test_nothing_that_an_engine_says_breaks_the_translation(raw: object) -> None:
    service = translate.service(raw)
    translate.task(raw, {})
    translate.node(raw)
    assert service.mode is not Mode.REPLICATED or "Replicated" in raw["Spec"]["Mode"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({"Replicated": {"Replicas": 1}}, Mode.REPLICATED),
        ({"Global": {}}, Mode.GLOBAL),
        ({"ReplicatedJob": {"TotalCompletions": 2}}, Mode.REPLICATED_JOB),
        ({"GlobalJob": {}}, Mode.GLOBAL_JOB),
        ({"ModeOfTomorrow": {}}, Mode.GLOBAL),
        ({}, Mode.GLOBAL),
    ],
)
def test_only_replicated_services_have_replicas(mode: dict[str, object], expected: Mode) -> None:
    service = translate.service({"Spec": {"Mode": mode}})
    assert service.mode is expected
    assert (service.replicas is not None) == (expected is Mode.REPLICATED)


@pytest.mark.parametrize(
    ("status", "settled"),
    [
        ({}, True),
        ({"State": "completed"}, True),
        ({"State": "rollback_completed"}, True),
        ({"State": "updating"}, False),
        ({"State": "paused"}, False),
        ({"State": "rollback_started"}, False),
        ({"State": "rollback_paused"}, False),
        ({"State": "state_of_tomorrow"}, False),
    ],
)
def test_a_rollout_that_is_not_understood_is_not_settled(
    status: dict[str, str], settled: bool
) -> None:
    assert translate.rollout(status).settled is settled


def test_the_hash_of_a_template_ignores_force_update_and_the_order_of_keys() -> None:
    template = SERVICE["Spec"]["TaskTemplate"]  # type: ignore[index]
    turned = {key: template[key] for key in reversed(template)}
    assert translate.template_hash({**turned, "ForceUpdate": 9}) == translate.template_hash(
        template
    )
    assert len(translate.template_hash(template)) == 16


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_different_templates_have_different_hashes(
    one: dict[str, object], other: dict[str, object]
) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (translate.template_hash(one) == translate.template_hash(other)) is same


READY = Node(id="n1", hostname="one")
LOST = Node(id="n2", hostname="two", state=NodeState.DOWN)
NODES = {"n1": READY, "n2": LOST}


def task(**fields: object) -> dict[str, object]:
    return {
        "ID": "t1",
        "ServiceID": "s1",
        "Slot": 3,
        "NodeID": "n1",
        "DesiredState": "running",
        "CreatedAt": "2026-11-23T22:19:21Z",
        "Status": {
            "State": "running",
            "Timestamp": "2026-11-23T22:19:22Z",
            "ContainerStatus": {"ContainerID": "c1", "PID": 7, "ExitCode": 0},
        },
        **fields,
    }


def test_a_running_task_on_a_ready_node_is_healthy() -> None:
    found = translate.task(task(), NODES)
    assert found.healthy
    assert (found.slot, found.container_id, found.exit_code) == (3, "c1", None)
    assert found.since - found.created_at == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"NodeID": "n2"},
        {"NodeID": "never heard of"},
        {"DesiredState": "shutdown"},
        {"DesiredState": "state of tomorrow"},
        {"Status": {"State": "starting"}},
        {"Status": {"State": "state of tomorrow"}},
        {"Status": None},
    ],
)
def test_a_task_is_healthy_only_if_everything_says_so(fields: dict[str, object]) -> None:
    assert not translate.task(task(**fields), NODES).healthy


def test_a_task_that_is_not_understood_has_not_ended() -> None:
    found = translate.task(task(Status={"State": "state of tomorrow"}), NODES)
    assert not found.state.ended


def test_an_ended_task_tells_how() -> None:
    status = {
        "State": "failed",
        "Err": "task: non-zero exit (3)",
        "ContainerStatus": {"ContainerID": "c1", "ExitCode": 3},
    }
    found = translate.task(task(Status=status, DesiredState="shutdown"), NODES)
    assert (found.state, found.exit_code, found.error) == (
        TaskState.FAILED,
        3,
        "task: non-zero exit (3)",
    )
    never_ran = translate.task(task(Status={"State": "rejected", "Err": "No such image"}), NODES)
    assert never_ran.exit_code is None


def test_a_node_is_read_in_full() -> None:
    node = translate.node(
        {
            "ID": "n1",
            "Spec": {"Labels": {"zone": "a"}, "Role": "manager", "Availability": "drain"},
            "Description": {
                "Hostname": "one",
                "Platform": {"Architecture": "x86_64", "OS": "linux"},
                "Resources": {"NanoCPUs": 2, "MemoryBytes": 3},
                "Engine": {"Labels": {"disk": "ssd"}},
            },
            "Status": {"State": "ready", "Addr": "10.0.0.1"},
        }
    )
    assert node == Node(
        id="n1",
        hostname="one",
        availability="drain",
        role="manager",
        labels={"zone": "a"},
        engine_labels={"disk": "ssd"},
        arch="x86_64",
        address="10.0.0.1",
        resources=Resources(nano_cpus=2, memory_bytes=3),
    )


def test_a_node_whose_state_is_not_known_is_not_ready() -> None:
    assert translate.node({"ID": "n1"}).state is NodeState.UNKNOWN
