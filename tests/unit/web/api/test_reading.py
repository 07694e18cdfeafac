"""What the API tells of services, decisions and policies."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from autoscaler import records
from autoscaler.errors import Temporary
from autoscaler.model import Template
from autoscaler.testing.builders import a_service
from autoscaler.testing.contracts.alerts import NOW, firing
from autoscaler.testing.scenario import Scenario
from tests.unit.web.api.conftest import Client, get


async def test_services_are_told_with_state_bounds_and_last_decision(
    scene: Scenario, client: Client
) -> None:
    await scene.cycles(2)
    answer = await get(client, "/services")
    assert [each["name"] for each in answer["items"]] == ["db", "other", "web"]
    assert answer["next"] is None
    web = answer["items"][2]
    assert (web["min"], web["max"], web["replicas"]) == (2, 20, 5)
    assert [(each["name"], each["mode"]) for each in web["policies"]] == [("shop", "active")]
    assert web["decision"]["policy"] == "shop"
    other = answer["items"][1]
    assert (other["policies"], other["decision"], other["health"]) == ([], None, None)


async def test_a_list_is_told_in_parts(scene: Scenario, client: Client) -> None:
    await scene.cycle()
    first = await get(client, "/services?limit=2")
    assert [each["name"] for each in first["items"]] == ["db", "other"]
    rest = await get(client, f"/services?limit=2&after={first['next']}")
    assert [each["name"] for each in rest["items"]] == ["web"]
    assert rest["next"] is None


async def test_one_service_is_told_with_its_tasks(scene: Scenario, client: Client) -> None:
    await scene.cycles(2)
    answer = await get(client, "/services/web")
    assert len(answer["tasks"]) == 5
    assert answer["tasks"][0]["state"] == "running"


@pytest.mark.parametrize("place", ["/services/none", "/services/none/revisions", "/services/-"])
async def test_a_service_that_is_not_there_is_a_problem(
    scene: Scenario, client: Client, place: str
) -> None:
    await scene.cycle()
    answer = await get(client, place, 404)
    assert answer["status"] == 404


async def test_decisions_are_told_in_parts_newest_first(scene: Scenario, client: Client) -> None:
    for count in range(5):
        scene.swarm.services["web-id"] = a_service(2 + count, version=100 + count)
        await scene.cycle(600)
    whole = await get(client, "/decisions")
    times = [each["decision"]["at"] for each in whole["items"]]
    assert times == sorted(times, reverse=True)
    assert whole["next"] is None
    parts, after = [], ""
    for _ in range(50):
        part = await get(client, f"/decisions?limit=2{after}")
        parts += part["items"]
        if part["next"] is None:
            break
        after = f"&after={part['next']}"
        # What is decided meanwhile moves nothing.
        scene.swarm.services["db-id"] = a_service(
            9, id="db-id", name="db", version=len(parts) + 200
        )
        await scene.cycle(600)
    assert parts == whole["items"]


async def test_decisions_are_chosen_by_service_kind_and_time(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    acted = await get(client, "/decisions?kind=scale")
    assert {each["decision"]["service"] for each in acted["items"]} == {"web", "db"}
    assert {each["outcome"] for each in acted["items"]} == {"done"}
    assert (await get(client, "/decisions?kind=restart"))["items"] == []
    assert (await get(client, "/decisions?service=web&kind=action"))["items"] == [
        each for each in acted["items"] if each["decision"]["service"] == "web"
    ]
    assert (await get(client, f"/decisions?since={scene.clock() + 1}"))["items"] == []
    assert (await get(client, "/decisions?service=nobody"))["items"] == []


async def test_a_decision_is_told_in_full_where_its_link_leads(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    (listed,) = (await get(client, "/decisions?service=web"))["items"]
    stored = await scene.store.last("web")
    assert stored is not None
    for place in (listed["href"].removeprefix("/api/v1"), "/services/web/decisions/latest"):
        answer = await get(client, place)
        assert answer["outcome"] == "done"
        assert answer["record"]["decision"] == listed["decision"]
        assert records.load_record(json.dumps(answer["record"])) == stored
    assert answer["last_change"] == listed
    same = await get(client, "/services/web/decisions/last-change")
    assert same["record"] == answer["record"]


@pytest.mark.parametrize("at", ["1.5", "latest", "last-change", "soon", "1e9", "-1"])
async def test_a_decision_that_is_not_stored_is_a_problem(client: Client, at: str) -> None:
    assert (await get(client, f"/services/web/decisions/{at}", 404))["status"] == 404


async def test_policies_are_told_as_loaded(client: Client) -> None:
    answer = await get(client, "/policies")
    assert (answer["loaded"], answer["problems"]) == (True, [])
    (policy,) = answer["items"]
    assert (policy["name"], policy["mode"]) == ("shop", "active")
    assert policy["document"]["scale"]["max"] == 20


async def test_revisions_are_told_without_what_is_in_them(scene: Scenario, client: Client) -> None:
    await scene.cycle()
    for number in (1, 2):
        spec = {"Image": f"app:{number}", "Env": [f"KEY=canary{number}"]}
        raw = json.dumps({"ContainerSpec": spec})
        template = Template(release=f"r{number}", image=f"app:{number}", raw=raw)
        await scene.store.keep("web-id", template, float(number), 5)
    scene.passes.revisions.update(await scene.store.revisions())
    answer = await get(client, "/services/web/revisions")
    assert answer["items"] == [
        {
            "release": "r2",
            "at": 2.0,
            "image": "app:2",
            "changes": ["ContainerSpec.Env: KEY", "ContainerSpec.Image: app:1 -> app:2"],
        },
        {"release": "r1", "at": 1.0, "image": "app:1", "changes": []},
    ]


async def test_each_revision_has_its_own_changes_though_one_is_gone(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    for number in (1, 2, 3):
        raw = json.dumps({"ContainerSpec": {"Image": f"app:{number}"}})
        template = Template(release=f"r{number}", image=f"app:{number}", raw=raw)
        await scene.store.keep("web-id", template, float(number), 5)
    scene.passes.revisions.update(await scene.store.revisions())
    await scene.store.keep("web-id", template, 3.0, 2)
    items = (await get(client, "/services/web/revisions"))["items"]
    assert [(each["release"], each["changes"]) for each in items] == [
        ("r3", ["ContainerSpec.Image: app:2 -> app:3"]),
        ("r2", []),
    ]


async def test_alerts_are_told_in_parts(scene: Scenario, client: Client) -> None:
    told = [replace(firing(name), fingerprint=name.lower()) for name in ("A", "B", "C")]
    await scene.store.receive(told, NOW)
    first = await get(client, "/alerts?limit=2")
    rest = await get(client, f"/alerts?after={first['next']}")
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    names = [each["labels"]["alertname"] for each in first["items"] + rest["items"]]
    assert names == ["A", "B", "C"]
    await get(client, "/alerts?after=%00", status=400)


async def test_a_plan_tells_what_would_be_done_and_does_nothing(
    scene: Scenario, client: Client
) -> None:
    await scene.cycle()
    passed = dict(scene.passes.passed)
    scene.clock.advance(5.0)
    answer = await get(client, "/plan")
    assert [each["service"] for each in answer["items"]] == ["db", "web"]
    assert [each["current"] for each in answer["items"]] == [5, 5]
    assert (await get(client, "/plan?service=web"))["items"] == answer["items"][1:]
    assert scene.passes.passed == passed
    await get(client, "/plan?service=none", 404)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limit=0", "limit: should be greater than or equal to 1"),
        ("limit=201", "limit: should be less than or equal to 200"),
        ("limit=x", "limit: expected a whole number"),
        ("limt=5", "unknown key 'limt' (did you mean 'limit'?)"),
        ("limit=1&limit=2", "stated twice"),
        ("since=nan", "since: expected a finite number"),
        ("kind=sing", "kind: expected 'scale'"),
        ("service=a/b", "service: "),
    ],
)
async def test_a_query_that_cannot_be_is_refused_with_what_is_wrong(
    client: Client, query: str, told: str
) -> None:
    assert told in (await get(client, f"/decisions?{query}", 400))["detail"]


async def test_before_the_cluster_was_observed_nothing_is_known_of_services(
    scene: Scenario, client: Client
) -> None:
    scene.view.at = None
    for place in ("/services", "/services/web", "/services/web/revisions", "/plan"):
        assert "observed yet; the first look" in (await get(client, place, 503))["detail"]
    scene.telemetry.error("cycle", Temporary("the engine is silent"))
    assert "observed yet: the engine is silent" in (await get(client, place, 503))["detail"]
    scene.telemetry.error("cycle", Temporary("tcp://ann:hush@manager:2376 is silent"))
    assert "hush" not in (await get(client, place, 503))["detail"]
    await get(client, "/decisions")
