"""The engine model tells of the same events as a real engine."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from autoscaler.testing.engine.bed import SwarmBed

Document = dict[str, Any]


def told(service_id: str) -> Callable[[Document], bool]:
    return lambda event: event["Actor"]["ID"] == service_id


async def next_event(
    events: AsyncGenerator[Document, None], matches: Callable[[Document], bool]
) -> Document:
    async with asyncio.timeout(180):
        async for event in events:
            if matches(event):
                return event
    raise AssertionError("the stream ended")


async def test_a_scale_tells_of_the_replicas_before_and_after(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1)
    since = await stamp_of_now(bed, f"{name}-mark")
    await bed.scale(service_id, 3)
    async with aclosing(bed.api.events(since=since)) as events:
        event = await next_event(events, told(service_id))
    assert (event["Type"], event["Action"], event["scope"]) == ("service", "update", "swarm")
    assert event["Actor"]["Attributes"] == {
        "name": name,
        "replicas.old": "1",
        "replicas.new": "3",
    }


async def test_a_rollout_tells_of_its_states(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1)
    since = await stamp_of_now(bed, f"{name}-mark")
    await bed.unsettle(service_id)
    async with aclosing(bed.api.events(since=since)) as events:
        written = await next_event(events, told(service_id))
        begun = await next_event(events, told(service_id))
    assert written["Actor"]["Attributes"] == {"name": name}
    assert begun["Actor"]["Attributes"] == {"name": name, "updatestate.new": "updating"}


async def test_since_replays_the_event_of_that_very_moment(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1)
    since = await stamp_of_now(bed, f"{name}-mark")
    await bed.scale(service_id, 2)
    async with aclosing(bed.api.events(since=since)) as events:
        first = await next_event(events, told(service_id))
    again = f"{first['timeNano'] // 10**9}.{first['timeNano'] % 10**9:09d}"
    async with aclosing(bed.api.events(since=again)) as events:
        assert await next_event(events, told(service_id)) == first


async def test_without_since_nothing_is_replayed(bed: SwarmBed, name: str) -> None:
    service_id = await bed.create(name, 1)
    async with aclosing(bed.api.events(since="0")) as events:
        assert (await next_event(events, told(service_id)))["Action"] == "create"
    async with aclosing(bed.api.events()) as events:
        reading = asyncio.ensure_future(next_event(events, told(service_id)))
        await asyncio.sleep(0.2)
        await bed.scale(service_id, 2)
        assert (await reading)["Action"] == "update"


async def test_health_status_in_a_filter_admits_actions_that_begin_so(
    bed: SwarmBed, name: str
) -> None:
    since = await stamp_of_now(bed, f"{name}-mark")
    service_id = await bed.create(name, 1)
    filters = json.dumps({"type": ["service"], "event": ["crea", "health_status"]})
    async with aclosing(bed.api.events(since=since, filters=filters)) as events:
        assert (await next_event(events, told(service_id)))["Action"] == "create"


async def stamp_of_now(bed: SwarmBed, name: str) -> str:
    """A moment by the engine's clock: when a service of that name came to be."""
    service_id = await bed.create(name, 1)
    async with aclosing(bed.api.events(since="0")) as events:
        event = await next_event(events, told(service_id))
    at = event["timeNano"] + 1
    return f"{at // 10**9}.{at % 10**9:09d}"
