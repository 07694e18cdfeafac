"""The guards: what stands between a recommendation and an act, in one ordered tuple.

A guard looks at the case and at the number of replicas proposed so far. It answers None
to let the proposal pass, or a verdict with the number that it allows. The first guard
that brings the number back to what the service has, holds it. To change what is safe,
edit `GUARDS`.
"""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.decide import pace, releases, trust
from autoscaler.decide.bounds import freezing
from autoscaler.decide.case import Case
from autoscaler.model import Mode, Quality, Rollout, TaskState, Verdict
from autoscaler.policy import PolicyMode

Guard = Callable[[Case, int], Verdict | None]


def scalable(case: Case, proposed: int) -> Verdict | None:
    """Only replicated services have a number to change; a job would run again."""
    mode = case.observation.service.mode
    if mode is Mode.REPLICATED:
        return None
    return _hold(case, "scalable", f"a {mode} service is never written to")


def switched_off(case: Case, proposed: int) -> Verdict | None:
    """Zero replicas that we did not set are a person's way to switch a service off."""
    if case.current > 0 or case.memory.zeroed:
        return None
    return _hold(case, "switched_off", "somebody set it to 0 replicas; scale it up to resume")


def unsettled(case: Case, proposed: int) -> Verdict | None:
    """One action at a time: an unknown outcome is read before anything else is done."""
    if case.observation.unsettled is None:
        return None
    return _hold(case, "unsettled", case.observation.unsettled)


def rollout(case: Case, proposed: int) -> Verdict | None:
    """A write during a rollout poisons Swarm's rollback, on a paused one it resumes it."""
    service = case.observation.service
    if service.rollout.settled or _is_emergency(case, proposed):
        return None
    told = f": {service.rollout_message}" if service.rollout_message else ""
    return _hold(case, "rollout", f"an update of the service is {service.rollout}{told}")


def _is_emergency(case: Case, proposed: int) -> bool:
    """Where a release can be taken back anyway, more load may be met in the middle of one."""
    if case.policy.release.during_update != "up" or proposed <= case.current:
        return False
    known, service = case.memory.healing.releases, case.observation.service
    good = releases.target(known, case.observation.revisions) is not None
    return service.rollout is Rollout.UPDATING and good


def release_watch(case: Case, proposed: int) -> Verdict | None:
    """What a release needs shows while it has all that the one before it had."""
    watch = case.memory.healing.releases.watch
    if watch is None or not watch.phase.open or proposed >= case.current:
        return None
    return _hold(case, "release_watch", f"release {watch.release} is watched: {watch.phase}")


def missing_data(case: Case, proposed: int) -> Verdict | None:
    """A metric that cannot be trusted never shrinks anything."""
    if not _shrinks_on_data(case, proposed):
        return None
    unknown = next((r for r in case.recommendations if r.replicas is None and not r.abstains), None)
    if unknown is None:
        return None
    return _hold(case, "missing_data", f"{unknown.name}: {unknown.reason}")


def partial_data(case: Case, proposed: int) -> Verdict | None:
    """An answer with warnings is good enough to grow on only."""
    if not _shrinks_on_data(case, proposed):
        return None
    for name, sample in case.observation.samples.items():
        if sample.quality is Quality.PARTIAL:
            return _hold(case, "partial_data", f"{name}: {sample.detail}")
    return None


def coverage(case: Case, proposed: int) -> Verdict | None:
    """Data that are fresh, but tell of too few targets, never shrink anything."""
    if not _shrinks_on_data(case, proposed):
        return None
    for metric in case.scale.metrics:
        short = trust.shortage(metric, case.observation)
        if short is not None:
            return _hold(case, "coverage", f"{metric.name}: {short}")
    return None


def busy(case: Case, proposed: int) -> Verdict | None:
    """What the policy names as work in progress is not cut off; unknown is not zero."""
    if case.forced or proposed >= case.current:
        return None
    for hold in case.scale.hold_down_while:
        sample = case.observation.holds.get(hold.name)
        if sample is not None and trust.distrust(sample) is None and sample.total != 0:
            return _hold(case, "busy", f"{hold.name} is {sample.total:g}")
        doubt = trust.unproven(sample)
        if doubt is not None:
            return _hold(case, "busy", f"{hold.name} is not known: {doubt}")
    return None


def recovery(case: Case, proposed: int) -> Verdict | None:
    """After data were missing, good samples must prove themselves before anything shrinks."""
    if case.memory.missing_since is None or not _shrinks_on_data(case, proposed):
        return None
    told = f"{case.memory.good} of {case.scale.recovery} good samples since data were missing"
    return _hold(case, "recovery", told)


def unclear_change(case: Case, proposed: int) -> Verdict | None:
    """A moment's patience, until it is clear whether a person or a deploy changed it."""
    changed = case.memory.changed
    if changed is None:
        return None
    told = f"{changed.replicas} -> {case.current} by somebody else; who it was shows soon"
    return _hold(case, "unclear_change", told)


def manual_change(case: Case, proposed: int) -> Verdict | None:
    """A person's change is respected for a while."""
    disturbed = case.memory.disturbed_at
    if case.forced or disturbed is None:
        return None
    left = pace.remaining(disturbed, case.scale.cooldown.manual, case.now)
    if left <= 0:
        return None
    return _hold(case, "manual_change", f"somebody changed the replicas; {left:.0f} s to go")


