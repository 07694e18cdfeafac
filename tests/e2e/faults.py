"""Faults of services, each in two copies: the autoscaler looks after one, Swarm alone after both.

What was seen goes into the test's report, of which `python -m bench.faults` makes a page.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from autoscaler.testing.real.cluster import ClusterNode
from autoscaler.testing.real.images import BUSYBOX
from autoscaler.testing.real.processes import ProcessFailed, wait_until
from tests.e2e.stack import INTERVAL, Line, Stack, container_of

REPLICAS = 3
SETTLE = 10.0
"""Seconds for which the copy without the autoscaler is watched further once the other is well."""
TOLD = frozenset({"health", "notice", "decision"})

# Lives until it is told to end, or a file or its deploy tells it to fail.
_TASK = """
trap 'exit 0' TERM
while :; do
    if [ -e /shared/exit ]; then exit 3; fi
    if [ "$DO" = exit ]; then sleep 2; exit 3; fi
    if [ "$DO" = eat ]; then sleep 2; exec tail /dev/zero; fi
    sleep 1 & wait $!
done
"""


@dataclass
class Seen:
    """What came of a fault; times are seconds since it."""

    fault: str
    words: str
    """Some of those that the controller should say; empty if it should say nothing."""
    promised: str = ""
    """How soon it should be told of, by the settings: seconds, from when on, and which they are."""
    detected: float | None = None
    told: str = ""
    """In the controller's words."""
    cured: float | None = None
    alone: float | None = None
    """When Swarm had cured the copy that it was left alone with."""
    alone_running: int = 0
    """How many tasks of that copy ran at the end."""
    watched: float = 0.0
    act: str = ""
    """What the autoscaler did first; empty when it left it to Swarm."""
    interval: str = INTERVAL
    """The time between two passes."""

    @property
    def over(self) -> bool:
        """Whether it is cured, and was told of if it was worth words."""
        return self.cured is not None and (self.detected is not None or not self.words)


class Twins:
    """Two services that differ in one label only: by it a policy covers `NAME_cured`, and none
    covers `NAME_alone`."""

    def __init__(self, stack: Stack, name: str, shared: Path) -> None:
        self.stack, self.name = stack, name
        self.shared = shared
        self.cured, self.alone = f"{name}_cured", f"{name}_alone"
        self.both = (self.cured, self.alone)

    @property
    def manager(self) -> ClusterNode:
        return self.stack.manager

    def create(self, *options: str, heal: str = "swarm", task: str = _TASK) -> None:
        """Both of them; `heal` is the label."""
        shared = f"--mount=type=bind,readonly,source={self.shared},target=/shared"
        common = (f"--replicas={REPLICAS}", shared, *options)
        command = ("sh", "-c", task)
        self.manager.create(self.cured, BUSYBOX, f"--label=heal={heal}", *common, command=command)
        self.manager.create(self.alone, BUSYBOX, *common, command=command)

    def run(self) -> None:
        """Until all tasks run."""
        for service in self.both:
            self.manager.wait_running(service, REPLICAS, timeout=300)

    def prove(self) -> None:
        """Until this release is known as a good one, to go back to."""
        self.run()
        wait_until(
            lambda: self.stack.kept_releases(self.cured) == 1,
            timeout=300,
            what="a good release",
            every=1,
        )

    def deploy(self, *options: str) -> None:
        """Deploy both anew."""
        for service in self.both:
            self.manager.docker("service", "update", "--detach", *options, service)

    def in_task(self, slot: int, *command: str) -> set[str]:
        """Run something in one task of each; the ids of these."""
        return {self._to_task(service, slot, ("exec",), command) for service in self.both}

    def kill(self, slot: int) -> set[str]:
        """Kill the container of one task of each; the ids of these."""
        return {self._to_task(service, slot, ("kill",), ()) for service in self.both}

    def remove(self) -> None:
        """Both of them, if they are there."""
        with suppress(ProcessFailed):
            self.manager.docker("service", "rm", *self.both)

    def alive(self, service: str) -> bool:
        """Whether Swarm still means to run any of the tasks."""
        return bool(self.manager.means_to_run(service))

    def replaced(self, service: str, tasks: set[str]) -> bool:
        """Whether all tasks run, and these are not among them."""
        running = self.manager.running(service)
        return len(running) == REPLICAS and not tasks & set(running)

    def back(self, service: str) -> bool:
        """Whether all tasks run, of the release that was created."""
        form = "--format={{with .Spec.TaskTemplate.ContainerSpec}}{{.Image}} {{.Env}}{{end}}"
        release = self.manager.docker("service", "inspect", form, service)
        return release == f"{BUSYBOX} []" and self.whole(service)

    def whole(self, service: str) -> bool:
        """Whether all tasks run."""
        return len(self.manager.running(service)) == REPLICAS

    def _to_task(
        self, service: str, slot: int, verb: tuple[str, ...], command: tuple[str, ...]
    ) -> str:
        shown = ("--no-trunc", "--format={{.Name}} {{.Node}} {{.ID}}")
        running = ("--filter=desired-state=running", f"--filter=name={service}.{slot}")
        told = self.manager.docker("service", "ps", *shown, *running, service)
        _, host, task = told.split()
        node = next(node for node in self.stack.cluster.nodes if node.hostname == host)
        node.docker(*verb, container_of(node, f"{service}.{slot}"), *command)
        return task

    def watch(
        self,
        fault: str,
        since: float,
        words: str,
        *,
        promised: str = "",
        cured: Callable[[str], bool],
        patience: float = 300.0,
    ) -> Seen:
        """Look on until the fault was told of in these words, if any, and cured."""
        seen = Seen(fault, words, promised)
        settled: float | None = None
        while time.time() - since < patience:
            now = time.time() - since
            # While managers choose a leader, nobody can tell.
            with suppress(ProcessFailed):
                self._look(seen, since, words, cured)
            if settled is None and seen.over:
                settled = now
            if settled is not None and (seen.alone is not None or now > settled + SETTLE):
                break
            time.sleep(0.3)
        seen.alone_running = len(self.manager.running(self.alone))
        seen.watched = time.time() - since
        acts = [line for line in self._lines(since) if line.event == "action"]
        seen.act = acts[0].fields["act"] if acts else ""
        return seen

    def _lines(self, since: float) -> list[Line]:
        """What the controller has said of its service from then on."""
        return [
            line for line in self.stack.log() if line.service == self.cured and line.at >= since
        ]

    def _look(self, seen: Seen, since: float, words: str, cured: Callable[[str], bool]) -> None:
        if seen.cured is None and cured(self.cured):
            seen.cured = time.time() - since
        if seen.alone is None and cured(self.alone):
            seen.alone = time.time() - since
        if words and seen.detected is None:
            told = (line for line in self._lines(since) if line.event in TOLD)
            found = ((line.at, said) for line in told for said in line.reasons if words in said)
            at, seen.told = next(found, (0.0, ""))
            seen.detected = at - since if at else None


def as_text(seen: Seen) -> str:
    """For the report."""
    return json.dumps(asdict(seen))
