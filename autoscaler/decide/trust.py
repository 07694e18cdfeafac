"""Which answers can be acted on. A source's word for it is checked once more.

A value that is missing or not finite is no value, whatever the source calls it; and data
that tell of too few targets are not the whole truth, however fresh they are.
"""

from __future__ import annotations

import math

from autoscaler.model import Observation, Quality, Sample
from autoscaler.policy import Metric


def distrust(sample: Sample | None) -> str | None:
    """Why a sample says nothing; None when it holds finite, fresh values."""
    if sample is None:
        return "not asked yet"
    if not sample.known:
        return f"{sample.quality}: {sample.detail}" if sample.detail else str(sample.quality)
    return None if _finite(sample) else "its value is not a finite number"


def incomplete(sample: Sample | None) -> str | None:
    """Why an answer that is made of tasks' values lacks some of them."""
    if sample is None or sample.tasks is None:
        return None
    silent = sum(task.value is None for task in sample.tasks.values())
    if silent or not sample.tasks:
        return f"{silent or 'all'} of its tasks gave no sample"
    return None


def unproven(sample: Sample | None) -> str | None:
    """Why nothing may go on a sample's word: it says nothing, or not the whole truth."""
    doubt = distrust(sample)
    if doubt is None and sample is not None and sample.quality is Quality.PARTIAL:
        doubt = f"{sample.quality}: {sample.detail}"
    return doubt or incomplete(sample)


def excused(metric: Metric, observation: Observation) -> bool:
    """Whether a metric says nothing, and need not."""
    return (
        metric.on_error == "ignore" and distrust(observation.samples.get(metric.name)) is not None
    )


def shortage(metric: Metric, observation: Observation) -> str | None:
    """Why a metric's data cover too few of its targets; None when they cover enough."""
    if metric.coverage is None or excused(metric, observation):
        return None
    share, least = observation.coverage.get(metric.name), metric.coverage.at_least
    doubt = unproven(share)
    if doubt is not None or share is None or share.value is None:
        return f"coverage is unknown: {doubt}"
    if share.value < least:
        return f"{share.value:.0%} of its targets seen, {least:.0%} needed"
    return None


def _finite(sample: Sample) -> bool:
    """Whether all of its numbers are; a task's may be missing, its only one may not."""
    if sample.tasks is None:
        return sample.value is not None and math.isfinite(sample.value)
    parts = sample.tasks.values()
    known = [part.value for part in parts if part.value is not None]
    known += [part.of for part in parts if part.of is not None]
    return all(map(math.isfinite, known))
