"""Each healing rule takes its look, if it has what it goes by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from autoscaler.decide import convalescence, trust
from autoscaler.model import Finding, Healing, Observation, Quality
from autoscaler.policy import Heal, Policy
from autoscaler.ports import Checkup, HealingRule

Found = tuple[tuple[Heal, Finding], ...]
Blind = tuple[tuple[Heal, str], ...]
"""Entries whose rule could not be asked, and why."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one entry's rule said, and remembers."""

    entry: Heal
    memory: Any
    finding: Finding | None = None
    doubt: str | None = None

    @property
    def name(self) -> str:
        return self.entry.name


def examine(
    policy: Policy, observation: Observation, memory: Healing
) -> tuple[Healing, Found, Blind]:
    """What was found and has held for long enough, and which rules could not look."""
    known = policy.heal or memory.rules or memory.since or memory.ailing
    if observation.tasks is None or not known:
        # Nobody looked: nothing is found, and nothing is taken for well.
        return memory, (), ()
    now = observation.now
    looks = [_look(entry, observation, memory) for entry in policy.heal]
    found = [(look, look.finding) for look in looks if look.finding is not None]
    since = {look.name: memory.since.get(look.name, now) for look, _ in found}
    after = replace(
        memory,
        rules={look.name: look.memory for look in looks if look.memory is not None},
        since=since,
        ailing=any(finding.state.sick for _, finding in found),
    )
    lasting = [each for each in found if now >= since[each[0].name] + each[0].entry.lasting]
    blind = tuple((look.entry, look.doubt) for look in looks if look.doubt is not None)
    return after, tuple((look.entry, finding) for look, finding in lasting), blind


def _look(entry: Heal, observation: Observation, memory: Healing) -> _Look:
    remembered = memory.rules.get(entry.name)
    doubt = _doubt(entry, observation)
    if doubt is not None:
        return _Look(entry, remembered, doubt=doubt)
    rule = cast("HealingRule", entry.check)
    after, finding = rule.examine(remembered, _checkup(entry, observation, memory))
    return _Look(entry, after, finding)


def _checkup(entry: Heal, observation: Observation, memory: Healing) -> Checkup:
    return Checkup(
        name=entry.name,
        observation=observation,
        since=convalescence.counts_from(memory),
        sample=observation.symptoms.get(entry.name) if entry.options else None,
    )


def _doubt(entry: Heal, observation: Observation) -> str | None:
    """Why the answer that a rule goes by is not to be gone by, if so."""
    if entry.options is None:
        return None
    sample = observation.symptoms.get(entry.name)
    if sample is not None and sample.quality is Quality.PARTIAL:
        return f"{sample.quality}: {sample.detail}"
    return trust.distrust(sample)
