"""The collector is told what stays, once there is something that does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from autoscaler import garbage
from autoscaler.errors import Temporary
from autoscaler.testing.builders import a_policy_document, a_service
from autoscaler.testing.scenario import Scenario


@pytest.fixture
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("_as_before")
def test_what_there_is_is_not_looked_at_again() -> None:
    garbage.settle()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == garbage.THRESHOLDS


async def test_it_is_told_once_and_after_the_first_cycle_that_saw_the_fleet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known: list[int] = []
    async with Scenario(a_service(), policies=[a_policy_document()]) as scene:
        monkeypatch.setattr(garbage, "settle", lambda: known.append(len(scene.view.services)))
        monkeypatch.setattr("autoscaler.controller.SHORTEST_GAP", 0.0)
        scene.swarm.fault = Temporary("no leader")
        async with asyncio.TaskGroup() as group:
            tasks = scene.controller.start(group)
            await asyncio.sleep(0.05)
            assert known == []
            scene.swarm.fault = None
            for _ in range(2):
                scene.controller.wake()
                async with asyncio.timeout(120):
                    while not known:  # noqa: ASYNC110 - a list has no event
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
    assert known == [1]
