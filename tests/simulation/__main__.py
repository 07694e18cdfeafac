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
    asked = _options().parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != HASHES:
        os.environ["PYTHONHASHSEED"] = HASHES
        given = [sys.executable, "-m", "tests.simulation", *(arguments or sys.argv[1:])]
        os.execv(sys.executable, given)  # noqa: S606
    _quiet()
    if asked.incidents:
        return _incidents()
    return _replay(asked) if asked.seed is not None else _run(asked)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="so many seeds, one after the other")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
    parser.add_argument("--hours", type=float, help="hours of each until the last fault")
    parser.add_argument("--long", action="store_true", help="half a day each, with quiet hours")
    parser.add_argument("--json", action="store_true", help="a report for machines")
    parser.add_argument("--seed", type=int, help="only this one, told in full")
    parser.add_argument("--happenings", help="of that seed only these, by number: 3,17")
    parser.add_argument("--services", help="of that seed only these: web1,web4")
    parser.add_argument("--shrink", action="store_true", help="find a smaller part that goes wrong")
    told = "play what happened to others, each with its brake and without"
    parser.add_argument("--incidents", action="store_true", help=told)
    return parser


def _quiet() -> None:
    """What the product logs is told by `--seed` alone, and there the history says more."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _run(asked: argparse.Namespace) -> int:
    from tests.simulation import runner
    from tests.simulation.pace import DENSE, LONG

    started = time.monotonic()
    seeds = range(asked.first, asked.first + asked.seeds)
    report = runner.run(seeds, asked.hours, _complain, LONG if asked.long else DENSE)
    runner.show(report, time.monotonic() - started, _tell, as_json=asked.json)
    return 1 if report.bad else 0


def _replay(asked: argparse.Namespace) -> int:
    from tests.simulation import runner
    from tests.simulation.pace import DENSE, LONG
    from tests.simulation.plan import draw
    from tests.simulation.play import play
    from tests.simulation.shrink import shrink

    whole = draw(asked.seed, runner.NAMES, asked.hours, LONG if asked.long else DENSE)
    numbers = asked.happenings
    happenings = None if numbers is None else [int(n) for n in numbers.split(",") if n]
    plan = runner.part(whole, happenings, asked.services and asked.services.split(","))
    course = play(plan, tell=None if asked.shrink else _tell)
    if course.wrongs and asked.shrink:
        course = shrink(course, _complain)
        _tell(runner.told(course))
        _tell(f"python -m tests.simulation {runner.arguments(whole, course.plan)}")
    _tell(f"digest {course.digest}")
    return 1 if course.wrongs else 0


def _incidents() -> int:
    from tests.simulation.incidents import INCIDENTS
    from tests.simulation.incidents.stage import harm

    bad = 0
    for each in INCIDENTS:
        done = harm(each.scene)
        _tell(f"{'HARM' if done else 'kept'}  {each.name}: {done or each.lesson}")
        bad += bool(done)
        if each.brake and not (done := harm(each.scene, braked=False)):
            bad += 1
        if each.brake:
            _tell(f"      without {each.brake}: {done or 'NO HARM'}")
    return 1 if bad else 0


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
