"""Whether the service followed its load and was healed, judged by what Swarm itself says."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.watch import Mishap, Point, Seen, Told

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
    """When most tasks ran, and had most to do."""
    last: int
    """Running tasks at the end."""
    wanted: int
    """Tasks that the service asked for at the end."""
    longest_queue: int
    done: int
    actions: int
    """Times that the autoscaler changed the replicas."""
    mishaps: tuple[Mishap, ...]
    """What was done to the service afterwards."""

    @property
    def grew(self) -> bool:
        """Whether tasks were added while there was work for them."""
        return self.most.running >= GROWN * self.first and self.most.backlog > 0

    @property
    def shrank(self) -> bool:
        """Whether they were taken away after it; those that died are still asked for."""
        return max(self.last, self.wanted) <= self.first < self.most.running

    @property
    def followed(self) -> bool:
        """Whether both were seen."""
        return self.grew and self.shrank

    @property
    def healed(self) -> bool:
        """Whether something was done to it, and all of it was mended."""
        return bool(self.mishaps) and all(each.mended is not None for each in self.mishaps)


def judge(seen: Seen) -> Verdict | None:
    """The verdict; None if nothing was seen."""
    points = seen.loaded
    running = [point for point in points if point.running > 0]
    if not running:
        return None
    return Verdict(
        first=running[0].running,
        most=max(running, key=lambda point: (point.running, point.backlog)),
        last=points[-1].running,
        wanted=points[-1].desired,
        longest_queue=max(point.backlog for point in seen.points),
        done=seen.done,
        actions=sum(_scaled(told) for told in seen.log),
        mishaps=tuple(seen.mishaps),
    )


def _scaled(told: Told) -> bool:
    return told.what.get("event") == "action" and told.what.get("act") == "scale"


def exit_code(verdict: Verdict | None) -> int:
    """0 if the service was seen to follow its load and to be healed, 1 otherwise."""
    return 0 if verdict is not None and verdict.followed and verdict.healed else 1


def is_back(seen: Seen) -> bool:
    """Whether the service has been as small as at the start for a while."""
    verdict = judge(seen)
    if verdict is None or not verdict.shrank:
        return False
    since = seen.loaded[-1].at - STEADY
    return all(
        point.running <= verdict.first and point.desired <= verdict.first
        for point in seen.loaded
        if point.at >= since
    )
