"""A schedule opens and closes in the middle of the night, with nobody and no metric awake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from autoscaler.model import Quality
from autoscaler.testing.builders import a_policy_document, a_service, unknown
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.scenario import Scenario

NIGHT = {"name": "night", "cron": "0 3 * * *", "duration": "2h", "min": 6}


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def scene(**scale: Any) -> Scenario:
    policy = a_policy_document(min=2, schedules=[NIGHT], **{"metrics": [], **scale})
    return Scenario(a_service(2), policies=[policy], clock=ManualClock(at("2026-11-23T02:59:44")))


async def test_a_schedule_alone_raises_a_service_and_lowers_it_again() -> None:
    async with scene() as night:
        await night.cycle()
        assert (night.clock(), night.replicas()) == (at("2026-11-23T02:59:59"), 2)
        assert night.reconciler.next_window() == at("2026-11-23T03:00")
        await night.cycle(seconds=1)
        assert night.replicas() == 6
        assert night.reconciler.next_window() == at("2026-11-23T05:00")
        await night.cycle(seconds=7199)
        assert night.replicas() == 6
        await night.cycle(seconds=1)
        assert night.replicas() == 2
        assert (await night.last()).reason.startswith("no metrics; min is 2")


async def test_a_window_that_is_open_at_a_restart_is_open() -> None:
    async with scene() as night:
        await night.cycle(seconds=3600)
        assert night.replicas() == 6
        await night.restart()
        await night.cycle(seconds=3600)
        assert (night.replicas(), night.memories["web-id"].disturbed_at) == (6, None)


async def test_a_window_that_opened_while_nobody_looked_is_open() -> None:
    async with scene() as night:
        await night.cycle()
        await night.cycle(seconds=3600)
        assert night.replicas() == 6


async def test_a_window_raises_a_service_whose_metrics_are_missing_and_leaves_it_so() -> None:
    metric = {"name": "load", "query": "load", "target": {"average_value": 100}}
    async with scene(metrics=[metric]) as night:
        night.source.answer = lambda _query, _service: unknown(Quality.ERROR, "refused")
        await night.cycle(seconds=60)
        assert night.replicas() == 6
        await night.cycle(seconds=7200)
        assert (night.replicas(), (await night.last()).held_by) == (6, "missing_data")
