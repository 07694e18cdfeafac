"""Which services' tasks to list in this snapshot: suspects first, the rest in turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import accumulate, takewhile

from autoscaler.orchestrators.swarm.batches import Need
from autoscaler.orchestrators.swarm.listed import Listed
from autoscaler.orchestrators.swarm.remembered import Remembered
from autoscaler.orchestrators.swarm.settings import ListSettings


def plan(
    services: Mapping[str, Listed],
    memory: Mapping[str, Remembered],
    doubts: Set[str],
    settings: ListSettings,
) -> list[Need]:
    """What to ask for: everything of a small fleet, else as much as the settings allow."""
    all_whole = [whole(each, memory.get(key), settings) for key, each in services.items()]
    if sum(need.size for need in all_whole) <= settings.rotation_requests * settings.body_bytes:
        return all_whole
    turn = {key: remembered.turn for key, remembered in memory.items()}
    all_whole.sort(key=lambda need: turn.get(need.service_id, -1))
    sick = {key for key in services if suspect(services[key], memory.get(key), doubts)}
    suspects = [need for need in all_whole if need.service_id in sick]
    healthy = [
        running(services[need.service_id]) for need in all_whole if need.service_id not in sick
    ]
    return [
        *_within(suspects, settings.suspect_requests, settings),
        *_within(healthy, settings.rotation_requests, settings),
    ]


def suspect(listed: Listed, known: Remembered | None, doubts: Set[str]) -> bool:
    """Whether the service's tasks should be looked at now, the ended ones too.

    One that looks well and was never listed is not: it is the first in turn.
    """
    if listed.looks_sick or listed.service.id in doubts:
        return True
    return known is not None and (not known.fits(listed) or known.on_lost_node)


def whole(listed: Listed, known: Remembered | None, settings: ListSettings) -> Need:
    """The need for all tasks of a service, as large as the last time, or as large as can be."""
    slots = max(_slots(listed), 1)
    count = slots * (1 + settings.retention)
    if known is not None and known.whole is not None:
        count = min(count, known.whole + slots)
    return Need(listed.service.id, count * listed.task_bytes, whole=True)


def running(listed: Listed) -> Need:
    """The need for the tasks that shall run."""
    return Need(listed.service.id, max(_slots(listed), 1) * listed.task_bytes, whole=False)


def _slots(listed: Listed) -> int:
    return max(listed.service.replicas or 0, listed.service.running or 0, listed.desired or 0)


def _within(needs: Iterable[Need], requests: int, settings: ListSettings) -> list[Need]:
    """As many needs, in order, as the requests can carry; one at least, however large."""
    ordered = list(needs)
    sums = accumulate(need.size for need in ordered)
    fitting = sum(1 for _ in takewhile(lambda size: size <= requests * settings.body_bytes, sums))
    return ordered[: min(max(fitting, 1), requests * settings.services)]
