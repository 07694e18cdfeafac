"""Many seeds, by several processes; and one of them again."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.faults import FAULTS
from tests.simulation.plan import draw
from tests.simulation.play import Course, play

WORKERS = min(2, os.cpu_count() or 1)
NAMES = tuple(fault.name for fault in FAULTS)


@dataclass
class Report:
    """What came of many seeds."""

    seeds: int = 0
    hours: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[Course] = field(default_factory=list)

    def add(self, course: Course) -> None:
        """One more."""
        self.seeds += 1
        self.hours += course.plan.seconds / 3600
        self.faults += course.faults
        self.counts += course.counts
        if course.wrongs:
            self.bad.append(course)


def run(seeds: Iterable[int], hours: float | None = None) -> Report:
    """Play them all."""
    report = Report()
    with ProcessPoolExecutor(WORKERS) as pool:
        for course in pool.map(partial(one, hours=hours), seeds, chunksize=4):
            report.add(course)
            if course.wrongs:
                print(told(course), file=sys.stderr, flush=True)  # noqa: T201
    return report


def one(seed: int, hours: float | None = None) -> Course:
    """Play one."""
    return play(draw(seed, NAMES, hours))


def replay(seed: int, hours: float | None) -> int:
    """Play one, and tell all of it."""
    course = play(draw(seed, NAMES, hours), tell=print)
    print(f"digest {course.digest}")  # noqa: T201
    return 1 if course.wrongs else 0


def told(course: Course) -> str:
    """What went wrong, and how it came to that."""
    wrongs = [f"  {each.at:.1f} s: {each.invariant}: {each.told}" for each in course.wrongs]
    last = [f"    {line}" for line in course.history[-20:]]
    return "\n".join([f"seed {course.plan.seed} goes wrong", *wrongs, *last])


def show(report: Report, seconds: float, *, as_json: bool) -> None:
    """What there is to say."""
    found = {
        "seeds": report.seeds,
        "cluster_hours": round(report.hours, 1),
        "seconds": round(seconds, 1),
        "faults": dict(sorted(report.faults.items())),
        "writes": dict(sorted(report.counts.items())),
        "bad": [course.plan.seed for course in report.bad],
    }
    if as_json:
        print(json.dumps(found, indent=1))  # noqa: T201
        return
    for name, value in found.items():
        print(f"{name}: {value}")  # noqa: T201
