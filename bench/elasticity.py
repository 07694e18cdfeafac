"""`python -m bench.elasticity --traces DIR`: how well replicas follow recorded loads.

The product's own decisions, by presets, beside what peers do and two references, each trace at
several times that a replica needs to start. The score is C@1 %: what it costs, relative to an
oracle, to be short of replicas for 1 % of the time at most; more headroom buys fewer shortages,
so it cannot be had by waste. See README.md for how to read the rest.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from math import inf, log
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import track
from rich.table import Table

from autoscaler.backtest.measures import Quality, Span, quality, speedup
from autoscaler.errors import AutoscalerError
from bench.controllers import (
    Asked,
    Controller,
    Policy,
    Threshold,
    copy,
    oracle,
    supply,
)
from bench.traces import Trace, load

DELAYS = (1.0, 10.0, 60.0)
"""Seconds that a replica needs to start."""
GOAL = 1.0
"""Percent of the time in which replicas may be lacking."""
RATIO = 1.08
"""The step from one headroom to the next."""
LEAST, TRIED = -2, (2, 6, 14, 30)
"""Headrooms from 0.86 to 10; a goal that is not reached at 10 is called unreachable."""
HPA = Policy(options={"strict_hpa": True})


def quick(preset: str, **changes: Any) -> Policy:
    """A preset as it is meant to be used: passes every 5 s, on rates of the last 10 s."""
    return Policy({"preset": preset}, every=5.0, window=10.0, **changes)


CONTROLLERS = (
    Controller("threshold ±1", Threshold()),
    Controller("HPA defaults", HPA),
    Controller("product defaults", Policy()),
    Controller("preset steady", quick("steady")),
    Controller("preset bursty", quick("bursty")),
    Controller("preset slow-start", quick("slow-start")),
    Controller("predictive, steady", quick("steady", strategy="predictive")),
    Controller("delayed copy", copy),
    Controller("oracle", oracle, instant=True),
)
PRESET = "preset "


@dataclass(frozen=True, slots=True)
class Row:
    """One controller on one trace at one delay."""

    trace: str
    noise: bool
    delay: float
    controller: str
    plain: Quality
    """Without headroom."""
    eta: float
    """The elastic speedup over the mean number of replicas, all the time."""
    score: float | None
    """C@1 %; None where it is unreachable."""
    score_actions: float
    """Actions per hour at that score."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    asked = _options().parse_args(arguments)
    try:
        traces = [load(path, asked.hours, asked.half) for path in _files(asked.traces)]
    except (AutoscalerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    noises = [None, *range(1, asked.seeds + 1)]
    rows = run(traces, noises, asked.delays, asked.workers)
    if asked.json:
        document = {"machine": platform.machine(), "rows": [asdict(row) for row in rows]}
        json.dump(document, sys.stdout, indent=1)
    else:
        show(rows, sys.stdout)
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.elasticity", description=__doc__)
    parser.add_argument(
        "--traces", type=Path, required=True, help="CSV file, or a folder of them: seconds, value"
    )
    parser.add_argument("--hours", type=float, default=12.0, help="of each trace")
    parser.add_argument(
        "--half", choices=("first", "second"), default="second", help="whose middle is taken"
    )
    parser.add_argument("--seeds", type=int, default=1, help="runs with noise on the samples")
    parser.add_argument("--delays", type=float, nargs="+", default=DELAYS, metavar="SECONDS")
    parser.add_argument("--workers", type=int, help="processes; one for each core if left out")
    parser.add_argument("--json", action="store_true", help="all figures, for machines")
    return parser


def _files(place: Path) -> list[Path]:
    files = sorted(place.glob("*.csv")) if place.is_dir() else [place]
    if not files:
        raise FileNotFoundError(f"no CSV file in {place}")
    return files


def run(
    traces: Sequence[Trace],
    noises: Sequence[int | None],
    delays: Sequence[float],
    workers: int | None = None,
) -> list[Row]:
    """All controllers on all traces, each in one process of several."""
    jobs = [
        (trace, noise, number)
        for trace in traces
        for noise in noises
        for number in range(len(CONTROLLERS))
    ]
    with ProcessPoolExecutor(workers) as pool:
        found = pool.map(partial(_measured, delays=tuple(delays)), jobs)
        console = Console(file=sys.stderr)
        return [
            row for rows in track(found, "Replaying", len(jobs), console=console) for row in rows
        ]


def _measured(job: tuple[Trace, int | None, int], delays: Sequence[float]) -> list[Row]:
    trace, noise, number = job
    return rows_of(Course(trace, noise, CONTROLLERS[number]), delays)


class Course:
    """One controller over one trace, at any headroom; decisions do not depend on the delay."""

    def __init__(self, trace: Trace, noise: int | None, controller: Controller) -> None:
        self.trace = trace
        self.noise = noise
        self.controller = controller
        self.demand = trace.demand
        self._rates = trace.rates if noise is None else trace.counted(noise)
        self._asked: dict[int, Asked] = {}
        self._known: dict[tuple[int, float], Quality] = {}

    def quality(self, step: int, delay: float) -> Quality:
        """How well it did with the headroom of a step."""
        if (step, delay) not in self._known:
            self._known[step, delay] = self._measured(step, delay)
        return self._known[step, delay]

    def _measured(self, step: int, delay: float) -> Quality:
        if step not in self._asked:
            self._asked[step] = self.controller.follow(self.trace, self._rates, RATIO**step)
        asked = self._asked[step]
        running = supply(self.trace, asked, 0.0 if self.controller.instant else delay)
        actions = sum(before != after for before, after in pairwise(asked))
        return quality(spans(self.trace.tick, self.demand, running), actions)

    def score(self, delay: float) -> tuple[float | None, float]:
        """C@1 % and the actions per hour there, on the line between two headrooms."""
        low, high = self._bracket(delay)
        if high is None:
            return None, self.quality(low, delay).actions
        while high - low > 1:
            middle = (low + high) // 2
            if self.quality(middle, delay).tau_under > GOAL:
                low = middle
            else:
                high = middle
        return _between(self.quality(low, delay), self.quality(high, delay))

    def _bracket(self, delay: float) -> tuple[int, int | None]:
        """Headrooms below and above the goal, beginning at none: replays are what takes time."""
        if self.quality(0, delay).tau_under <= GOAL:
            return LEAST, 0
        low = 0
        for high in TRIED:
            if self.quality(high, delay).tau_under <= GOAL:
                return low, high
            low = high
        return low, None


def _between(short: Quality, enough: Quality) -> tuple[float, float]:
    """Where the goal lies between two qualities; shortage falls about exponentially."""
    if short.tau_under <= GOAL:
        return short.cost, short.actions
    upper, lower = log(short.tau_under), log(max(enough.tau_under, GOAL / 100))
    part = (upper - log(GOAL)) / (upper - lower)
    cost = short.cost + part * (enough.cost - short.cost)
    return cost, short.actions + part * (enough.actions - short.actions)


def spans(tick: float, demand: Sequence[int], running: Sequence[int]) -> list[Span]:
    """Steps that are alike, put together."""
    pairs = groupby(zip(demand, running, strict=True))
    return [Span(tick * len([*same]), *pair) for pair, same in pairs]


def rows_of(course: Course, delays: Sequence[float]) -> list[Row]:
    """What is known of a controller, for each time that a replica needs to start."""
    still = _still(course)
    rows = []
    for delay in delays:
        plain, (score, actions) = course.quality(0, delay), course.score(delay)
        names = (course.trace.name, course.noise is not None, delay, course.controller.name)
        rows.append(Row(*names, plain, speedup(still, plain), score, actions))
    return rows


def _still(course: Course) -> Quality:
    """The mean demand, all the time: a service that nobody scales."""
    mean = max(1, round(sum(course.demand) / len(course.demand)))
    return quality(spans(course.trace.tick, course.demand, [mean] * len(course.demand)), 0)


COLUMNS = ("theta_U", "theta_O", "tau_U", "tau_O", "instab.", "actions/h", "cost", "eta")


def show(rows: Iterable[Row], out: TextIO) -> None:
    """A table for each trace, and delay."""
    console = Console(file=out, width=None if out.isatty() else 132)
    for (trace, noise, delay), group in groupby(rows_in_order(rows), key=_place):
        how = "Poisson's noise on the samples" if noise else "no noise"
        title = f"{trace}, replicas start in {delay:g} s, {how}"
        table = Table("", *COLUMNS, "C@1 %", "at actions/h", title=title, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for row in with_best(list(group)):
            table.add_row(*_cells(row))
        console.print(table)


def with_best(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows of one place, and after the presets the best of them once more."""
    presets = [row for row in rows if row.controller.startswith(PRESET)]
    for row in rows:
        yield row
        if presets and row is presets[-1]:
            best = min(presets, key=lambda found: inf if found.score is None else found.score)
            yield replace(best, controller=f"best: {best.controller.removeprefix(PRESET)}")


def _place(row: Row) -> tuple[str, bool, float]:
    return row.trace, row.noise, row.delay


def rows_in_order(rows: Iterable[Row]) -> list[Row]:
    """By trace, noise and delay; the controllers in their own order."""
    return sorted(rows, key=_place)


def _cells(row: Row) -> list[str]:
    plain = row.plain
    measures = (plain.theta_under, plain.theta_over, plain.tau_under, plain.tau_over)
    return [
        row.controller,
        *(f"{value:.2f}" for value in (*measures, plain.instability)),
        f"{plain.actions:.0f}",
        f"{plain.cost:.3f}",
        f"{row.eta:.1f}",
        "unreachable" if row.score is None else f"{row.score:.3f}",
        f"{row.score_actions:.0f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
