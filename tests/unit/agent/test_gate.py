"""What a controller may read and write through a manager's agent, and what not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from autoscaler.agent import process
from autoscaler.agent.gate import MOST_BODY, Gate
from autoscaler.orchestrators.swarm import SwarmSettings
from autoscaler.settings import Agent, Settings
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.api import EngineApi
from autoscaler.testing.engine.bed import SwarmBed
from autoscaler.web import serve

TOKEN = "a token of the tests"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}


class Through:
    """A model of a Swarm, and its API through a gate."""

    def __init__(self, bed: SwarmBed, client: TestClient[web.Request, web.Application]) -> None:
        self.bed, self.client = bed, client

    async def get(self, path: str, **params: str) -> tuple[int, Any]:
        async with self.client.get(f"/v1.41/{path}", params=params, headers=SHOWN) as answer:
            return answer.status, await answer.json()

    async def update(
        self, key: str, change: Callable[[dict[str, Any]], None], **params: str
    ) -> tuple[int, str]:
        _, service = await self.get(f"services/{key}")
        spec = service["Spec"]
        change(spec)
        asked = {"version": str(service["Version"]["Index"]), "registryAuthFrom": "spec", **params}
        return await self.post(f"/v1.41/services/{key}/update", spec, **asked)

    async def post(self, path: str, document: Any, **params: str) -> tuple[int, str]:
        async with self.client.post(path, json=document, params=params, headers=SHOWN) as answer:
            return answer.status, await answer.text()

    async def status(self, token: str) -> int:
        shown = {"Authorization": f"Bearer {token}"}
        async with self.client.get("/v1.41/services", headers=shown) as answer:
            return answer.status

    async def asked(self, path: str) -> int:
        async with self.client.get(path, headers=SHOWN) as answer:
            await answer.read()
            return answer.status

    async def replicas(self, key: str) -> int:
        _, service = await self.get(f"services/{key}")
        return int(service["Spec"]["Mode"]["Replicated"]["Replicas"])


def set_replicas(count: int) -> Callable[[dict[str, Any]], None]:
    return lambda spec: spec["Mode"]["Replicated"].update(Replicas=count)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"services": ["shop*"], "writes": 3, "max_replicas": 20}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def through(
    tmp_path: Path, settings: dict[str, Any], clock: ManualClock
) -> AsyncIterator[Through]:
    (tmp_path / "token").write_text(TOKEN)
    async with FakeSwarm() as swarm, EngineApi(swarm.host) as api:
        engine = SwarmSettings(host=swarm.host)
        agent = Agent.model_validate({"gate_token_file": tmp_path / "token", **settings})
        gate = Gate(agent, engine, clock)
        application = web.Application(client_max_size=MOST_BODY)
        application.add_routes(gate.routes())
        async with TestClient(TestServer(application)) as client:
            yield Through(SwarmBed(swarm.host, api, "busybox:1"), client)
        await gate.close()


async def test_a_scale_passes(through: Through) -> None:
    key = await through.bed.create("shop_web", 2)
    assert (await through.update(key, set_replicas(5)))[0] == 200
    assert await through.replicas(key) == 5


async def test_what_the_agents_settings_forbid_does_not_pass(through: Through) -> None:
    shop, bank = await through.bed.create("shop", 2), await through.bed.create("bank", 2)
    status, told = await through.update(bank, set_replicas(5))
    assert (status, "bank may not be changed here" in told) == (403, True)
    status, told = await through.update(shop, set_replicas(21))
    assert (status, "more than 20" in told) == (403, True)
    assert (await through.replicas(shop), await through.replicas(bank)) == (2, 2)


async def test_only_so_many_writes_pass_within_a_minute(
    through: Through, clock: ManualClock
) -> None:
    key = await through.bed.create("shop", 0)
    statuses = [(await through.update(key, set_replicas(n)))[0] for n in range(1, 6)]
    assert statuses == [200, 200, 200, 429, 429]
    clock.advance(60)
    assert (await through.update(key, set_replicas(9)))[0] == 200


async def test_another_version_is_a_conflict_in_the_engines_words(through: Through) -> None:
    key = await through.bed.create("shop", 2)
    status, told = await through.update(key, set_replicas(5), version="1")
    assert (status, "update out of sequence" in told) == (500, True)
    assert await through.replicas(key) == 2


async def test_a_write_at_an_older_version_of_the_api_does_not_pass(through: Through) -> None:
    key = await through.bed.create("shop", 2)
    _, service = await through.get(f"services/{key}")
    spec, version = service["Spec"], str(service["Version"]["Index"])
    set_replicas(5)(spec)
    status, told = await through.post(f"/v1.24/services/{key}/update", spec, version=version)
    assert (status, "writes are made at v1.41" in told) == (403, True)
    status, _ = await through.post(f"/v1.41/services/{'a' * 25}/update", spec, version=version)
    assert status == 404


async def test_a_template_passes_only_if_the_service_had_it(through: Through) -> None:
    key = await through.bed.create("shop", 2)
    await through.bed.deploy(key, 2)
    _, service = await through.get(f"services/{key}")
    earlier = service["PreviousSpec"]["TaskTemplate"]

    def put(template: Any) -> Callable[[dict[str, Any]], None]:
        return lambda spec: spec.update(TaskTemplate=template)

    evil = {**earlier, "ContainerSpec": {"Image": "evil:1"}}
    status, told = await through.update(key, put(evil))
    assert (status, "whether the service had this task template is not known" in told) == (
        403,
        True,
    )
    assert (await through.update(key, put({**earlier, "ForceUpdate": 99})))[0] == 200


@pytest.mark.parametrize("path", ["services", "services/{key}"])
async def test_a_template_passes_that_the_gate_has_seen_though_the_swarm_has_forgotten_it(
    through: Through, path: str
) -> None:
    key, earlier = await forgotten(through, lambda key: through.get(path.format(key=key)))
    status, told = await through.update(key, lambda spec: spec.update(TaskTemplate=earlier))
    assert (status, told) == (200, told)


async def test_what_was_read_at_an_older_version_of_the_api_teaches_nothing(
    through: Through,
) -> None:
    key, earlier = await forgotten(through, lambda key: through.asked("/v1.24/services"))
    status, told = await through.update(key, lambda spec: spec.update(TaskTemplate=earlier))
    assert (status, "nor has this gate seen it" in told) == (403, True)


async def forgotten(
    through: Through, look: Callable[[str], Awaitable[object]]
) -> tuple[str, dict[str, Any]]:
    """A service whose first template the Swarm has forgotten, and that template."""
    key = await through.bed.create("shop", 0)
    earlier = (await through.bed.read(key))["Spec"]["TaskTemplate"]
    await look(key)
    for release in (2, 3):
        await through.bed.deploy(key, release)
    return key, earlier


@pytest.mark.parametrize(
    "path",
    ["secrets", "configs", "containers/json", "images/json", "swarm", "services/web", "plugins"],
)
async def test_nothing_else_is_read(through: Through, path: str) -> None:
    assert (await through.get(path))[0] == 403


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("services", {"insertDefaults": "true"}),
        ("configs", {"filters": '{"label": ["other"]}'}),
        ("configs", {"filters": "{"}),
        ("configs", {"filters": '{"label": ["autoscaler.policy=true"], "name": ["x"]}'}),
    ],
)
async def test_nor_in_another_way(through: Through, path: str, params: dict[str, str]) -> None:
    assert (await through.get(path, **params))[0] == 403


@pytest.mark.parametrize("path", ["services", "tasks", "nodes", "networks"])
async def test_what_a_controller_needs_is_read(through: Through, path: str) -> None:
    assert (await through.get(path))[0] == 200


async def test_policies_are_read(through: Through) -> None:
    asked = '{"label": ["autoscaler.policy=true"]}'
    assert (await through.get("configs", filters=asked))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1.41/services/create",
        "/v1.41/containers/create",
        "/v1.41/containers/abc/restart",
        "/v1.41/services/web/update",
        "/v1.41/swarm/leave",
        "/v1.41/services/" + "a" * 25 + "/update/../../create",
    ],
)
async def test_nothing_else_is_written(through: Through, path: str) -> None:
    assert (await through.post(path, {}))[0] in (403, 404)


async def test_a_write_that_asks_for_more_than_a_write_does_not_pass(through: Through) -> None:
    key = await through.bed.create("shop", 2)
    status, _ = await through.update(key, set_replicas(5), rollback="previous")
    assert status == 403
    assert await through.replicas(key) == 2


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another token"}])
async def test_without_the_token_nothing_passes(through: Through, headers: dict[str, str]) -> None:
    assert (await through.client.get("/v1.41/services", headers=headers)).status == 401
    assert (await through.client.post("/v1.41/services/x/update", headers=headers)).status == 401


async def test_the_token_of_the_agents_does_not_open_the_gate(tmp_path: Path) -> None:
    (tmp_path / "agents").write_text(TOKEN)
    (tmp_path / "gate").write_text("another, for the controller alone")
    known = {
        "agents": {"token_file": tmp_path / "agents"},
        "agent": {"gate": True, "gate_token_file": tmp_path / "gate"},
    }
    async with AsyncExitStack() as stack:
        gate = process.gate(Settings.model_validate(known).agent, stack)
        application = web.Application()
        application.add_routes(gate.routes())
        client = await stack.enter_async_context(TestClient(TestServer(application)))
        assert (await client.get("/v1.41/services", headers=SHOWN)).status == 401


def test_the_gate_has_a_secret_of_its_own_unless_stated() -> None:
    assert Settings().agent.gate_token_file != Settings().agents.token_file


async def test_a_token_is_rotated_without_a_restart(through: Through, tmp_path: Path) -> None:
    new = "a new token of the tests"
    assert (await through.status(TOKEN), await through.status(new)) == (200, 401)
    (tmp_path / "token").write_text(f"{new}\n{TOKEN}\n")
    assert (await through.status(TOKEN), await through.status(new)) == (200, 200)
    (tmp_path / "token").write_text(new)
    assert (await through.status(TOKEN), await through.status(new)) == (401, 200)
    (tmp_path / "token").unlink()
    assert await through.status(new) == 401


async def test_who_is_turned_away_again_and_again_is_told_of_once_a_minute_with_a_count(
    through: Through, clock: ManualClock
) -> None:
    with capture_logs() as logs:
        for _ in range(5):
            await through.status("a wrong token")
        clock.advance(60)
        await through.status("a wrong token")
    told = [(line["reason"], line["count"]) for line in logs if line["event"] == "not let in"]
    assert told == [("it shows a wrong token", 1), ("it shows a wrong token", 5)]


async def test_streams_that_a_controller_has_left_do_not_use_up_the_connections(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    async with FakeSwarm() as swarm:
        agent = Agent(gate_token_file=tmp_path / "token")
        gate = Gate(agent, SwarmSettings(host=swarm.host), ManualClock())
        application = web.Application()
        application.add_routes(gate.routes())
        # As the agent serves it: a test server would cancel the handlers itself.
        async with serve(application, "127.0.0.1", 0) as port, ClientSession() as session:
            there = f"http://127.0.0.1:{port}/v1.41"
            for _ in range(101):
                async with session.get(f"{there}/events", headers=SHOWN) as stream:
                    assert stream.status == 200
                    stream.close()
            async with session.get(f"{there}/services", headers=SHOWN) as answer:
                assert answer.status == 200
        await gate.close()
