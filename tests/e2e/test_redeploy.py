"""Who changed the replicas: a deploy is put right, a person is respected. On a real Swarm."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from tests.e2e.labelled_services import Bed

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

RARELY = 3600.0
"""An interval of passes so long that it cannot be what made something happen."""
LEFT_ALONE = 12.0
"""Seconds that a person's change is watched for: longer than it may be unclear whose it was."""
STACK = """
version: "3.8"
services:
  web:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $$!; done"]
    stop_grace_period: 1s
    networks: [host]
    environment: {{RELEASE: "{release}"}}
    deploy:
      replicas: 1
      update_config: {{parallelism: 0, monitor: 1s}}
      labels:
        autoscaler.enable: "true"
        autoscaler.min: "1"
        autoscaler.max: "9"
        autoscaler.source: constant
        autoscaler.value: "40"
        autoscaler.target: "10"
  side:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $$!; done"]
    stop_grace_period: 1s
    networks: [host]
    deploy: {{replicas: 1}}
networks:
  host: {{external: true, name: host}}
"""
"""Its metric asks for four replicas; the file says one."""

Measured = Callable[[str, object], None]


@pytest.fixture
def bed(swarm: PrivateSwarm, busybox_image: str) -> Iterator[Bed]:
    """A stack whose `web` has been scaled up by us."""
    with closing(Bed(swarm, RARELY)) as bed:
        bed.autoscaler.start()
        deploy(bed, busybox_image)
        bed.wait_replicas("shop_web", 4, timeout=180)
        bed.swarm.wait_running("shop_web", 4)
        # The same second would count as the same deploy.
        time.sleep(6)
        yield bed


def deploy(bed: Bed, image: str, release: int = 1) -> None:
    bed.deploy("shop", STACK.format(image=image, release=release))


def test_an_unchanged_deploy_is_put_right_after_a_short_grace(
    bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    before = time.time()
    deploy(bed, busybox_image)
    deployed = time.time()
    bed.decided("shop_web", before, "a deploy reset 4 to 1")
    bed.wait_replicas("shop_web", 4, timeout=180)
    record_property("put right", f"{time.time() - deployed:.1f} s after `docker stack deploy`")


def test_a_deploy_of_a_new_release_is_put_right_once_it_is_rolled_out(
    bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    before = time.time()
    deploy(bed, busybox_image, release=2)
    deployed = time.time()
    bed.decided("shop_web", before, "a deploy reset 4 to 1")
    bed.wait_replicas("shop_web", 4, timeout=180)
    record_property("put right", f"{time.time() - deployed:.1f} s after `docker stack deploy`")
    assert bed.swarm.wait_running("shop_web", 4)


def test_a_person_s_scale_is_respected(bed: Bed) -> None:
    before = time.time()
    bed.swarm.docker("service", "scale", "--detach", "shop_web=2")
    deadline = time.monotonic() + LEFT_ALONE
    while time.monotonic() < deadline:
        assert bed.replicas("shop_web") == 2
        time.sleep(0.5)
    bed.decided("shop_web", before, "manual_change")
    assert "somebody changed the replicas" in bed.asked("explain", "shop_web")


def test_a_person_s_scale_to_zero_is_left_alone(bed: Bed) -> None:
    before = time.time()
    bed.swarm.docker("service", "scale", "--detach", "shop_web=0")
    deadline = time.monotonic() + LEFT_ALONE
    while time.monotonic() < deadline:
        assert bed.replicas("shop_web") == 0
        time.sleep(0.5)
    bed.decided("shop_web", before, "switched_off")
