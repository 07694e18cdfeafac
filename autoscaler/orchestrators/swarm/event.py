"""One line of the engine's event stream to an `Event`. Pure, but for what it has seen."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass

from autoscaler.model import Event
from autoscaler.orchestrators.swarm.raw import child, number, text, texts

SERVICE_LABEL = "com.docker.swarm.service.id"
"""What a task's container carries of its service, and every event of that container too."""

Key = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, with what tells it from others, and its time as exactly as the engine says."""

    event: Event
    key: Key
    nanoseconds: int


def read_event(line: bytes) -> Seen | None:
    """The event in a line; None when there is none in it, or not one of ours.

    The time is `timeNano`: `time` is in whole seconds, and no two events would differ.
    """
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return None
    actor, known = child(raw, "Actor"), child(raw)
    kind, action, actor_id = text(known, "Type"), text(known, "Action"), text(actor, "ID")
    at = number(known, "timeNano")
    attributes = texts(actor, "Attributes")
    if at is None or not kind:
        return None
    service_id = actor_id if kind == "service" else attributes.get(SERVICE_LABEL)
    if service_id is None and kind == "container":
        return None
    event = Event(
        service_id=service_id, kind=kind, action=action, at=at / 1e9, attributes=attributes
    )
    return Seen(event, (kind, actor_id, action, at), at)


class Recent:
    """The last events by key, to drop those that a new stream brings again."""

    def __init__(self, limit: int) -> None:
        self._keys: OrderedDict[Key, None] = OrderedDict()
        self._limit = limit

    def add(self, key: Key) -> bool:
        """Whether the event is new; remembers it."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return True
