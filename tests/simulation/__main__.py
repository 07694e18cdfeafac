"""`python -m tests.simulation`: plays seeds, and says which of them go wrong."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence

import structlog

HASHES = "0"
"""The order of sets of texts follows from it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="so many seeds, one after the other")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, told in full")
    parser.add_argument("--hours", type=float, help="the length of each, before its calm end")
    parser.add_argument("--json", action="store_true", help="a report for machines")
    asked = parser.parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != HASHES:
        os.environ["PYTHONHASHSEED"] = HASHES
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606
    from tests.simulation import runner

    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    started = time.monotonic()
    if asked.seed is not None:
        return runner.replay(asked.seed, asked.hours)
    seeds = range(asked.first, asked.first + asked.seeds)
    report = runner.run(seeds, asked.hours)
    runner.show(report, time.monotonic() - started, as_json=asked.json)
    return 1 if report.bad else 0


if __name__ == "__main__":
    sys.exit(main())