def freeze(case: Case, proposed: int) -> Verdict | None:
    """Windows in which nothing is touched, the bounds included."""
    direction = "up" if proposed > case.current else "down"
    schedule = next(iter(freezing(case.scale, case.observation.windows, direction)), None)
    if schedule is None:
        return None
    return _hold(case, "freeze", f"{schedule.name!r} is open")


def cooldown(case: Case, proposed: int) -> Verdict | None:
    """Rest after a change of ours, for each direction as the policy says."""
    if case.forced or not case.memory.scaled:
        return None
    up = proposed > case.current
    rest = case.scale.cooldown.up if up else case.scale.cooldown.down
    left = pace.remaining(case.memory.scaled[-1].at, rest, case.now)
    if left <= 0:
        return None
    return _hold(case, "cooldown", f"{left:.0f} s to go since the last change")


def stabilization(case: Case, proposed: int) -> Verdict | None:
    """Follow the most cautious recommendation of the window."""
    if case.forced:
        return None
    behavior = case.scale.behavior
    steady = pace.stabilized(
        proposed, case.current, case.memory.recommendations, behavior, case.now
    )
    if steady == proposed:
        return None
    rules = behavior.scale_up if proposed > case.current else behavior.scale_down
    told = f"{steady} was recommended within the last {rules.stabilization:.0f} s"
    return Verdict(guard="stabilization", replicas=steady, reason=told)


def rate_limit(case: Case, proposed: int) -> Verdict | None:
    """So much change in so much time."""
    if case.forced or proposed == case.current:
        return None
    behavior, scaled = case.scale.behavior, case.memory.scaled
    if proposed > case.current:
        limit = pace.upper_limit(case.current, scaled, behavior.scale_up, case.now)
        allowed = min(proposed, limit)
    else:
        limit = pace.lower_limit(case.current, scaled, behavior.scale_down, case.now)
        allowed = max(proposed, limit)
    if allowed == proposed:
        return None
    return Verdict(guard="rate_limit", replicas=allowed, reason=f"no further than {limit} now")


def bounds(case: Case, proposed: int) -> Verdict | None:
    """Never outside of min and max."""
    allowed = case.bounds.clamp(proposed)
    if allowed == proposed:
        return None
    by = case.bounds.max_by if proposed > allowed else case.bounds.min_by
    return Verdict(guard="bounds", replicas=allowed, reason=f"{by} is {allowed}")


def pending_tasks(case: Case, proposed: int) -> Verdict | None:
    """Tasks that find no node are capacity that does not exist: no more on top of them."""
    if proposed <= case.current:
        return None
    waiting = [
        task
        for task in case.observation.tasks or ()
        if task.wanted and task.state is TaskState.PENDING and task.error
    ]
    if not waiting:
        return None
    return _hold(case, "pending_tasks", f"{len(waiting)} tasks wait: {waiting[0].error}")


def room(case: Case, proposed: int) -> Verdict | None:
    """No more than the nodes can take."""
    known = case.observation.room
    if proposed <= case.current or known is None or known.more is None:
        return None
    more = max(0, known.more)
    if proposed - case.current <= more:
        return None
    told = f"{more} of {proposed - case.current} fit: {known.reason}"
    return Verdict(guard="room", replicas=case.current + more, reason=told)


def fleet_brake(case: Case, proposed: int) -> Verdict | None:
    """Of all services together, only so much may vanish within a while."""
    removable = case.observation.fleet.removable
    wanted = case.current - proposed
    if removable is None or wanted <= max(0, removable):
        return None
    told = f"the fleet's brake leaves {max(0, removable)} of {wanted} to remove now"
    return Verdict(guard="fleet_brake", replicas=case.current - max(0, removable), reason=told)


def fleet_ceiling(case: Case, proposed: int) -> Verdict | None:
    """The fleet as a whole may be given a largest size."""
    addable = case.observation.fleet.addable
    wanted = proposed - case.current
    if addable is None or wanted <= max(0, addable):
        return None
    told = f"max_total_replicas leaves {max(0, addable)} of {wanted} to add"
    return Verdict(guard="fleet_ceiling", replicas=case.current + max(0, addable), reason=told)


def dry_run(case: Case, proposed: int) -> Verdict | None:
    """Say it, do not do it."""
    if case.policy.mode is not PolicyMode.DRY_RUN:
        return None
    return _hold(case, "dry_run", f"dry-run: would scale {case.current} -> {proposed}")


GUARDS: tuple[Guard, ...] = (
    scalable,
    switched_off,
    unsettled,
    rollout,
    release_watch,
    missing_data,
    partial_data,
    coverage,
    busy,
    recovery,
    unclear_change,
    manual_change,
    freeze,
    cooldown,
    stabilization,
    rate_limit,
    bounds,
    pending_tasks,
    room,
    fleet_brake,
    fleet_ceiling,
    dry_run,
)


def _shrinks_on_data(case: Case, proposed: int) -> bool:
    """Whether replicas would go because of what metrics say; a fallback knows that none do."""
    return proposed < case.current and not case.forced and not case.want.without_data


def _hold(case: Case, guard: str, reason: str) -> Verdict:
    return Verdict(guard=guard, replicas=case.current, reason=reason)
