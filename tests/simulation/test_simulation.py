"""A seed is a history: the same one to the letter, whatever ran before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.pace import LONG
from tests.simulation.plan import draw
from tests.simulation.runner import NAMES, arguments, part

ROOT = Path(__file__).parent.parent.parent

DIGESTS = """
import json, logging, sys, structlog
logging.disable(logging.CRITICAL)
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
from tests.simulation.runner import one
print(json.dumps({seed: one(seed, 0.25).digest for seed in json.loads(sys.argv[1])}))
"""


def digests(*seeds: int) -> dict[str, Any]:
    """Of the histories of these seeds, played one after the other in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS, json.dumps(seeds)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_seed_plays_the_same_history_whatever_ran_before() -> None:
    alone, after_others = digests(7), digests(3, 5, 7)
    assert alone["7"] == after_others["7"]
    assert len(set(after_others.values())) == 3


def test_a_seed_stands_for_one_plan() -> None:
    assert draw(11, NAMES) == draw(11, NAMES)
    assert draw(11, NAMES) != draw(12, NAMES)


def test_a_part_of_a_seed_is_played_again_by_the_numbers_of_what_happens() -> None:
    whole = draw(11, NAMES, hours=4.0)
    small = part(whole, [0, 2], [whole.workloads[0].name])
    told = arguments(whole, small)
    assert small.happenings == tuple(
        each
        for each in (whole.happenings[0], whole.happenings[2])
        if each.service in ("", whole.workloads[0].name)
    )
    assert told.startswith("--seed 11 --happenings '")
    assert told.endswith(whole.workloads[0].name)


def test_half_a_day_has_quiet_hours_and_is_played_again_by_its_own_number() -> None:
    plan = draw(11, NAMES, pace=LONG)
    hours = {each.at // 3600.0 for each in plan.happenings if each.kind in NAMES}
    assert plan.seconds >= 6 * 3600.0
    assert 0 < len(hours) < plan.seconds / 3600.0
    assert arguments(plan, plan).startswith("--seed 11 --long ")
