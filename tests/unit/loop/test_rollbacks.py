"""A bad release in the whole loop: kept templates, a rollback, and what it leaves behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from autoscaler.errors import Temporary
from autoscaler.keeping import Proof
from autoscaler.model import Act, Intent, Outcome, Phase, Rollout, Sample
from autoscaler.outcomes import judge
from autoscaler.testing.builders import a_service, value
from autoscaler.testing.scenario import Scenario

POLICY = {
    "name": "web-policy",
    "services": ["web"],
    "heal": [{"rule": "stuck_update", "then": "rollback"}],
    "release": {"bake": "30s", "keep": 2},
}
SERVICE = a_service(3, template="r1", image="app:1@sha256:1", rollout=Rollout.COMPLETED)


@pytest.fixture
async def scenario() -> AsyncIterator[Scenario]:
    """A service whose first release is good and kept."""
    async with Scenario(SERVICE, policies=[POLICY]) as scenario:
        await scenario.cycles(4)
        yield scenario


def deploy(scenario: Scenario, release: str, rollout: Rollout = Rollout.COMPLETED) -> None:
    scenario.swarm.write("web-id", template=release, image=f"app:{release}", rollout=rollout)


async def kept(scenario: Scenario) -> list[str]:
    return [each.release for each in (await scenario.store.revisions()).get("web-id", ())]


def actions(scenario: Scenario) -> list[Any]:
    return [(action.kind, action.release) for action in scenario.swarm.applied]


async def test_a_release_that_ran_well_is_kept_once(scenario: Scenario) -> None:
    assert await kept(scenario) == ["r1"]
    (revision,) = scenario.passes.revisions["web-id"]
    template = await scenario.store.template("web-id", "r1")
    assert template is not None
    assert (template.raw, template.pinned) == ("r1", True)
    at = revision.at
    await scenario.cycles(10)
    assert scenario.passes.revisions["web-id"][0].at == at


async def test_only_so_many_are_kept_and_the_newest_of_them(scenario: Scenario) -> None:
    for release in ("r2", "r3", "r2"):
        deploy(scenario, release)
        await scenario.cycles(5)
    assert await kept(scenario) == ["r3", "r2"]
    assert [each.release for each in scenario.passes.revisions["web-id"]] == ["r3", "r2"]


async def test_nothing_is_kept_where_nothing_is_ever_rolled_back() -> None:
    policy = {**POLICY, "heal": [{"rule": "stuck_update", "then": "notify"}]}
    del policy["release"]
    async with Scenario(SERVICE, policies=[policy]) as scenario:
        await scenario.cycles(30)
        assert await kept(scenario) == []


async def test_where_a_policy_speaks_of_releases_good_ones_are_kept_for_a_person() -> None:
    policy = {"name": "web-policy", "services": ["web"], "release": {}}
    async with Scenario(SERVICE, policies=[policy]) as scenario:
        await scenario.cycles(30)
        assert await kept(scenario) == ["r1"]


async def test_a_bad_release_is_taken_back_once_and_stays_away(scenario: Scenario) -> None:
    deploy(scenario, "bad", Rollout.PAUSED)
    await scenario.cycle()
    assert actions(scenario) == [(Act.ROLLBACK, "r1")]
    assert scenario.swarm.services["web-id"].template == "r1"
    await scenario.cycles(10)
    deploy(scenario, "bad", Rollout.PAUSED)
    await scenario.cycles(50)
    assert actions(scenario) == [(Act.ROLLBACK, "r1")]
    assert await kept(scenario) == ["r1"]


@pytest.mark.parametrize(("image", "told"), [("app:1", True), ("app:1@sha256:1", False)])
async def test_an_image_without_a_digest_is_told_of(image: str, told: bool) -> None:
    async with Scenario(replace(SERVICE, image=image), policies=[POLICY]) as scenario:
        await scenario.cycles(4)
        deploy(scenario, "bad", Rollout.PAUSED)
        with structlog.testing.capture_logs() as lines:
            await scenario.cycle()
        (line,) = [each for each in lines if each["event"] == "action"]
        assert (line["act"], "has no digest" in line["detail"]) == ("rollback", told)


async def test_what_failed_is_known_over_a_restart(scenario: Scenario) -> None:
    deploy(scenario, "bad", Rollout.PAUSED)
    await scenario.cycle()
    await scenario.restart()
    await scenario.cycles(3)
    deploy(scenario, "bad", Rollout.PAUSED)
    await scenario.cycles(3)
    assert len(actions(scenario)) == 1
    deploy(scenario, "worse", Rollout.PAUSED)
    await scenario.cycles(3)
    assert actions(scenario)[1:] == [(Act.ROLLBACK, "r1")]


async def test_a_template_that_is_refused_makes_room_for_the_older_one(scenario: Scenario) -> None:
    deploy(scenario, "r2")
    await scenario.cycles(5)
    scenario.swarm.unfit.add("r2")
    deploy(scenario, "bad", Rollout.PAUSED)
    await scenario.cycles(50)
    assert actions(scenario) == [(Act.ROLLBACK, "r1")]


async def test_where_all_are_refused_it_is_told_and_left(scenario: Scenario) -> None:
    scenario.swarm.unfit.add("r1")
    deploy(scenario, "bad", Rollout.PAUSED)
    await scenario.cycles(50)
    assert actions(scenario) == []
    decision = await scenario.last()
    assert decision.held_by == "no_revision"
    assert scenario.swarm.services["web-id"].template == "bad"


async def test_a_lost_answer_is_settled_by_reading_the_template(scenario: Scenario) -> None:
    deploy(scenario, "bad", Rollout.PAUSED)
    scenario.swarm.lose_answers = True
    await scenario.cycle()
    scenario.swarm.lose_answers = False
    (intent,) = await scenario.store.open_intents()
    assert intent.action.release == "r1"
    await scenario.restart()
    await scenario.cycles(3)
    assert list(await scenario.store.open_intents()) == []
    known = scenario.memories["web-id"].healing.releases
    assert (known.current, known.failure("bad") is not None) == ("r1", True)
    assert len(actions(scenario)) == 1


async def test_the_store_holds_the_template_and_records_do_not() -> None:
    service = replace(SERVICE, template="TEMPLATE-WITH-SECRET")
    async with Scenario(service, policies=[POLICY]) as scenario:
        scenario.swarm.raw = "s3cr3t"
        await scenario.cycles(4)
        deploy(scenario, "bad", Rollout.PAUSED)
        await scenario.cycle()
        template = await scenario.store.template("web-id", "TEMPLATE-WITH-SECRET")
        assert template is not None
        assert "s3cr3t" in template.raw
        record = await scenario.store.last("web")
        assert record is not None
        assert record.decision.action is not None
        assert "s3cr3t" not in repr(record)


class Broken:
    """An orchestrator that cannot read templates."""

    def __init__(self, swarm: object) -> None:
        self._swarm = swarm
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._swarm, name)

    async def template(self, service_id: str) -> object:
        self.asked += 1
        raise Temporary("no leader")


async def test_a_template_that_cannot_be_read_is_asked_for_again() -> None:
    scenario = Scenario(SERVICE, policies=[POLICY])
    broken = Broken(scenario.swarm)
    scenario.orchestrator = broken  # type: ignore[assignment]
    async with scenario:
        await scenario.cycles(5)
        assert broken.asked >= 2
        assert await kept(scenario) == []


async def test_a_release_that_has_changed_when_it_is_read_is_not_kept(scenario: Scenario) -> None:
    deploy(scenario, "r2")
    proof = Proof(scenario.swarm.services["web-id"], "r1", scenario.clock(), 2)
    before = scenario.passes.revisions["web-id"]
    await scenario.reconciler.keep(proof)
    assert scenario.passes.revisions["web-id"] == before


async def test_an_open_rollback_is_judged_by_the_release_that_is_there(
    scenario: Scenario,
) -> None:
    deploy(scenario, "bad", Rollout.PAUSED)
    bad = scenario.swarm.services["web-id"]
    await scenario.cycle()
    (action,) = scenario.swarm.applied
    intent = Intent(id="x", at=1.0, policy="p", action=action)
    for service, outcome in (
        (scenario.swarm.services["web-id"], Outcome.DONE),
        (bad, Outcome.FAILED),
        (replace(bad, version=99, template="other"), Outcome.CONFLICT),
    ):
        assert judge(intent, service, (), 2.0) is outcome


WATCHED = {
    "name": "web-policy",
    "services": ["web"],
    "scale": {"min": 1, "max": 9, "metrics": [{"query": "load", "target": {"average_value": 1}}]},
    "release": {
        "bake": "30s",
        "watch": "5m",
        "warmup": "15s",
        "interval": "15s",
        "checks": [{"name": "errors", "query": "errors", "max": 0.1}],
        "traffic": {"query": "traffic", "min": 10},
    },
}


class Web:
    """What a source says of the service: how its release does, and how much is asked of it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.traffic = 50.0
        scenario.source.answer = self.answer

    def answer(self, query: str, service: str) -> Sample:
        if query == "traffic":
            return value(self.traffic)
        if query == "load":
            return value(3.0)
        bad = self.scenario.swarm.services["web-id"].template == "bad"
        return value(0.5 if bad else 0.0)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Scenario(SERVICE, policies=[WATCHED]) as scenario:
        web = Web(scenario)
        await scenario.cycles(4)
        yield web


