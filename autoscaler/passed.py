"""A pass over one service, once it has been made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.decide import by_hand, recall
from autoscaler.model import Decision, Intent, Memory, Observation, Record
from autoscaler.policy_files import LoadedPolicy


@dataclass(frozen=True, slots=True)
class Passed:
    """A pass over one service: its record, and what to remember of it."""

    loaded: LoadedPolicy
    record: Record
    memory: Memory

    @property
    def decision(self) -> Decision:
        """What came of it."""
        return self.record.decision

    @property
    def intent(self) -> Intent | None:
        """Its action, as it is stored before it is done."""
        decision, action = self.decision, self.decision.action
        if action is None:
            return None
        name = f"{action.service_id}-{action.version}-{decision.at:.6f}"
        return Intent(id=name, at=decision.at, policy=decision.policy, action=action)


def passed(
    loaded: LoadedPolicy, observation: Observation, memory: Memory, after: Memory, made: Decision
) -> Passed:
    """A pass as it was made, with what the policy has to note."""
    decision = replace(made, notes=loaded.notes) if loaded.notes else made
    record = Record(
        policy=loaded.document, observation=observation, memory=memory, decision=decision
    )
    return Passed(loaded, record, after)


def left_alone(
    loaded: LoadedPolicy, observation: Observation, memory: Memory, held_by: str, reason: str
) -> Passed:
    """No policy can speak for the service: somebody must mend that first."""
    service = observation.service
    decision = Decision(
        at=observation.now,
        policy=loaded.policy.name,
        service_id=service.id,
        service=service.name,
        current=service.replicas,
        wanted=None,
        action=None,
        reason=reason,
        held_by=held_by,
    )
    after, decision = by_hand.refuse(observation, recall.unwatched(memory), decision)
    return passed(loaded, observation, memory, after, decision)
