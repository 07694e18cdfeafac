"""What was seen, as an SVG that is legible on a light page and on a dark one.

PICTURE=docs/demo.svg make demo
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from deploy.demo import words
from deploy.demo.load import AFTERWARDS
from deploy.demo.watch import Point, Seen, Told

WIDTH, LEFT, RIGHT = 880.0, 64.0, 24.0
QUEUE, REPLICAS = (40.0, 130.0), (160.0, 250.0)
"""Top and bottom of each chart."""
HEIGHT = 300.0
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #7d8590 }
.name { font-weight: 600 } .line { stroke: #7d8590; stroke-opacity: .5 }
.queue { fill: #d29922; fill-opacity: .55; stroke: #d29922 }
.running { fill: #2da44e; fill-opacity: .45; stroke: #2da44e }
.desired { fill: none; stroke: #388bfd; stroke-width: 2; stroke-dasharray: 5 3 }
.high { fill: #7d8590; fill-opacity: .1 }
"""

Value = Callable[[Point], float]


class Picture:
    """Draws one record."""

    def __init__(self, seen: Seen) -> None:
        self._points = seen.points
        self._log = seen.log
        self._mishaps = {mishap.name for mishap in seen.mishaps}
        self._seconds = seen.points[-1].at

    def svg(self) -> str:
        """The whole file."""
        size = f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}" height="{HEIGHT:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        title = "<title>Replicas follow the length of a queue; mishaps are mended</title>"
        return "\n".join([head, title, f"<style>{_STYLE}</style>", *self._parts(), "</svg>", ""])

    def _parts(self) -> Iterator[str]:
        most = max(max(point.desired, point.running) for point in self._points)
        longest = max(point.backlog for point in self._points)
        yield from self._phases()
        yield from self._chart("queue", "jobs in the queue", QUEUE, longest, lambda p: p.backlog)
        yield from self._chart("running", "replicas", REPLICAS, most, lambda p: p.running)
        yield self._steps("desired", REPLICAS, most, lambda p: p.desired, closed=False)
        yield from self._legend()
        yield from self._seconds_below()

    def _phases(self) -> Iterator[str]:
        for name, group in groupby(self._points, key=lambda point: point.phase):
            points = list(group)
            start, end = self._x(points[0].at), self._x(points[-1].at)
            if name != AFTERWARDS:
                told = name if name in self._mishaps else f"load: {name}"
                yield _text((start + end) / 2, 26, told, "middle")
            if name in {"high", *self._mishaps}:
                height = REPLICAS[1] - QUEUE[0]
                yield (
                    f'<rect class="high" x="{start:.1f}" y="{QUEUE[0]}"'
                    f' width="{end - start:.1f}" height="{height}"/>'
                )

    def _chart(
        self, kind: str, name: str, place: tuple[float, float], top: float, value: Value
    ) -> Iterator[str]:
        yield self._steps(kind, place, top, value, closed=True)
        yield (
            f'<path class="line" d="M{LEFT} {place[0]}V{place[1]}H{WIDTH - RIGHT}" fill="none"/>'
        )
        yield _text(LEFT - 8, place[0] + 5, f"{top:g}", "end")
        yield _text(LEFT - 8, place[1], "0", "end")
        yield _text(LEFT + 8, place[0] + 5, name, "start", "name")

    def _steps(
        self, kind: str, place: tuple[float, float], top: float, value: Value, *, closed: bool
    ) -> str:
        """A line that jumps from value to value."""
        steps = [f"M{LEFT:.1f} {place[1]:.1f}"] if closed else []
        before: float | None = None
        for point in self._points:
            y = place[1] - value(point) / max(top, 1) * (place[1] - place[0])
            if y != before:
                steps.append(f"{'H' if steps else 'M'}{self._x(point.at):.1f}")
                steps.append(f"V{y:.1f}" if len(steps) > 1 else f" {y:.1f}")
                before = y
        steps.append(f"H{self._x(self._seconds):.1f}" + (f"V{place[1]}Z" if closed else ""))
        return f'<path class="{kind}" d="{"".join(steps)}"/>'

    def _legend(self) -> Iterator[str]:
        changes = [line for line, _ in words.all_told(self._log) if words.direction(line) == "up"]
        if changes:
            yield _text(WIDTH - RIGHT, 282, _first(changes), "end")
        yield f'<path class="desired" d="M{LEFT} 278h24"/>'
        yield _text(LEFT + 30, 282, "asked for", "start")
        yield f'<rect class="running" x="{LEFT + 104}" y="272" width="24" height="10"/>'
        yield _text(LEFT + 134, 282, "running, by Swarm's task list", "start")

    def _seconds_below(self) -> Iterator[str]:
        for second in range(0, int(self._seconds) + 1, 10):
            yield _text(self._x(second), REPLICAS[1] + 15, f"{second} s", "middle")

    def _x(self, at: float) -> float:
        return LEFT + at / self._seconds * (WIDTH - LEFT - RIGHT)


def _first(changes: Sequence[Told]) -> str:
    """The first decision to grow, as it was logged."""
    return f'first decision: "{changes[0].what["reason"]}"'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
