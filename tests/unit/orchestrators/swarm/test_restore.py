"""A rollback changes the task template, and not one thing more."""

import copy
import json
import random

import pytest

from autoscaler.errors import OutcomeUnknown, Refused
from autoscaler.model import Action, Rollout, Template
from autoscaler.orchestrators.swarm import SwarmOrchestrator
from autoscaler.orchestrators.swarm.write import with_template
from autoscaler.testing.contracts.rollback import going_back
from autoscaler.testing.engine import Behaviour, FakeSwarm
from autoscaler.testing.engine.faults import Canned
from autoscaler.testing.engine.objects import EngineService
from tests.unit.orchestrators.swarm.test_write import random_object, random_spec

ONCE = {"RestartPolicy": {"Condition": "none"}}


def test_of_two_thousand_specs_only_the_template_differs() -> None:
    source = random.Random(3)
    for _ in range(2000):
        counts = source.randrange(9), source.randrange(9)
        kept = {**random_object(source, 3), "ForceUpdate": counts[0]}
        read = random_spec(source, 3)
        read["TaskTemplate"] = {**random_object(source, 3), "ForceUpdate": counts[1]}
        before = copy.deepcopy((read, kept))
        posted = with_template(read, kept)
        assert posted["TaskTemplate"] == {**kept, "ForceUpdate": max(counts)}
        assert {**posted, "TaskTemplate": 0} == {**read, "TaskTemplate": 0}
        assert (read, kept) == before


async def failed(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> tuple[EngineService, Template, Action]:
    """A service whose update has paused, the template it had before, and the way back."""
    service = engine.create("web", 4, TaskTemplate=ONCE)
    good = await orchestrator.template(service.id)
    engine.image("bad", Behaviour.FAILS)
    engine.deploy(service, "bad")
    assert service.rollout == "paused"
    seen, _ = await orchestrator.inspect(service.id)
    return service, good, going_back(seen, good)


async def test_a_paused_update_is_resolved_and_the_good_tasks_run_on(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service, good, action = await failed(engine, orchestrator)
    assert action.over is Rollout.PAUSED
    running = {task.id for task in engine.tasks(service) if task.state == "running"}
    assert len(running) == 3
    after = await orchestrator.restore(action, good)
    assert after.template == good.release
    engine.pass_time(6)
    assert service.rollout == "completed"
    tasks = engine.tasks(service)
    assert [task.state for task in tasks] == ["running"] * 4
    assert running < {task.id for task in tasks}
    assert {task.spec["ContainerSpec"]["Image"] for task in tasks} == {"busybox:1"}


async def test_the_credentials_that_the_engine_has_stay_and_it_does_not_roll_back_itself(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    _, good, action = await failed(engine, orchestrator)
    await orchestrator.restore(action, good)
    (write,) = engine.writes
    assert write.query == {"version": str(action.version), "registryAuthFrom": "spec"}
    assert "X-Registry-Auth" not in write.headers


async def test_a_network_that_is_gone_is_no_doubt_about_the_outcome(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service, good, action = await failed(engine, orchestrator)
    told = json.dumps({"message": "network qwi43zj4t3oq not found"})
    engine.faults.answers["^POST"] = Canned(500, told)
    with pytest.raises(Refused, match="network qwi43zj4t3oq not found"):
        await orchestrator.restore(action, good)
    assert service.rollout == "paused"


async def test_an_answer_that_is_lost_leaves_the_outcome_unknown(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service, good, action = await failed(engine, orchestrator)
    engine.faults.lose_answer = "^POST"
    with pytest.raises(OutcomeUnknown):
        await orchestrator.restore(action, good)
    assert (await orchestrator.inspect(service.id))[0].template == good.release


async def test_a_template_that_cannot_be_read_is_refused(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    _, good, action = await failed(engine, orchestrator)
    for raw in ("", "[]", "{}", '{"ContainerSpec":{"Image":"other"}}'):
        with pytest.raises(Refused):
            await orchestrator.restore(action, Template(release=good.release, raw=raw))
    assert not engine.writes


async def test_any_text_in_a_template_survives_the_way_to_the_store_and_back(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    environment = {"Env": ["A=ümläut \u2028", "B=\ud83d", 'C="']}
    service = engine.create("web", 1, TaskTemplate={"ContainerSpec": {"Image": "x", **environment}})
    good = await orchestrator.template(service.id)
    stored = good.raw.encode().decode()
    engine.deploy(service, "y")
    seen, _ = await orchestrator.inspect(service.id)
    again = Template(release=good.release, image=good.image, raw=stored)
    assert (await orchestrator.restore(going_back(seen, good), again)).template == good.release
    assert service.template["ContainerSpec"] == {"Image": "x", **environment}
