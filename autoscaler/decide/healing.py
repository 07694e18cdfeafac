"""From symptoms to a cure: rules find, guards hold, and at most one cure is left.

rules ─► findings ─► candidates, in order of precedence ─► guards ─► action
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoscaler.decide import convalescence, health, releases, watching
from autoscaler.decide.examining import Blind, examine
from autoscaler.decide.heal_case import Entry, HealCase
from autoscaler.decide.heal_guards import HEAL_GUARDS, IMPOSSIBLE
from autoscaler.decide.release_guards import NO_WAY_BACK
from autoscaler.model import (
    Act,
    Action,
    Finding,
    Healing,
    Health,
    Observation,
    Phase,
    Recommendation,
    Releases,
    Rollout,
    Standing,
    Task,
    Verdict,
)
from autoscaler.policy import Heal, Policy

PRECEDENCE = (Act.ROLLBACK, Act.RESTART, Act.REPLACE, Act.REBALANCE)
"""The gravest cure is tried first; a scale comes after all of them."""

Asked = tuple[tuple[Entry, Finding], ...]


@dataclass(frozen=True, slots=True)
class Watcher:
    """The watch over releases, as one who asks for a cure."""

    then: str
    name: str = "release"
    otherwise: str | None = None
    cooldown: float = 600.0
    options: None = None
    """It has looked at several answers already."""


@dataclass(frozen=True, slots=True)
class Healed:
    """What a pass comes to as far as health is concerned."""

    memory: Healing
    standing: Standing
    candidates: tuple[Recommendation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    action: Action | None = None
    tells: tuple[str, ...] = ()


def heal(policy: Policy, observation: Observation, before: Healing) -> Healed:
    """One step: how the service is, and what to do about it, if anything may be done."""
    memory, sick, blind = examine(policy, observation, _release(policy, observation, before))
    found = (*sick, *_failed_release(policy, memory))
    findings = tuple(finding for _, finding in found)
    asked = _asked(found)
    memory = convalescence.give_up(memory, policy.disruption, observation, asked)
    findings += convalescence.as_finding(memory)
    service = observation.service
    standing = health.standing(service, observation.tasks, observation.now, findings)
    memory = convalescence.watch(memory, policy.disruption, observation, standing)
    memory = _with(memory, releases.judged(memory.releases, policy, observation, standing))
    verdicts, action = _first_that_passes(policy, observation, memory, asked)
    memory, tells = _tell(memory, found, blind, verdicts, observation.now)
    tells += tuple(watching.tells(before.releases, memory.releases, policy.release))
    if memory.quarantine and not before.quarantine:
        tells = (*tells, memory.quarantine.reason)
    candidates = [_recommended(entry, finding) for entry, finding in asked]
    candidates += [_silent(entry, doubt) for entry, doubt in blind]
    return Healed(memory, standing, tuple(candidates), verdicts, action, tells)


def _release(policy: Policy, observation: Observation, before: Healing) -> Healing:
    """Take in which release there is, and how its watch goes."""
    memory, last = convalescence.released(before, observation), before.attempts[-1:]
    if last and releases.came_late(before.releases, last[0], observation):
        known = releases.taken_back(
            before.releases, last[0].to, last[0].rule, observation.now, by_hand=last[0].by_hand
        )
    else:
        known = releases.noticed(memory.releases, policy, observation)
    return _with(memory, watching.watched(known, policy.release, observation))


def _with(memory: Healing, known: Releases) -> Healing:
    return memory if known is memory.releases else replace(memory, releases=known)


def _failed_release(policy: Policy, memory: Healing) -> Asked:
    """A release that its watch has found bad, as one more finding."""
    watch = memory.releases.watch
    if watch is None or watch.phase is not Phase.FAILED or not policy.release.checks:
        return ()
    reason = f"release {watch.release} has failed: {watch.reason}"
    finding = Finding(state=Health.DEGRADED, reason=reason)
    return ((Watcher(policy.release.on_failure), finding),)


def _asked(found: Asked) -> Asked:
    """The findings that ask for a cure, the gravest cure first, else in the policy's order."""
    if not found:
        return ()
    asked = [each for each in found if each[0].then in PRECEDENCE]
    return tuple(sorted(asked, key=lambda each: PRECEDENCE.index(Act(each[0].then))))


