"""Policies side by side, over the same history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from autoscaler.backtest.course import Course
from autoscaler.cli.render import words
from autoscaler.cli.render.listing import GAP, fitting
from autoscaler.durations import format_duration

MOST_GUARDS = 5
"""Guards that are named, those that held longest first."""


def compared(
    files: Sequence[str], courses: Sequence[Course], broken: Sequence[Sequence[str]]
) -> RenderableType:
    """A column for each policy, then what is broken."""
    held = [Text(f"{file} was held by {_held(each)}") for file, each in _pairs(files, courses)]
    faults = [
        Text(f"{file}: {fault}", style="red")
        for file, found in zip(files, broken, strict=True)
        for fault in found
    ]
    drawn = Comparison(_short(files), [_rows(course) for course in courses])
    return Group(Text(_about(courses[0])), Text(), drawn, Text(), *held, *faults)


class Comparison:
    """A column for each policy; those that do not fit beside the others stand below them."""

    def __init__(self, names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
        self._names = names
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One table, or several with the same titles."""
        titles = [*self._rows[0]]
        widths = [
            max(len(name), *(len(row[title]) for title in titles))
            for name, row in zip(self._names, self._rows, strict=True)
        ]
        room = options.max_width - max(map(len, titles)) - GAP
        for places in fitting(widths, room):
            drawn = words.table("", *(f">{self._names[place]}" for place in places))
            for title in titles:
                drawn.add_row(title, *(self._rows[place][title] for place in places))
            yield drawn
            if places[-1] < len(widths) - 1:
                yield Text()


def _short(files: Sequence[str]) -> Sequence[str]:
    """The files' own names, where these tell them apart."""
    names = [Path(file).name for file in files]
    return names if len({*names}) == len(names) else files


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
