"""How a service is, from its tasks, its rollout, and what rules have found. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from autoscaler.model import Finding, Health, Mode, Rollout, Service, Standing, Task

WELL = Standing(state=Health.HEALTHY)
STARTS_WITHIN = 60.0
"""Seconds in which a new task may come to run before it is missed."""

GRAVEST_FIRST = (
    Health.QUARANTINED,
    # A cause is told before what follows from it.
    Health.IMAGE_MISSING,
    Health.UNSCHEDULABLE,
    Health.CRASH_LOOPING,
    Health.STUCK,
    Health.UNHEALTHY,
    Health.DEGRADED,
    Health.UPDATING,
    Health.UNKNOWN,
    Health.HEALTHY,
)


def standing(
    service: Service, tasks: Sequence[Task] | None, now: float, findings: Sequence[Finding] = ()
) -> Standing:
    """The gravest of what can be seen and what was found, with the reasons for it."""
    seen = plain(service, tasks, now)
    if not findings:
        return seen
    found = [Standing(state=each.state, reasons=(each.reason,)) for each in findings]
    gravest = min((seen, *found), key=lambda each: GRAVEST_FIRST.index(each.state))
    if gravest is seen:
        told = [seen, *(each for each in found if not each.state.sick)]
    else:
        told = [each for each in (seen, *found) if each.state.sick]
    return Standing(state=gravest.state, reasons=tuple(r for each in told for r in each.reasons))


def plain(service: Service, tasks: Sequence[Task] | None, now: float) -> Standing:
    """What a count of the tasks tells, without any rule."""
    if not service.rollout.settled:
        return _rolling(service)
    if tasks is None or service.runs_once:
        return Standing(state=Health.UNKNOWN)
    expected = asked_for(service, tasks)
    healthy = sum([task.healthy for task in tasks])
    if healthy >= expected:
        return WELL
    coming = sum(_coming(task, now) for task in tasks)
    told = f"{healthy} of {expected} tasks run"
    if healthy and healthy + coming >= expected:
        return Standing(state=Health.HEALTHY, reasons=(f"{told}, {coming} start",))
    state = Health.DEGRADED if healthy + coming else Health.UNHEALTHY
    return Standing(state=state, reasons=(told,))


def _rolling(service: Service) -> Standing:
    paused = service.rollout in (Rollout.PAUSED, Rollout.ROLLBACK_PAUSED)
    told = service.rollout_message or f"an update is {service.rollout}"
    return Standing(state=Health.STUCK if paused else Health.UPDATING, reasons=(told,))


def asked_for(service: Service, tasks: Sequence[Task]) -> int:
    """Tasks that should run; a global service's are known by those that Swarm wants."""
    if service.mode is Mode.REPLICATED:
        return service.replicas or 0
    return len({task.place for task in tasks if task.alive})


def _coming(task: Task, now: float) -> bool:
    """Whether a task is on its way: young, without an error, on a node that answers."""
    young = now - task.created_at < STARTS_WITHIN
    return task.alive and not task.healthy and young and task.node_ready and not task.error
