"""The demonstration on a terminal: what is now, what was, and what was decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo import words
from deploy.demo.chart import bars, columns
from deploy.demo.load import Profile, duration
from deploy.demo.watch import Point, Seen

HEIGHT = 5
"""Lines of each chart."""
DECISIONS = 8
"""Newest decisions shown."""
_LABEL = 10
_COLORS = {
    "up": "bold green",
    "down": "bold cyan",
    "none": "dim",
    "failed": "bold red",
    "heals": "bold magenta",
}

Value = Callable[[Point], float]


class Screen:
    """Draws everything anew, four times a second."""

    def __init__(self, console: Console, profile: Profile, title: str) -> None:
        self._console = console
        self._title = title
        self._seconds = duration(profile) + 30

    async def show(self, seen: Seen) -> None:
        """For ever; what was drawn last stays."""
        with Live(console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    live.update(self._picture(seen), refresh=True)
                    await asyncio.sleep(0.25)
            finally:
                live.update(self._picture(seen), refresh=True)

    def _picture(self, seen: Seen) -> RenderableType:
        if not seen.points:
            return Text("…")
        width = self._console.width - 4
        body = Group(self._now(seen), *self._charts(seen, width), _decisions(seen, width))
        return Panel(body, title=self._title, width=self._console.width)

    def _now(self, seen: Seen) -> Table:
        point = seen.points[-1]
        table = Table.grid(expand=True)
        cells = {
            "time": f"{point.at:.0f} s",
            "load": f"{point.phase}, {point.rate:.1f} jobs/s",
            "queue": f"{point.backlog} jobs",
            "replicas": f"{point.running} of {point.desired} run",
            "done": f"{seen.done} jobs",
        }
        table.add_row(
            *(Text.assemble((f"{name} ", "dim"), (text, "bold")) for name, text in cells.items())
        )
        return table

    def _charts(self, seen: Seen, width: int) -> list[RenderableType]:
        seconds = max(self._seconds, seen.points[-1].at)
        columns = width - _LABEL
        return [
            _chart(seen, "queue", lambda p: p.backlog, "yellow", seconds, columns),
            _chart(seen, "running", lambda p: p.running, "green", seconds, columns),
            _axis(seconds, columns),
        ]


def _chart(
    seen: Seen, name: str, value: Value, color: str, seconds: float, width: int
) -> RenderableType:
    points = [(point.at, value(point)) for point in seen.points]
    top = max(4, *(number for _, number in points))
    lines = bars(columns(points, seconds, width), top, HEIGHT)
    return _labelled(lines, name, top, color)


def _axis(seconds: float, width: int) -> Text:
    """A mark every ten seconds."""
    marks = [" "] * (width + _LABEL + 4)
    for second in range(0, int(seconds) + 1, 10):
        place = _LABEL + int(second / seconds * width)
        marks[place : place + len(f"{second} s")] = f"{second} s"
    return Text("".join(marks)[: width + _LABEL], "dim")


def _labelled(lines: Sequence[str], name: str, top: float, color: str) -> Text:
    """The chart's name in its middle, its scale at the top."""
    labels = [f"{top:g}", "", name, "", "0"]
    return Text("\n").join(
        Text.assemble((f"{label:>{_LABEL - 2}} ", "dim"), ("│", "dim"), (line, color))
        for label, line in zip(labels, lines, strict=True)
    )


def _decisions(seen: Seen, width: int) -> Text:
    lines = [
        Text(f"{line.at:6.1f} s  {text}", _COLORS[words.direction(line)])
        for line, text in words.all_told(seen.log)[-DECISIONS:]
    ]
    lines += [Text("")] * (DECISIONS - len(lines))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join([Text("decisions", "dim"), *lines])
