"""Many seeds, by several processes; and one of them again."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.faults import FAULTS
from tests.simulation.pace import DENSE, LONG, Pace
from tests.simulation.plan import Plan, draw
from tests.simulation.play import Course, play

WORKERS = min(2, os.cpu_count() or 1)
NAMES = tuple(fault.name for fault in FAULTS)
LAST = 25
"""Lines of the history that are shown with what goes wrong."""

Tell = Callable[[str], None]


@dataclass
class Report:
    """What came of many seeds."""

    seeds: int = 0
    hours: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    bad: list[Course] = field(default_factory=list)

    def add(self, course: Course) -> None:
        """One more."""
        self.seeds += 1
        self.hours += course.seconds / 3600
        self.faults += course.faults
        self.writes += course.counts
        if course.wrongs:
            self.bad.append(course)

    def document(self, seconds: float) -> dict[str, object]:
        """The figures; how long it took is of this machine at this time."""
        return {
            "seeds": self.seeds,
            "cluster_hours": round(self.hours, 1),
            "seconds": round(seconds, 1),
            "kinds_of_fault": len(self.faults),
            "faults": dict(sorted(self.faults.items())),
            "writes": dict(sorted(self.writes.items())),
            "bad": {c.plan.seed: c.wrongs[0].invariant for c in self.bad},
        }


def run(seeds: Iterable[int], hours: float | None, tell: Tell, pace: Pace = DENSE) -> Report:
    """Play them all, in processes of their own."""
    report = Report()
    with ProcessPoolExecutor(WORKERS) as pool:
        for course in pool.map(partial(one, hours=hours, pace=pace), seeds):
            report.add(course)
            if course.wrongs:
                tell(told(course))
    return report


def one(seed: int, hours: float | None = None, pace: Pace = DENSE) -> Course:
    """Play one."""
    return play(draw(seed, NAMES, hours, pace))


def part(plan: Plan, happenings: Iterable[int] | None, services: Iterable[str] | None) -> Plan:
    """Of a plan only these happenings, by their numbers, and services, by their names."""
    if happenings is not None:
        kept = set(happenings)
        plan = plan.without([h for number, h in enumerate(plan.happenings) if number not in kept])
    for each in plan.workloads if services is not None else ():
        if each.name not in (services or ()):
            plan = plan.without_service(each.name)
    return plan


def told(course: Course) -> str:
    """What went wrong, and how it came to that."""
    wrongs = [f"  {each.at:.1f} s: {each.invariant} {each.told}" for each in course.wrongs]
    last = [f"    {line}" for line in course.history[-LAST:]]
    again = f"  again: python -m tests.simulation {_seed(course.plan)}"
    return "\n".join([f"seed {course.plan.seed} goes wrong", *wrongs, *last, again])


def arguments(whole: Plan, small: Plan) -> str:
    """How to play a part of a seed again."""
    numbers = [n for n, each in enumerate(whole.happenings) if each in small.happenings]
    services = [each.name for each in small.workloads]
    kept, names = ",".join(map(str, numbers)), ",".join(services)
    return f"{_seed(whole)} --happenings '{kept}' --services {names}"


def _seed(plan: Plan) -> str:
    return f"--seed {plan.seed}{' --long' if plan.pace == LONG else ''}"


def show(report: Report, seconds: float, tell: Tell, *, as_json: bool) -> None:
    """What there is to say."""
    document = report.document(seconds)
    if as_json:
        tell(json.dumps(document, indent=1))
        return
    played = f"{report.seeds} clusters, {report.hours:.0f} cluster-hours in {seconds:.0f} s"
    tell(f"{played}: {3600 * report.hours / seconds:.0f} times real time")
    tell("faults: " + ", ".join(f"{name} {n}" for name, n in sorted(report.faults.items())))
    tell("writes: " + ", ".join(f"{name} {n}" for name, n in sorted(report.writes.items())))
    tell(f"gone wrong: {len(report.bad)}")
