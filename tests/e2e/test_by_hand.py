"""What a person orders from the command line is done, once: on a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until
from deploy.demo.process import Autoscaler, program

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

NOWHERE = "http://127.0.0.1:9"
FOREVER = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")
LONG = 300.0
"""Seconds after which something that should happen has not."""
POLICY = """
version: 1
policies:
  - name: shop
    services: [{service}]
    scale:
      min: 1
      max: 4
      metrics: [{{name: load, source: constant, value: 20, target: {{average_value: 10}}}}]
      cooldown: {{manual: 1h}}
    heal: [{{rule: stuck_update, then: rollback}}]
    release: {{bake: 2s}}
"""


class Shop:
    """A service whose metric asks for two replicas, and the autoscaler over it."""

    def __init__(self, swarm: PrivateSwarm, name: str, image: str, autoscaler: Autoscaler) -> None:
        self.swarm, self.name, self.autoscaler = swarm, name, autoscaler
        options = ["--env=RELEASE=1", "--replicas=2", "--update-parallelism=0"]
        swarm.create(name, image, *options, "--update-monitor=1s", command=FOREVER)
        (autoscaler.policies / "shop.yaml").write_text(POLICY.format(service=name))

    def says(self, *command: str) -> str:
        return run([program(), *command], env=self.autoscaler.environment)

    def shown(self, template: str) -> str:
        return self.swarm.docker("service", "inspect", f"--format={template}", self.name)

    def release(self) -> str:
        return self.shown("{{index .Spec.TaskTemplate.ContainerSpec.Env 0}}")

    def restarts(self) -> int:
        return int(self.shown("{{.Spec.TaskTemplate.ForceUpdate}}"))

    def deploy(self, release: int) -> None:
        change = ("--env-rm=RELEASE", f"--env-add=RELEASE={release}")
        self.swarm.docker("service", "update", "--detach", *change, self.name)

    def wait_kept(self, count: int) -> None:
        """Until so many releases have proved themselves."""

        def kept() -> bool:
            return len(json.loads(self.says("revisions", self.name, "--json"))) == count

        wait_until(kept, timeout=LONG, what=f"{count} good releases", every=1)

    def wait_done(self, count: int) -> None:
        """Until so many actions are stored as done."""

        def done() -> bool:
            past = json.loads(self.says("history", "--actions", "--json"))
            return [each["outcome"] for each in past] == ["done"] * count

        wait_until(done, timeout=LONG, what=f"{count} actions done", every=1)

    def wait_settled(self) -> None:
        """Until no rollout is under way and all tasks run."""
        state = "{{with .UpdateStatus}}{{.State}}{{end}}"
        what = "the end of the rollout"
        wait_until(
            lambda: self.shown(state) in ("", "completed"), timeout=LONG, what=what, every=0.5
        )
        self.swarm.wait_running(self.name, 3, timeout=LONG)


@pytest.fixture
def shop(swarm: PrivateSwarm, service_name: str, busybox_image: str) -> Iterator[Shop]:
    with closing(Autoscaler(swarm.host, NOWHERE)) as autoscaler:
        shop = Shop(swarm, service_name, busybox_image, autoscaler)
        autoscaler.start()
        shop.wait_kept(1)
        yield shop


@pytest.mark.timeout(1800)
def test_a_scale_a_restart_and_a_rollback_are_done_once_each_also_in_a_pause(shop: Shop) -> None:
    before = set(shop.swarm.wait_running(shop.name, 2, timeout=LONG))
    with pytest.raises(ProcessFailed, match="9 is outside of 1 to 4"):
        shop.says("scale", shop.name, "9")

    shop.says("scale", shop.name, "3", "--reason", "a sale", "--actor", "ann")
    shop.wait_done(1)
    assert before < set(shop.swarm.wait_running(shop.name, 3, timeout=LONG))
    assert "scale to 3 by ann: a sale" in shop.says("history", "--actions")
    assert "is ordered" not in shop.says("status")

    shop.says("pause", shop.name, "--for", "1h", "--actor", "ann")
    shop.says("restart", shop.name)
    shop.wait_done(2)
    assert shop.restarts() == 1
    shop.wait_settled()
    shop.says("resume", shop.name)

    shop.deploy(2)
    shop.wait_settled()
    shop.wait_kept(2)
    shop.says("rollback", shop.name, "--within", "10m")
    shop.wait_done(3)
    assert shop.release() == "RELEASE=1"
    shop.wait_settled()
    assert shop.restarts() == 1
    wait_until(
        lambda: "manual_change" in shop.says("status"), timeout=LONG, what="the rest", every=1
    )
