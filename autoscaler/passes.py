"""Turns what is known into decisions, and changes nothing: `plan` uses it alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

from autoscaler.brake import Brake
from autoscaler.calendar_windows import Calendar
from autoscaler.decide import decide, recall
from autoscaler.heal_brake import HealBrake
from autoscaler.model import (
    FleetFacts,
    Host,
    Memory,
    Observation,
    Order,
    OrderKind,
    Orders,
    Revision,
    Service,
)
from autoscaler.passed import Passed, left_alone, passed
from autoscaler.placement import Placement
from autoscaler.policy import Policy, PolicyMode
from autoscaler.policy_files import LoadedPolicy
from autoscaler.view import Samples, View

LONG_AGO = 0.0


@dataclass(frozen=True, slots=True)
class OwnWrite:
    """Our last write to a service."""

    version: int
    """The service's version after it."""
    others_at: float
    """When somebody else had last written the service, in Unix seconds."""


class Passes:
    """Turns what is known into decisions."""

    def __init__(
        self,
        view: View,
        brake: Brake,
        memories: dict[str, Memory],
        longest_sample_age: float,
        started: float,
    ) -> None:
        """`started` is when the memories were true, in Unix seconds.

        Without a pass for longer than samples may be old, nobody has looked.
        """
        self.view = view
        self.brake = brake
        self.heal_brake = HealBrake(memories)
        self.orders = Orders()
        self.withdrawals = 0
        """Orders that were withdrawn within this process."""
        self.revisions: dict[str, tuple[Revision, ...]] = {}
        """The releases of each service whose templates are kept, by its id."""
        self.memories = memories
        self.agents: Callable[[], Collection[str]] = frozenset
        """Ids of the nodes whose agent stops a container on request."""
        self.longest_sample_age = longest_sample_age
        self._away = max(recall.AWAY, longest_sample_age)
        self.calendar = Calendar()
        self.passed: dict[str, float] = {}
        """When each service was last passed over."""
        self._own_writes: dict[str, OwnWrite] = {}
        self._started = started

    def others_wrote_at(self, service_id: str) -> float:
        """When somebody other than us last wrote a service, as far as can be seen."""
        service, own = self.view.services.get(service_id), self._own_writes.get(service_id)
        if service is None:
            return LONG_AGO
        if own is None or own.version != service.version:
            return service.updated_at
        return own.others_at

    def we_wrote(self, service: Service, others_at: float) -> None:
        """Our write to a service hides when others wrote it, which tells deploys from people."""
        self._own_writes[service.id] = OwnWrite(service.version, others_at)

    def forget(self, service_id: str) -> None:
        """The service has been gone for long."""
        self.heal_brake.watches(service_id, covered=True)
        self.passed.pop(service_id, None)
        self.revisions.pop(service_id, None)
        self._own_writes.pop(service_id, None)

    def remembered(self, service_id: str, now: float) -> Memory:
        """What is known of a service, as it counts after so long without a pass."""
        memory = self.memories.get(service_id)
        if memory is None:
            return Memory()
        passed_at = self.passed.get(service_id, self._started)
        return recall.returned(memory, passed_at, now, self._away)

    def withdraw(self, kind: OrderKind, service: str) -> None:
        """An order does not stand any more; a pass under way shall not heed it either."""
        self.withdrawals += 1
        order = self.orders.given.get((kind, service))
        if order is not None:
            self.orders = self.orders.without(order)

    def obeyed(self, service_id: str, order: Order) -> bool:
        """Whether an order has been done, refused or dropped."""
        memory = self.memories.get(service_id)
        return memory is not None and memory.obeyed.get(order.kind) == order.at

    def apart(self) -> Passes:
        """The same, of which passes leave no trace in these."""
        other = copy(self)
        other.passed = dict(self.passed)
        return other

    def begin(self, now: float) -> Batch:
        """Passes over some services, all of one time."""
        return Batch(self, now)


