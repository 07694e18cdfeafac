"""Which policies hold for a service, as files and labels change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from autoscaler import covering, labels
from autoscaler.brake import Brake, BrakeLimits
from autoscaler.covering import Covering
from autoscaler.model import Decision, Memory, Service
from autoscaler.passes import Passes
from autoscaler.policy_files import PolicySet
from autoscaler.testing.builders import NOW, a_memory, a_policy_document, a_service
from autoscaler.testing.scenario import Scenario, load
from autoscaler.view import View


def labelled(**stated: str) -> Service:
    """`web` with `autoscaler.*` labels that hold, but for what is stated."""
    ours = {"enable": "true", "min": "2", "max": "9", **stated}
    return a_service(labels={f"autoscaler.{key}": text for key, text in ours.items()})


def with_replicas(replicas: int, service: Service) -> Service:
    return replace(service, replicas=replicas)


def of_files(*services: str) -> Covering:
    """Files that cover services by name."""
    document = {**a_policy_document(), "services": [*services]}
    found = PolicySet((load(document),) if services else ())
    return Covering(lambda: found, {})


def decided(covering: Covering, service: Service, memory: Memory | None = None) -> Decision:
    """What one pass makes of a service."""
    memories = {} if memory is None else {service.id: memory}
    batch = Passes(View(), Brake(BrakeLimits()), memories, 60.0, NOW).begin(NOW)
    return batch.over(service, covering(service)).decision


def test_labels_hold_where_no_file_does() -> None:
    (loaded,) = of_files("api")(labelled())
    assert loaded.policy.name == "labels.web"
    assert loaded.file == "labels of web"
    assert (loaded.problems, loaded.notes) == ((), ())


def test_files_win_and_the_decision_says_so() -> None:
    decision = decided(of_files("web"), labelled())
    assert decision.policy == "web-policy"
    told = "its labels are not used: policy 'web-policy' of a file covers it"
    assert decision.notes == (told,)


def test_until_it_is_known_what_the_cluster_keeps_labels_wait_and_files_hold() -> None:
    """A policy that the cluster keeps might cover the service."""
    file = load({**a_policy_document(), "services": ["api"]})
    part = PolicySet((file,), whole=False)
    covering = Covering(lambda: part, {})
    assert covering(labelled()) == ()
    assert [each.policy for each in covering(replace(a_service(), name="api"))] == [file.policy]


def test_until_the_files_are_known_labels_do_not_hold_either() -> None:
    """One of the files might cover the service."""
    assert Covering(lambda: None, {})(labelled()) == ()


@pytest.mark.parametrize("stated", [{"enable": "false"}, {"max": "many"}])
def test_files_win_over_labels_that_switch_off_or_are_wrong_too(stated: dict[str, str]) -> None:
    decision = decided(of_files("web"), labelled(**stated))
    assert decision.policy == "web-policy"
    assert "its labels are not used" in decision.notes[0]


def test_without_labels_there_is_nothing_to_note() -> None:
    assert decided(of_files("web"), a_service()).notes == ()


def test_labels_that_switch_off_leave_the_service_alone() -> None:
    assert of_files()(labelled(enable="false")) == ()


def test_labels_that_are_wrong_hold_the_service_and_are_named() -> None:
    decision = decided(of_files(), with_replicas(30, labelled(max="many")))
    assert decision.held_by == "labels"
    assert decision.action is None
    assert decision.reason == "label autoscaler.max: expected a whole number, not 'many'"


def test_labels_on_the_container_hold_the_service_and_say_where_they_belong() -> None:
    decision = decided(of_files(), a_service(container_labels={"autoscaler.enable": "true"}))
    assert decision.held_by == "labels"
    assert "label autoscaler.enable stands on the container" in decision.reason


def test_one_label_on_the_container_is_noted_beside_those_of_the_service() -> None:
    service = labelled()
    mixed = a_service(labels=service.labels, container_labels={"autoscaler.target.cpu": "70"})
    decision = decided(of_files(), mixed)
    assert decision.held_by is None
    assert "label autoscaler.target.cpu stands on the container" in decision.notes[0]


def test_labels_are_read_again_when_they_change_and_only_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[Service] = []
    read = labels.read

    def counted(service: Service, sources: Mapping[str, str]) -> labels.Labelled | None:
        reads.append(service)
        return read(service, sources)

    monkeypatch.setattr(labels, "read", counted)
    covers = of_files()
    covers(labelled())
    covers(with_replicas(7, labelled()))
    assert len(reads) == 1
    (changed,) = covers(labelled(max="4"))
    assert changed.policy.scale is not None
    assert changed.policy.scale.max == 4
    assert len(reads) == 2


def test_files_that_come_and_go_take_over_and_give_back() -> None:
    files = PolicySet()
    covers = Covering(lambda: files, {})
    assert covers(labelled())[0].policy.name == "labels.web"
    files = PolicySet((load(a_policy_document()),))
    assert covers(labelled())[0].policy.name == "web-policy"
    files = PolicySet()
    assert covers(labelled())[0].policy.name == "labels.web"


def test_no_more_services_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covering, "MOST_KEPT", 10)
    covers = of_files()
    for number in range(35):
        covers(a_service(id=f"id{number}", labels=labelled().labels))
        assert len(covers._known) <= 10


async def test_labels_that_become_wrong_hold_what_there_is_until_they_are_right_again() -> None:
    async with Scenario(with_replicas(1, labelled())) as scene:
        covers = Covering(PolicySet, {})
        scene.covering = covers  # type: ignore[method-assign]
        await scene.restart()
        await scene.cycle()
        assert scene.replicas() == 2
        relabel(scene, labelled(min="five"))
        await scene.cycles(3)
        assert scene.replicas() == 2
        decision = await scene.last()
        assert decision.held_by == "labels"
        assert "label autoscaler.min: expected a whole number, not 'five'" in decision.reason
        relabel(scene, labelled(min="5"))
        await scene.cycle()
        assert scene.replicas() == 5


async def test_another_mistake_in_the_labels_is_news() -> None:
    async with Scenario(labelled(max="many")) as scene:
        scene.covering = Covering(PolicySet, {})  # type: ignore[method-assign]
        await scene.restart()
        await scene.cycle()
        relabel(scene, labelled(max="few"))
        await scene.cycle()
        assert "'few'" in (await scene.last()).reason


def relabel(scene: Scenario, service: Service) -> None:
    """Somebody changes the labels of `web`."""
    scene.swarm.write("web-id", labels=service.labels)


def test_a_memory_stays_as_it_was_while_labels_are_wrong() -> None:
    passes = Passes(View(), Brake(BrakeLimits()), {"web-id": a_memory(3)}, 60.0, NOW)
    service = with_replicas(7, labelled(max="many"))
    assert passes.begin(NOW).over(service, of_files()(service)).memory == a_memory(3)
