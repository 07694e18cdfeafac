"""One line per second and per decision, where there is no terminal."""

from __future__ import annotations

import asyncio

from deploy.demo import words
from deploy.demo.watch import Point, Seen

HEAD = "   time  phase         jobs/s  queue  desired  running"


async def show(seen: Seen) -> None:
    """For ever."""
    print(HEAD, flush=True)
    lines = 0
    while True:
        await asyncio.sleep(1.0)
        told = words.all_told(seen.log)
        for line, text in told[lines:]:
            print(f"{line.at:6.1f} s  autoscaler: {text}", flush=True)
        lines = len(told)
        if seen.points:
            print(row(seen.points[-1]), flush=True)


def row(point: Point) -> str:
    """One moment."""
    return (
        f"{point.at:6.1f} s  {point.phase:<12} {point.rate:7.1f} {point.backlog:6}"
        f" {point.desired:8} {point.running:8}"
    )
