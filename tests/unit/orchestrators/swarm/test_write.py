"""A scale changes the replica count, and not one thing more."""

import json
import random
from typing import Any

import pytest

from autoscaler.errors import Conflict, OutcomeUnknown, Permanent, Temporary
from autoscaler.model import Action
from autoscaler.orchestrators.swarm import SwarmOrchestrator
from autoscaler.orchestrators.swarm.write import with_replicas
from autoscaler.testing.contracts.orchestrator import scaling
from autoscaler.testing.engine import Behaviour, FakeSwarm
from autoscaler.testing.engine.faults import Canned, Request
from autoscaler.testing.engine.objects import EngineService

LEAVES = (None, True, 0, -1, 2**53 + 1, 0.1, "", "ümläut \u2028", "\ud83d\ude00")


def random_value(source: random.Random, depth: int = 3) -> Any:
    """A value of JSON as specs are made of, nulls and fields that nobody knows included."""
    if depth == 0 or source.random() < 0.3:
        return source.choice(LEAVES)
    if source.random() < 0.3:
        return [random_value(source, depth - 1) for _ in range(source.randrange(3))]
    return random_object(source, depth - 1)


def random_object(source: random.Random, depth: int) -> dict[str, Any]:
    names = (f"Field{source.randrange(20)}" for _ in range(source.randrange(6)))
    return {name: random_value(source, depth) for name in names}


def random_spec(source: random.Random, replicas: int) -> dict[str, Any]:
    replicated = {**random_object(source, 2), "Replicas": replicas}
    mode = {**random_object(source, 2), "Replicated": replicated}
    return {**random_object(source, 4), "Mode": mode, **random_object(source, 4)}


def test_of_ten_thousand_specs_only_the_replicas_differ() -> None:
    source = random.Random(1)
    for _ in range(10_000):
        before, after = source.getrandbits(64), source.getrandbits(64)
        read = random_spec(source, before)
        kept = json.dumps(read)
        posted = json.loads(json.dumps(with_replicas(read, after), separators=(",", ":")))
        assert posted["Mode"]["Replicated"]["Replicas"] == after
        posted["Mode"]["Replicated"]["Replicas"] = before
        assert json.dumps(posted) == kept
        assert json.dumps(read) == kept


async def observed(orchestrator: SwarmOrchestrator, service: EngineService, to: int) -> Action:
    seen, _ = await orchestrator.inspect(service.id)
    return scaling(seen, to)


