"""How far a recommendation may be followed now: HPA's stabilization and rate limits.

Source: Kubernetes `pkg/controller/podautoscaler/horizontal.go`,
`stabilizeRecommendationWithBehaviors` and `calculateScaleUp/DownLimitWithScalingRules`.
Percentages are reckoned in whole numbers, not in HPA's floats: 10 % of 50 is 5, never 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoscaler.model import Run, Scaled
from autoscaler.policy import Behavior, RateLimit, ScaleDown, ScaleUp


def stabilized(raw: int, current: int, runs: Iterable[Run], behavior: Behavior, now: float) -> int:
    """Grow to the lowest, shrink to the highest recommendation of the window."""
    since_up = now - behavior.scale_up.stabilization
    since_down = now - behavior.scale_down.stabilization
    lowest = highest = raw
    for run in runs:
        if run.until > since_up:
            lowest = min(lowest, run.replicas)
        if run.until > since_down:
            highest = max(highest, run.replicas)
    return min(max(current, lowest), highest)


def remember(runs: Sequence[Run], raw: int, behavior: Behavior, now: float) -> tuple[Run, ...]:
    """Add a recommendation, and drop those that can no longer be a window's extreme."""
    window = max(behavior.scale_up.stabilization, behavior.scale_down.stabilization)
    stands = bool(runs) and runs[-1].replicas == raw
    since = runs[-1].since if stands else now
    kept = [run for run in runs if run.until > now - window]
    return (*_extremes(kept, raw), Run(replicas=raw, since=since, until=now))


def _extremes(runs: Sequence[Run], raw: int) -> list[Run]:
    """The runs that are above, or below, everything after them; `raw` comes after all."""
    kept: list[Run] = []
    lowest = highest = raw
    for run in reversed(runs):
        if not lowest <= run.replicas <= highest:
            kept.append(run)
            lowest, highest = min(lowest, run.replicas), max(highest, run.replicas)
    return kept[::-1]


def upper_limit(current: int, scaled: Sequence[Scaled], rules: ScaleUp, now: float) -> int:
    """The most replicas that the rate limits allow now; never below `current`."""
    if rules.select == "disabled":
        return current
    pick = max if rules.select == "max" else min
    limit = pick(_grown(_start(current, scaled, rule, now), rule) for rule in rules.policies)
    return max(limit, current)


def lower_limit(current: int, scaled: Sequence[Scaled], rules: ScaleDown, now: float) -> int:
    """The fewest replicas that the rate limits allow now; never above `current`."""
    if rules.select == "disabled":
        return current
    pick = min if rules.select == "max" else max
    limit = pick(_shrunk(_start(current, scaled, rule, now), rule) for rule in rules.policies)
    return min(limit, current)


def remaining(since: float, rest: float, now: float) -> float:
    """Seconds of a rest that are left; 0 or less once it is over."""
    return since + rest - now


def forget(scaled: Sequence[Scaled], now: float, keep: float) -> tuple[Scaled, ...]:
    """The changes that are not older than `keep` seconds."""
    return tuple([change for change in scaled if change.at > now - keep])


def _start(current: int, scaled: Sequence[Scaled], rule: RateLimit, now: float) -> int:
    """The replicas at the start of a rule's period: without what we changed within it."""
    return current - sum(change.change for change in scaled if change.at > now - rule.period)


def _grown(start: int, rule: RateLimit) -> int:
    """From nothing, a percentage allows one replica: a service could never return else."""
    if rule.replicas is not None:
        return start + rule.replicas
    return max(1, -(-start * (100 + (rule.percent or 0)) // 100))


def _shrunk(start: int, rule: RateLimit) -> int:
    if rule.replicas is not None:
        return start - rule.replicas
    return start * (100 - (rule.percent or 0)) // 100
