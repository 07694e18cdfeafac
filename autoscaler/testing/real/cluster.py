"""A Swarm of three managers on one machine, whose nodes can be lost and found.

    with PrivateCluster() as cluster:
        first, second, third = cluster.nodes
        cluster.cut_off(third)
        first.wait_state(third, "down")
        cluster.reconnect(third)

Each node is an engine in namespaces of its own (see `dockerd`). A bridge in a further network
namespace connects them, so no firewall rule of the machine applies to what they say to each
other, and nothing of it is to be seen from outside. To cut a node off is to pull its plug there:
its daemon and its tasks live on and reach nobody.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Literal, Self, TypeVar

from autoscaler.testing.real.dockerd import Manager, missing_engine
from autoscaler.testing.real.isolation import Isolation
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until
from autoscaler.testing.real.workspace import Workspace

T = TypeVar("T")

_NODES = 3
_PORT = 2377
_JOIN_TIMEOUT = 180
# A node is down three heartbeats of 5 s after its last one; after a change of the leader, six.
# On a busy machine it takes longer than that.
_LOSS_TIMEOUT = 240

# 192.0.2.0/24 is set aside for examples; these addresses exist inside the namespaces only.
_NETWORK = "192.0.2"


def missing_cluster() -> list[str]:
    """Say what keeps a private cluster from running on this machine; nothing if it can."""
    return missing_engine() or _missing_bridge()


def _missing_bridge() -> list[str]:
    """Some kernels and containers let root make namespaces and no bridge in them."""
    try:
        run(["unshare", "--net", "ip", "link", "add", "probe", "type", "bridge"])
    except ProcessFailed as error:
        return [f"no bridge in a network namespace can be made: {error}"]
    return []


class ClusterNode(Manager):
    """A manager that others reach at an address of the cluster's own network."""

    def __init__(self, number: int, options: Sequence[str]) -> None:
        super().__init__(hostname=f"node{number}", options=options)
        self.number = number
        self.hostname = f"node{number}"
        self.cluster_address = f"{_NETWORK}.{number}"

    @property
    def swarm_addresses(self) -> list[str]:
        """What `swarm init` and `swarm join` are told about this node."""
        return [
            f"--advertise-addr={self.cluster_address}",
            f"--listen-addr={self.cluster_address}:{_PORT}",
        ]

    def state_of(self, other: Self) -> str:
        """What this manager knows of a node: `ready`, `down`, `unknown` or `disconnected`."""
        return self.docker("node", "inspect", "--format={{.Status.State}}", other.hostname)

    def wait_state(self, other: Self, state: str, *, timeout: float = _LOSS_TIMEOUT) -> None:
        """Wait until this manager says so of a node; without a leader it says nothing."""

        def told() -> bool:
            with suppress(ProcessFailed):
                return self.state_of(other) == state
            return False

        wait_until(told, timeout=timeout, what=f"{other.hostname} {state}", every=0.5)

    def places(self, service: str) -> list[str]:
        """The host names of the nodes on which tasks of a service shall run, sorted."""
        asked = ("--filter=desired-state=running", "--format={{.Node}}")
        return sorted(self.docker("service", "ps", *asked, service).split())


class Switch:
    """A bridge in a network namespace of its own, with a port for each node."""

    def __init__(self) -> None:
        self._workspace = Workspace()
        try:
            self._isolation = Isolation(self._workspace, private_network=True, hostname="switch")
            self._run("add", "switch", "type", "bridge")
            self._run("set", "switch", "up")
        except BaseException:
            self._workspace.remove()
            raise

    def connect(self, node: ClusterNode) -> None:
        """Lay the cable between a node and its port."""
        end = ["type", "veth", "peer", "name", "swarm0", "netns", str(node.isolation.pid)]
        port = f"port{node.number}"
        run(["ip", "link", "add", port, "netns", str(self._isolation.pid), *end])
        self._run("set", port, "master", "switch", "up")
        node.isolation.run("ip", "address", "add", f"{node.cluster_address}/24", "dev", "swarm0")
        node.isolation.run("ip", "link", "set", "swarm0", "up")

    def turn(self, node: ClusterNode, how: Literal["up", "down"]) -> None:
        """Let a node's port pass everything, or nothing."""
        self._run("set", f"port{node.number}", how)

    def close(self) -> None:
        """Remove the bridge and its cables."""
        self._isolation.close()
        self._workspace.remove()

    def _run(self, *arguments: str) -> None:
        self._isolation.run("ip", "link", *arguments)


class PrivateCluster:
    """Three managers of one Swarm; most of what is asked of it is asked of one of its `nodes`."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        """`options` are the engines'."""
        self.nodes = tuple(ClusterNode(number, options) for number in range(1, _NODES + 1))
        self._parts = ExitStack()
        self._switch: Switch | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the nodes beside each other and join them; clean up if that fails."""
        try:
            self._switch = Switch()
            self._parts.callback(self._switch.close)
            self._parts.callback(self.each, ClusterNode.stop)
            self.each(ClusterNode.start)
            for node in self.nodes:
                self._switch.connect(node)
            self._join()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all nodes and what runs on them, and delete their directories."""
        self._parts.close()
        self._switch = None

    def each(self, work: Callable[[ClusterNode], T]) -> list[T]:
        """Do something to all nodes, beside each other; return what came of it, in their order."""
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            return list(threads.map(work, self.nodes))

    def wait_ready(self) -> None:
        """Wait until all nodes are there, whatever befell them before."""
        for node in self.nodes:
            self.nodes[0].wait_state(node, "ready")

    def cut_off(self, node: ClusterNode) -> None:
        """Let nothing pass between a node and the others, until `reconnect`."""
        self._running_switch.turn(node, "down")

    def reconnect(self, node: ClusterNode) -> None:
        """End what `cut_off` began."""
        self._running_switch.turn(node, "up")

    @property
    def _running_switch(self) -> Switch:
        if self._switch is None:
            raise RuntimeError("the cluster is not started")
        return self._switch

    def _join(self) -> None:
        """One after the other: Raft takes one new member at a time."""
        first, *others = self.nodes
        first.docker("swarm", "init", *first.swarm_addresses)
        token = first.docker("swarm", "join-token", "--quiet", "manager")
        target = f"{first.cluster_address}:{_PORT}"
        for node in others:
            node.docker("swarm", "join", *node.swarm_addresses, f"--token={token}", target)
        wait_until(self._complete, timeout=_JOIN_TIMEOUT, what="three managers that are ready")

    def _complete(self) -> bool:
        shown = "--format={{.Status}} {{.ManagerStatus}}"
        told = self.nodes[0].docker("node", "ls", shown).splitlines()
        return sorted(told) == ["Ready Leader", *["Ready Reachable"] * (_NODES - 1)]
