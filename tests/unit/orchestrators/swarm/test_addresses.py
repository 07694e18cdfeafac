"""Where a task is reached, as the task list tells it."""

from typing import Any

import pytest

from autoscaler.orchestrators.swarm.translate import task


def raw(*attachments: Any, state: str = "running") -> dict[str, Any]:
    return {"ID": "t", "Status": {"State": state}, "NetworksAttachments": list(attachments)}


def attachment(*addresses: Any, ingress: bool = False) -> dict[str, Any]:
    spec = {"Name": "n", "Ingress": True} if ingress else {"Name": "n"}
    return {"Network": {"Spec": spec}, "Addresses": list(addresses)}


def test_each_network_but_the_ingress_gives_an_address() -> None:
    found = raw(
        attachment("10.0.0.9/24", ingress=True),
        attachment("10.0.1.2/24"),
        attachment("10.0.2.7/16", "fd00::2/64"),
    )
    assert task(found, {}).addresses == ("10.0.1.2", "10.0.2.7", "fd00::2")


def test_a_task_that_ended_has_none() -> None:
    assert task(raw(attachment("10.0.1.2/24"), state="failed"), {}).addresses == ()


@pytest.mark.parametrize("odd", [None, 7, {}, {"Addresses": None}, {"Addresses": [None, 7]}])
def test_what_cannot_be_read_is_passed_over(odd: Any) -> None:
    assert task(raw(odd, attachment("10.0.1.2/24")), {}).addresses == ("10.0.1.2",)


def test_without_networks_there_are_none() -> None:
    assert task({"ID": "t", "NetworksAttachments": None}, {}).addresses == ()
