"""What stands between a sick service and a cure, in one ordered tuple.

A guard looks at the case and answers why it holds the cure, or None. The first that speaks
holds it; the next candidate, or a scale, may still pass. To change what is safe, edit
`HEAL_GUARDS`.
"""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.decide import health
from autoscaler.decide.bounds import freezing
from autoscaler.decide.heal_case import HealCase
from autoscaler.decide.release_guards import (
    NO_WAY_BACK,
    brought_back,
    earlier_tasks,
    no_revision,
    old_release,
    rolled_back_once,
)
from autoscaler.model import Act, Attempt, Rollout, Task
from autoscaler.policy import PolicyMode

HealGuard = Callable[[HealCase], str | None]

RETRY_UNSENT = 30.0
"""Seconds after a cure that could not be sent until it is asked for again."""


def job(case: HealCase) -> str | None:
    """Any write runs a job again."""
    service = case.observation.service
    return f"a {service.mode} service is never written to" if service.runs_once else None


def without_replicas(case: HealCase) -> str | None:
    """What somebody switched off is not sick."""
    return "it is set to 0 replicas" if case.observation.service.replicas == 0 else None


def open_outcome(case: HealCase) -> str | None:
    """One action at a time: an unknown outcome is read before anything else is done."""
    return case.observation.unsettled


def rollout_under_way(case: HealCase) -> str | None:
    """A write during a rollout poisons Swarm's rollback, on a paused one it resumes it.

    A rollback is what resolves it; only when Swarm makes one itself we stand aside.
    """
    service = case.observation.service
    if service.rollout.settled:
        return None
    if case.act is Act.ROLLBACK and service.rollout is not Rollout.ROLLBACK_STARTED:
        return None
    return f"an update of the service is {service.rollout}"


def no_task(case: HealCase) -> str | None:
    """Only the container of a task that runs can be stopped."""
    if case.act is not Act.REPLACE or case.task is not None:
        return None
    return "none of the tasks that it is about runs in a container that could be stopped"


def not_replaced(case: HealCase) -> str | None:
    """A task that is stopped has ended well, or used up an attempt: it might stay away."""
    service = case.observation.service
    if case.act is not Act.REPLACE:
        return None
    if service.restarts != "any":
        return f"Swarm restarts its tasks {service.restarts}, so perhaps not one that is stopped"
    if service.max_attempts:
        return f"each stop uses up one of the {service.max_attempts} attempts of its restart policy"
    return None


def without_agent(case: HealCase) -> str | None:
    """A container can be stopped on its own node only."""
    if case.task is None or case.task.node_id in case.observation.agents:
        return None
    return f"no agent on node {case.task.node_id} could stop a container"


def still_replacing(case: HealCase) -> str | None:
    """One task at a time: the next is stopped once the one before it is back."""
    run = case.memory.run
    if case.act is not Act.REPLACE or not run or run[-1].act is not Act.REPLACE:
        return None
    tasks = case.observation.tasks or ()
    there = sum(task.healthy or (task.wanted and task.id in case.about) for task in tasks)
    missing = health.asked_for(case.observation.service, tasks) - there
    return f"{missing} tasks do not run since the last one was replaced" if missing > 0 else None


def heal_freeze(case: HealCase) -> str | None:
    """Windows in which nothing is touched."""
    scale = case.policy.scale
    if scale is None:
        return None
    frozen = next(iter(freezing(scale, case.observation.windows, "both")), None)
    return f"{frozen.name!r} is open" if frozen else None


def quarantine(case: HealCase) -> str | None:
    """Healing that keeps failing makes it worse: a person or a new release must come first."""
    held = case.memory.quarantine
    return held.reason if held else None


def treated(case: HealCase) -> str | None:
    """What goes on after its cure is not cured by more of it, unless the policy says so."""
    return case.treated or None


def second_look(case: HealCase) -> str | None:
    """An answer can be wrong for many services at once: all are looked at before one is healed."""
    if case.heal.options is None:
        return None
    found_at = case.memory.since.get(case.heal.name, case.now)
    return None if found_at < case.now else "found just now; the next pass must find it, too"


def fleet_stop(case: HealCase) -> str | None:
    """When much is sick at once, it is the network or us: healing would spread it."""
    return case.observation.fleet.heal_stop


