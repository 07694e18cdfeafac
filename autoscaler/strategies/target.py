"""`target`: keep a metric near a value, with the semantics of HPA v2.

`value` with `max_scale_up` and `max_scale_down` is `target-value` of Nomad's autoscaler, too.

target: {average_value: 100}     # each replica shall carry 100
target: {value: 0.25}            # the metric itself shall be 0.25
target: {utilization: 70}        # percent of each task's limit or reservation
target: {value: 0}               # the metric is the factor: 1.5 asks for half as many again
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from autoscaler.durations import Duration
from autoscaler.model import Recommendation, TaskValue
from autoscaler.ports import Reading
from autoscaler.strategies import ahead, proportion
from autoscaler.strategies.caution import Most, limited
from autoscaler.strategies.grouping import StartUp, group, is_warming
from autoscaler.strategies.proportion import Band, Proposal, TaskUsage
from autoscaler.strict import Strict

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

IDLE = "without replicas there is nothing to measure"


class Target(Strict):
    """Keep a metric near a value: replicas in proportion to how far off it is, as HPA v2."""

    average_value: Positive | None = None
    """What each replica shall carry; the metric is the total, or one value per task."""
    value: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """What the metric itself shall be: a latency, the age of a queue's head. With 0 the metric
    says by how much to multiply the replicas."""
    utilization: Annotated[int, Field(gt=0, le=10_000)] | None = None
    """Percent in use: of each task's limit or reservation, or as the query states it."""
    initialization: Annotated[Duration, Field(ge=0)] | None = None
    """For so long after its start a task counts only with a full window of samples (CPU)."""
    readiness_delay: Annotated[Duration, Field(ge=0)] = 30.0
    """With `initialization`: how soon a task must have become ready to count at all."""
    max_scale_up: Most | None = None
    """At most so many replicas are added at a time."""
    max_scale_down: Most | None = None
    """At most so many replicas are removed at a time."""
    look_ahead: Annotated[Duration, Field(ge=0, le=900)] = 0.0
    """Go by where a metric that rises may well be so much later, by the forecasts that did best of
    late, which smooths noise: the time that a new replica needs to start, half of the window that
    the metric is measured over, and half of the time between two passes."""
    spare: Annotated[int, Field(ge=0, le=1000)] = 0
    """When replicas are added, so many percent more are: fewer and larger steps."""
    strict_hpa: bool = False
    """As Kubernetes to the letter: even where a load above target shrinks the service."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        stated = [self.average_value, self.value, self.utilization]
        if sum(target is not None for target in stated) != 1:
            raise ValueError("state exactly one of average_value:, value: and utilization:")
        if self.strict_hpa and self.value == 0:
            raise ValueError("value: 0 means nothing to Kubernetes; leave strict_hpa: out")
        return self

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """Recommend replicas; remembers the line that it looks ahead by."""
        after, reading = ahead.look(memory, reading, self.look_ahead)
        return after, self.recommend(reading)

    def recommend(self, reading: Reading) -> Recommendation:
        """What follows from a reading that has been looked ahead of."""
        current, per_task = reading.current, self._is_per_task(reading)
        idle = per_task and not current
        proposal = IDLE if idle and not self.strict_hpa else self.propose(reading)
        if isinstance(proposal, str):
            return Recommendation(name=reading.name, replicas=None, reason=proposal, abstains=idle)
        # Without a task, a metric of tasks could never say when to grow again.
        directed = self._directed(proposal, current, least=1 if per_task else 0)
        replicas = self._with_spare(directed, current)
        replicas = limited(replicas, current, self.max_scale_up, self.max_scale_down)
        seen = self._seen(proposal, reading, per_task=per_task)
        change = f"{current} -> {replicas}" if replicas != current else "no change"
        reason = f"{seen}, {self._goal}: {change}"
        return Recommendation(name=reading.name, replicas=replicas, reason=reason)

    def _with_spare(self, replicas: int, current: int) -> int:
        """The next rise shall find some running already."""
        if replicas <= current:
            return replicas
        return min(replicas + -(-replicas * self.spare // 100), proportion.MOST_REPLICAS)

    def propose(self, reading: Reading) -> Proposal | str:
        """The bare arithmetic; words where it has nothing to go by."""
        if self._is_per_task(reading):
            return self._per_task(reading)
        total, current, band = reading.total, reading.current, _band(reading)
        usage = proportion.quanta(total, self._quantum)
        if self.average_value is not None:
            target = proportion.some_quanta(self._target, self._quantum)
            return proportion.total_per_replica(usage, target, current, band)
        factor, ready = self._factor(total), ready_replicas(reading)
        proposal = proportion.by_factor(factor, usage, current, ready, band)
        return proposal if self.strict_hpa else self._doubted(proposal, ready, reading)

    def _factor(self, seen: float) -> float:
        """What to multiply the replicas with; Kubernetes reckons it from thousandths."""
        if not self._target:
            return seen
        if not self.strict_hpa:
            return seen / self._target
        quantum = proportion.MILLI
        return proportion.quanta(seen, quantum) / proportion.some_quanta(self._target, quantum)

    def _doubted(self, proposal: Proposal, ready: int, reading: Reading) -> Proposal | str:
        """A value that says nothing about the replicas that there are shrinks nothing."""
        if proposal.replicas >= reading.current:
            return proposal
        if ready == 0:
            return "no task is ready, so the value cannot be theirs"
        silent = reading.silent
        return f"{silent} of its tasks gave no sample" if silent else proposal

    def _per_task(self, reading: Reading) -> Proposal | str:
        values = reading.sample.tasks or {}
        tasks = reading.observation.tasks
        if tasks is None:
            return "its tasks are not known yet"
        now = reading.observation.now
        groups = group(tasks, values, now, self._start_up, reading.warm_up)
        if not groups.ready:
            return "no task that runs has given a sample yet"
        usage = self._usage(values, groups.ready | groups.missing | groups.unready)
        if isinstance(usage, str):
            return usage
        return proportion.per_task(reading.current, groups, usage, _band(reading))

    def _usage(self, values: Mapping[str, TaskValue], tasks: frozenset[str]) -> TaskUsage | str:
        asked = [(task, values[task]) for task in tasks if task in values]
        known = {task: found.value for task, found in asked if found.value is not None}
        if self.utilization is None:
            target = proportion.some_quanta(self._target, self._quantum)
            return TaskUsage(_all_quanta(known, self._quantum), None, target)
        stated = {task: found.of or 0.0 for task, found in asked}
        if not stated or min(stated.values()) <= 0:
            return "utilization needs a CPU or memory limit or reservation on every task"
        return self._share(known, stated, tasks)

    def _share(
        self, known: Mapping[str, float], stated: Mapping[str, float], tasks: frozenset[str]
    ) -> TaskUsage:
        """All tasks of a service share one spec: one without a sample has another's base."""
        typical = max(stated.values())
        quantum = proportion.MILLI if self.strict_hpa else proportion.quantum_for(typical)
        base = dict.fromkeys(tasks, proportion.some_quanta(typical, quantum))
        for task, of in stated.items():
            if of != typical:
                base[task] = proportion.some_quanta(of, quantum)
        return TaskUsage(_all_quanta(known, quantum), base, self.utilization or 0)

    def _is_per_task(self, reading: Reading) -> bool:
        return reading.sample.tasks is not None and self.value is None

    def _directed(self, proposal: Proposal, current: int, least: int) -> int:
        """Load above target never shrinks a service, unless that is what HPA would do."""
        if self.strict_hpa:
            return proposal.replicas
        replicas = max(proposal.replicas, least)
        if proposal.ratio > 1.0:
            return max(replicas, current)
        return min(replicas, current) if current else replicas

    def _seen(self, proposal: Proposal, reading: Reading, *, per_task: bool) -> str:
        """What a replica has; without any, what there is for the first one."""
        if self.utilization is not None and per_task:
            return f"{proposal.average}% seen"
        percent = "" if self.utilization is None else "%"
        if self.average_value is None:
            return f"{proposal.average * self._quantum:g}{percent} seen"
        if not reading.current:
            return f"{reading.total:g} seen"
        return f"{proposal.average * self._quantum:g} a replica"

    # What follows from the options alone is reckoned once.

    @cached_property
    def _target(self) -> float:
        return float(self.average_value or self.value or self.utilization or 0)

    @cached_property
    def _goal(self) -> str:
        percent = "" if self.utilization is None else "%"
        goal = f"target {self._target:g}{percent}" if self._target else "a factor"
        return goal + (f", {self.look_ahead:g} s ahead" if self.look_ahead else "")

    @cached_property
    def _quantum(self) -> float:
        return proportion.MILLI if self.strict_hpa else proportion.quantum_for(self._target or 1.0)

    @cached_property
    def _start_up(self) -> StartUp | None:
        if self.initialization is None:
            return None
        return StartUp(self.initialization, self.readiness_delay)


def ready_replicas(reading: Reading) -> int:
    """Tasks that run on ready nodes; the best that is known where they are not listed."""
    if reading.observation.tasks is not None:
        now, warm_up = reading.observation.now, reading.warm_up
        return sum(
            task.healthy and not is_warming(task, now, warm_up)
            for task in reading.observation.tasks
        )
    running = reading.observation.service.running
    return reading.current if running is None else min(running, reading.current)


def _band(reading: Reading) -> Band:
    return Band(down=reading.tolerance_down, up=reading.tolerance_up)


def _all_quanta(values: Mapping[str, float], quantum: float) -> dict[str, int]:
    return {task: proportion.quanta(value, quantum) for task, value in values.items()}
