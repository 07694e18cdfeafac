"""Rules that go by an answer: what is not known is neither sick nor well, and seen by all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.decide import decide, recall
from autoscaler.model import (
    Act,
    Decision,
    FleetFacts,
    Healing,
    Health,
    Memory,
    Order,
    OrderKind,
    Quality,
    Sample,
)
from autoscaler.testing.builders import (
    NOW,
    a_healer,
    a_metric,
    a_service,
    observe,
    partial,
    some_tasks,
    unknown,
    value,
)
from autoscaler.testing.scenario import Scenario

PROBE = {"rule": "probe", "query": "stalled", "max": 5, "then": "restart", "cooldown": "0s"}
BAD, GOOD = value(9.0), value(1.0)
UNKNOWNS = [
    unknown(Quality.ERROR, "connection refused"),
    unknown(Quality.NO_DATA),
    unknown(Quality.STALE, "last asked 90 s ago"),
    unknown(Quality.NAN),
    unknown(Quality.MANY),
    partial(9.0),
    Sample(quality=Quality.VALUE, value=float("nan")),
    None,
]


def step(
    sample: Sample | None, healing: Healing, now: float, entry: dict[str, Any] = PROBE, **more: Any
) -> tuple[Healing, Decision]:
    symptoms = {} if sample is None else {"probe": sample}
    seen = observe(a_service(3), tasks=some_tasks(3), now=now, symptoms=symptoms, **more)
    memory, decision = decide(a_healer(entry), seen, Memory(healing=healing))
    return memory.healing, decision


def test_a_fault_that_two_passes_see_is_cured() -> None:
    healing, decision = step(BAD, Healing(), NOW)
    assert decision.held_by == "second_look"
    assert decision.health is not None
    assert decision.health.state is Health.DEGRADED
    assert healing.ailing
    _, decision = step(BAD, healing, NOW + 15)
    assert decision.action is not None
    assert decision.action.rule == "probe"
    assert decision.reason.startswith("probe: 9 is above 5")


@pytest.mark.parametrize("sample", UNKNOWNS, ids=repr)
def test_what_is_not_known_cures_nothing_and_is_told(sample: Sample | None) -> None:
    healing = Healing()
    for turn in range(5):
        healing, decision = step(sample, healing, NOW + 15.0 * turn)
        assert decision.action is None
        assert "probe: not known: " in decision.reason
    assert healing.since == {}


@pytest.mark.parametrize("sample", UNKNOWNS, ids=repr)
def test_a_fault_must_hold_anew_once_it_was_not_known(sample: Sample | None) -> None:
    entry = {**PROBE, "for": "1m"}
    healing = Healing()
    for turn, seen in enumerate([BAD, BAD, BAD, sample, BAD, BAD, BAD, BAD]):
        healing, decision = step(seen, healing, NOW + 15.0 * turn, entry)
        assert decision.action is None, turn
    _, decision = step(BAD, healing, NOW + 120, entry)
    assert decision.action is not None


def test_missing_data_do_not_make_a_notice_come_twice() -> None:
    entry = {**PROBE, "then": "notify", "cooldown": "1h"}
    healing, told = Healing(), []
    for turn, sample in enumerate([BAD, unknown(), BAD, GOOD, BAD]):
        healing, decision = step(sample, healing, NOW + 15.0 * turn, entry)
        told.append(len(decision.tells))
    assert told == [1, 0, 0, 0, 1]


def test_a_rule_that_cannot_say_asks_for_nothing_and_is_seen() -> None:
    _, decision = step(UNKNOWNS[1], Healing(), NOW)
    (found,) = decision.recommendations
    assert (found.name, found.replicas, found.abstains, found.act) == (
        "probe",
        None,
        True,
        Act.RESTART,
    )
    assert found.reason == "not known: no data"


def test_a_brake_holds_what_a_number_asks_for_as_well() -> None:
    healing, _ = step(BAD, Healing(), NOW)
    _, decision = step(BAD, healing, NOW + 15, fleet=FleetFacts(heal_stop="much is sick"))
    assert decision.held_by == "fleet_stop"


# around the loop


def services(count: int) -> list[Any]:
    return [a_service(2, id=f"s{n}", name=f"s{n}") for n in range(count)]


POLICY = {"name": "healer", "services": ["*"], "heal": [PROBE]}


async def test_a_service_that_only_heals_is_asked_about_and_cured() -> None:
    async with Scenario(*services(4), policies=[POLICY]) as scene:
        scene.source.answer = lambda query, service: BAD if service == "s1" else GOOD
        await scene.cycles(2, seconds=60)
        assert [action.service for action in scene.swarm.applied] == ["s1"]


@pytest.mark.parametrize("sick", [2, 4])
async def test_when_many_probes_fail_at_once_nobody_is_healed(sick: int) -> None:
    failing = {f"s{n}" for n in range(sick + 1)}
    async with Scenario(*services(sick + 2), policies=[POLICY]) as scene:
        scene.source.answer = lambda query, service: BAD if service in failing else GOOD
        await scene.cycles(8, seconds=60)
        assert scene.swarm.applied == []
        decision = await scene.last("s0")
        assert decision.held_by == "fleet_stop"
        assert f"{sick + 1} of {sick + 2} services are sick at once" in decision.reason


@pytest.mark.parametrize("how", ["by hand", "by its policy", "uncovered", "covered twice"])
async def test_what_nobody_looks_after_any_more_does_not_stop_the_others(how: str) -> None:
    mode = {"mode": "paused"} if how == "by its policy" else {}
    async with Scenario(*services(7), policies=[POLICY]) as scene:
        failing = {"s0", "s1", "s2"}
        scene.source.answer = lambda query, service: BAD if service in failing else GOOD
        await scene.cycles(2, seconds=60)
        assert (await scene.last("s0")).held_by == "fleet_stop"
        others = {**POLICY, "services": ["s2", "s3", "s4", "s5", "s6"]}
        these = {**POLICY, "name": "these", "services": ["s0", "s1"], **mode}
        if how == "by hand":
            for name in ("s0", "s1"):
                await scene.store.give(Order(kind=OrderKind.PAUSE, service=name, at=0, actor="ann"))
        else:
            again = {**these, "name": "again"}
            covering = {"uncovered": [], "covered twice": [these, again]}.get(how, [these])
            scene.rewrite([others, *covering])
        await scene.cycles(2, seconds=60)
        assert [action.service for action in scene.swarm.applied] == ["s2"]


async def test_without_prometheus_nothing_is_done_and_the_log_says_why() -> None:
    numbers = [
        PROBE,
        {"rule": "alert", "match": {"alertname": "Slow"}, "then": "restart"},
        {"rule": "memory_leak", "query": "memory", "limit": 1, "then": "restart"},
    ]
    policy = {**POLICY, "heal": numbers, "scale": {"max": 9, "metrics": [a_metric()]}}
    gone = unknown(Quality.ERROR, "connection refused")
    async with Scenario(*services(4), policies=[policy]) as scene:
        scene.source.answer = lambda query, service: gone
        with capture_logs() as lines:
            await scene.cycles(20, seconds=60)
        assert scene.swarm.applied == []
        told = [line["reason"] for line in lines if line["event"] == "decision"]
        for rule in ("probe", "alert", "memory_leak"):
            reason = f"{rule}: not known: error: connection refused"
            assert sum(reason in each for each in told) == 4, "once for each service"


async def test_when_prometheus_comes_back_faults_that_it_tells_are_cured() -> None:
    gone = unknown(Quality.ERROR, "connection refused")
    async with Scenario(*services(4), policies=[POLICY]) as scene:
        scene.source.answer = lambda query, service: BAD if service == "s0" else GOOD
        await scene.cycle()
        scene.source.answer = lambda query, service: gone
        await scene.cycles(3)
        assert scene.swarm.applied == []
        scene.source.answer = lambda query, service: BAD if service == "s0" else GOOD
        await scene.cycle()
        assert scene.swarm.applied == []
        await scene.cycle()
        assert [action.service for action in scene.swarm.applied] == ["s0"]


def of_alerts(*names: str) -> Sample:
    """What a source that knows alerts by name answers."""
    return replace(value(1.0 if names else 0.0), alerts=names)


class _Alerted:
    """A service with three tasks and an entry for alerts, from pass to pass; cures are done."""

    def __init__(self, **entry: Any) -> None:
        heal = {"name": "probe", "rule": "alert", "match": {"alertname": "Slow"}, "then": "restart"}
        self.policy = a_healer({**heal, "cooldown": "1m", **entry}, disruption={"backoff": "1s"})
        self.memory = Memory()
        self.now = NOW

    def sees(self, sample: Sample, *, after: float = 90.0) -> Decision:
        self.now += after
        tasks = some_tasks(3, since=NOW - 999)
        seen = observe(a_service(3), tasks=tasks, now=self.now, symptoms={"probe": sample})
        self.memory, decision = decide(self.policy, seen, self.memory)
        if decision.action is not None:
            self.memory = recall.after(self.memory, decision.action, self.now)
        return decision

    def cures(self, sample: Sample, passes: int = 4) -> int:
        """How often it is cured in so many passes."""
        return sum(self.sees(sample).action is not None for _ in range(passes))


@pytest.mark.parametrize("sample", [of_alerts("a@1"), value(1.0)], ids=["named", "unnamed"])
def test_an_alert_is_treated_once_however_long_it_fires(sample: Sample) -> None:
    service = _Alerted()
    assert service.cures(sample) == 1
    decision = service.sees(sample)
    assert decision.held_by == "treated"
    assert "repeat" in decision.reason
    assert decision.health is not None
    assert decision.health.state is Health.DEGRADED


def test_an_alert_is_treated_again_where_the_policy_says_so() -> None:
    service = _Alerted(repeat=True, cooldown="2m")
    assert service.cures(of_alerts("a@1"), passes=7) == 3


def test_another_alert_is_treated_too() -> None:
    service = _Alerted()
    assert service.cures(of_alerts("a@1")) == 1
    assert service.cures(of_alerts("a@1", "b@2")) == 1
    assert service.cures(of_alerts("b@2")) == 0


def test_an_alert_that_fires_anew_is_treated_anew() -> None:
    service = _Alerted()
    assert service.cures(of_alerts("a@1")) == 1
    assert service.cures(of_alerts()) == 0
    assert service.cures(of_alerts("a@2")) == 1


def test_an_alert_without_a_name_fires_anew_once_it_was_quiet() -> None:
    service = _Alerted()
    assert service.cures(value(1.0)) == 1
    assert service.cures(value(0.0), passes=1) == 0
    assert service.cures(value(1.0)) == 1


def test_an_alert_that_was_lost_sight_of_is_still_the_same() -> None:
    service = _Alerted()
    assert service.cures(of_alerts("a@1")) == 1
    assert service.cures(of_alerts()) == 0
    assert service.cures(unknown(Quality.NO_DATA)) == 0
    assert service.cures(of_alerts("a@1")) == 0


def test_two_alerts_at_once_are_treated_by_one_cure() -> None:
    service = _Alerted()
    assert service.cures(of_alerts("a@1", "b@1")) == 1


def test_alerts_that_are_remembered_are_bounded() -> None:
    service = _Alerted()
    for number in range(300):
        service.sees(of_alerts(f"{number}@1"), after=1.0)
    assert len(service.memory.healing.rules["probe"]) == 200
