"""How each service stands, and which releases of it are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from math import ceil

from autoscaler.addresses import shown
from autoscaler.model import Decision, Mode, Rollout, Service, Standing, Task, TaskState
from autoscaler.policy import PolicyMode
from autoscaler.policy_files import LoadedPolicy
from autoscaler.redaction import redacted_text
from autoscaler.revisions import differences
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import SERVICE, Part, part
from autoscaler.web.problems import TRY_AGAIN, Problem

MOST_TASKS = 500


class CoveringPolicy(Answer):
    """A policy that covers a service."""

    name: str
    mode: PolicyMode
    file: str
    """Where it is written; `labels of ...` for the service's own."""


class ServiceState(Answer):
    """A service as it is now, and what was decided about it last."""

    id: str
    name: str
    stack: str | None
    mode: Mode
    replicas: int | None
    """Replicas that it shall have; null where none are counted."""
    running: int | None
    image: str
    release: str
    """Hash of its task template."""
    rollout: Rollout
    policies: list[CoveringPolicy]
    """More than one: nothing is done until only one is left."""
    paused: str | None
    """By whom and why it is left alone; null where it is not."""
    quarantined: str | None
    """Why healing has given up on it; null where it has not."""
    health: Standing | None
    min: int | None
    max: int | None
    decision: Decision | None
    """The decision that was stored last: it holds until another one is."""


class TaskNow(Answer):
    """A task of a service."""

    id: str
    slot: int
    node: str
    """Id of the node that it runs on."""
    state: TaskState
    desired: TaskState
    since: float
    error: str


class ServiceDetail(ServiceState):
    """A service with its tasks."""

    tasks: list[TaskNow] | None
    """Null where they are not known; 500 at most."""


class Services(Answer):
    """A part of the services, by name."""

    items: list[ServiceState]
    next: str | None
    """`after` of the next part; null after the last one."""


class Kept(Answer):
    """A release that ran well, and can be gone back to."""

    release: str
    at: float
    """When it last proved itself, in Unix seconds."""
    image: str
    changes: list[str]
    """What differs from the one before, by place: values are not told."""


class Revisions(Answer):
    """The releases of a service that are kept, newest first."""

    items: list[Kept]


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """What is told of services."""
    shelf = _Shelf(desk)
    one = {"service": SERVICE}
    return [
        endpoint(
            shelf.services,
            path="/services",
            summary="All services, by name",
            query=Part,
            answer=Services,
        ),
        endpoint(
            shelf.service,
            path="/services/{service}",
            summary="One service with its tasks",
            answer=ServiceDetail,
            parameters=one,
        ),
        endpoint(
            shelf.revisions,
            path="/services/{service}/revisions",
            summary="The releases of a service that are kept to go back to",
            answer=Revisions,
            parameters=one,
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Shelf:
    desk: Desk

    async def services(self, asked: Asked) -> Services:
        """A part of them."""
        everything = observed(self.desk)
        chosen, after = part(everything, lambda each: each.name, asked.query)
        decisions = await self.desk.store.last_by_service([each.name for each in chosen])
        items = [self._state(each, decisions.get(each.name)) for each in chosen]
        return Services(items=items, next=after)

    async def service(self, asked: Asked) -> ServiceDetail:
        """One of them."""
        service = found(self.desk, asked.path["service"])
        decisions = await self.desk.store.last_by_service([service.name])
        state = self._state(service, decisions.get(service.name))
        tasks = self.desk.passes.view.tasks.get(service.id)
        told = None if tasks is None else [_task(each) for each in tasks[:MOST_TASKS]]
        return ServiceDetail(**dict(state), tasks=told)

    async def revisions(self, asked: Asked) -> Revisions:
        """Templates are compared here, and stay here."""
        key, store = found(self.desk, asked.path["service"]).id, self.desk.store
        kept = self.desk.passes.revisions.get(key, ())
        read = [(each, await store.template(key, each.release)) for each in kept]
        # One may have been dropped since it was listed.
        there = [(each, template) for each, template in read if template is not None]
        changes = [[], *(differences(old, new) for (_, old), (_, new) in pairwise(there))]
        items = [
            Kept(release=each.release, at=each.at, image=shown(each.image), changes=told)
            for (each, _), told in zip(there, changes, strict=False)
        ]
        return Revisions(items=items[::-1])

    def _state(self, service: Service, decision: Decision | None) -> ServiceState:
        passes, now = self.desk.passes, self.desk.clock()
        memory = passes.memories.get(service.id)
        given_up = memory and memory.healing.quarantine
        return ServiceState(
            id=service.id,
            name=service.name,
            stack=service.stack,
            mode=service.mode,
            replicas=service.replicas,
            running=service.running,
            image=shown(service.image),
            release=service.template,
            rollout=service.rollout,
            policies=[_covering(each) for each in self.desk.covering(service)],
            paused=passes.orders.paused(service.name, now),
            quarantined=given_up.reason if given_up else None,
            health=decision.health if decision else None,
            min=decision.min if decision else None,
            max=decision.max if decision else None,
            decision=decision,
        )


def observed(desk: Desk) -> Sequence[Service]:
    """The services that there are now. Raises Problem: not known is not none."""
    if desk.passes.view.at is None:
        after = {"Retry-After": str(ceil(TRY_AGAIN))}
        failing = desk.passing().failing
        told = f": {redacted_text(failing.reason)}" if failing else "; the first look is under way"
        told = f"the cluster has not been observed yet{told}"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, told, after)
    return list(desk.passes.view.services.values())


def found(desk: Desk, name: str) -> Service:
    """A service that there is now. Raises Problem."""
    observed(desk)
    service = desk.service(name)
    if service is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no service {name!r}")
    return service


def _covering(loaded: LoadedPolicy) -> CoveringPolicy:
    policy = loaded.policy
    return CoveringPolicy(name=policy.name, mode=policy.mode, file=loaded.file)


def _task(task: Task) -> TaskNow:
    return TaskNow(
        id=task.id,
        slot=task.slot,
        node=task.node_id,
        state=task.state,
        desired=task.desired,
        since=task.since,
        error=task.error,
    )
