"""`pass_through`: the metric is the number of replicas.

pass_through: {max_scale_up: 5}
"""

from __future__ import annotations

import math
from typing import Any

from autoscaler.model import Recommendation
from autoscaler.ports import Reading
from autoscaler.strategies.caution import Most, by_total, limited
from autoscaler.strategies.proportion import MOST_REPLICAS
from autoscaler.strict import Strict


class PassThrough(Strict):
    """Have as many replicas as the metric says, cut to a whole number."""

    max_scale_up: Most | None = None
    """At most so many replicas are added at a time."""
    max_scale_down: Most | None = None
    """At most so many replicas are removed at a time."""

    def step(self, memory: Any, reading: Reading) -> tuple[Any, Recommendation]:
        """Recommend replicas; remembers nothing."""
        asked = max(0, math.trunc(min(reading.total, MOST_REPLICAS)))
        replicas = limited(asked, reading.current, self.max_scale_up, self.max_scale_down)
        reason = f"{reading.total:g} asked for: {reading.current} -> {replicas}"
        return None, by_total(reading, replicas, reason)
