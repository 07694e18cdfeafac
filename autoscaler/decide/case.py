"""What the guards look at: one pass over one service, with what is wanted so far."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.decide.bounds import Bounds
from autoscaler.decide.wanting import Want
from autoscaler.model import Memory, Observation, Recommendation
from autoscaler.policy import Policy, Scale


@dataclass(frozen=True, slots=True)
class Case:
    """The facts of one pass; guards judge a proposed number of replicas against them."""

    policy: Policy
    scale: Scale
    bounds: Bounds
    observation: Observation
    memory: Memory
    """With this pass's observation taken in."""
    recommendations: tuple[Recommendation, ...]
    current: int
    want: Want

    @property
    def now(self) -> float:
        """The pass's one time."""
        return self.observation.now

    @property
    def forced(self) -> bool:
        """Whether metrics and their pace have no say."""
        return self.want.forced

    @property
    def wanted(self) -> int:
        """What is wanted; what there is, where nothing can be said."""
        return self.current if self.want.replicas is None else self.want.replicas
