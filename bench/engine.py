"""`python -m bench.engine`: what full passes cost, from 10 to 10,000 services.

A cycle is snapshot, samples, decisions, records and the actions that come of them, by the
product's own loop on a real store; only the cluster and the metrics are plain values in
memory. Each fleet has a process of its own. The anchors are measured in the same process,
after every cycle: see README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from autoscaler.telemetry import configure_logging
from bench import measure

SIZES = (10, 100, 1_000, 10_000)
KINDS = ("one", "each")
FLAT = (100, 10_000)
"""Sizes whose costs per service are compared."""
MOST_CYCLES = 200

Document = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    asked = _options().parse_args(arguments)
    if asked.one:
        size, kind = asked.one
        _measure_here(int(size), kind, asked.cycles)
        return 0
    report = run(asked.sizes, asked.policies, asked.cycles)
    if asked.json:
        json.dump(report, sys.stdout, indent=1)
    else:
        show(report, sys.stdout)
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="services per fleet")
    parser.add_argument("--policies", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--cycles", type=int, help="measured cycles of each fleet")
    parser.add_argument("--json", action="store_true", help="all figures, for machines")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    return parser


def run(sizes: Iterable[int], kinds: Iterable[str], cycles: int | None = None) -> Document:
    """Measure each fleet, and put the figures together."""
    fleets = [_measure_apart(size, kind, cycles) for kind in kinds for size in sizes]
    return {"machine": machine(), "fleets": [{**fleet, **figures(fleet)} for fleet in fleets]}


def _measure_apart(size: int, kind: str, cycles: int | None) -> Document:
    """In a new process, so that its memory is its own."""
    command = [sys.executable, "-m", "bench.engine", "--one", str(size), kind]
    if cycles:
        command += ["--cycles", str(cycles)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, cwd=root, stdout=subprocess.PIPE)
    found: Document = json.loads(done.stdout)
    return found


def _measure_here(size: int, kind: Any, cycles: int | None) -> None:
    """Log lines are written as in service, and thrown away."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stderr, told = nowhere, sys.stderr
        try:
            configure_logging("json")
            result = asyncio.run(measure.run(size, kind, cycles or cycles_for(size)))
        finally:
            sys.stderr = told
    json.dump(asdict(result), sys.stdout)


def cycles_for(size: int) -> int:
    """Fewer for large fleets, which take longer; an odd number, for the median."""
    return max(9, min(MOST_CYCLES, 20_000 // size)) | 1


def figures(fleet: Document) -> Document:
    """Medians, their spread, and ratios."""
    return {f"{name}_figures": _figures(fleet, fleet[name]) for name in ("steady", "storm")}


def _figures(fleet: Document, cost: Document) -> Document:
    cycle = statistics.median(cost["cycle"])
    to_parse = sorted(a / b for a, b in zip(cost["cycle"], cost["parse"], strict=True))
    return {
        "cpu_per_cycle": cycle,
        "cpu_per_service": cycle / fleet["services"],
        "passes_per_cpu_second": fleet["services"] / cycle,
        "of_stand_ins": statistics.median(cost["stand_ins"]) / cycle,
        "to_parse": statistics.median(to_parse),
        "to_parse_spread": [to_parse[0], to_parse[-1]],
        "to_read": cycle / statistics.median(cost["read"]),
        "longest_hold": statistics.median(cost["hold"]),
        "actions_per_cycle": cost["actions"] / len(cost["cycle"]),
    }


def machine() -> str:
    """Where it was measured: without it no figure means anything."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def show(report: Document, out: TextIO) -> None:
    """Tables for people."""
    console = Console(file=out, width=None if out.isatty() else 120)
    console.print(report["machine"])
    for name in ("steady", "storm"):
        console.print(_table(report["fleets"], name))
    console.print(_memory(report["fleets"]))
    for line in flatness(report["fleets"]):
        console.print(line)


_COLUMNS = (
    "services", "policies", "ms a cycle", "us a service", "passes/s",
    "x parse", "spread", "x read", "stand-ins", "hold, ms", "actions",
)  # fmt: skip
"""CPU time throughout; what each column says is told in README.md."""


def _table(fleets: Iterable[Document], name: str) -> Table:
    table = Table(*_COLUMNS, title=name)
    for fleet in fleets:
        found = fleet[f"{name}_figures"]
        low, high = found["to_parse_spread"]
        table.add_row(
            f"{fleet['services']:,}",
            fleet["policies"],
            f"{found['cpu_per_cycle'] * 1e3:.1f}",
            f"{found['cpu_per_service'] * 1e6:.0f}",
            f"{found['passes_per_cpu_second']:,.0f}",
            f"{found['to_parse']:.1f}",
            f"{low:.1f}-{high:.1f}",
            f"{found['to_read']:.1f}",
            f"{found['of_stand_ins']:.0%}",
            f"{found['longest_hold'] * 1e3:.1f}",
            f"{found['actions_per_cycle']:.0f}",
        )
    return table


def _memory(fleets: Sequence[Document]) -> Table:
    stages = list(fleets[0]["memory"])
    table = Table("services", "policies", *stages, title="memory, MiB")
    for fleet in fleets:
        sizes = (f"{fleet['memory'][stage]:.0f}" for stage in stages)
        table.add_row(f"{fleet['services']:,}", fleet["policies"], *sizes)
    return table


def flatness(fleets: Iterable[Document]) -> Iterable[str]:
    """How much more a service costs in a large fleet than in a small one."""
    costs: dict[tuple[str, int], Document] = {}
    for fleet in fleets:
        costs[fleet["policies"], fleet["services"]] = fleet
    small, large = FLAT
    for kind in KINDS:
        if (kind, small) in costs and (kind, large) in costs:
            pair = costs[kind, large], costs[kind, small]
            told = ", ".join(f"{name} {_ratio(*pair, name):.2f}" for name in ("steady", "storm"))
            yield f"cost of a service, {large:,} : {small} ({kind}): {told}"


def _ratio(large: Document, small: Document, name: str) -> float:
    """In units of the anchor, which stands still when the machine does not."""
    return float(large[f"{name}_figures"]["to_parse"] / small[f"{name}_figures"]["to_parse"])


if __name__ == "__main__":
    sys.exit(main())