def failed_cure(case: HealCase) -> str | None:
    """A cure that did not help several others has a cause that they share."""
    if case.act not in case.observation.fleet.failed_cures:
        return None
    return f"{case.act} did not help several other services"


def heal_unsent(case: HealCase) -> str | None:
    """What could not be sent is asked for again soon; meanwhile others have their turn."""
    last = case.memory.unsent
    left = last.at + RETRY_UNSENT - case.now if last else 0.0
    return f"it could not be sent; {left:.0f} s to go: {last.reason}" if last and left > 0 else None


def heal_backoff(case: HealCase) -> str | None:
    """Each further heal waits twice as long, as Kubernetes' crash loop back-off does."""
    rest = case.policy.disruption
    run = case.memory.run
    if not run:
        return None
    pause = min(rest.backoff * 2 ** min(len(run) - 1, 30), max(rest.backoff, rest.backoff_max))
    left = run[-1].at + pause - case.now
    return f"{left:.0f} s to go after heal {len(run)}{_failed(run[-1])}" if left > 0 else None


def _failed(last: Attempt) -> str:
    return f", which failed: {last.failure}" if last.failure else ""


def heal_cooldown(case: HealCase) -> str | None:
    """Rest between two cures of one entry, as the policy says; of rollbacks, of one release."""
    mine = [
        each
        for each in case.memory.attempts
        if each.rule == case.heal.name
        and (each.act is not Act.ROLLBACK or each.release == case.memory.release)
    ]
    if not mine:
        return None
    left = mine[-1].at + case.heal.cooldown - case.now
    return f"{left:.0f} s to go since its last cure{_failed(mine[-1])}" if left > 0 else None


def min_available(case: HealCase) -> str | None:
    """A cure takes some healthy tasks away for a while; enough must be left."""
    service, least = case.observation.service, case.policy.disruption.min_available
    if least and case.observation.tasks is None:
        return f"{least} healthy tasks must stay, and how many there are is not known"
    healthy = sum(task.healthy for task in case.observation.tasks or ())
    replaced = sum(_is_replaced(task, case) for task in case.observation.tasks or ())
    taken = 0 if service.start_first else min(service.at_once or replaced, replaced)
    if case.act is Act.REPLACE:
        taken = int(case.task is None or case.task.healthy)
    if not taken or healthy - taken >= least:
        return None
    return f"{healthy} healthy tasks, a {case.act} takes {taken} at a time, {least} must stay"


def _is_replaced(task: Task, case: HealCase) -> bool:
    """Whether a cure takes a healthy task away for a while.

    Where a rollout has not come far, the tasks of the release before it stay as they are if
    that is the one that is brought back.
    """
    service = case.observation.service
    back = case.revision is not None and case.revision.release == case.releases.before
    if case.act is not Act.ROLLBACK or service.rollout.settled or not back:
        return task.healthy
    return task.healthy and task.created_at >= service.rollout_started


def heal_budget(case: HealCase) -> str | None:
    """Of all services together, one heal at a time."""
    due = case.observation.fleet.heal_at
    if due is None or due <= case.now:
        return None
    return f"another service was healed; {due - case.now:.0f} s to go"


def heal_dry_run(case: HealCase) -> str | None:
    """Say it, do not do it."""
    if case.policy.mode is not PolicyMode.DRY_RUN:
        return None
    return f"dry-run: would {case.act}"


HEAL_GUARDS: tuple[HealGuard, ...] = (
    job,
    without_replicas,
    open_outcome,
    rollout_under_way,
    rolled_back_once,
    brought_back,
    earlier_tasks,
    old_release,
    no_revision,
    no_task,
    not_replaced,
    without_agent,
    still_replacing,
    heal_freeze,
    quarantine,
    treated,
    second_look,
    fleet_stop,
    failed_cure,
    heal_unsent,
    heal_backoff,
    heal_cooldown,
    min_available,
    heal_budget,
    heal_dry_run,
)

IMPOSSIBLE = NO_WAY_BACK | {no_task.__name__, not_replaced.__name__, without_agent.__name__}
"""What one of these holds cannot be done as it was asked for; an entry's `or` may do instead."""
