"""A bed for the orchestrator contract: any engine that speaks the API, modelled or real."""

from __future__ import annotations

import asyncio
import copy
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

from autoscaler.model import Fleet, Mode
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.testing.engine.api import EngineApi

NOWHERE = "node.labels.none==x"
"""A placement constraint that no node meets: services that cost nothing."""

PATIENCE = 180.0
"""Seconds that an engine may take to get somewhere."""

Document = dict[str, Any]

_MODES: dict[Mode, dict[str, Any]] = {
    Mode.GLOBAL: {"Global": {}},
    Mode.REPLICATED_JOB: {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}},
    Mode.GLOBAL_JOB: {"GlobalJob": {}},
}


class SwarmBed:
    """Services in a Swarm, by the engine's own API."""

    def __init__(self, host: str, api: EngineApi, image: str) -> None:
        self._host = host
        self._image = image
        self._created: list[str] = []
        self._networks: list[str] = []
        self._configs: list[str] = []
        self.api = api

    def orchestrator(self) -> SwarmOrchestrator:
        """A new adapter."""
        return SwarmOrchestrator(SwarmSettings(host=self._host))

    def spec(self, name: str, replicas: int = 1, *, placeable: bool = False) -> dict[str, Any]:
        """The spec of a service that sleeps."""
        # As a container's first process it would ignore SIGTERM, and take 10 s to stop.
        container = {
            "Image": self._image,
            "Command": ["sleep", "100000"],
            "StopSignal": "SIGKILL",
        }
        placement = {} if placeable else {"Constraints": [NOWHERE]}
        return {
            "Name": name,
            "TaskTemplate": {"ContainerSpec": container, "Placement": placement},
            "Mode": {"Replicated": {"Replicas": replicas}},
        }

    async def create(
        self, name: str, replicas: int, *, mode: Mode = Mode.REPLICATED, placeable: bool = False
    ) -> str:
        """A service, removed with the bed."""
        spec = self.spec(name, replicas, placeable=placeable)
        return await self.create_from({**spec, "Mode": _MODES.get(mode, spec["Mode"])})

    async def create_from(self, spec: dict[str, Any]) -> str:
        """A service by its spec, removed with the bed."""
        service_id = await self.api.create(spec)
        self._created.append(service_id)
        return service_id

    async def read(self, service_id: str) -> Document:
        """A service as `GET /services/{id}` shows it."""
        return dict(await self.api.get(f"/services/{service_id}"))

    async def listed(self, service_id: str) -> Document:
        """A service as the list with status shows it."""
        filters = {"id": [service_id]}
        found = await self.api.get("/services", filters=filters, status="true")
        return dict(found[0])

    async def tasks(self, service_id: str, **filters: list[str]) -> list[Document]:
        """A service's tasks."""
        return list(await self.api.get("/tasks", filters={"service": [service_id], **filters}))

    async def runs(self, service_id: str, count: int) -> bool:
        """Whether so many tasks run."""
        status = (await self.listed(service_id))["ServiceStatus"]
        return bool(status["RunningTasks"] == count)

    async def rollout(self, service_id: str) -> str:
        """The state of the rollout; empty when there is none."""
        return str((await self.read(service_id)).get("UpdateStatus", {}).get("State", ""))

    async def snapshot(self) -> Fleet:
        """The fleet, by an adapter of its own."""
        orchestrator = self.orchestrator()
        try:
            return await orchestrator.snapshot()
        finally:
            await orchestrator.close()

    async def scale(self, service_id: str, replicas: int) -> None:
        """Another replica count."""
        service = await self.read(service_id)
        spec = {**service["Spec"], "Mode": {"Replicated": {"Replicas": replicas}}}
        reply = await self.api.update(service, spec)
        assert reply.status == 200, reply

    async def deploy(self, service_id: str, release: int, **container: Any) -> None:
        """Another release: an environment variable, and more of the container's spec."""

        async def written() -> bool:
            service = await self.read(service_id)
            spec = copy.deepcopy(service["Spec"])
            spec["TaskTemplate"]["ContainerSpec"] |= {"Env": [f"RELEASE={release}"], **container}
            reply = await self.api.update(service, spec)
            # The version also moves without a writer, when a rollout begins or ends.
            assert reply.status == 200 or "out of sequence" in reply.message, reply
            return reply.status == 200

        await eventually(written)

    async def unsettle(self, service_id: str) -> None:
        """A forced update: without a node its tasks never come to run, so it never ends."""
        service = await self.read(service_id)
        spec = copy.deepcopy(service["Spec"])
        spec["TaskTemplate"]["ForceUpdate"] += 1
        reply = await self.api.update(service, spec)
        assert reply.status == 200, reply

    async def create_named(self, kind: str, name: str) -> str:
        """A secret or a config, by the plural of its kind."""
        reply = await self.api.ask("POST", f"/{kind}/create", {"Name": name, "Data": "eA=="})
        assert reply.status == 201, reply
        return str(reply.document["ID"])

    async def remove_named(self, kind: str, identity: str) -> None:
        """Remove a secret or a config that no service names."""
        reply = await self.api.ask("DELETE", f"/{kind}/{identity}")
        assert reply.status == 204, reply

    async def remove(self, service_id: str) -> None:
        """Remove a service."""
        await self.api.ask("DELETE", f"/services/{service_id}")

    async def create_network(self, name: str, subnet: str) -> str:
        """An overlay network, removed with the bed."""
        asked = {"Name": name, "Driver": "overlay", "IPAM": {"Config": [{"Subnet": subnet}]}}
        reply = await self.api.ask("POST", "/networks/create", asked)
        assert reply.status == 201, reply
        self._networks.append(str(reply.document["Id"]))
        return self._networks[-1]

    async def create_config(self, name: str, content: bytes, **labels: str) -> None:
        """A config, removed with the bed; two underscores in a label's name stand for a point."""
        asked = {
            "Name": name,
            "Data": b64encode(content).decode(),
            "Labels": {key.replace("__", "."): value for key, value in labels.items()},
        }
        reply = await self.api.ask("POST", "/configs/create", asked)
        assert reply.status == 201, reply
        self._configs.append(str(reply.document["ID"]))

    async def remove_configs(self) -> None:
        """Remove all configs that were created here."""
        for config_id in self._configs:
            await self.api.ask("DELETE", f"/configs/{config_id}")
        self._configs.clear()

    async def clear(self) -> None:
        """Remove all that was created here. A network goes once the engine lets go of it."""
        for service_id in self._created:
            await self.remove(service_id)
        for network_id in self._networks:
            await self.api.ask("DELETE", f"/networks/{network_id}")
        await self.remove_configs()


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)
