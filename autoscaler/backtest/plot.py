"""What a replay looks like: load and replicas over time, and what held them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

from autoscaler.backtest.course import Course
from autoscaler.errors import Permanent

KINDS = (".html", ".svg", ".png")
HEIGHT, WIDTH = 3.2, 11.0
"""Inches of one policy's picture."""
MOST_STRIPS = 4
"""Guards that are drawn, those that held longest first."""
STRIPS = 12
"""So many strips are as high as the highest replica count."""
MOST_POINTS = 4_000
"""A longer curve shows the highest value of each stretch."""


def write(path: Path, courses: Mapping[str, Course]) -> None:
    """Draw all courses into one file, of the kind that its name ends with.

    Raises Permanent when the kind is not known, or what draws is not installed.
    """
    if path.suffix not in KINDS:
        raise Permanent(f"cannot draw {path}: its name must end with one of {', '.join(KINDS)}")
    figure = _figure(courses)
    if path.suffix == ".html":
        path.write_text(_page(figure, courses), encoding="utf-8")
    else:
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _figure(courses: Mapping[str, Course]) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Permanent("to draw, install matplotlib: pip install 'autoscaler[plot]'") from error
    figure = Figure(figsize=(WIDTH, HEIGHT * len(courses)), layout="constrained")
    axes = figure.subplots(len(courses), sharex=True, squeeze=False)[:, 0]
    for axis, (name, course) in zip(axes, courses.items(), strict=True):
        _draw(axis, name, course)
    figure.autofmt_xdate()
    return figure


def _draw(axis: Any, name: str, course: Course) -> None:
    times = [datetime.fromtimestamp(step.at, UTC) for step in course.steps]
    needed = [float("nan") if need is None else float(need) for need in course.demand]
    running = [float(step.running) for step in course.steps]
    for values, label, color in (
        (needed, "needed", "tab:gray"),
        (running, "running", "tab:blue"),
    ):
        axis.step(*_thinned(times, values), where="post", label=label, color=color, linewidth=1)
    _shade(axis, times, course)
    _hang(axis, times, course, depth=max(running) / STRIPS)
    axis.set_title(name, loc="left", fontsize="medium")
    axis.set_ylabel("replicas")
    axis.legend(loc="upper right", fontsize="small")


def _shade(axis: Any, times: Sequence[datetime], course: Course) -> None:
    """The times with too few replicas."""
    short = [
        need is not None and step.running < need
        for need, step in zip(course.demand, course.steps, strict=True)
    ]
    for start, end in _spans(times, short):
        axis.axvspan(start, end, color="tab:red", alpha=0.25, linewidth=0)


def _hang(axis: Any, times: Sequence[datetime], course: Course, depth: float) -> None:
    """Below zero a strip for each guard: when it kept the service from what was wanted."""
    for place, guard in enumerate(list(course.held)[:MOST_STRIPS], start=1):
        held = [step.held_by == guard for step in course.steps]
        bars = [(start, end - start) for start, end in _spans(times, held)]
        color = f"C{place + 1}"
        axis.broken_barh(bars, (-place * depth, 0.8 * depth), color=color, label=guard)


def _spans(times: Sequence[datetime], marks: Sequence[bool]) -> Iterator[tuple[datetime, datetime]]:
    """The stretches that are marked."""
    for marked, places in groupby(range(len(marks)), key=marks.__getitem__):
        span = [*places]
        if marked:
            yield times[span[0]], times[min(span[-1] + 1, len(times) - 1)]


def _thinned(
    times: Sequence[datetime], values: Sequence[float]
) -> tuple[Sequence[datetime], Sequence[float]]:
    if len(values) <= MOST_POINTS:
        return times, values
    stride = -(-len(values) // MOST_POINTS)
    starts = range(0, len(values), stride)
    return [times[at] for at in starts], [max(values[at : at + stride]) for at in starts]


def _page(figure: Any, courses: Mapping[str, Course]) -> str:
    drawing = StringIO()
    figure.savefig(drawing, format="svg", metadata={"Date": None})
    svg = drawing.getvalue()
    rows = "".join(_row(name, course) for name, course in courses.items())
    head = "".join(f"<th>{title}</th>" for title in ("policy", *_TITLES, "held"))
    return _PAGE.format(svg=svg[svg.index("<svg") :], head=head, rows=rows)


_TITLES = ("too few, % of time", "too many, % of time", "cost", "replica-hours", "changes/h")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Backtest</title>
<style>body {{ font-family: sans-serif; margin: 2em }} svg {{ max-width: 100%; height: auto }}
td, th {{ padding: .3em 1em; text-align: right }}
td:first-child, td:last-child {{ text-align: left }}
</style></head><body><h1>Backtest</h1>
<table><tr>{head}</tr>{rows}</table>
<p>Red: fewer replicas ran than the load needed. Strips below zero: what guards held.</p>
{svg}
</body></html>
"""


def _row(name: str, course: Course) -> str:
    found = course.quality
    measured = (
        (found.tau_under, found.tau_over, found.cost, course.replica_hours, found.actions)
        if found
        else (float("nan"),) * len(_TITLES)
    )
    held = ", ".join(f"{guard} {seconds / 60:.0f} min" for guard, seconds in course.held.items())
    cells = [name, *(f"{value:.3g}" for value in measured), held]
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
