"""When much is sick at once nothing is healed, with the reason; what is left then is healed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import import_busybox
from autoscaler.testing.real.processes import ProcessFailed, run, wait_until
from deploy.demo.process import Autoscaler, program

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1200)]

NOWHERE = "http://127.0.0.1:9"
NAMES = [f"many{number}" for number in range(8)]
BROKEN = NAMES[:4]
POLICY = {
    "name": "healer",
    "services": ["many*"],
    "heal": [{"rule": "exhausted", "grace": "5s", "then": "restart"}],
}
STOPPED = "4 of 8 services are sick at once"
_TASK = """
trap 'exit 0' TERM
while [ ! -e /shared/exit ]; do sleep 0.5 & wait $!; done
exit 3
"""


class Bed:
    """Eight services of one task each, of which half break at once."""

    def __init__(self, swarm: PrivateSwarm, shared: Path) -> None:
        self.swarm, self.shared = swarm, shared
        image = import_busybox(swarm)
        for name in NAMES:
            folder = shared / name
            folder.mkdir()
            options = ["--detach", "--no-resolve-image", f"--name={name}", "--restart-delay=0s"]
            options += ["--restart-max-attempts=1", "--update-monitor=1s"]
            options += [f"--mount=type=bind,readonly,source={folder},target=/shared"]
            swarm.docker("service", "create", *options, image, "sh", "-c", _TASK)

    def break_(self) -> None:
        """Half of them exit until Swarm has given them up."""
        for name in BROKEN:
            (self.shared / name / "exit").touch()

    def given_up(self) -> bool:
        """Whether Swarm means to run none of their tasks any more."""
        return not any(self.swarm.means_to_run(name) for name in BROKEN)

    def mend(self) -> None:
        """What broke them is gone; Swarm has given up all the same."""
        for name in BROKEN:
            (self.shared / name / "exit").unlink()

    def by_hand(self, *names: str) -> None:
        """A person restarts services."""
        for name in names:
            self.swarm.docker("service", "update", "--detach", "--force", name)

    def restarted(self) -> list[str]:
        """Services that somebody restarted."""
        shown = "--format={{.Spec.Name}} {{.Spec.TaskTemplate.ForceUpdate}}"
        lines = self.swarm.docker("service", "inspect", shown, *NAMES).splitlines()
        return [name for name, count in map(str.split, lines) if int(count)]

    def running(self) -> list[str]:
        """Services whose task runs."""
        return [name for name in NAMES if self.swarm.running(name)]


@pytest.fixture
def bed(swarm: PrivateSwarm, tmp_path: Path) -> Iterator[Bed]:
    try:
        yield Bed(swarm, tmp_path)
    finally:
        with suppress(ProcessFailed):
            swarm.docker("service", "rm", *NAMES)


def told(healer: Autoscaler, *command: str) -> str:
    return run([program(), *command], env=healer.environment)


def test_half_of_the_services_broken_at_once_are_left_alone_until_it_is_fewer(bed: Bed) -> None:
    with closing(Autoscaler(bed.swarm.host, NOWHERE)) as healer:
        # JSON is YAML.
        document = {"version": 1, "policies": [POLICY]}
        (healer.policies / "healer.yaml").write_text(json.dumps(document))
        wait_until(lambda: bed.running() == NAMES, timeout=180, what="the services", every=0.5)
        bed.break_()
        # Were they given up one after another, the first might be healed before the last falls.
        wait_until(bed.given_up, timeout=180, what="Swarm gives up", every=0.5)
        healer.start()
        for name in BROKEN:
            wait_until(
                lambda name=name: STOPPED in told(healer, "explain", name),  # type: ignore[misc]
                timeout=180,
                what=f"the reason that nothing is done for {name}",
                every=0.5,
            )
        assert bed.restarted() == []
        assert "held_by=fleet_stop" in logged(healer)
        bed.mend()
        bed.by_hand(*BROKEN[:2])
        wait_until(lambda: bed.running() == NAMES, timeout=180, what="all of them", every=0.5)
        assert bed.restarted() == BROKEN
        assert "restart" in told(healer, "history", "--actions")


def logged(healer: Autoscaler) -> str:
    """Which guards held what, by the log."""
    lines = map(json.loads, healer.log.read_text().splitlines())
    return "".join(f"held_by={line.get('held_by')}\n" for line in lines)
