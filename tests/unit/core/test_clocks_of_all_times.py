"""Each time that is remembered is brought back to now, and nothing else is touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import pytest

from autoscaler.decide.clocks import not_ahead
from autoscaler.model import (
    Act,
    Attempt,
    Changed,
    Doubt,
    Failed,
    Healing,
    Memory,
    OrderKind,
    Phase,
    Quarantine,
    Releases,
    Reset,
    Run,
    Scaled,
    Tally,
    Unsent,
    Watch,
)
from autoscaler.testing.builders import NOW

AHEAD, PAST = NOW + 3600.0, NOW - 60.0
OF_A_WATCH = ("watch", "rolled out", "evaluated")
OF_RELEASES = ("came", "tasks", "well then", "usual")
OF_HEALING = ("since", "told", "tried", "unsent", "well", "counted", "given up", "released")
OF_SIZE = ("run", "scaled", "doubt", "changed", "reset", "disturbed", "missing", "good")
ALONE = (*OF_SIZE, *OF_HEALING, *OF_RELEASES, *OF_A_WATCH)
BESIDE = ("run begins", "tally")
"""These are never later than another one."""


def remembered(times: Mapping[str, float]) -> Memory:
    """A memory of all there is, at these times; what is not named is a minute ago."""
    at: Mapping[str, float] = defaultdict(lambda: PAST, times)
    return Memory(
        replicas=2,
        template="r1",
        recommendations=(Run(replicas=2, since=at["run begins"], until=at["run"]),),
        scaled=(Scaled(at=at["scaled"], change=1),),
        doubt=Doubt(at=at["doubt"], replicas=4, previous=2),
        changed=Changed(at=at["changed"], replicas=3, updated_at=PAST),
        reset=Reset(at=at["reset"], replicas=5),
        disturbed_at=at["disturbed"],
        missing_since=at["missing"],
        good=1,
        good_at=at["good"],
        strategies={"load": [1.0]},
        healing=_healing(at),
        obeyed={OrderKind.RESTART: PAST},
    )


def _healing(at: Mapping[str, float]) -> Healing:
    return Healing(
        rules={"probe": [1.0]},
        since={"probe": at["since"]},
        told={"leak": at["told"]},
        attempts=(Attempt(at=at["tried"], act=Act.RESTART, rule="probe", release="r1"),),
        unsent=Unsent(at=at["unsent"], reason="no leader"),
        well_since=at["well"],
        counted_from=at["counted"],
        quarantine=Quarantine(at=at["given up"], reason="given up", release="r1"),
        ailing=True,
        release="r1",
        released_at=at["released"],
        releases=_releases(at),
    )


def _releases(at: Mapping[str, float]) -> Releases:
    watch = Watch(
        release="r1",
        since=at["watch"],
        phase=Phase.WATCHED,
        rolled_out_at=at["rolled out"],
        evaluated_at=at["evaluated"],
        tallies={"errors": Tally(passes=2, at=at["tally"], conclusive=True, last="passes")},
        baseline={"errors": 1.0},
    )
    return Releases(
        current="r1",
        since=at["came"],
        before="r0",
        tasks_from=at["tasks"],
        well_since=at["well then"],
        failed=(Failed(release="r0", at=PAST),),
        watch=watch,
        usual={"errors": ((PAST - 60.0, 1.0), (at["usual"], 2.0)), "none": ()},
    )


@pytest.mark.parametrize("name", ALONE)
def test_a_time_that_has_not_come_yet_is_now(name: str) -> None:
    # Attempts count from a time on: a later one would make them proved.
    also = {"tried": NOW} if name == "counted" else {}
    found = not_ahead(remembered({name: AHEAD, **also}), NOW)
    if name == "counted":
        assert found.healing.attempts == ()
        assert found.healing.counted_from == NOW
    else:
        assert found == remembered({name: NOW})


def test_all_of_them_are_at_once() -> None:
    every = (*ALONE, *BESIDE)
    assert not_ahead(remembered(dict.fromkeys(every, AHEAD)), NOW) == remembered(
        dict.fromkeys(every, NOW)
    )


def test_what_is_not_remembered_stays_so() -> None:
    assert not_ahead(Memory(disturbed_at=AHEAD), NOW) == Memory(disturbed_at=NOW)
    bare = Memory(healing=Healing(releases=Releases(watch=Watch(release="r1", since=AHEAD))))
    found = not_ahead(bare, NOW).healing.releases.watch
    assert found == Watch(release="r1", since=NOW)


@pytest.mark.parametrize("name", ["", *ALONE])
def test_a_memory_of_the_past_is_kept_as_it_is(name: str) -> None:
    memory = remembered({name: NOW})
    assert not_ahead(memory, NOW) is memory
    assert not_ahead(Memory(), NOW) == Memory()
