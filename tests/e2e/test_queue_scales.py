"""A queue fills and empties, and the service follows: on a real Swarm, by a real Prometheus.

How quickly it does is printed, and asserted nowhere: it is the machine's doing as well.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable

import pytest

from autoscaler.testing.real.prometheus import PrivatePrometheus
from deploy.demo.load import Phase
from deploy.demo.play import play
from deploy.demo.stage import set_up
from deploy.demo.watch import Point, Seen

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

STABILIZATION = "8s"
"""Several passes long, so that some of them hold the replicas on however busy a machine."""
RECOMMENDED = f"was recommended within the last {STABILIZATION.removesuffix('s')} s"
PER_REPLICA = 5
"""The policy's target: jobs per replica."""

BURST = 30
"""Jobs at once: what comes on top until they are seen stays below the policy's rate limit."""
ENOUGH = BURST // PER_REPLICA
"""Replicas that they ask for."""
LOAD = (
    Phase("nothing", 3, 0, 0),
    Phase("burst", 0.1, 10 * BURST, 10 * BURST),
    Phase("high", 10, 8, 8),
    Phase("nothing", 0.1, 0, 0),
)

Measured = Callable[[str, object], None]
Decision = dict[str, object]


def test_replicas_follow_a_queue_that_fills_and_empties(
    need_engine: None, require: Callable[[list[str]], None], record_property: Measured
) -> None:
    require(PrivatePrometheus.missing())
    seen = played()
    follows_the_full_queue(seen.points, record_property)
    goes_once_it_is_empty(seen.points, record_property)
    steps_are_those_of_the_policy([line.what for line in seen.log])


def played() -> Seen:
    """One play: a queue that is empty, suddenly full, kept full, and empty again."""
    seen = Seen()
    with set_up(STABILIZATION, tell=lambda _: None) as stage:
        asyncio.run(play(stage, LOAD, seen, idle, misfortune=False))
    # Shown where a test fails.
    sys.stdout.writelines(f"{line.at:.1f} s {line.what}\n" for line in seen.log)
    return seen


async def idle(seen: Seen) -> None:
    """No screen."""


def follows_the_full_queue(points: list[Point], record_property: Measured) -> None:
    # By the time that we see the metric the autoscaler may have acted on it.
    asked = first(points, lambda point: backlog(point) >= BURST)
    since = after(asked, points)
    record_property("jobs", f"{asked.metric:g}, which ask for {ENOUGH} replicas at least")
    written = first(since, lambda point: point.desired >= ENOUGH)
    record_property("written", f"{written.at - asked.at:.1f} s after Prometheus showed them")
    runs = first(since, lambda point: point.running >= ENOUGH)
    record_property("running", f"{runs.at - asked.at:.1f} s after Prometheus showed them")


def goes_once_it_is_empty(points: list[Point], record_property: Measured) -> None:
    short = first(reversed(points), lambda point: backlog(point) > PER_REPLICA)
    gone = first(after(short, points), lambda point: point.running <= 1)
    record_property("one replica", f"{gone.at - short.at:.1f} s after the jobs asked for no more")
    assert (points[-1].desired, points[-1].running) == (1, 1)


def steps_are_those_of_the_policy(log: list[Decision]) -> None:
    """Up by what the backlog asks for, down no further than it did of late, and not at once."""
    decisions = [line for line in log if line["event"] == "decision"]
    ups, downs = changes(decisions, 1), changes(decisions, -1)
    assert ups
    assert all(str(up["reason"]).startswith("backlog: ") for up in ups)
    for down in downs:
        # For as long as the window it may have asked for just so many.
        allowed = (f"-> {down['to']}", f"{down['to']} {RECOMMENDED}", "bounds: min is 1")
        assert any(words in str(down["reason"]) for words in allowed), down
    before = decisions[: decisions.index(downs[-1])]
    assert any(line["held_by"] == "stabilization" for line in before)


def changes(decisions: list[Decision], direction: int) -> list[Decision]:
    """Those that go up, or down."""
    return [
        one for one in decisions if (int(str(one["to"])) - int(str(one["from"]))) * direction > 0
    ]


def backlog(point: Point) -> float:
    """The jobs in the queue, as Prometheus has it."""
    return point.metric or 0.0


def first(points: Iterable[Point], is_so: Callable[[Point], bool]) -> Point:
    return next(point for point in points if is_so(point))


def after(point: Point, points: Iterable[Point]) -> list[Point]:
    return [other for other in points if other.at >= point.at]
