"""The engine's events of task containers, none lost that the engine still has.

The engine keeps its last 256 events. A stream that breaks is opened anew from a little before
the last event that was seen, and what comes twice is dropped; so does an agent that starts
look back. What the engine has no longer shows in the list that follows each gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from autoscaler.agent.containers import SERVICE_LABEL, SERVICE_NAME_LABEL, TASK_LABEL
from autoscaler.agent.messages import Happened, Health, Kind
from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.event import Seen
from autoscaler.orchestrators.swarm.events import EventStream
from autoscaler.orchestrators.swarm.settings import EventSettings
from autoscaler.ports import Clock

FILTERS = {
    "type": ["container"],
    "label": [TASK_LABEL],
    "event": ["start", "die", "oom", "health_status", "restart"],
}
LOOK_BACK = 120.0
"""Seconds before its start from which on an agent asks for events."""
MOST_KEPT = 1024
"""Events that are kept for a controller that was away; the engine itself has 256."""
OVERLAP = 5_000_000_000
"""Nanoseconds before the last known event from which on events are told again."""
_HEALTH: dict[str, Health] = {
    "health_status: healthy": "healthy",
    "health_status: unhealthy": "unhealthy",
    "health_status: starting": "starting",
}


class Watch:
    """The container events of one engine."""

    def __init__(self, client: EngineClient, clock: Clock, settings: EventSettings) -> None:
        since = max(0, int((clock() - LOOK_BACK) * 1e9))
        self._stream = EventStream(client, settings, clock, filters=FILTERS, since=since)
        self._kept: deque[Happened] = deque(maxlen=MOST_KEPT)
        self._names: dict[str, str] = {}

    async def events(self) -> AsyncGenerator[Happened | None, None]:
        """What happens, for ever; None after a gap, when all should be listed."""
        async with aclosing(self._stream.seen()) as found:
            async for seen in found:
                if seen is None:
                    yield None
                elif (happened := read(seen)) is not None:
                    self._kept.append(happened)
                    self._note_name(happened.service, seen)
                    yield happened

    def service_name(self, service: str) -> str:
        """The name of a service that something happened to lately; else its id."""
        return self._names.get(service, service)

    def _note_name(self, service: str, seen: Seen) -> None:
        """Names never change; the oldest make room."""
        self._names[service] = seen.event.attributes.get(SERVICE_NAME_LABEL, service)
        if len(self._names) > MOST_KEPT:
            del self._names[next(iter(self._names))]

    def since(self, newest: int) -> Iterable[Happened]:
        """What is kept of what came after an event, and of shortly before it."""
        return [event for event in self._kept if event.at >= newest - OVERLAP]


def read(seen: Seen) -> Happened | None:
    """An event in our words; None for what we have none for."""
    attributes, action = seen.event.attributes, seen.event.action
    task, service = attributes.get(TASK_LABEL, ""), attributes.get(SERVICE_LABEL, "")
    health = _HEALTH.get(action, "")
    kind = Kind.HEALTH if health else _kind(action)
    if kind is None or not task or not service:
        return None
    try:
        return Happened(
            kind=kind,
            container=seen.key[1],
            task=task,
            service=service,
            at=seen.nanoseconds,
            exit_code=_number(attributes.get("exitCode", "")),
            health=health,
        )
    except ValueError:
        return None


def _kind(action: str) -> Kind | None:
    return next((kind for kind in Kind if kind == action), None)


def _number(text: str) -> int | None:
    return int(text) if text.lstrip("-").isdecimal() else None