async def test_the_source_is_asked_and_a_release_that_fails_is_taken_back(web: Web) -> None:
    deploy(web.scenario, "bad")
    await web.scenario.cycles(5)
    assert actions(web.scenario) == [(Act.ROLLBACK, "r1")]
    assert ("errors", "web") in web.scenario.source.asked
    assert ("traffic", "web") in web.scenario.source.asked


async def test_checks_are_asked_only_while_a_release_is_watched(web: Web) -> None:
    asked = web.scenario.source.asked
    assert [each for each in asked if each[0] in ("errors", "traffic")] == []
    deploy(web.scenario, "r2")
    await web.scenario.cycles(30)
    watch = web.scenario.memories["web-id"].healing.releases.watch
    assert watch is not None
    assert watch.phase is Phase.PASSED
    asked.clear()
    await web.scenario.cycles(5)
    assert [each for each in asked if each[0] in ("errors", "traffic")] == []


async def test_a_check_that_compares_is_asked_once_a_minute_while_none_is_watched() -> None:
    errors = {"name": "errors", "query": "errors", "max_increase": 50}
    document = {**WATCHED, "release": {"watch": "5m", "warmup": "15s", "checks": [errors]}}
    async with Scenario(SERVICE, policies=[document]) as scenario:
        scenario.source.answer = lambda query, service: value(3.0)
        await scenario.cycles(40, 15.0)
        asked = [each for each in scenario.source.asked if each[0] == "errors"]
        assert 9 <= len(asked) <= 12
        deploy(scenario, "r2")
        await scenario.cycles(2, 15.0)
        watch = scenario.memories["web-id"].healing.releases.watch
        assert watch is not None
        assert watch.baseline == {"errors": 3.0}


async def test_a_watch_goes_on_after_a_restart_where_it_was(web: Web) -> None:
    deploy(web.scenario, "bad")
    await web.scenario.cycles(3)
    before = web.scenario.memories["web-id"].healing.releases.watch
    assert before is not None
    assert before.tallies["errors"].failures == 1
    await web.scenario.restart()
    assert web.scenario.memories["web-id"].healing.releases.watch == before
    await web.scenario.cycles(2)
    assert actions(web.scenario) == [(Act.ROLLBACK, "r1")]


async def test_a_source_that_fails_takes_nothing_back_and_too_little_traffic_neither(
    web: Web,
) -> None:
    web.traffic = 5.0
    deploy(web.scenario, "bad")
    await web.scenario.cycles(10)

    def down(query: str, service: str) -> Sample:
        raise Temporary("no Prometheus")

    web.scenario.source.answer = down
    await web.scenario.cycles(40)
    assert actions(web.scenario) == []
    watch = web.scenario.memories["web-id"].healing.releases.watch
    assert watch is not None
    assert watch.phase is Phase.INCONCLUSIVE