def _tell(
    memory: Healing, found: Asked, blind: Blind, verdicts: Sequence[Verdict], now: float
) -> tuple[Healing, tuple[str, ...]]:
    """What entries that only tell have to say: once, and again after their cooldown.

    So does one that wants a rollback for which there is no way back.
    """
    if not found and not memory.told:
        return memory, ()
    names = {entry.name for entry, _ in (*found, *blind)}
    helpless = {each.about: f"; {each.reason}" for each in verdicts if each.guard in NO_WAY_BACK}
    told = {name: at for name, at in memory.told.items() if name in names}
    said = []
    for entry, finding in found:
        speaks = entry.then == "notify" or entry.name in helpless
        last = told.get(entry.name)
        if speaks and (last is None or now >= last + entry.cooldown):
            told[entry.name] = now
            said.append(f"{entry.name}: {finding.reason}{helpless.get(entry.name, '')}")
    return replace(memory, told=told), tuple(said)


def _first_that_passes(
    policy: Policy, observation: Observation, memory: Healing, asked: Asked
) -> tuple[tuple[Verdict, ...], Action | None]:
    verdicts: list[Verdict] = []
    for entry, finding in asked:
        for act in filter(None, (entry.then, entry.otherwise)):
            task = _target(finding, observation) if act == Act.REPLACE else None
            back = None
            if act == Act.ROLLBACK:
                back = releases.target(memory.releases, observation.revisions)
            of_finding = (finding.tasks, finding.treated)
            case = HealCase(policy, entry, observation, memory, Act(act), task, back, *of_finding)
            held = _held(case)
            if held is None:
                return tuple(verdicts), action(case)
            verdicts.append(held)
            if held.guard not in IMPOSSIBLE:
                break
    return tuple(verdicts), None


def _target(finding: Finding, observation: Observation) -> Task | None:
    """The first of the tasks that were found sick whose container can be stopped."""
    tasks = {task.id: task for task in observation.tasks or ()}
    found = (tasks[key] for key in finding.tasks if key in tasks)
    return next((t for t in found if _may_be_stopped(t)), None)


def _may_be_stopped(task: Task) -> bool:
    return task.wanted and task.node_ready and bool(task.container_id and task.node_id)


def _held(case: HealCase) -> Verdict | None:
    for guard in HEAL_GUARDS:
        reason = guard(case)
        if reason is not None:
            return Verdict(
                guard=guard.__name__,
                replicas=case.observation.service.replicas or 0,
                reason=reason,
                about=case.heal.name,
            )
    return None


def action(case: HealCase) -> Action:
    """What a cure comes to, now that nothing holds it."""
    service, task, revision = case.observation.service, case.task, case.revision
    planned = Action(
        kind=case.act,
        service_id=service.id,
        service=service.name,
        version=service.version,
        replicas=service.replicas or 0,
        previous=service.replicas or 0,
        rule=case.heal.name,
    )
    if revision is not None:
        over = Rollout.NONE if service.rollout.settled else service.rollout
        return replace(planned, release=revision.release, over=over)
    if task is None:
        return replace(planned, forced=service.forced + 1)
    return replace(planned, task=task.id, container=task.container_id, node=task.node_id)


def _recommended(entry: Entry, finding: Finding) -> Recommendation:
    return Recommendation(
        name=entry.name,
        replicas=None,
        reason=finding.reason,
        act=Act(entry.then),
        tasks=finding.tasks,
    )


def _silent(entry: Heal, doubt: str) -> Recommendation:
    """A rule that cannot say asks for nothing, and does not go unseen."""
    told = f"not known: {doubt}"
    return Recommendation(
        name=entry.name, replicas=None, reason=told, abstains=True, act=Act(entry.then)
    )


def described(candidates: Sequence[Recommendation], verdicts: Sequence[Verdict]) -> list[str]:
    """What was found and what holds its cure, in words."""
    said = []
    for each in candidates:
        said.append(f"{each.name}: {each.reason}")
        said += [f"{one.guard}: {one.reason}" for one in verdicts if one.about == each.name]
    return said
