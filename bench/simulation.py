"""`python -m bench.simulation`: the simulation at length, in slices that add up.

Each slice goes on from the seed after the last one that was played, for so many minutes, and
adds a line to `results/simulation.jsonl`: which seeds of which commit, how many cluster-hours,
what went wrong. What all slices come to is printed, and stands in `results/simulation.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "simulation.jsonl"
FIRST = 1001
"""Those below are what `make test` plays."""
TOGETHER = 8
"""Seeds that are begun together; none is begun after the time is over."""

Slice = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it may take")
    asked = parser.parse_args(arguments)
    slices = _read()
    first = max((each["to"] for each in slices), default=FIRST - 1) + 1
    done = play(first, 60 * asked.minutes)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(done) + "\n")
    print(told([*slices, done]))
    return 1 if done["bad"] else 0


def play(first: int, seconds: float) -> Slice:
    """Seeds from the first one on, for so long."""
    began, seed = time.monotonic(), first
    load = os.getloadavg()[0]
    parts: list[Slice] = []
    while not parts or time.monotonic() - began < seconds:
        parts.append(_played(seed))
        seed += TOGETHER
    return {
        "commit": _commit(),
        "from": first,
        "to": seed - 1,
        "cluster_hours": round(sum(part["cluster_hours"] for part in parts), 1),
        "seconds": round(time.monotonic() - began),
        "load": round(load, 1),
        "faults": sum(sum(part["faults"].values()) for part in parts),
        "writes": sum(sum(part["writes"].values()) for part in parts),
        "bad": {key: told for part in parts for key, told in part["bad"].items()},
    }


def _played(seed: int) -> Slice:
    """By a process of its own, as its hashes must not differ from those of a replay."""
    command = ["-m", "tests.simulation", "--json", "--seeds", str(TOGETHER), "--from", str(seed)]
    done = subprocess.run(
        [sys.executable, *command],
        check=False,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
    )
    found: Slice = json.loads(done.stdout)
    return found


def told(slices: Iterable[Slice]) -> str:
    """What all of them come to, and each of them."""
    slices = list(slices)
    hours = sum(each["cluster_hours"] for each in slices)
    lines = [f"{hours / 24:.1f} cluster-days, {sum(each['faults'] for each in slices)} faults"]
    for each in slices:
        speed = each["cluster_hours"] * 3600 / max(1, each["seconds"])
        bad = ", ".join(f"{seed}: {why}" for seed, why in each["bad"].items()) or "-"
        lines.append(
            f"| {each['commit']} | {each['from']}-{each['to']} | {each['cluster_hours']} "
            f"| {each['seconds']} | {speed:,.0f} | {each['load']} | {each['faults']} | {bad} |"
        )
    return "\n".join(lines)


def _read() -> list[Slice]:
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        check=False,
        cwd=RESULTS.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    return told.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
