"""Agents on the nodes of a real Swarm of three: what they see, what they do, and what not."""

import asyncio
import itertools
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from autoscaler.agent.link import Remote
from autoscaler.agent.messages import Events, Happened, Hello, Kind, encode
from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.images import BUSYBOX, FOREVER
from autoscaler.testing.real.processes import run, wait_until
from deploy.demo.process import program
from tests.e2e.agent_process import AgentProcess, Controller

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

SELDOM = 3600.0
"""Seconds between two passes, so that only what wakes the controller makes it look."""
OFTEN = 1.0
CRASHES = """
version: 1
policies:
  - name: watched
    services: [{service}]
    heal:
      - {{rule: crash_loop, failures: 2, within: 5m, then: notify}}
"""
MEASURED = """
version: 1
policies:
  - name: measured
    services: [{service}]
    scale:
      min: 2
      max: 3
      metrics:
        - {{source: docker, query: memory, of: node, window: 5s, target: {{average_value: 1}}}}
"""
HEALED = """
version: 1
policies:
  - name: healed
    services: [{service}]
    heal:
      - {{rule: crash_loop, failures: 2, within: 5m, then: restart}}
"""
SIZED = """
version: 1
policies:
  - name: sized
    services: [{service}]
    scale: {{min: 3, max: 4}}
"""
OLD = """
version: 1
policies:
  - name: recycled
    services: [{service}]
    heal:
      - {{rule: max_age, older_than: 3s, then: replace, cooldown: 1h{more}}}
"""


class Bed:
    """A service on one node of the cluster, a controller on the first, and agents."""

    def __init__(self, cluster: PrivateCluster, stack: ExitStack, name: str) -> None:
        self.cluster, self.name = cluster, name
        self._stack = stack

    def controller(self, policy: str, interval: float, more: str = "") -> Controller:
        text = policy.format(service=self.name, more=more)
        controller = Controller(self.cluster.nodes[0].host, text, interval)
        self._stack.callback(controller.close)
        controller.set()
        controller.start()
        return controller

    def agent(
        self, node: ClusterNode, controller: Controller, token: Path | None = None, **settings: str
    ) -> AgentProcess:
        name = f"agent{len(list(controller.directory.glob('agent*.log')))}"
        agent = AgentProcess(node.host, controller, token or controller.token, name, settings)
        self._stack.callback(agent.close)
        return agent

    def create(self, node: ClusterNode, *more: str, command: Sequence[str] = FOREVER) -> None:
        """A service on one node."""
        options = [f"--constraint=node.hostname=={node.hostname}", "--restart-delay=0s", *more]
        manager = self.cluster.nodes[0]
        manager.create(self.name, BUSYBOX, *options, command=command)
        self._stack.callback(manager.docker, "service", "rm", self.name)

    def service(self, node: ClusterNode) -> list[str]:
        """Two tasks on one node; their ids."""
        self.create(node, "--replicas=2", "--stop-grace-period=1s")
        return self.cluster.nodes[0].wait_running(self.name, 2)

    def running(self) -> list[str]:
        return self.cluster.nodes[0].running(self.name)

    def forced(self) -> int:
        shown = "--format={{.Spec.TaskTemplate.ForceUpdate}}"
        return int(self.cluster.nodes[0].docker("service", "inspect", shown, self.name))

    def containers(self, node: ClusterNode) -> list[str]:
        chosen = f"--filter=label=com.docker.swarm.service.name={self.name}"
        return node.docker("ps", "--quiet", "--no-trunc", chosen).split()


_numbers = itertools.count(1)


@pytest.fixture
def bed(cluster: PrivateCluster) -> Iterator[Bed]:
    cluster.wait_ready()
    with ExitStack() as stack:
        yield Bed(cluster, stack, f"agents{next(_numbers)}")


def soon(condition: Callable[[], object], what: str) -> None:
    wait_until(condition, timeout=180, what=what, every=0.2)


def test_containers_that_die_on_another_node_are_told_at_once(bed: Bed) -> None:
    third = bed.cluster.nodes[2]
    bed.service(third)
    controller = bed.controller(CRASHES, SELDOM)
    assert "not seen on node2, node3: container exits" in controller.get("/agents")[1]
    agent = bed.agent(third, controller)
    soon(lambda: controller.knows("node3"), "the agent")
    for container in bed.containers(third):
        third.docker("kill", container)
    soon(lambda: "tasks ended within" in controller.told(), "the notice")
    metrics = page(agent)
    assert f'exits_total{{exit_code="137",node="node3",service="{bed.name}"}} 2.0' in metrics
    soon(lambda: f'task_memory_bytes{{node="node3",service="{bed.name}"' in page(agent), "memory")


def test_a_task_that_runs_out_of_memory_on_another_node_is_told_from_one_that_was_killed(
    bed: Bed,
) -> None:
    third = bed.cluster.nodes[2]
    controller = bed.controller(CRASHES, SELDOM)
    bed.agent(third, controller)
    soon(lambda: controller.knows("node3"), "the agent")
    eater = ("sh", "-c", "sleep 2; tail /dev/zero")
    bed.create(third, "--limit-memory=16m", command=eater)
    soon(lambda: "2 x out of memory" in controller.told(), "the notice")


