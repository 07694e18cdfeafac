"""What a guard that holds says to people, and how much it leaves where it holds but a part."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.model import FleetFacts, Healing, Releases, Rollout, Room, TaskState, Watch
from autoscaler.testing.builders import NOW, a_task, some_tasks, value
from tests.unit.core.test_guards import CURRENT, HOLDING, JOBS, WATCHING, Situation, judged, named

TOLD = {
    "scalable": "a replicated-job service is never written to",
    "unsettled": "whether it was scaled to 7 is not known",
    "rollout": "an update of the service is updating",
    "release_watch": "release  is watched: rolling out",
    "missing_data": "other: no data",
    "partial_data": "third: a store did not answer",
    "coverage": "load: 50% of its targets seen, 90% needed",
    "busy": "jobs is 2",
    "recovery": "1 of 3 good samples since data were missing",
    "unclear_change": "4 -> 5 by somebody else; who it was shows soon",
    "manual_change": "somebody changed the replicas; 290 s to go",
    "freeze": "'release' is open",
    "cooldown": "30 s to go since the last change",
    "stabilization": "5 was recommended within the last 300 s",
    "rate_limit": "no further than 5 now",
    "bounds up": "max is 5",
    "bounds down": "min is 5",
    "pending_tasks": "1 tasks wait: no suitable node",
    "room": "0 of 3 fit: memory",
    "fleet_brake": "the fleet's brake leaves 0 of 3 to remove now",
    "fleet_ceiling": "max_total_replicas leaves 0 of 3 to add",
    "dry_run up": "dry-run: would scale 5 -> 8",
    "dry_run down": "dry-run: would scale 5 -> 2",
}


@pytest.mark.parametrize("situation", HOLDING, ids=named)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_guard_says_what_it_holds_for(direction: str, situation: Situation) -> None:
    if direction in situation.directions:
        (verdict,) = judged(direction, situation).verdicts
        both = TOLD.get(situation.guard)
        assert verdict.reason == (both or TOLD[f"{situation.guard} {direction}"])
        assert verdict.replicas == CURRENT


def test_a_watched_release_is_named() -> None:
    watched = Healing(releases=Releases(watch=Watch(release="r2", since=NOW)))
    decision = judged("down", Situation(policy=WATCHING, memory={"healing": watched}))
    assert decision.verdicts[0].reason == "release r2 is watched: rolling out"


def test_swarms_words_for_a_rollout_that_hangs_are_told() -> None:
    hangs = {"rollout": Rollout.PAUSED, "rollout_message": "task x failed"}
    decision = judged("up", Situation(service=hangs))
    assert decision.verdicts[0].reason == "an update of the service is paused: task x failed"


@pytest.mark.parametrize(
    ("direction", "seen", "replicas", "told"),
    [
        ("up", {"room": Room(more=2, reason="memory")}, 7, "2 of 3 fit: memory"),
        ("up", {"room": Room(more=-1, reason="memory")}, 5, "0 of 3 fit: memory"),
        (
            "down",
            {"fleet": FleetFacts(removable=2)},
            3,
            "the fleet's brake leaves 2 of 3 to remove now",
        ),
        (
            "down",
            {"fleet": FleetFacts(removable=-1)},
            5,
            "the fleet's brake leaves 0 of 3 to remove now",
        ),
        ("up", {"fleet": FleetFacts(addable=1)}, 6, "max_total_replicas leaves 1 of 3 to add"),
        ("up", {"fleet": FleetFacts(addable=0)}, 5, "max_total_replicas leaves 0 of 3 to add"),
        ("up", {"fleet": FleetFacts(addable=-9)}, 5, "max_total_replicas leaves 0 of 3 to add"),
    ],
)
def test_a_part_is_let_through(
    direction: str, seen: dict[str, Any], replicas: int, told: str
) -> None:
    decision = judged(direction, Situation(seen=seen))
    (verdict,) = decision.verdicts
    assert (verdict.replicas, verdict.reason) == (replicas, told)
    assert (decision.action.replicas if decision.action else CURRENT) == replicas
    assert (decision.held_by is None) is (replicas != CURRENT)


@pytest.mark.parametrize(
    ("replicas", "fleet", "guard"),
    [
        (600.0, FleetFacts(addable=0), "fleet_ceiling"),
        (400.0, FleetFacts(removable=0), "fleet_brake"),
    ],
)
def test_a_single_replica_is_too_much_where_none_is_left(
    replicas: float, fleet: FleetFacts, guard: str
) -> None:
    alone = Situation(samples={"load": value(replicas)}, seen={"fleet": fleet})
    assert judged("up", alone).held_by == guard


def test_what_is_not_known_of_work_in_progress_is_told() -> None:
    decision = judged("down", Situation(scale=JOBS, seen={"holds": {}}))
    assert decision.held_by == "busy"
    assert decision.verdicts[0].reason.startswith("jobs is not known: ")


def test_a_task_that_ended_before_it_found_a_node_does_not_wait() -> None:
    gone = a_task(9, TaskState.PENDING, desired=TaskState.SHUTDOWN, error="no suitable node")
    decision = judged("up", Situation(seen={"tasks": (*some_tasks(5), gone)}))
    assert decision.verdicts == ()
