"""What a write to a service may change. Pure.

The controller reads a service, changes one field and posts the whole of it back. The agent of a
manager, through which it does so, compares what is posted with what is there: only the number
of replicas, the restart counter, or a task template that the service had before may differ, and
only one of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from autoscaler.agent.templates import identity
from autoscaler.model import Act
from autoscaler.orchestrators.swarm import translate
from autoscaler.orchestrators.swarm.raw import child, number

HIGHEST_COUNT = 2**63 - 1


class NotAllowed(ValueError):
    """The write changes what it may not change."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a write comes to."""

    act: Act
    replicas: int | None = None
    """For a scale: the number of replicas that the service would have."""
    release: str = ""
    """For a rollback: the identity of the template that it would have."""


def change(before: dict[str, Any], after: Any) -> Change:
    """What posting `after` in place of the spec `before` would change. Raises NotAllowed."""
    if not isinstance(after, dict):
        raise NotAllowed("not a spec")
    if not child(before, "Mode").keys() & {"Replicated", "Global"}:
        raise NotAllowed("only replicated and global services are written: a job would run again")
    if _rest(before) != _rest(after):
        raise NotAllowed("more than replicas and task template differ")
    found = [each for each in (_scale(before, after), _template(before, after)) if each]
    if len(found) != 1:
        raise NotAllowed("nothing differs" if not found else "two things differ at once")
    return found[0]


def earlier(service: dict[str, Any], tasks: Collection[Any]) -> frozenset[str]:
    """Identities of the templates that a service had before, as far as the Swarm remembers.

    It keeps the spec before the last write, and each task with the template it was made from.
    """
    specs = [child(service, "PreviousSpec", "TaskTemplate"), *(child(t, "Spec") for t in tasks)]
    return frozenset(identity(each) for each in specs if each)


def _rest(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec without what may be changed."""
    mode = child(spec, "Mode")
    replicated = dict(child(mode, "Replicated"))
    replicated.pop("Replicas", None)
    rest = {key: value for key, value in spec.items() if key not in ("TaskTemplate", "Mode")}
    return {**rest, "Mode": {**mode, "Replicated": replicated} if "Replicated" in mode else mode}


def _scale(before: dict[str, Any], after: dict[str, Any]) -> Change | None:
    old, new = (child(spec, "Mode", "Replicated") for spec in (before, after))
    if old == new:
        return None
    replicas = number(new, "Replicas")
    if replicas is None or replicas < 0:
        raise NotAllowed("the number of replicas is none")
    return Change(Act.SCALE, replicas=replicas)


def _template(before: dict[str, Any], after: dict[str, Any]) -> Change | None:
    old, new = before.get("TaskTemplate"), after.get("TaskTemplate")
    if old == new:
        return None
    counts = [number(child(each), "ForceUpdate") or 0 for each in (old, new)]
    if not counts[0] <= counts[1] <= HIGHEST_COUNT:
        raise NotAllowed("the restart counter falls")
    if child(old).get("Runtime") != child(new).get("Runtime"):
        raise NotAllowed("the template is of another runtime")
    if translate.canonical_template(new) == translate.canonical_template(old):
        return Change(Act.RESTART)
    return Change(Act.ROLLBACK, release=identity(new))