async def test_random_specs_go_over_the_wire_unharmed(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    source = random.Random(7)
    for number in range(50):
        more = {f"Tomorrow{each}": random_value(source) for each in range(3)}
        template = {"ContainerSpec": {"Image": "x", "New": random_value(source), "Null": None}}
        service = engine.create(
            f"s{number}", 1, constraints=["a==b"], TaskTemplate=template, **more
        )
        before = json.loads(json.dumps(service.spec))
        await orchestrator.apply(await observed(orchestrator, service, 2))
        after = json.loads(engine.writes[-1].body)
        assert after["Mode"] == {"Replicated": {"Replicas": 2}}
        assert {**after, "Mode": None} == {**before, "Mode": None}
        engine.remove(service)


async def test_the_credentials_that_the_engine_has_stay(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    version = service.index
    await orchestrator.apply(await observed(orchestrator, service, 2))
    (write,) = engine.writes
    assert write.query == {"version": str(version), "registryAuthFrom": "spec"}
    assert "X-Registry-Auth" not in write.headers


async def test_the_spec_is_read_without_defaults_and_by_its_full_id(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    engine.forget_requests()
    await orchestrator.apply(action)
    assert [request.path for request in engine.requests] == [
        f"/services/{service.id}",
        f"/services/{service.id}/update",
        f"/services/{service.id}",
    ]
    assert all("insertDefaults" not in request.query for request in engine.requests)


async def test_a_scale_keeps_the_tasks_that_run(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 3)
    before = {task.id for task in engine.tasks(service)}
    await orchestrator.apply(await observed(orchestrator, service, 5))
    assert before < {task.id for task in engine.tasks(service)}


async def test_a_write_between_reading_and_writing_is_a_conflict(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)

    async def somebody_else(request: Request) -> None:
        if request.method == "POST":
            engine.scale(service, 4)

    engine.faults.before = somebody_else
    with pytest.raises(Conflict, match="out of sequence"):
        await orchestrator.apply(action)
    assert service.replicas == 4


@pytest.mark.parametrize("on_failure", ["pause", "rollback"])
async def test_a_rollout_that_failed_is_not_written_over(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator, on_failure: str
) -> None:
    # The second task is replaced before the first one fails: it is what is rolled back.
    update = {"Parallelism": 1, "Delay": 10**9, "FailureAction": on_failure}
    service = engine.create("web", 2, UpdateConfig=update)
    engine.image("bad", Behaviour.FAILS, after=1.5)
    engine.image("busybox:1", Behaviour.FAILS)
    engine.deploy(service, "bad")
    engine.pass_time(3)
    assert service.rollout == {"pause": "paused", "rollback": "rollback_paused"}[on_failure]
    action = await observed(orchestrator, service, 3)
    with pytest.raises(Conflict, match="rollout"):
        await orchestrator.apply(action)
    assert not engine.writes


async def test_an_answer_that_is_lost_leaves_the_outcome_unknown(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    engine.faults.lose_answer = "^POST"
    with pytest.raises(OutcomeUnknown):
        await orchestrator.apply(action)
    assert service.replicas == 2
    with pytest.raises(Conflict):
        await orchestrator.apply(action)


async def test_a_leader_lost_meanwhile_leaves_the_outcome_unknown(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    engine.faults.lost_leader = True
    with pytest.raises(OutcomeUnknown, match="lost leader"):
        await orchestrator.apply(action)


async def test_without_a_leader_nothing_was_sent(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    engine.faults.no_leader = True
    with pytest.raises(Temporary) as raised:
        await orchestrator.apply(action)
    assert not isinstance(raised.value, OutcomeUnknown | Conflict)


async def test_a_write_that_cannot_be_read_back_has_an_unknown_outcome(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)

    async def fail_from_now_on(request: Request) -> None:
        if request.method == "POST":
            engine.faults.answers["^GET /services"] = Canned(502, "<html/>", "text/html")

    engine.faults.before = fail_from_now_on
    with pytest.raises(OutcomeUnknown, match="was written, and not read back"):
        await orchestrator.apply(action)
    assert service.replicas == 2


async def test_a_read_that_lags_behind_the_write_is_repeated(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    old = json.dumps(service.document())
    reads = 0

    async def lag(request: Request) -> None:
        nonlocal reads
        reads += request.method == "GET"
        engine.faults.answers.clear()
        if reads == 2:
            engine.faults.answers["^GET /services"] = Canned(200, old)

    engine.faults.before = lag
    assert (await orchestrator.apply(action)).replicas == 2
    assert reads == 3


async def test_an_engine_replaced_between_reading_and_writing_is_a_conflict(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)

    async def upgrade(request: Request) -> None:
        if request.path == f"/services/{service.id}":
            engine.speak("1.44")

    engine.faults.before = upgrade
    with pytest.raises(Conflict, match="API version"):
        await orchestrator.apply(action)
    assert not engine.writes
    assert (await orchestrator.apply(action)).replicas == 2
    assert engine.writes[0].api == "1.44"


async def test_a_read_that_never_shows_the_write_leaves_the_outcome_unknown(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    engine.faults.answers["^GET /services/"] = Canned(200, json.dumps(service.document()))
    with pytest.raises(OutcomeUnknown, match="reads as before"):
        await orchestrator.apply(action)
    assert service.replicas == 2


async def test_an_engine_that_is_replaced_under_the_write_is_a_conflict(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    engine.speak("1.44")
    action = await observed(orchestrator, service, 2)

    async def downgrade(request: Request) -> None:
        if request.method == "POST":
            engine.speak("1.42")

    engine.faults.before = downgrade
    with pytest.raises(Conflict, match="too new"):
        await orchestrator.apply(action)
    assert (await orchestrator.apply(action)).replicas == 2


async def test_a_refusal_to_permit_the_write_is_permanent(
    engine: FakeSwarm, orchestrator: SwarmOrchestrator
) -> None:
    service = engine.create("web", 1)
    action = await observed(orchestrator, service, 2)
    engine.faults.answers["^POST"] = Canned(403, "<html>Forbidden</html>", "text/html")
    with pytest.raises(Permanent, match="403"):
        await orchestrator.apply(action)
