"""Policies side by side, over the same history."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from autoscaler.backtest.course import Course
from autoscaler.cli.render import words
from autoscaler.durations import format_duration

MOST_GUARDS = 5
"""Guards that are named, those that held longest first."""


def compared(
    files: Sequence[str], courses: Sequence[Course], broken: Sequence[Sequence[str]]
) -> RenderableType:
    """A column for each policy, then what is broken."""
    drawn = words.table("", *(f">{file}" for file in files))
    rows = [_rows(course) for course in courses]
    for title in rows[0]:
        drawn.add_row(title, *(row[title] for row in rows))
    held = [Text(f"{file} was held by {_held(each)}") for file, each in _pairs(files, courses)]
    faults = [
        Text(f"{file}: {fault}", style="red")
        for file, found in zip(files, broken, strict=True)
        for fault in found
    ]
    return Group(Text(_about(courses[0])), Text(), drawn, Text(), *held, *faults)


def _pairs(files: Sequence[str], courses: Sequence[Course]) -> list[tuple[str, Course]]:
    return [*zip(files, courses, strict=True)]


def _about(course: Course) -> str:
    passes, load = course.passes, course.load
    length = format_duration(round(passes.count * passes.every))
    every = format_duration(passes.every)
    return (
        f"{words.at(passes.start)}, {length}: a pass every {every};"
        f" a replica carries {load.per_replica:g} of {load.metric!r}"
    )


def _rows(course: Course) -> dict[str, str]:
    found = course.quality
    if found is None:
        return {"load": "not known"}
    known = {
        "too few replicas, of the time": f"{found.tau_under:.2f} %",
        "too few, relative to what is needed": f"{found.theta_under:.2f} %",
        "too many replicas, of the time": f"{found.tau_over:.2f} %",
        "too many, relative to what is needed": f"{found.theta_over:.2f} %",
        "cost, relative to what is needed": f"{found.cost:.3f}",
        "replica-hours": f"{course.replica_hours:.1f}",
        "changes": str(course.actions),
        "changes per hour": f"{found.actions:.1f}",
    }
    if course.unknown:
        known["load not known, and not counted"] = format_duration(round(course.unknown))
    return known


def _held(course: Course) -> str:
    guards = [
        f"{guard} {format_duration(round(seconds))}"
        for guard, seconds in list(course.held.items())[:MOST_GUARDS]
    ]
    return ", ".join(guards) or "nothing"
