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
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import track
from rich.table import Table

from autoscaler.errors import AutoscalerError
from bench import courses
from bench.controllers import Controller, Policy, Threshold, copy, oracle
from bench.courses import Row
from bench.traces import Trace, load

DELAYS = (1.0, 10.0, 60.0)
"""Seconds that a replica needs to start."""
PEER, COPY = "HPA defaults", "delayed copy"
HPA = Policy(options={"strict_hpa": True})


def quick(preset: str, **changes: Any) -> Policy:
    """A preset as it is meant to be used: passes every 5 s, on rates of the last 5 s."""
    return Policy({"preset": preset}, every=5.0, window=5.0, **changes)


CONTROLLERS = (
    Controller("threshold ±1", Threshold()),
    Controller(PEER, HPA),
    Controller("product defaults", Policy()),
    Controller("preset steady", quick("steady")),
    Controller("preset bursty", quick("bursty")),
    Controller("preset slow-start", quick("slow-start")),
    Controller("predictive, steady", quick("steady", strategy="predictive")),
    Controller(COPY, copy),
    Controller("oracle", oracle, instant=True),
)
PRESET = "preset "


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
    parser.add_argument("--hours", type=float, default=3.0, help="of each trace")
    parser.add_argument(
        "--half", choices=("first", "second"), default="second", help="whose middle is taken"
    )
    parser.add_argument("--seeds", type=int, default=5, help="runs with noise on the samples")
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
        told = track(found, "Replaying", len(jobs), console=console)
        return courses.averaged([row for rows in told for row in rows])


def _measured(job: tuple[Trace, int | None, int], delays: Sequence[float]) -> list[Row]:
    trace, noise, number = job
    return courses.rows_of(courses.Course(trace, noise, CONTROLLERS[number]), delays)


COLUMNS = ("theta_U", "theta_O", "tau_U", "tau_O", "instab.", "actions/h", "cost", "eta")
SCORES = ("C@1 %", "at act./h", "/ HPA", "/ copy")


def show(rows: Iterable[Row], out: TextIO) -> None:
    """A table for each trace, and delay."""
    console = Console(file=out, width=None if out.isatty() else 150)
    for (trace, noise, delay), group in groupby(rows_in_order(rows), key=_place):
        how = "Poisson's noise on the samples" if noise else "no noise"
        title = f"{trace}, replicas start in {delay:g} s, {how}"
        table = Table("", *COLUMNS, *SCORES, title=title, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        found = list(group)
        for row in with_best(found):
            table.add_row(*_cells(row), *(_ratio(row, found, other) for other in (PEER, COPY)))
        console.print(table)


def with_best(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows of one place, and after the presets the best of them once more."""
    presets = [row for row in rows if row.controller.startswith(PRESET)]
    for row in rows:
        yield row
        if presets and row is presets[-1]:
            best = min(presets, key=_rank)
            yield replace(best, controller=f"best: {best.controller.removeprefix(PRESET)}")


def _rank(row: Row) -> tuple[float, float]:
    """By the score; among those that do not reach the goal, by how far they are from it."""
    return inf if row.score is None else row.score, row.plain.tau_under


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


def _ratio(row: Row, rows: Iterable[Row], other: str) -> str:
    """The score, as a multiple of another controller's at the same place."""
    base = next((found.score for found in rows if found.controller == other), None)
    return "" if row.score is None or base is None else f"{row.score / base:.2f}"


if __name__ == "__main__":
    sys.exit(main())
