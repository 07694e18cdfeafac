"""`input`: a metric that only feeds formulas.

input: {}
"""

from __future__ import annotations

from typing import Any

from autoscaler.model import Recommendation
from autoscaler.ports import Reading
from autoscaler.strict import Strict


class OnlyInput(Strict):
    """Recommend nothing: the metric is there for the formulas of others."""

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """Abstain; what is not known of it is told by the formula that needs it."""
        reason = f"{reading.total:g} seen"
        return None, Recommendation(name=reading.name, replicas=None, reason=reason, abstains=True)
