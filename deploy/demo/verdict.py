"""Whether the service followed its load, judged by Swarm's own list of tasks."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.load import AFTERWARDS
from deploy.demo.watch import Point, Seen

STEADY = 2.0
"""Seconds for which the service must have been small again."""
GROWN = 3
"""So many times the tasks of the beginning, at least, are a service that grew."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen, in a few numbers."""

    first: int
    """Running tasks at the start."""
    most: Point
    """When most tasks ran."""
    last: int
    """Running tasks at the end."""
    wanted: int
    """Tasks that the service asked for at the end."""
    longest_queue: int
    done: int
    actions: int
    """Times that the autoscaler changed the replicas."""

    @property
    def grew(self) -> bool:
        """Whether tasks were added under load."""
        return self.most.running >= GROWN * self.first and self.most.phase != AFTERWARDS

    @property
    def shrank(self) -> bool:
        """Whether they were taken away after it; those that died are still asked for."""
        return max(self.last, self.wanted) <= self.first < self.most.running

    @property
    def followed(self) -> bool:
        """Whether both were seen."""
        return self.grew and self.shrank


def judge(seen: Seen) -> Verdict | None:
    """The verdict; None if nothing was seen."""
    running = [point for point in seen.points if point.running > 0]
    if not running:
        return None
    return Verdict(
        first=running[0].running,
        most=max(running, key=lambda point: point.running),
        last=seen.points[-1].running,
        wanted=seen.points[-1].desired,
        longest_queue=max(point.backlog for point in seen.points),
        done=seen.done,
        actions=sum(told.what.get("event") == "action" for told in seen.log),
    )


def exit_code(verdict: Verdict | None) -> int:
    """0 if the service was seen to follow its load, 1 otherwise."""
    return 0 if verdict is not None and verdict.followed else 1


def is_back(seen: Seen) -> bool:
    """Whether the service has been as small as at the start for a while."""
    verdict = judge(seen)
    if verdict is None or not verdict.shrank:
        return False
    since = seen.points[-1].at - STEADY
    return all(
        point.running <= verdict.first and point.desired <= verdict.first
        for point in seen.points
        if point.at >= since
    )
