"""What Swarm gives up, the service brings back: on a real engine, by the real process."""

import re
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import import_busybox
from autoscaler.testing.real.processes import run, wait_until
from deploy.demo.process import Autoscaler, program

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

NOWHERE = "http://127.0.0.1:9"
POLICY = """
version: 1
policies:
  - name: healer
    services: [{service}]
    heal:
      - {{rule: exhausted, grace: 1s, then: restart, cooldown: 1s}}
      - {{rule: image_missing, then: notify}}
    disruption: {{backoff: 1s, quarantine_after: 2}}
"""
# Fails until somebody mends what it needs.
NEEDY = "test -e /shared/mended || exit 3; trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"


class Bed:
    """A service whose slots Swarm gives up after one more attempt, and its healer."""

    def __init__(self, swarm: PrivateSwarm, service: str, healer: Autoscaler) -> None:
        self.swarm, self.service, self.healer = swarm, service, healer
        self.image = import_busybox(swarm)
        (healer.policies / "healer.yaml").write_text(POLICY.format(service=service))

    def create(self, image: str, *more: str) -> None:
        options = ["--detach", "--no-resolve-image", f"--name={self.service}", "--replicas=2"]
        options += ["--restart-delay=0s", "--restart-max-attempts=1", "--update-parallelism=0"]
        options += [f"--mount=type=volume,source={self.service},target=/shared", *more]
        self.swarm.docker("service", "create", *options, image, "sh", "-c", NEEDY)

    def mend(self) -> None:
        volume = f"--volume={self.service}:/shared"
        touch = ("touch", "/shared/mended")
        self.swarm.docker("run", "--rm", "--network=none", volume, self.image, *touch)

    def restarts(self) -> int:
        shown = "--format={{.Spec.TaskTemplate.ForceUpdate}}"
        return int(self.swarm.docker("service", "inspect", shown, self.service))

    def alive(self) -> int:
        return len(self.swarm.means_to_run(self.service))

    def told(self, *command: str) -> str:
        return run([program(), *command], env=self.healer.environment)


@pytest.fixture
def bed(swarm: PrivateSwarm, service_name: str) -> Iterator[Bed]:
    with closing(Autoscaler(swarm.host, NOWHERE)) as healer:
        yield Bed(swarm, service_name, healer)


def test_slots_that_swarm_gave_up_are_brought_back_by_one_restart(bed: Bed) -> None:
    bed.create(bed.image)
    wait_until(lambda: bed.alive() == 0, timeout=180, what="Swarm gives up", every=0.2)
    bed.mend()
    bed.swarm.docker("service", "scale", "--detach", f"{bed.service}=2")
    assert bed.alive() == 0
    bed.healer.start()
    running = bed.swarm.running
    wait_until(lambda: len(running(bed.service)) == 2, timeout=180, what="two tasks", every=0.2)
    time.sleep(4)
    assert bed.restarts() == 1
    assert "restart" in bed.told("history", "--actions")
    assert re.search("Swarm gave up 2 of 2 slots: [234] x exit code 3", bed.told("history"))


def test_a_cure_that_does_not_help_ends_in_quarantine(bed: Bed) -> None:
    bed.create(bed.image, "--update-failure-action=continue", "--update-monitor=1s")
    wait_until(lambda: bed.alive() == 0, timeout=180, what="Swarm gives up", every=0.2)
    bed.healer.start()
    wait_until(
        lambda: "quarantined" in bed.told("status"), timeout=180, what="the quarantine", every=1
    )
    assert bed.restarts() == 2
    assert "2 heals did not last" in bed.healer.log.read_text()


def test_an_image_that_does_not_exist_is_named(bed: Bed) -> None:
    bed.create("nowhere.invalid/none:1", "--restart-max-attempts=0")
    bed.healer.start()
    wait_until(
        lambda: "image missing" in bed.told("status"), timeout=180, what="the finding", every=1
    )
    assert "nowhere.invalid/none:1 cannot be had" in bed.healer.log.read_text()
    assert bed.restarts() == 0
