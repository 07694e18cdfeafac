"""What is told of the mistakes that were tried, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.mutation.results import Fate, Results, table


@dataclass(frozen=True)
class Stated:
    """A module, as far as results know it."""

    name: str
    digest: str = "1"
    mutants: range = range(4)


PACE: Any = Stated("autoscaler.decide.pace")
TREND: Any = Stated("autoscaler.strategies.trend")


def known(path: Path) -> Results:
    results = Results(path / "kept" / "results.json")
    results.of(PACE).update({"a 1": Fate.KILLED, "a 2": Fate.SURVIVED, "a 3": Fate.UNTOUCHED})
    results.of(TREND).update({"b 1": Fate.TIMEOUT})
    return results


def test_only_what_a_test_fails_on_or_hangs_on_counts_as_found(tmp_path: Path) -> None:
    told = [*table([PACE, TREND], known(tmp_path))]
    assert (
        told[0] == "| module | mutants | tried | killed | timeout | survived | untouched | score |"
    )
    assert told[2:] == [
        "| decide.pace | 4 | 3 | 1 | 0 | 1 | 1 | 33.3 % |",
        "| **decide** | 4 | 3 | 1 | 0 | 1 | 1 | 33.3 % |",
        "| strategies.trend | 4 | 1 | 0 | 1 | 0 | 0 | 100.0 % |",
        "| **strategies** | 4 | 1 | 0 | 1 | 0 | 0 | 100.0 % |",
        "| **all** | 8 | 4 | 1 | 1 | 1 | 1 | 50.0 % |",
    ]


def test_what_is_known_is_kept_until_the_module_changes(tmp_path: Path) -> None:
    known(tmp_path).save()
    again = Results(tmp_path / "kept" / "results.json")
    again.load()
    assert again.of(PACE)["a 1"] is Fate.KILLED
    changed: Any = Stated(PACE.name, digest="2")
    assert again.of(changed) == {}
    assert [*table([changed], again)][-1] == "| **all** | 4 | 0 | 0 | 0 | 0 | 0 | - |"
