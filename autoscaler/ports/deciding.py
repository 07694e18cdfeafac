"""What a strategy and a healing rule look at, and what they must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from autoscaler.model import Act, Finding, Observation, Recommendation, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a strategy may look at: one metric of one service in one pass."""

    name: str
    sample: Sample
    """Known: finite and fresh."""
    observation: Observation
    tolerance_up: float = 0.1
    """How far above its target a metric may be before replicas are added, as a share."""
    tolerance_down: float = 0.1
    warm_up: float = 0.0
    """Seconds after its start in which a task does not count as ready."""

    @property
    def current(self) -> int:
        """The replica count that the service's spec asks for."""
        return self.observation.service.replicas or 0

    @property
    def total(self) -> float:
        """The sample's value, or the sum of its tasks' values."""
        return self.sample.total

    @property
    def silent(self) -> int:
        """How many tasks have no part in a sample that is made of their values."""
        values, tasks = self.sample.tasks, self.observation.tasks
        if values is None:
            return 0
        answered = {task for task, found in values.items() if found.value is not None}
        if tasks is None:
            return max(0, self.current - len(answered))
        running = {task.id for task in tasks if task.healthy}
        return len((running | values.keys()) - answered)


@runtime_checkable
class Strategy(Protocol):
    """Turns a metric's sample into a recommendation. Pure; a frozen pydantic model."""

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """One step of a metric; asked only when the metric has a fresh, finite sample.

        `memory` is what the last step returned: a small JSON value (lists, not tuples; text
        as keys), None for nothing. It is None at first. It may also be what another strategy
        left under the metric's name, or an older version of this one: what cannot be read
        counts as None, and is no error.

        The recommendation bears the reading's name. Its replicas are a whole number from
        0, or None where the strategy cannot say: then nothing shrinks. It may lie outside
        of the policy's bounds; guards clamp it. What `step` raises leaves the service alone
        until the next pass, and is logged.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What a healing rule may look at: one service in one pass, its tasks listed.

    A rule with `sees_nodes: ClassVar[bool] = True` finds the nodes in the observation's
    `hosts`; to the others they are None.
    """

    name: str
    observation: Observation
    since: float = 0.0
    """What is from before this time does not count: a heal or a new release came since."""
    sample: Sample | None = None
    """The answer to what an `AskingRule` asks: whole, finite and fresh. None for others."""


@runtime_checkable
class HealingRule(Protocol):
    """Says what is sick about a service, never what to do. Pure; a frozen pydantic model."""

    @property
    def cures(self) -> frozenset[Act]:
        """What may help against what the rule finds; a policy chooses one of these."""
        ...

    def examine(self, memory: Any, checkup: Checkup) -> tuple[Any, Finding | None]:
        """One step of a rule; asked in every pass that knows the service's tasks.

        `memory` is what the last step returned, as in `Strategy.step`: a small JSON value,
        None at first; what cannot be read counts as None. It should change only when
        something happens, for each change is stored.

        The finding stands until a step returns None. Missing data are no finding.
        """
        ...


class AskingRule(HealingRule, Protocol):
    """A healing rule that goes by an answer of a source.

    An entry of `heal:` may then name a `source`, and holds that source's options beside the
    rule's own, which come first where both have a key. Without a whole, finite and fresh
    answer the rule is not asked: its memory stays, and nothing is found.
    """

    def question(self) -> Mapping[str, Any]:
        """Options of the source that an entry need not state; what it states comes first.

        Those that the source does not know are left out. A class says which of a source's
        required options are among them: `fills: ClassVar[frozenset[str]]`. A source whose options
        bear other names says so: `filled_by: ClassVar[Mapping[str, str]]`, from its own to those.
        """
        ...