def page(agent: AgentProcess) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{agent.port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def test_a_service_on_other_nodes_is_scaled_by_what_their_agents_measure(bed: Bed) -> None:
    third = bed.cluster.nodes[2]
    bed.service(third)
    controller = bed.controller(MEASURED, OFTEN)
    soon(lambda: passes(controller) >= 3, "some passes")
    assert len(bed.running()) == 2
    bed.agent(third, controller)
    soon(lambda: len(bed.running()) == 3, "a third task")


def test_one_task_is_replaced_by_the_agent_of_its_node(bed: Bed) -> None:
    second = bed.cluster.nodes[1]
    before = bed.service(second)
    controller = bed.controller(OLD, OFTEN)
    soon(lambda: "no agent on node" in controller.told(), "that nobody can do it")
    assert sorted(bed.running()) == sorted(before)
    bed.agent(second, controller)
    soon(lambda: set(bed.running()) != set(before) and len(bed.running()) == 2, "a new task")
    assert len(set(bed.running()) & set(before)) == 1
    assert len(bed.containers(second)) == 2
    assert bed.forced() == 0
    told = run([program(), "history", "--actions"], env=controller.environment)
    assert "replace task" in told
    assert "done" in told


def test_a_task_of_the_controllers_own_node_needs_no_other_process(bed: Bed) -> None:
    first = bed.cluster.nodes[0]
    before = bed.service(first)
    controller = bed.controller(OLD, OFTEN)
    soon(lambda: set(bed.running()) != set(before) and len(bed.running()) == 2, "a new task")
    assert len(set(bed.running()) & set(before)) == 1
    assert len(bed.containers(first)) == 2
    assert controller.knows("node1")


def test_without_an_agent_the_service_is_restarted_if_the_policy_allows(bed: Bed) -> None:
    before = bed.service(bed.cluster.nodes[2])
    bed.controller(OLD, OFTEN, more=", or: restart")
    soon(lambda: bed.forced() == 1, "a restart")
    soon(lambda: not set(bed.running()) & set(before) and len(bed.running()) == 2, "new tasks")


def test_what_is_wrong_with_agents_is_told_and_harms_nothing(bed: Bed, tmp_path: Path) -> None:
    second = bed.cluster.nodes[1]
    controller = bed.controller(CRASHES, OFTEN)
    wrong = tmp_path / "wrong"
    wrong.write_text("another token altogether")
    liar = bed.agent(second, controller, wrong)
    soon(lambda: "it shows a wrong token" in controller.told(), "the refusal")
    soon(lambda: "does not take our token" in liar.log.read_text(), "the agent's word")
    assert not controller.knows("node2")
    agent = bed.agent(second, controller)
    soon(lambda: controller.knows("node2"), "the agent")
    other = bed.agent(second, controller)
    soon(lambda: "has an agent already" in controller.told(), "the dispute")
    before = bed.service(second)
    other.process.kill()
    agent.process.kill()
    soon(lambda: "agent went" in controller.told(), "that the agent is gone")
    assert not controller.knows("node2")
    third = bed.agent(second, controller)
    soon(lambda: controller.knows("node2"), "another agent")
    third.close()
    assert sorted(bed.running()) == sorted(before)
    assert bed.forced() == 0


def test_an_agent_that_doubles_reorders_and_invents_events_leads_to_no_action(bed: Bed) -> None:
    second = bed.cluster.nodes[1]
    before = bed.service(second)
    controller = bed.controller(HEALED, OFTEN)
    service = second.docker("service", "inspect", "--format={{.ID}}", bed.name)
    events = [
        Happened(kind=kind, container=container, task=task, service=service, at=at, exit_code=137)
        for at, container in enumerate(bed.containers(second), start=1)
        for kind in (Kind.OOM, Kind.DIE, Kind.START)
        for task in (*before, "invented")
    ]

    def counted() -> bool:
        return 'agent_events_total{kind="oom"} 2.0' in page_of(controller)

    asyncio.run(lie(f"http://{controller.listen}", controller.token, events, counted))
    made = passes(controller)
    soon(lambda: passes(controller) >= made + 3, "some passes")
    assert counted()
    assert sorted(bed.running()) == sorted(before)
    assert bed.forced() == 0
    assert "restart" not in controller.told()


async def lie(url: str, token: Path, events: list[Happened], counted: Callable[[], bool]) -> None:
    """Tell events three times over, in three orders, as the agent of a node that has none."""
    async with Remote(url, token).connect() as channel:
        hello = Hello(node="invented", hostname="nowhere", instance="liar", release="9")
        await channel.send(encode(hello))
        await channel.receive()
        for told in (events, events[::-1], sorted(events, key=lambda each: each.container)):
            await channel.send(encode(Events(events=tuple(told))))
        await asyncio.to_thread(soon, counted, "the count")


def passes(controller: Controller) -> float:
    start = "autoscaler_pass_duration_seconds_count "
    lines = page_of(controller).splitlines()
    return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), 0.0)


def page_of(controller: Controller) -> str:
    return controller.get("/metrics")[1]


def test_a_controller_without_a_socket_works_through_the_gate_of_a_managers_agent(
    bed: Bed, tmp_path: Path
) -> None:
    first = bed.cluster.nodes[0]
    bed.service(first)
    with Controller(f"unix://{tmp_path}/none.sock", SIZED.format(service=bed.name), OFTEN) as one:
        token = tmp_path / "gate-token"
        token.write_text("only for those who pass the gate")
        own = {"AUTOSCALER_AGENT__GATE_TOKEN_FILE": str(token)}
        agent = bed.agent(first, one, None, AUTOSCALER_AGENT__GATE="true", **own)
        soon(agent.answers, "the agent")
        gate = {"host": f"http://127.0.0.1:{agent.port}", "token_file": str(token)}
        one.set(orchestrator={"type": "swarm", **gate})
        one.start()
        soon(lambda: len(bed.running()) == 3, "a third task")
        soon(lambda: one.knows("node1"), "the agent at the hub")
        first.docker("service", "scale", "--detach", f"{bed.name}=2")
        soon(lambda: '"action"' in one.told() and len(bed.running()) == 3, "the third task again")
        assert "write refused" not in agent.log.read_text()
