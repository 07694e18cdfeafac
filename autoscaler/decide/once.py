"""One sample asks for one number of replicas, however often it is looked at.

Many strategies say how many more there shall be than there are. Each change of ours wakes a
pass, long before there is another sample: what asked for half as many again would ask for it
again and again. Nor does one that was measured earlier, and comes late, ask for more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from autoscaler.model import Asked, Memory, Observation, Recommendation, Sample

LATE = 60.0
"""Seconds by which a sample may be older than one that came before it: of a slower read, or another
server. One that is older still is of a clock that was set back."""


def only(found: Recommendation, sample: Sample, current: int, memory: Memory) -> Recommendation:
    """The recommendation, no further from the current replicas than its sample asked for before."""
    asked = memory.asked.get(found.name)
    if asked is None or found.replicas is None or sample.tasks is not None:
        return found
    # An action that came to nothing left the service as it was: then the sample asks anew.
    done = memory.scaled and memory.scaled[-1].at >= asked.at
    if not done or _is_newer(sample, asked):
        return found
    replicas = _no_further(found.replicas, current, asked.replicas)
    if replicas == found.replicas:
        return found
    told = f"{found.reason}; this sample asked for {asked.replicas} before"
    return replace(found, replicas=replicas, reason=told)


def _is_newer(sample: Sample, asked: Asked) -> bool:
    """Whether a sample tells more than the one that was acted on."""
    return sample.at is None or not 0 <= asked.measured_at - sample.at <= LATE


def _no_further(replicas: int, current: int, asked: int) -> int:
    if replicas > current:
        return min(replicas, max(asked, current))
    return max(replicas, min(asked, current))


def asked(
    observation: Observation, recommendations: tuple[Recommendation, ...]
) -> Mapping[str, Asked]:
    """What is to be remembered of the samples that an action follows from."""
    found = {}
    for each in recommendations:
        sample = observation.samples.get(each.name)
        if sample is not None and sample.at is not None and each.replicas is not None:
            found[each.name] = Asked(
                at=observation.now, measured_at=sample.at, replicas=each.replicas
            )
    return found
