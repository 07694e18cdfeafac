"""Which releases came, which proved themselves, and which one to go back to. Pure.

A release is good once it was rolled out and stayed healthy for the policy's `bake`, and no
watch over it is open or has failed; one that ended inconclusive leaves it to `bake`. A release
that was rolled back before that counts as failed for good, whoever rolled it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autoscaler.decide import watching
from autoscaler.decide.others import LATEST
from autoscaler.model import (
    Act,
    Action,
    Attempt,
    Failed,
    Health,
    Observation,
    Phase,
    Releases,
    Revision,
    Rollout,
    Standing,
    TaskState,
)
from autoscaler.policy import Policy

MOST_FAILED = 50
"""Failed, or unfit, releases of one service that are remembered."""
BY_SWARM = (Rollout.ROLLBACK_STARTED, Rollout.ROLLBACK_PAUSED, Rollout.ROLLBACK_COMPLETED)
"""States of a rollback that Swarm makes, by itself or because a person asked for it."""


def noticed(known: Releases, policy: Policy, seen: Observation) -> Releases:
    """Take in which release there is now."""
    release, rolled = seen.service.template, min(seen.now, seen.service.rollout_started)
    if seen.unsettled is not None or not release:
        # A change whose outcome is not known yet may well be ours.
        return known
    if not known.current:
        return replace(known, current=release, since=seen.now)
    if known.current != release:
        return _came(known, policy, seen)
    if rolled > known.tasks_from:
        # Rolled out again: after a restart, or another release that came and went unseen.
        return replace(known, tasks_from=rolled)
    return known


def came_late(known: Releases, last: Attempt, seen: Observation) -> bool:
    """Whether this is the rollback of ours that got no answer, and seemed not to have happened."""
    return (
        last.act is Act.ROLLBACK
        and (last.release, last.to) == (known.current, seen.service.template)
        and seen.unsettled is None
        and seen.now <= last.at + LATEST
    )


def _came(known: Releases, policy: Policy, seen: Observation) -> Releases:
    """Another release is there, and not by us."""
    release, by_swarm = seen.service.template, seen.service.rollout in BY_SWARM
    watched = policy.release.checks and not by_swarm and known.failure(release) is None
    return replace(
        known,
        current=release,
        since=seen.now,
        tasks_from=_written(seen),
        before=known.current,
        well_since=None,
        proved=False,
        restored=False,
        failed=_left(known, seen) if by_swarm else known.failed,
        watch=watching.begin(known, seen) if watched else None,
    )


def _written(seen: Observation) -> float:
    """When the spec that is there was written, or its rollout began, by the engine's word."""
    service = seen.service
    written = service.updated_at if service.rollout is Rollout.NONE else service.rollout_started
    return min(seen.now, written or seen.now)


def _left(known: Releases, seen: Observation) -> tuple[Failed, ...]:
    """What Swarm rolled back has failed, unless it had proved itself: then a person chose."""
    before = known.failure(known.current)
    if before is not None and before.ours:
        # That we took it back once is not forgotten because Swarm has done so since.
        return known.failed
    if any(kept.release == known.current for kept in seen.revisions):
        return known.failed
    told = seen.service.rollout_message or f"Swarm says {seen.service.rollout}"
    return _and(known.failed, Failed(release=known.current, at=seen.now, reason=told))


def judged(known: Releases, policy: Policy, seen: Observation, standing: Standing) -> Releases:
    """Whether the release has proved itself by now."""
    if seen.tasks is None or seen.unsettled is not None or known.proved:
        return known
    if not _well(seen, standing) or known.failure(known.current) is not None:
        return known if known.well_since is None else replace(known, well_since=None)
    begun = seen.now if known.well_since is None else known.well_since
    since = max(begun, _last_failure(seen))
    after = known if since == known.well_since else replace(known, well_since=since)
    doubted = known.watch is not None and (known.watch.phase.open or _failed(known))
    if doubted or seen.now < since + policy.release.bake:
        return after
    unfit = tuple(each for each in known.unfit if each != known.current)
    return replace(after, proved=True, restored=False, unfit=unfit)


def _well(seen: Observation, standing: Standing) -> bool:
    """Whether it is rolled out and runs; nothing is learnt about a service without tasks."""
    runs = any(task.healthy for task in seen.tasks or ())
    return runs and seen.service.rollout.settled and standing.state is Health.HEALTHY


def _failed(known: Releases) -> bool:
    return known.watch is not None and known.watch.phase is Phase.FAILED


def _last_failure(seen: Observation) -> float:
    """When a task last ended by itself: until then it was not well."""
    ended = (TaskState.FAILED, TaskState.REJECTED)
    return max((task.since for task in seen.tasks or () if task.state in ended), default=0.0)


def target(known: Releases, kept: Iterable[Revision]) -> Revision | None:
    """The newest good release to go back to, if there is one."""
    out = {known.current, *known.unfit, *(each.release for each in known.failed)}
    fit = (each for each in kept if each.release not in out)
    return max(fit, key=lambda each: each.at, default=None)


def to_keep(known: Releases, policy: Policy, kept: Iterable[Revision]) -> bool:
    """Whether the release has proved itself and its template is not kept yet."""
    if not known.proved or not policy.keeps_releases:
        return False
    return not any(each.release == known.current and each.at >= known.since for each in kept)


def taken_back(
    known: Releases, release: str, reason: str, now: float, *, by_hand: bool = False
) -> Releases:
    """What is known once a rollback of ours is done: its release never gets a second one.

    What a person leaves has failed, too, unless it had proved itself: then it was a choice.
    """
    failed = Failed(release=known.current, at=now, reason=reason, ours=not by_hand)
    chosen = by_hand and (known.proved or known.failure(known.current) is not None)
    return replace(
        known,
        current=release,
        since=now,
        before=known.current,
        tasks_from=now,
        well_since=None,
        proved=False,
        restored=True,
        failed=known.failed if chosen else _and(known.failed, failed),
        watch=None,
    )


def refused(known: Releases, action: Action) -> Releases:
    """What is known once the cluster would not take a template back: it never will."""
    return replace(known, unfit=(*known.unfit, action.release)[-MOST_FAILED:])


def _and(failed: tuple[Failed, ...], one: Failed) -> tuple[Failed, ...]:
    others = tuple(each for each in failed if each.release != one.release)
    return (*others, one)[-MOST_FAILED:]
