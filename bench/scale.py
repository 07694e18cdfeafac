"""`python -m bench.scale`: the whole product on large Swarms, over real sockets.

The engine's model and the metrics are a process of their own (`model.py`), and so is the product
around each of them. Beside it, at the same time, a bare event loop on the same machine, and after
it a bare client that reads the same documents. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoscaler.testing.real.processes import Child
from bench import scaled
from bench.engine import machine
from bench.scaled import Document

SIZES = ((1_000, 10_000), (10_000, 100_000))
"""Services, and tasks."""
FILLED_WITHIN = 300.0
ROOT = Path(__file__).parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--services", type=int, nargs="+", help="sizes; ten tasks each")
    parser.add_argument("--cycles", type=int, default=30, help="measured of each size")
    parser.add_argument("--json", action="store_true", help="all figures, for machines")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        scaled.here(asked.one[0], asked.one[1], asked.cycles)
        return 0
    sizes = [(size, 10 * size) for size in asked.services] if asked.services else SIZES
    report = run(sizes, asked.cycles)
    json.dump(report, sys.stdout, indent=1) if asked.json else show(report)
    return 0


def run(sizes: Sequence[tuple[int, int]], cycles: int) -> Document:
    """Each size, one after the other."""
    before = load()
    found = [_measured(services, tasks, cycles) for services, tasks in sizes]
    return {"machine": machine(), "load_before": before, "load_after": load(), "sizes": found}


def load() -> list[float]:
    """The machine's, over one, five and fifteen minutes."""
    return [round(each, 1) for each in os.getloadavg()]


def _measured(services: int, tasks: int, cycles: int) -> Document:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "place.json"
        words = [sys.executable, "-m", "bench.model", str(services), str(tasks), str(place)]
        model = Child(words, Path(directory) / "model.log")
        try:
            model.wait_ready(place.exists, FILLED_WITHIN)
            found = json.loads(place.read_text())
            one = ["--one", found["host"], found["prometheus"], "--cycles", str(cycles)]
            command = [sys.executable, "-m", "bench.scale", *one]
            done = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE)
        finally:
            model.kill()
    figures: Document = json.loads(done.stdout)
    return {"services": services, "tasks": tasks, **figures}


def show(report: Document) -> None:
    """For people."""
    print(report["machine"])
    print(f"load {report['load_before'][0]} before, {report['load_after'][0]} after")
    for size in report["sizes"]:
        print(f"\n{size['services']:,} services, {size['tasks']:,} tasks, {size['cycles']} cycles")
        for key, told in TOLD.items():
            one = size[key]
            print(
                f"  {told:38} p50 {one['p50']:9.3f}  p99 {one['p99']:9.3f}  most {one['most']:9.3f}"
            )
        print(f"  {'requests in a cycle':38} {size['requests']}")
        print(f"  {'memory, MiB':38} {size['memory_mib']}, imports {size['imports_mib']}")
    for line in flatness(report["sizes"]):
        print(f"\n{line}")


TOLD = {
    "cycle_s": "cycle, s",
    "cpu_s": "  CPU time of it, s",
    "bare_s": "bare client reads services and nodes, s",
    "lag_ms": "loop lag, ms",
    "own_lag_ms": "  by this process at most, ms",
    "bare_lag_ms": "  of a bare loop at that time, ms",
}


def flatness(sizes: Sequence[Document]) -> Sequence[str]:
    """How much more a service costs in the largest fleet than in the smallest, in CPU time."""
    if len(sizes) < 2:
        return []
    small, large = sizes[0], sizes[-1]
    ratio = _each(large) / _each(small)
    return [f"CPU of a service, {large['services']:,} : {small['services']:,}: {ratio:.2f}"]


def _each(size: Any) -> float:
    return float(size["cpu_s"]["p50"] / size["services"])


if __name__ == "__main__":
    sys.exit(main())