class Batch:
    """One pass over several services; what they share is reckoned once."""

    def __init__(self, passes: Passes, now: float) -> None:
        self._passes = passes
        self._now = now
        self.overtaken: set[str] = set()
        """Ids of services that another pass has looked at meanwhile, with a later time."""

    @cached_property
    def _placement(self) -> Placement:
        return Placement(self._passes.view.fleet())

    def over(
        self,
        service: Service,
        covering: Sequence[LoadedPolicy],
        unsettled: str | None = None,
    ) -> Passed:
        """The pass over one service that at least one policy covers."""
        memory = self._memory(service, covering)
        observation = self._observe(service, covering[0].policy, memory, unsettled)
        if len(covering) > 1:
            names = " and ".join(loaded.policy.name for loaded in covering)
            told = f"policies {names} both cover it; narrow one of them"
            return left_alone(covering[0], observation, memory, "ambiguous_policy", told)
        if covering[0].problems:
            told = "; ".join(covering[0].problems)
            return left_alone(covering[0], observation, memory, "labels", told)
        return self._decide(covering[0], observation, memory)

    def _memory(self, service: Service, covering: Sequence[LoadedPolicy]) -> Memory:
        """What counts now; where nobody decides it stays as it was, and the absence goes on."""
        if self._rests(service, covering):
            return self._passes.memories.get(service.id, Memory())
        memory = self._passes.remembered(service.id, self._now)
        self._passes.passed[service.id] = self._now
        return memory

    def _rests(self, service: Service, covering: Sequence[LoadedPolicy]) -> bool:
        """Whether nothing is decided about a service until somebody sees to it."""
        loaded, *others = covering
        paused = loaded.policy.mode is PolicyMode.PAUSED
        resting = paused or self._passes.orders.paused(service.name, self._now)
        return bool(others or loaded.problems or resting)

    def _decide(self, loaded: LoadedPolicy, observation: Observation, memory: Memory) -> Passed:
        after, decision = decide(loaded.policy, observation, memory)
        if decision.action is not None and decision.action.order is not None:
            # A person's order is not held by how the fleet is, nor by what fits.
            return passed(loaded, observation, memory, after, decision)
        if decision.action is not None and decision.action.heals:
            # Only now is it worth looking at how well the rest of the fleet is.
            observation = replace(observation, fleet=self._fleet(observation.fleet))
            after, decision = decide(loaded.policy, observation, memory)
        if decision.action is not None and decision.action.replicas > decision.action.previous:
            # Only now is it worth reckoning how many more tasks the nodes can take.
            observation = replace(observation, room=self._placement.room(observation.service))
            after, decision = decide(loaded.policy, observation, memory)
        return passed(loaded, observation, memory, after, decision)

    def _fleet(self, facts: FleetFacts) -> FleetFacts:
        known = self._wellbeing
        return replace(facts, heal_stop=known.heal_stop, failed_cures=known.failed_cures)

    @cached_property
    def _wellbeing(self) -> FleetFacts:
        """How the fleet is as a whole: to look at all of it is too dear for each sick service."""
        return self._passes.heal_brake.with_fleet(FleetFacts(), self._passes.view, self._now)

    def _observe(
        self, service: Service, policy: Policy, memory: Memory, unsettled: str | None
    ) -> Observation:
        view, longest = self._passes.view, self._passes.longest_sample_age
        asked = view.samples.get(service.id)
        if asked is None or not asked.answer(policy):
            asked = Samples(self._now)
        samples = asked.as_of(self._now, longest)
        return Observation(
            now=self._now,
            service=service,
            tasks=view.tasks.get(service.id),
            samples=samples.metrics,
            coverage=samples.coverage,
            holds=samples.holds,
            symptoms=samples.symptoms,
            checks=samples.checks,
            revisions=self._passes.revisions.get(service.id, ()),
            windows=self._windows(policy),
            stack_updates=self._stack_updates(service, memory),
            fleet=self._passes.heal_brake.with_budget(
                self._passes.brake.facts(view.replicas, self._now), self._now
            ),
            hosts=self._hosts(service, policy),
            unsettled=unsettled,
            paused=self._passes.orders.paused(service.name, self._now),
            released_at=self._passes.orders.released(service.name),
            orders=self._passes.orders.to_do(service.name),
            agents=self._agents(service, policy),
        )

    def _agents(self, service: Service, policy: Policy) -> tuple[str, ...]:
        """Matters only where a task may have to be replaced."""
        if not any(entry.then == "replace" for entry in policy.heal):
            return ()
        known = self._passes.agents()
        tasks = self._passes.view.tasks.get(service.id, ())
        return tuple(sorted({t.node_id for t in tasks if t.wanted and t.node_id in known}))

    def _hosts(self, service: Service, policy: Policy) -> Mapping[str, Host] | None:
        """Costs a look at each node, so only where a rule looks at them."""
        asked = any(entry.sees_nodes for entry in policy.heal)
        return self._placement.hosts(service) if asked else None

    def _windows(self, policy: Policy) -> tuple[str, ...]:
        """The schedules that are open."""
        schedules = policy.scale.schedules if policy.scale else ()
        if not schedules:
            return ()
        calendar = self._passes.calendar
        return tuple(s.name for s in schedules if calendar.phase(s, self._now).open)

    def _stack_updates(self, service: Service, memory: Memory) -> tuple[float, ...]:
        """Matters only while it is open who changed the replicas."""
        if memory.changed is None and memory.replicas in (None, service.replicas):
            return ()
        return self._stacks.get(service.stack or "", ())

    @cached_property
    def _stacks(self) -> Mapping[str, tuple[float, ...]]:
        """When the services of each stack were last written by others than us."""
        times: dict[str, list[float]] = defaultdict(list)
        for service in self._passes.view.services.values():
            if service.stack:
                times[service.stack].append(self._passes.others_wrote_at(service.id))
        return {stack: tuple(found) for stack, found in times.items()}
