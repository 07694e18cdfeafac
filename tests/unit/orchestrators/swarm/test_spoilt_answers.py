"""Answers that break on their way: a read may be tried again, a write is settled by reading."""

import pytest

from autoscaler.errors import OutcomeUnknown, Temporary
from autoscaler.testing.contracts.orchestrator import scaling
from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.bed import NOWHERE
from autoscaler.testing.engine.spoiling import Spoil, cut, dripping, late, rewritten

from .conftest import Adapt

BROKEN: dict[str, Spoil] = {
    "half a body": cut(0.5),
    "no body": cut(0.0),
    "a reset in the body": cut(0.5, reset=True),
    "too late": late(30.0),
    "too slow": dripping(30.0),
}
TORN = {"torn JSON": rewritten(lambda body: body[:-2]), "a page": rewritten(lambda _: b"<html>")}


@pytest.mark.parametrize("name", [*BROKEN, *TORN])
async def test_a_list_that_breaks_is_a_temporary_error(
    engine: FakeSwarm, adapt: Adapt, name: str
) -> None:
    orchestrator = adapt(timeout="2s")
    engine.create("web", 2)
    engine.faults.spoil["GET /services"] = {**BROKEN, **TORN}[name]
    with pytest.raises(Temporary):
        await orchestrator.snapshot()
    engine.faults.spoil.clear()
    assert len((await adapt().snapshot()).services) == 1


@pytest.mark.parametrize("name", BROKEN)
async def test_a_write_whose_answer_breaks_has_an_unknown_outcome(
    engine: FakeSwarm, adapt: Adapt, name: str
) -> None:
    orchestrator = adapt(timeout="2s")
    service = engine.create("web", 2)
    found = (await orchestrator.snapshot()).services[service.id]
    engine.faults.spoil["POST /services/.*/update"] = BROKEN[name]
    with pytest.raises(OutcomeUnknown):
        await orchestrator.apply(scaling(found, 3))
    assert service.replicas == 3, "it was carried out"


async def test_an_answer_that_comes_slowly_is_an_answer(engine: FakeSwarm, adapt: Adapt) -> None:
    engine.create("web", 2)
    engine.faults.spoil["GET /"] = dripping(0.05)
    assert len((await adapt().snapshot()).services) == 1


async def test_events_out_of_order_are_all_told(engine: FakeSwarm, adapt: Adapt) -> None:
    service = engine.create("web", 0, constraints=[NOWHERE])
    held: list[dict[str, object]] = []

    def swapped(event: dict[str, object]) -> list[dict[str, object]]:
        held.append(event)
        return [held.pop(), held.pop()] if len(held) == 2 else []

    engine.cluster.journal.underway = swapped
    told: list[str] = []
    async for event in adapt().events():
        if event.kind == "stream":
            engine.scale(service, 1)
            engine.scale(service, 2)
        elif "replicas.new" in event.attributes:
            told.append(event.attributes["replicas.new"])
        if len(told) == 2:
            break
    assert told == ["2", "1"]
