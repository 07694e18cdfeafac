"""A queue fills and empties, and the service follows: on a real Swarm, by a real Prometheus."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest

from autoscaler.testing.real.prometheus import PrivatePrometheus
from deploy.demo.load import AFTERWARDS, Phase
from deploy.demo.play import play
from deploy.demo.process import INTERVAL
from deploy.demo.stage import set_up
from deploy.demo.watch import LOOK_EVERY, Point, Seen

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

BOUND = max(2 * INTERVAL, 5.0)
"""Seconds from a metric that asks for it, as Prometheus shows it, to the replicas that run."""
STABILIZATION = 4.0
PER_REPLICA = 5
"""The policy's target: jobs per replica."""
TOLERANCE = 0.1

BURST = 30
"""Jobs at once: what comes on top until they are seen stays below the policy's rate limit."""
LOAD = (
    Phase("nothing", 3, 0, 0),
    Phase("burst", 0.5, 2 * BURST, 2 * BURST),
    Phase("high", 10, 8, 8),
    Phase("nothing", 0.1, 0, 0),
)


@pytest.fixture(scope="module")
def seen(need_engine: None, require: Callable[[list[str]], None]) -> Seen:
    """One play: a queue that is empty, suddenly full, kept full, and empty again."""
    require(PrivatePrometheus.missing())
    seen = Seen()
    with set_up(f"{STABILIZATION:g}s", tell=lambda _: None) as stage:
        asyncio.run(play(stage, LOAD, seen, idle))
    # What is done to the service afterwards is not its load's doing.
    seen.points = seen.loaded
    # Shown where a test fails.
    sys.stdout.writelines(f"{line.at:.1f} s {line.what}\n" for line in seen.log)
    return seen


async def idle(seen: Seen) -> None:
    """No screen."""


Measured = Callable[[str, object], None]


def test_replicas_follow_a_full_queue_within_the_bound(
    seen: Seen, record_property: Measured
) -> None:
    # By the time that we see the metric the autoscaler may have acted on it.
    asked = first(seen.points, lambda point: wants(point) > 1)
    since = [asked, *after(asked, seen.points)]
    written = first(since, lambda point: point.desired >= wants(asked))
    runs = first(since, lambda point: point.running >= wants(asked))
    record_property("jobs", f"{asked.metric:g}, which ask for {wants(asked)} replicas")
    record_property("written", f"{written.at - asked.at:.1f} s after Prometheus showed them")
    record_property("running", f"{runs.at - asked.at:.1f} s after Prometheus showed them")
    assert wants(asked) >= 5
    assert runs.at - asked.at <= BOUND + starved(since, runs)


def test_replicas_go_once_the_queue_has_been_empty_for_the_stabilization(
    seen: Seen, record_property: Measured
) -> None:
    short = last(seen.points, lambda point: wants(point) > 1)
    since = after(short, seen.points)
    gone = first(since, lambda point: point.running <= 1)
    record_property("one replica", f"{gone.at - short.at:.1f} s after the jobs asked for no more")
    assert gone.phase == AFTERWARDS
    # A pass, and a look of ours, may each come up to an interval after what they see.
    slack = starved(since, gone)
    assert STABILIZATION - INTERVAL - 0.5 - slack <= gone.at - short.at
    assert gone.at - short.at <= STABILIZATION + BOUND + slack
    assert all(point.running == 1 for point in after(gone, seen.points))


def test_no_replica_goes_that_was_recommended_within_the_stabilization(seen: Seen) -> None:
    """But for a second, by which the autoscaler's passes and our looks may differ."""
    slack = 1 + max(starved(pair, pair[1]) for pair in pairwise(seen.points))
    for before, now in pairwise(seen.points):
        if now.desired < before.desired:
            window = (now.at - STABILIZATION + slack, now.at - slack)
            recent = [wants(p) for p in seen.points if window[0] < p.at < window[1]]
            assert now.desired >= max(recent, default=0)


def starved(points: Iterable[Point], until: Point) -> float:
    """Seconds in which not even our looks came: the machine was busy, and not with us."""
    gaps = (now.at - before.at for before, now in pairwise(points) if now.at <= until.at)
    return sum(max(0.0, gap - 2 * LOOK_EVERY) for gap in gaps)


def wants(point: Point) -> int:
    """The replicas that the metric asks for, given the policy's tolerance."""
    backlog, content = point.metric or 0.0, PER_REPLICA * point.desired
    if (1 - TOLERANCE) * content <= backlog <= (1 + TOLERANCE) * content:
        return point.desired
    return max(1, -(-int(backlog) // PER_REPLICA))


def first(points: Iterable[Point], is_so: Callable[[Point], bool]) -> Point:
    return next(point for point in points if is_so(point))


def last(points: list[Point], is_so: Callable[[Point], bool]) -> Point:
    return first(reversed(points), is_so)


def after(point: Point, points: Iterable[Point]) -> list[Point]:
    return [other for other in points if other.at >= point.at]
