"""The watch over a new release: what it waits for, what it counts, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from autoscaler.decide import decide, recall, watching
from autoscaler.model import (
    Act,
    Decision,
    Memory,
    Phase,
    Quality,
    Revision,
    Rollout,
    Sample,
    Service,
    Watch,
)
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import (
    NOW,
    a_metric,
    a_service,
    at_once,
    observe,
    partial,
    some_tasks,
    unknown,
    value,
)

ERRORS = {"name": "errors", "query": "errors", "max": 0.05, "failure_limit": 2}
SLOWER = {"name": "slower", "query": "latency", "max_increase": 50}
RELEASE = {"watch": "5m", "warmup": "1m", "interval": "30s", "bake": "2m", "checks": [ERRORS]}
KEPT = (Revision(release="r1", at=NOW - 9000.0, image="app:1"),)
FINE, BROKEN = value(0.01), value(0.5)


def release(**changes: Any) -> dict[str, Any]:
    return {**RELEASE, **changes}


@dataclass
class World:
    """One service in virtual time, its actions done as they are decided."""

    release: dict[str, Any] = field(default_factory=lambda: dict(RELEASE))
    scale: dict[str, Any] | None = None
    service: Service = field(default_factory=lambda: a_service(4, template="r1"))
    memory: Memory = field(default_factory=Memory)
    now: float = NOW
    samples: dict[str, Sample] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    healthy: int = 4

    def __post_init__(self) -> None:
        document: dict[str, Any] = {"name": "p", "services": ["web"], "release": self.release}
        self.policy = parse_policy(document | ({"scale": self.scale} if self.scale else {}))
        self.passes(20)

    def passes(self, count: int, after: float = 15.0, **checks: Sample) -> Decision:
        """So many passes, whose checks are answered so, and freshly."""
        for _ in range(count):
            self.now += after
            fresh = {name: replace(each, at=self.now) for name, each in checks.items()}
            seen = observe(
                self.service,
                {name: replace(each, at=self.now) for name, each in self.samples.items()},
                now=self.now,
                tasks=some_tasks(self.healthy),
                checks=fresh,
                revisions=KEPT,
            )
            self.memory, decision = decide(self.policy, seen, self.memory)
            self.decisions.append(decision)
            if decision.action is not None:
                self.does(decision)
        return self.decisions[-1]

    def does(self, decision: Decision) -> None:
        action = decision.action
        assert action is not None
        self.memory = recall.after(self.memory, action, self.now)
        if action.kind is Act.ROLLBACK:
            self.write(template=action.release)
        else:
            self.write(replicas=action.replicas)

    def write(self, **changes: Any) -> None:
        version = self.service.version + 1
        self.service = replace(self.service, version=version, **changes)

    def deploy(self, template: str = "r2", **changes: Any) -> None:
        self.write(template=template, **changes)

    @property
    def watch(self) -> Watch:
        found = self.memory.healing.releases.watch
        assert found is not None
        return found

    def phase(self) -> Phase:
        return self.watch.phase

    @property
    def proved(self) -> bool:
        return self.memory.healing.releases.proved

    @property
    def acts(self) -> list[Act]:
        return [each.action.kind for each in self.decisions if each.action is not None]

    @property
    def tells(self) -> list[str]:
        return [told for each in self.decisions for told in each.tells]


def test_a_new_release_rolls_out_warms_up_is_watched_and_passes() -> None:
    world = World()
    world.deploy(rollout=Rollout.UPDATING)
    assert world.passes(10, errors=BROKEN).watch is not None
    assert world.phase() is Phase.ROLLOUT
    world.write(rollout=Rollout.COMPLETED)
    world.passes(1, errors=BROKEN)
    assert world.phase() is Phase.WARM_UP
    world.passes(3, errors=BROKEN)
    assert (world.phase(), world.watch.tallies) == (Phase.WARM_UP, {})
    world.passes(1, errors=FINE)
    assert world.phase() is Phase.WATCHED
    world.passes(19, errors=FINE)
    assert world.phase() is Phase.WATCHED
    world.passes(1, errors=FINE)
    assert (world.phase(), world.watch.reason) == (Phase.PASSED, "1 checks passed")
    assert world.watch.tallies["errors"].passes == 11
    assert (world.acts, world.tells) == ([], [])


def test_a_rollout_that_has_not_begun_yet_is_waited_for() -> None:
    world = World()
    world.deploy()
    world.passes(1, after=0.1)
    world.passes(2, after=2.0)
    assert world.phase() is Phase.ROLLOUT
    world.passes(1, after=2.0)
    assert world.phase() is Phase.WARM_UP


@pytest.mark.parametrize("change", [{"replicas": 7}, {"labels": {"a": "b"}}, {"forced": 3}])
def test_what_is_no_new_template_is_not_watched(change: dict[str, Any]) -> None:
    world = World()
    world.write(**change)
    world.passes(5, errors=BROKEN)
    assert world.memory.healing.releases.watch is None


def test_the_release_that_is_there_at_first_is_not_watched() -> None:
    world = World()
    world.passes(5, errors=BROKEN)
    assert (world.memory.healing.releases.watch, world.acts) == (None, [])


def test_one_failure_more_than_its_limit_takes_the_release_back() -> None:
    world = World()
    world.deploy()
    world.passes(6, errors=FINE)
    world.passes(4, errors=BROKEN)
    assert (world.acts, world.watch.tallies["errors"].failures) == ([], 2)
    world.passes(2, errors=BROKEN)
    assert world.acts == [Act.ROLLBACK]
    assert world.service.template == "r1"
    (told,) = world.tells
    assert told == "release r2 has failed: errors failed 3 times: 0.5 is above 0.05"
    reason = next(each for each in world.decisions if each.action).reason
    assert "release: release r2 has failed: errors failed 3 times" in reason


def test_failures_add_up_also_between_passes() -> None:
    world = World()
    world.deploy()
    world.passes(6, errors=FINE)
    for _ in range(3):
        world.passes(2, errors=BROKEN)
        world.passes(2, errors=FINE)
    assert world.acts == [Act.ROLLBACK]


def test_where_only_a_notice_is_asked_for_it_is_told_once_and_nothing_is_done() -> None:
    world = World(release(on_failure="notify"))
    world.deploy()
    world.passes(30, errors=BROKEN)
    assert (world.acts, world.phase()) == ([], Phase.FAILED)
    (told,) = world.tells
    assert told.startswith("release: release r2 has failed: errors failed 3 times")


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (unknown(Quality.ERROR, "connection refused"), "error: error: connection refused"),
        (unknown(Quality.MANY, "2 series"), "error: many series: 2 series"),
        (unknown(), "inconclusive: no data"),
        (unknown(Quality.STALE), "inconclusive: stale"),
        (unknown(Quality.NAN), "inconclusive: not a number"),
        (unknown(Quality.INFINITE), "inconclusive: infinite"),
        (partial(0.9), "inconclusive: partial: a store did not answer"),
        (value(float("nan")), "inconclusive: its value is not a finite number"),
    ],
)
def test_what_says_nothing_never_takes_a_release_back(sample: Sample, told: str) -> None:
    world = World()
    world.deploy()
    world.passes(100, errors=sample)
    assert (world.acts, world.phase()) == ([], Phase.INCONCLUSIVE)
    assert world.watch.tallies["errors"].last == told
    assert world.tells[-1] == f"release r2 is inconclusive: nobody can tell: errors: {told}"


def test_a_release_whose_watch_was_inconclusive_is_good_after_its_bake_time() -> None:
    world = World(release(bake="20m"))
    world.deploy()
    world.passes(50, errors=unknown())
    assert (world.phase(), world.proved) == (Phase.INCONCLUSIVE, False)
    world.passes(29)
    assert not world.proved
    world.passes(2)
    assert world.proved


def test_a_release_that_fell_ill_while_nobody_could_tell_must_stay_well_again_to_be_good() -> None:
    world = World()
    world.deploy()
    world.passes(43, errors=unknown())
    assert (world.phase(), world.proved) == (Phase.WATCHED, False)
    world.healthy = 1
    world.passes(4, errors=unknown())
    world.healthy = 4
    world.passes(8)
    assert (world.phase(), world.proved) == (Phase.INCONCLUSIVE, False)
    world.passes(1)
    assert world.proved


def test_errors_in_a_row_are_told_once_and_hold() -> None:
    world = World()
    world.deploy()
    world.passes(6, errors=FINE)
    world.passes(9, errors=unknown(Quality.ERROR, "down"))
    assert world.tells == []
    world.passes(2, errors=unknown(Quality.ERROR, "down"))
    assert world.tells == ["check errors of release r2: error: error: down; nothing is done for it"]
    world.passes(3, errors=unknown(Quality.ERROR, "down"))
    assert (len(world.tells), world.acts, world.phase()) == (1, [], Phase.WATCHED)


def test_a_watch_that_ends_in_silence_waits_as_long_again_for_an_answer() -> None:
    world = World()
    world.deploy()
    world.passes(15, errors=FINE)
    world.passes(15, errors=unknown(Quality.ERROR, "down"))
    assert world.phase() is Phase.WATCHED
    world.passes(2, errors=FINE)
    assert world.phase() is Phase.PASSED


def test_with_too_little_traffic_nothing_is_said() -> None:
    world = World(release(traffic={"query": "rate", "min": 10}))
    world.deploy()
    world.passes(10, errors=BROKEN, traffic=value(9.0))
    assert world.watch.tallies["errors"].last == "inconclusive: traffic is 9, below 10"
    world.passes(2, errors=BROKEN)
    assert "traffic is not known" in world.watch.tallies["errors"].last
    world.passes(6, errors=BROKEN, traffic=value(10.0))
    assert world.acts == [Act.ROLLBACK]


def test_an_answer_is_compared_with_what_was_usual_before_the_change() -> None:
    world = World(release(checks=[SLOWER]))
    world.passes(60, slower=value(0.2))
    world.deploy()
    world.passes(6, slower=value(0.29))
    assert world.watch.baseline == {"slower": 0.2}
    assert world.watch.tallies["slower"].last == "passes with 0.29"
    world.passes(6, slower=value(0.31))
    assert world.acts == [Act.ROLLBACK]
    assert "0.31 is 55 % above 0.2" in world.tells[0]


@pytest.mark.parametrize(("before", "told"), [(None, "is not known"), (value(0.0), "is 0")])
def test_without_anything_to_compare_with_nothing_is_said(before: Sample | None, told: str) -> None:
    world = World(release(checks=[SLOWER]))
    answers: dict[str, Any] = {"slower": before} if before else {}
    world.passes(30, **answers)
    world.deploy()
    world.passes(30, slower=value(99.0))
    assert world.acts == []
    assert world.watch.tallies["slower"].last.endswith(f"before the change {told}")


def test_what_is_usual_is_remembered_once_a_minute_and_is_a_few_points() -> None:
    world = World(release(checks=[SLOWER]))
    changes = 0
    for number in range(200):
        before = world.memory
        world.passes(1, slower=value(float(number)))
        changes += world.memory.healing.releases.usual != before.healing.releases.usual
    points = world.memory.healing.releases.usual["slower"]
    assert len(points) == 10
    assert changes <= 51


def test_a_new_deploy_restarts_the_watch_and_compares_with_what_was_before_both() -> None:
    world = World(release(checks=[SLOWER]))
    world.passes(60, slower=value(0.2))
    world.deploy("r2")
    world.passes(8, slower=value(0.9))
    world.deploy("r3")
    world.passes(1, slower=value(0.9))
    assert (world.watch.release, world.phase()) == ("r3", Phase.ROLLOUT)
    assert (world.watch.tallies, world.watch.baseline) == ({}, {"slower": 0.2})


def test_a_release_that_was_taken_back_is_not_watched_again() -> None:
    world = World()
    world.deploy()
    world.passes(30, errors=BROKEN)
    assert world.acts == [Act.ROLLBACK]
    assert world.memory.healing.releases.watch is None
    world.passes(60, errors=FINE)
    world.deploy()
    world.passes(60, errors=BROKEN)
    assert world.acts == [Act.ROLLBACK]
    assert world.memory.healing.releases.watch is None


def test_what_swarm_rolls_back_itself_is_recorded_and_left_to_it() -> None:
    world = World()
    world.deploy(rollout=Rollout.UPDATING)
    world.passes(2, errors=BROKEN)
    world.write(template="r1", rollout=Rollout.ROLLBACK_STARTED, rollout_message="rolled back")
    world.passes(10, errors=BROKEN)
    world.write(rollout=Rollout.ROLLBACK_COMPLETED)
    world.passes(30, errors=BROKEN)
    known = world.memory.healing.releases
    assert (world.acts, known.watch) == ([], None)
    failed = known.failure("r2")
    assert failed is not None
    assert (failed.reason, failed.ours) == ("rolled back", False)


def test_a_rollout_that_pauses_speaks_against_its_release() -> None:
    world = World()
    world.deploy(rollout=Rollout.PAUSED, rollout_message="update paused")
    world.passes(1)
    assert world.acts == [Act.ROLLBACK]
    assert "its rollout is paused: update paused" in world.tells[0]


def test_answers_from_before_the_end_of_the_rollout_do_not_count() -> None:
    world = World(release(warmup="0s"))
    world.deploy()
    world.passes(1)
    stale = replace(BROKEN, at=world.now)
    for _ in range(45):
        world.now += 15
        seen = observe(
            world.service,
            now=world.now,
            tasks=some_tasks(4),
            checks={"errors": stale},
            revisions=KEPT,
        )
        world.memory, decision = decide(world.policy, seen, world.memory)
        assert decision.action is None
    assert world.phase() is Phase.INCONCLUSIVE


def test_an_answer_that_is_read_twice_counts_once() -> None:
    world = World(release(warmup="0s"))
    world.deploy()
    world.passes(2, errors=FINE)
    measured = replace(BROKEN, at=world.now + 1)
    for _ in range(10):
        world.now += 30
        seen = observe(world.service, now=world.now, tasks=some_tasks(4), revisions=KEPT)
        seen = replace(seen, checks={"errors": measured})
        world.memory, _ = decide(world.policy, seen, world.memory)
    assert world.watch.tallies["errors"].failures == 1


@pytest.mark.parametrize(
    ("limit", "low", "told"),
    [
        ({"min": 5}, 4.0, "4 is below 5"),
        ({"max_decrease": 20}, 7.9, "7.9 is 21 % below 10, which it was before the change"),
    ],
)
def test_too_little_of_what_there_should_be_fails_as_well(
    limit: dict[str, Any], low: float, told: str
) -> None:
    check = {"name": "orders", "query": "orders", "failure_limit": 0, **limit}
    world = World(release(checks=[check]))
    world.passes(60, orders=value(10.0))
    world.deploy()
    world.passes(8, orders=value(8.0))
    assert world.watch.tallies["orders"].failures == 0
    world.passes(1, orders=value(low))
    world.passes(1, orders=value(low))
    assert world.acts == [Act.ROLLBACK]
    assert world.tells == [f"release r2 has failed: orders failed 1 times: {told}"]


def test_only_the_checks_whose_answers_can_be_used_are_asked_for() -> None:
    world = World(release(checks=[ERRORS, SLOWER]))

    def asked(after: float = 0.0) -> list[str]:
        known, rules = world.memory.healing.releases, world.policy.release
        return [c.name for c in watching.asked(known, rules, world.service, world.now + after)]

    assert asked() == ["slower"]
    world.passes(1, slower=value(0.2))
    assert (asked(59.9), asked(60.0)) == ([], ["slower"])
    world.deploy(rollout=Rollout.UPDATING)
    assert asked(60.0) == []
    world.passes(1)
    assert asked() == ["errors", "slower"]
    world.write(rollout=Rollout.COMPLETED)
    world.passes(40, errors=FINE, slower=value(0.2))
    assert (world.phase(), asked(60.0)) == (Phase.PASSED, ["slower"])


def test_nothing_shrinks_while_a_release_is_watched_and_growing_goes_on() -> None:
    scale = {"max": 9, "metrics": [a_metric("load")], "behavior": at_once()}
    world = World(scale=scale)
    world.samples = {"load": value(400.0)}
    world.passes(3)
    world.deploy()
    world.samples = {"load": value(100.0)}
    decision = world.passes(8, errors=FINE)
    assert (decision.held_by, world.service.replicas) == ("release_watch", 4)
    world.samples = {"load": value(600.0)}
    world.passes(1, errors=FINE)
    assert world.service.replicas == 6
    world.samples = {"load": value(100.0)}
    world.passes(40, errors=FINE)
    assert world.phase() is Phase.PASSED
    assert world.service.replicas == 1


def test_a_release_under_watch_is_not_good_yet_and_one_that_passed_is() -> None:
    world = World()
    world.deploy()
    world.passes(20, errors=FINE)
    assert not world.memory.healing.releases.proved
    world.passes(10, errors=FINE)
    assert world.memory.healing.releases.proved


def test_a_policy_that_asks_for_nothing_any_more_ends_the_watch() -> None:
    world = World()
    world.deploy()
    world.passes(5, errors=FINE)
    world.policy = World(release(checks=[])).policy
    world.passes(1)
    assert world.memory.healing.releases.watch is None


ANSWERS = st.one_of(
    st.floats(0, 1).map(value),
    st.sampled_from([None, *(unknown(q) for q in Quality if q not in ("value", "partial"))]),
    st.floats(0, 1).map(partial),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ANSWERS, min_size=1, max_size=60), st.integers(0, 3))
def test_a_release_is_taken_back_exactly_when_more_answers_fail_than_may(
    answers: list[Sample | None], limit: int
) -> None:
    world = World(release(checks=[{**ERRORS, "failure_limit": limit}], interval="15s"))
    world.deploy()
    world.passes(5)
    failures = 0
    for answer in answers:
        if not world.phase().open:
            break
        checks: dict[str, Any] = {} if answer is None else {"errors": answer}
        world.passes(1, **checks)
        known = answer is not None and answer.quality is Quality.VALUE
        failures += bool(known and answer is not None and (answer.value or 0.0) > 0.05)
        assert (world.acts == [Act.ROLLBACK]) is (failures > limit)
        if failures > limit:
            break


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"checks": [{"name": "a", "query": "x"}]}, "state a limit"),
        ({"checks": [ERRORS, ERRORS]}, "two checks are named 'errors'"),
        ({"checks": [{**ERRORS, "name": "traffic"}]}, "no check can be named"),
        ({"checks": [{**ERRORS, "source": "nowhere"}]}, "nowhere"),
        ({"checks": [{**ERRORS, "maximum": 1}]}, "maximum"),
        ({"on_failure": "explode"}, "rollback"),
        ({"watch": "0s"}, "watch"),
    ],
)
def test_mistakes_are_told_when_the_policy_is_loaded(wrong: dict[str, Any], words: str) -> None:
    document = {"name": "p", "services": ["web"], "release": {**RELEASE, **wrong}}
    with pytest.raises(ValidationError, match=words):
        parse_policy(document)
