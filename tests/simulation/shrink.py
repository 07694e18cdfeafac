"""Makes a plan that goes wrong shorter: fewer things happen, to fewer services, for less time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.plan import Plan
from tests.simulation.play import Course, play

TRIES = 40


Again = Callable[[Plan], Course]
"""Plays a plan as the one that went wrong was played."""


def shrink(course: Course, tell: Callable[[str], None], again: Again = play) -> Course:
    """The shortest course found within some tries that breaks the same promise."""
    promise, best = course.wrongs[0].invariant, course
    left = TRIES
    shorter = True
    while shorter and left > 0:
        shorter = False
        for plan in _smaller(best):
            left -= 1
            tried = again(plan)
            if any(wrong.invariant == promise for wrong in tried.wrongs):
                best, shorter = tried, True
                tell(f"goes wrong with {len(plan.happenings)} happenings too")
                break
            if left <= 0:
                break
    return best


def _smaller(course: Course) -> Iterator[Plan]:
    """Simpler plans, those that drop most first."""
    plan = course.plan
    end = course.wrongs[0].at
    late = [each for each in plan.happenings if each.at > end]
    if late:
        yield replace(plan.without(late), seconds=min(plan.seconds, end + 60.0))
    for size in _halves(len(plan.happenings)):
        for first in range(0, len(plan.happenings), size):
            yield plan.without(plan.happenings[first : first + size])
    if len(plan.workloads) > 1:
        for each in plan.workloads:
            yield plan.without_service(each.name)


def _halves(count: int) -> Iterator[int]:
    size = (count + 1) // 2
    while size >= 1:
        yield size
        size = size // 2
