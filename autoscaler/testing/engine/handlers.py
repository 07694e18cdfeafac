"""The API's endpoints, each a few lines around what the cluster does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from autoscaler.testing.engine import filters, nodes, services
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.objects import EngineConfig, EngineNetwork, EngineService
from autoscaler.testing.engine.refusal import Refusal


class Handlers:
    """Answers requests from a cluster; `written` runs after each write."""

    def __init__(self, cluster: Cluster, written: Callable[[], None]) -> None:
        self._cluster = cluster
        self._written = written
        self.connected = 0
        """How many event streams have been opened so far."""

    def routes(self) -> Iterable[web.RouteDef]:
        """Each endpoint with and without an API version in front."""
        for prefix in ("", r"/v{api:\d+\.\d+}"):
            yield web.get(f"{prefix}/_ping", self.ping)
            yield web.get(f"{prefix}/services", self.list_services)
            yield web.get(f"{prefix}/services/{{id}}", self.inspect_service)
            yield web.post(f"{prefix}/services/create", self.create_service)
            yield web.post(f"{prefix}/services/{{id}}/update", self.update_service)
            yield web.delete(f"{prefix}/services/{{id}}", self.remove_service)
            yield web.get(f"{prefix}/tasks", self.list_tasks)
            yield web.get(f"{prefix}/nodes", self.list_nodes)
            yield web.get(f"{prefix}/nodes/{{id}}", self.inspect_node)
            yield web.post(f"{prefix}/nodes/{{id}}/update", self.update_node)
            yield web.get(f"{prefix}/networks", self.list_networks)
            yield web.post(f"{prefix}/networks/create", self.create_network)
            yield web.delete(f"{prefix}/networks/{{id}}", self.remove_network)
            yield web.get(f"{prefix}/configs", self.list_configs)
            yield web.post(f"{prefix}/configs/create", self.create_config)
            yield web.delete(f"{prefix}/configs/{{id}}", self.remove_config)
            yield web.post(f"{prefix}/secrets/create", self.create_secret)
            yield web.delete(f"{prefix}/secrets/{{id}}", self.remove_secret)
            yield web.get(f"{prefix}/events", self.events)

    async def ping(self, request: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def list_services(self, request: web.Request) -> web.Response:
        asked = filters.parse(request.query.get("filters", ""), filters.SERVICE_FILTERS)
        found = [s for s in self._cluster.services.values() if filters.shows_service(asked, s)]
        if request.query.get("status") not in ("true", "1"):
            return web.json_response([service.document() for service in found])
        return web.json_response([self._with_status(service) for service in found])

    async def inspect_service(self, request: web.Request) -> web.Response:
        found = services.find(self._cluster, request.match_info["id"])
        document = found.document()
        if request.query.get("insertDefaults") in ("true", "1"):
            document["Spec"] = _with_defaults(found)
        return web.json_response(document)

    async def create_service(self, request: web.Request) -> web.Response:
        created = services.create(self._cluster, await _body(request))
        self._written()
        return web.json_response({"ID": created.id}, status=201)

    async def update_service(self, request: web.Request) -> web.Response:
        services.update(
            self._cluster,
            request.match_info["id"],
            await _body(request),
            version=request.query.get("version", ""),
            rollback=request.query.get("rollback", ""),
            auth_from=request.query.get("registryAuthFrom", ""),
        )
        self._written()
        return web.json_response({"Warnings": None})

    async def remove_service(self, request: web.Request) -> web.Response:
        services.remove(self._cluster, request.match_info["id"])
        self._written()
        return web.Response()

    async def list_tasks(self, request: web.Request) -> web.Response:
        parsed = filters.parse(request.query.get("filters", ""), filters.TASK_FILTERS)
        asked = filters.resolve(self._cluster, parsed)
        named = asked.get("service")
        tasks = (
            (task for key in dict.fromkeys(named) for task in self._cluster.tasks_of(key))
            if named
            else self._cluster.tasks.values()
        )
        return web.json_response(
            [task.document() for task in tasks if filters.shows_task(asked, task)]
        )

    async def list_nodes(self, request: web.Request) -> web.Response:
        return web.json_response([node.document() for node in self._cluster.nodes.values()])

    async def inspect_node(self, request: web.Request) -> web.Response:
        found = nodes.find(self._cluster, request.match_info["id"])
        return web.json_response(found.document())

    async def update_node(self, request: web.Request) -> web.Response:
        node = nodes.find(self._cluster, request.match_info["id"])
        version = request.query.get("version", "")
        nodes.update(self._cluster, node, await _body(request), version)
        self._written()
        return web.Response()

    async def list_networks(self, request: web.Request) -> web.Response:
        found = self._cluster.networks.values()
        return web.json_response([network.document() for network in found])

    async def create_network(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        subnet = asked["IPAM"]["Config"][0]["Subnet"]
        network = EngineNetwork(self._cluster.new_id(), asked["Name"], subnet)
        self._cluster.networks[network.id] = network
        return web.json_response({"Id": network.id, "Warning": ""}, status=201)

    async def remove_network(self, request: web.Request) -> web.Response:
        self._cluster.networks.pop(request.match_info["id"], None)
        return web.Response(status=204)

    async def list_configs(self, request: web.Request) -> web.Response:
        asked = filters.parse(request.query.get("filters", ""), filters.CONFIG_FILTERS)
        found = [c for c in self._cluster.configs.values() if filters.shows_config(asked, c)]
        return web.json_response([config.document() for config in found])

    async def create_config(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        config = EngineConfig(
            self._cluster.new_id(),
            name=asked["Name"],
            data=asked["Data"],
            labels=asked.get("Labels") or {},
        )
        self._cluster.touch(config)
        self._cluster.configs[config.id] = config
        return web.json_response({"ID": config.id}, status=201)

    async def remove_config(self, request: web.Request) -> web.Response:
        self._cluster.configs.pop(request.match_info["id"], None)
        return web.Response(status=204)

    async def create_secret(self, request: web.Request) -> web.Response:
        """What is in it does not matter here."""
        key = self._cluster.new_id()
        self._cluster.secrets[key] = (await _body(request))["Name"]
        return web.json_response({"ID": key}, status=201)

    async def remove_secret(self, request: web.Request) -> web.Response:
        self._cluster.secrets.pop(request.match_info["id"], None)
        return web.Response(status=204)

    async def events(self, request: web.Request) -> web.StreamResponse:
        asked = json.loads(request.query.get("filters", "") or "{}")
        reader = self._cluster.journal.open(_nanoseconds(request.query.get("since")))
        until = _nanoseconds(request.query.get("until"))
        self.connected += 1
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            # With an end in the past nothing is waited for.
            while not (until and reader.empty()) and (event := await reader.get()) is not None:
                if until and event["timeNano"] > until:
                    break
                if _passes(asked, event):
                    await response.write(json.dumps(event).encode() + b"\n")
        except ConnectionResetError:
            # The reader left; that is how event streams end.
            pass
        finally:
            self._cluster.journal.close(reader)
        return response

    def _with_status(self, service: EngineService) -> dict[str, Any]:
        return {
            **service.document(),
            "ServiceStatus": services.status(self._cluster, service),
        }


async def _body(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise Refusal(400, f"invalid JSON: {error}") from error


def _with_defaults(service: EngineService) -> dict[str, Any]:
    """What `insertDefaults` adds: enough to make every task look changed."""
    template = {"RestartPolicy": {"Condition": "any", "Delay": 5_000_000_000}, **service.template}
    return {**service.spec, "TaskTemplate": template}


def _nanoseconds(since: str | None) -> int | None:
    """`since` is in seconds, with up to nine digits behind the point."""
    if not since:
        return None
    seconds, _, rest = since.partition(".")
    return int(seconds) * 10**9 + int(f"{rest:0<9}"[:9] or 0)


def _passes(asked: dict[str, list[str]], event: dict[str, Any]) -> bool:
    """The engine compares actions by their beginnings once "health_status" is asked for."""
    kinds, actions = asked.get("type"), asked.get("event")
    if kinds and event["Type"] not in kinds:
        return False
    if not actions:
        return True
    if "health_status" in actions:
        return str(event["Action"]).startswith(tuple(actions))
    return event["Action"] in actions
