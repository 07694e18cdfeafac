"""The service as a process, while its store is away: it does nothing, says so, and recovers."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

import pytest

from autoscaler.testing.engine import FakeSwarm
from autoscaler.testing.engine.objects import EngineService
from autoscaler.testing.real.postgres import PASSWORD, PrivatePostgres
from autoscaler.testing.real.processes import Child, wait_until
from deploy.demo.process import Autoscaler, program
from tests.e2e.postgres_wire import wire_to

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PATIENCE = 180.0
POLICY = """
version: 1
policies:
  - name: shop
    services: [web]
    scale:
      min: 1
      max: 9
      metrics: [{{name: load, source: constant, value: {load}, target: {{average_value: 1}}}}]
"""


class Controller(Autoscaler):
    """A controller whose store is named by its environment."""

    def __init__(self, docker_host: str, store: str = "") -> None:
        super().__init__(docker_host, "http://127.0.0.1:1")
        self.store = store or str(self.directory / "autoscaler.db")
        self.secret = self.directory / "password"
        self.secret.write_text(PASSWORD)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "AUTOSCALER_STORE": self.store,
            "AUTOSCALER_STORE_PASSWORD_FILE": str(self.secret),
            "AUTOSCALER_DEADLINES__OBSERVE": "2s",
        }

    def ask_for(self, replicas: int) -> None:
        draft = self.directory / "shop.yaml"
        draft.write_text(POLICY.format(load=replicas))
        draft.rename(self.policies / "shop.yaml")

    def become(self, status: int, words: str) -> None:
        """Wait until the page for probes answers so."""

        def answers() -> bool:
            found = self.get("/readyz")
            return found[0] == status and words in found[1]

        wait_until(answers, timeout=PATIENCE, what=f"{status} {words}", every=0.2)

    def tells_errors(self) -> None:
        """Wait until the metrics tell of a cycle that failed."""
        wait_until(lambda: self.errors() > 0, timeout=PATIENCE, what="errors", every=0.2)

    def errors(self) -> float:
        """How many cycles failed so far."""
        lines = self.get("/metrics")[1].splitlines()
        found = [line for line in lines if line.startswith('autoscaler_errors_total{where="cycle"')]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


@dataclass
class Bed:
    """A controller and its one service, on an engine of its own."""

    swarm: FakeSwarm
    service: EngineService
    controller: Controller

    def replicas(self) -> int:
        count: int = self.service.spec["Mode"]["Replicated"]["Replicas"]
        return count

    async def reaches(self, replicas: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.replicas() != replicas:  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.1)

    async def does_nothing_and_says_so(self) -> None:
        """Asked for 5 replicas, while the store is away."""
        writes = len(self.swarm.writes)
        self.controller.ask_for(5)
        await asyncio.to_thread(self.controller.become, 503, "no pass could be made and stored for")
        # A pass may still wait for the store to let go.
        await asyncio.to_thread(self.controller.tells_errors)
        assert "failed" in self.controller.log.read_text()
        assert len(self.swarm.writes) == writes

    async def recovers(self) -> None:
        """By itself, with what it was asked for meanwhile."""
        await self.reaches(5)
        await asyncio.to_thread(self.controller.become, 200, "ready")
        assert "recovered" in self.controller.log.read_text()


@asynccontextmanager
async def running(store: str = "") -> AsyncIterator[Bed]:
    """A controller that has scaled its service to 2."""
    async with FakeSwarm() as swarm:
        bed = Bed(swarm, swarm.create("web", replicas=1), Controller(swarm.host, store))
        try:
            bed.controller.ask_for(2)
            await asyncio.to_thread(bed.controller.start)
            await bed.reaches(2)
            yield bed
        finally:
            await asyncio.to_thread(bed.controller.close)


async def test_a_locked_file_is_waited_for() -> None:
    async with running() as bed:
        with closing(sqlite3.connect(bed.controller.store, isolation_level=None)) as other:
            other.execute("begin immediate")
            await bed.does_nothing_and_says_so()
        await bed.recovers()


async def test_a_database_that_is_away_is_waited_for(need_postgres: None) -> None:
    with PrivatePostgres() as server:
        url = server.create().replace(f":{PASSWORD}@", "@")
        async with running(url) as bed:
            await asyncio.to_thread(server.halt)
            await bed.does_nothing_and_says_so()
            await asyncio.to_thread(server.revive)
            await bed.recovers()
            assert PASSWORD not in bed.controller.log.read_text()


async def test_of_two_controllers_on_one_database_one_acts_until_it_is_lost(
    postgres: PrivatePostgres,
) -> None:
    url = postgres.create().replace(f":{PASSWORD}@", "@")
    async with running(url) as bed:
        second = Controller(bed.swarm.host, url)
        try:
            second.ask_for(4)
            refused = Child([program(), "run"], second.log, second.environment)
            await asyncio.to_thread(refused.wait_ended, PATIENCE)
            assert refused.code == 1
            assert "another controller acts on the store" in second.log.read_text()
            assert bed.replicas() == 2

            assert bed.controller.process is not None
            os.kill(bed.controller.process.pid, signal.SIGKILL)
            await asyncio.to_thread(second.start)
            await bed.reaches(4)
        finally:
            await asyncio.to_thread(second.close)


async def test_one_that_another_has_replaced_gives_way(postgres: PrivatePostgres) -> None:
    """As after a cut of the network that lasted: the first comes back, and must not go on."""
    url = postgres.create()
    async with wire_to(postgres.port) as wire, running(wire.instead_of(url)) as bed:
        wire.refusing = True
        await wire.close()
        second = Controller(bed.swarm.host, url)
        try:
            second.ask_for(4)
            await asyncio.to_thread(second.start)
            await bed.reaches(4)
            wire.refusing = False
            assert bed.controller.process is not None
            await asyncio.to_thread(bed.controller.process.wait_ended, PATIENCE)
            assert bed.controller.process.code == 1
            assert "this one gives way; start it again" in bed.controller.log.read_text()
            assert bed.replicas() == 4
        finally:
            await asyncio.to_thread(second.close)
