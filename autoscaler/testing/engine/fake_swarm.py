"""The engine model as a test holds it."""

from __future__ import annotations

import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from autoscaler.testing.clock import ManualClock
from autoscaler.testing.engine import lifecycle, membership, services, steps
from autoscaler.testing.engine.cluster import Cluster
from autoscaler.testing.engine.faults import Faults, Request
from autoscaler.testing.engine.handlers import Handlers
from autoscaler.testing.engine.objects import (
    EngineNetwork,
    EngineNode,
    EngineService,
    EngineTask,
)
from autoscaler.testing.engine.programs import Behaviour, Pace, Program
from autoscaler.testing.engine.server import HOST, EngineServer
from autoscaler.testing.network import Network


class FakeSwarm:
    """A Swarm of one manager, `node1`, and whatever nodes a test adds.

    After each write the cluster moves on until nothing changes; with `stepped` it moves only
    by `advance()`. Time is the injected clock's: restart delays pass when it is moved, and
    then `settle()` or `advance()` is called.
    """

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        *,
        stepped: bool = False,
        seed: int = 1,
        elapsed: Callable[[], float] | None = None,
        network: Network | None = None,
    ) -> None:
        """With a network it listens there, not on a socket.

        `elapsed` is what is waited by, in seconds, if the clock may be set.
        """
        self._stepped = stepped
        self._clock = clock or ManualClock()
        self._directory = Path(tempfile.gettempdir()) / f"engine-{uuid4().hex}"
        self.cluster = Cluster(self._clock, seed, elapsed)
        self._handlers = Handlers(self.cluster, self._written)
        self._network = network
        self._server = EngineServer(self._handlers, self._directory / "docker.sock", network)
        self.cluster.here = self.add_node("node1", role="manager").id

    async def __aenter__(self) -> Self:
        self._directory.mkdir(mode=0o700)
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        shutil.rmtree(self._directory)

    @property
    def host(self) -> str:
        """The value for DOCKER_HOST."""
        if self._network is not None:
            return f"http://{HOST}"
        return f"unix://{self._directory / 'docker.sock'}"

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self._server.faults

    @property
    def requests(self) -> list[Request]:
        """What was asked so far."""
        return list(self._server.requests)

    @property
    def writes(self) -> list[Request]:
        """Requests that were meant to change something."""
        return [request for request in self._server.requests if request.method != "GET"]

    def forget_requests(self) -> None:
        """Count from here on."""
        self._server.requests.clear()

    async def start(self) -> None:
        """Listen (again)."""
        await self._server.start()

    async def listen_tcp(self, tls: ssl.SSLContext | None = None) -> str:
        """Listen on TCP too, until stopped; the value for DOCKER_HOST."""
        return f"tcp://127.0.0.1:{await self._server.listen_tcp(tls)}"

    async def stop(self) -> None:
        """Refuse connections, and close those that are open."""
        self.cut_events()
        await self._server.stop()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """No engine listens meanwhile; it has forgotten its events afterwards."""
        await self.stop()
        self.cluster.journal.forget()
        yield
        await self.start()

    def speak(self, api: str, oldest: str = "1.12") -> None:
        """Become an engine of another version."""
        self._server.api, self._server.oldest_api = api, oldest

    # What people do to the cluster, without the API.

    def create(
        self,
        name: str,
        replicas: int | None = 1,
        *,
        image: str = "busybox:1",
        constraints: Sequence[str] = (),
        mode: Mapping[str, Any] | None = None,
        **spec: Any,
    ) -> EngineService:
        """A service; `mode` for others than replicated ones, `spec` for more of its spec."""
        template = {
            "ContainerSpec": {"Image": image},
            "Placement": {"Constraints": list(constraints)},
            **spec.pop("TaskTemplate", {}),
        }
        counted = mode or {"Replicated": {"Replicas": replicas}}
        document = {"Name": name, "TaskTemplate": template, "Mode": counted, **spec}
        created = services.create(self.cluster, document)
        self._written()
        return created

    def update(self, service: EngineService, **spec: Any) -> None:
        """Write some fields of a service's spec, as a person with the CLI would."""
        document = {**service.spec, **spec}
        services.update(self.cluster, service.id, document, version=str(service.index))
        self._written()

    def scale(self, service: EngineService, replicas: int) -> None:
        """Another replica count."""
        self.update(service, Mode={"Replicated": {"Replicas": replicas}})

    def deploy(self, service: EngineService, image: str) -> None:
        """Another image: a rolling update."""
        container = {**service.template["ContainerSpec"], "Image": image}
        self.update(service, TaskTemplate={**service.template, "ContainerSpec": container})

    def remove(self, service: EngineService) -> None:
        """Remove a service."""
        services.remove(self.cluster, service.id)
        self._written()

    def image(self, name: str, behaviour: Behaviour, after: float = 0.0) -> None:
        """Say what containers of an image do, after so many seconds."""
        self.cluster.images[name] = Program(behaviour, after)

    def take(self, pace: Pace) -> None:
        """Say how long containers take."""
        self.cluster.pace = pace

    def add_node(self, hostname: str, **fields: Any) -> EngineNode:
        """A node that joins."""
        node = EngineNode(id=self.cluster.new_id(), hostname=hostname, **fields)
        self.cluster.touch(node)
        self.cluster.nodes[node.id] = node
        return node

    def set_node(self, node: EngineNode, **fields: Any) -> None:
        """Change a node: its `state` (ready, down, unknown), `availability` or `labels`."""
        membership.change(self.cluster, node, **fields)
        self._written()

    def cut_off(self, node: EngineNode) -> None:
        """A node is not heard of any more; what runs on it runs on, and is known as it was."""
        membership.fall_silent(self.cluster, node)
        self._written()

    def reconnect(self, node: EngineNode) -> None:
        """It is heard of again soon; what should not run there any more ends then."""
        membership.come_back(self.cluster, node)
        self._written()

    def change_leader(self) -> None:
        """Another manager leads, to which every node has yet to report."""
        membership.change_leader(self.cluster)
        self._written()

    def add_network(self, name: str, subnet: str = "10.0.1.0/24") -> EngineNetwork:
        """An overlay network."""
        network = EngineNetwork(self.cluster.new_id(), name, subnet)
        self.cluster.networks[network.id] = network
        return network

    def tasks(self, service: EngineService) -> list[EngineTask]:
        """Its tasks that shall run and have not ended."""
        return [task for task in self.cluster.tasks_of(service.id) if task.wanted]

    def kill(self, task: EngineTask, exit_code: int = 137, error: str = "") -> None:
        """End a task's container."""
        lifecycle.end(self.cluster, task, exit_code, error)
        self._written()

    # How the cluster moves.

    def advance(self, count: int = 1) -> None:
        """Some steps: each moves every task and rollout by one state at most."""
        for _ in range(count):
            steps.advance(self.cluster)

    def settle(self) -> None:
        """Steps until nothing changes while the clock stands still."""
        steps.settle(self.cluster)

    def pass_time(self, seconds: float) -> None:
        """Move a clock that was not given on, with all that happens meanwhile."""
        assert isinstance(self._clock, ManualClock)
        until = self._clock.now + seconds
        self.settle()
        while (at := self.cluster.next_at) is not None and at <= until:
            self._clock.now = max(at, self._clock.now)
            self.settle()
        self._clock.now = until

    def _written(self) -> None:
        if not self._stepped:
            self.settle()

    # The event stream.

    @property
    def streams_opened(self) -> int:
        """Event streams that clients have opened so far."""
        return self._handlers.connected

    def cut_events(self) -> None:
        """End all open event streams."""
        self.cluster.journal.cut()

    def mute_events(self, muted: bool = True) -> None:
        """Open event streams stay open and bring nothing; new ones replay it."""
        self.cluster.journal.silent = muted

    def double_events(self, doubled: bool = True) -> None:
        """Every event comes two times."""
        self.cluster.journal.underway = (lambda event: (event, event)) if doubled else None
