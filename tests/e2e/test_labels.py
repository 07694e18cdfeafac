"""Services that carry their policies as labels, on a real Swarm: no policy file at all."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import FOREVER
from autoscaler.testing.real.processes import wait_until
from tests.e2e.labelled_services import Bed, labels

pytestmark = [pytest.mark.slow, pytest.mark.swarm]

DOCS = Path(__file__).parents[2] / "docs" / "labels.md"
RARELY = 3600.0
"""An interval of passes so long that it cannot be what made something happen.

How soon it happens is recorded; that it happens at all before the next pass is what counts.
"""
JOBS = 3
"""Tasks that the load keeps busy, however many there are."""
WORKER = """
while :; do
  for job in /load/jobs/*; do
    mkdir "/load/taken/${job##*/}" 2>/dev/null && while [ -e "$job" ]; do :; done
  done
  sleep 1
done
"""
"""Takes a job that nobody works on, and is busy with it until it is gone."""

Measured = Callable[[str, object], None]


@pytest.fixture
def bed(swarm: PrivateSwarm, busybox_image: str) -> Iterator[Bed]:
    """A bed whose passes are rare, so that events must do it."""
    with closing(Bed(swarm, RARELY)) as bed:
        bed.autoscaler.start()
        # Let the first look at the fleet be over.
        time.sleep(1)
        yield bed


@pytest.fixture
def quick_bed(swarm: PrivateSwarm, busybox_image: str) -> Iterator[Bed]:
    with closing(Bed(swarm, 1.0)) as bed:
        bed.autoscaler.start()
        yield bed


@pytest.fixture
def load(tmp_path: Path) -> Path:
    """A directory with jobs, and with those that are taken."""
    for name in ("jobs", "taken"):
        (tmp_path / "load" / name).mkdir(parents=True)
    return tmp_path / "load"


def event(swarm: PrivateSwarm, name: str, action: str) -> float:
    """When the engine told of the last such event of a service."""
    # The engine reads whole seconds: a rounded-down end would cut the newest events off.
    told = swarm.docker(
        "events", "--since=1h", f"--until={math.ceil(time.time())}", "--filter=type=service",
        f"--filter=service={name}", f"--filter=event={action}", "--format={{.TimeNano}}",
    )  # fmt: skip
    return int(told.splitlines()[-1]) / 1e9


def test_a_new_service_is_scaled_at_once_on_its_creation(
    bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    before = time.time()
    bed.create("fresh", busybox_image, *labels(min="2", max="4"), command=FOREVER)
    decided = bed.decided("fresh", before)
    bed.wait_replicas("fresh", 2)
    took = decided - event(bed.swarm, "fresh", "create")
    record_property("decided", f"{took * 1000:.0f} ms after the event of its creation")


def test_changed_labels_are_followed_at_once(
    bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    bed.create("changing", busybox_image, *labels(max="4"), command=FOREVER)
    bed.swarm.wait_running("changing", 1)
    time.sleep(0.5)
    before = time.time()
    bed.relabel("changing", "autoscaler.min=3")
    decided = bed.decided("changing", before)
    bed.wait_replicas("changing", 3)
    took = decided - before
    record_property("decided", f"{took * 1000:.0f} ms after `service update` began")


def test_a_question_in_changed_labels_is_asked_at_once(
    bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    bed.create("asking", busybox_image, *labels(max="4"), command=FOREVER)
    bed.swarm.wait_running("asking", 1)
    time.sleep(0.5)
    before = time.time()
    bed.relabel("asking", "autoscaler.target.cpu=70")
    decided = bed.decided("asking", before)
    record_property("decided", f"{(decided - before) * 1000:.0f} ms after `service update` began")
    assert "cpu" in bed.asked("explain", "asking")


def test_wrong_labels_leave_the_service_as_it_is_and_are_told(bed: Bed, busybox_image: str) -> None:
    bed.create("wrong", busybox_image, *labels(min="2", max="4"), command=FOREVER)
    bed.wait_replicas("wrong", 2)
    before = time.time()
    bed.relabel("wrong", "autoscaler.min=3", "autoscaler.max=many")
    bed.decided("wrong", before, "many")
    told = "label autoscaler.max: expected a whole number, not 'many'"
    assert told in bed.asked("status")
    assert told in bed.asked("explain", "wrong")
    assert told in bed.asked("plan")
    assert bed.replicas("wrong") == 2
    bed.relabel("wrong", "autoscaler.max=4")
    bed.wait_replicas("wrong", 3)


def test_labels_on_the_container_are_pointed_out(bed: Bed, busybox_image: str) -> None:
    before = time.time()
    misplaced = "--container-label=autoscaler.enable=true"
    bed.create("misplaced", busybox_image, misplaced, command=FOREVER)
    bed.decided("misplaced", before)
    assert "belongs under deploy:" in bed.asked("status")


def test_a_file_wins_over_labels_and_says_so(bed: Bed, busybox_image: str) -> None:
    bed.create("both", busybox_image, *labels(min="2", max="4"), command=FOREVER)
    bed.wait_replicas("both", 2)
    policy = {"name": "file", "services": ["both"], "scale": {"min": 3, "max": 4}}
    text = json.dumps({"version": 1, "policies": [policy]})
    draft = bed.autoscaler.directory / "file.yaml"
    draft.write_text(text)
    draft.rename(bed.autoscaler.policies / "file.yaml")
    bed.wait_replicas("both", 3)
    assert "its labels are not used: policy 'file' of a file covers it" in bed.asked("status")


def test_a_window_that_opens_while_it_runs_changes_the_bounds_at_once(
    bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    bed.create("timed", busybox_image, *labels(max="6"), command=FOREVER)
    bed.swarm.wait_running("timed", 1)
    before = time.time()
    opens = (int(time.time() + 15) // 60 + 1) * 60
    start = datetime.fromtimestamp(opens, UTC)
    window = "autoscaler.schedules.soon."
    bed.relabel(
        "timed", f"{window}cron={start:%M %H} * * *", f"{window}duration=1h", f"{window}min=4",
        f"{window}max=4", "autoscaler.behavior.scale_down.stabilization=0s",
    )  # fmt: skip
    took = bed.decided("timed", before, '"to": 4', timeout=300) - opens
    record_property("decided", f"{took * 1000:.0f} ms after the window opened")
    assert took >= 0
    bed.wait_replicas("timed", 4)


def test_a_busy_service_is_scaled_by_its_own_cpu_and_shrinks_when_the_work_is_done(
    quick_bed: Bed, busybox_image: str, load: Path, record_property: Measured
) -> None:
    bed = quick_bed
    bed.create(
        "encoder", busybox_image, "--limit-cpu=0.05",
        f"--mount=type=bind,source={load},target=/load",
        *labels(
            min="1", max="8", target__cpu="70", metrics__cpu__window="5s",
            behavior__scale_down__stabilization="5s",
        ),
        command=("sh", "-c", WORKER),
    )  # fmt: skip
    bed.swarm.wait_running("encoder", 1)
    started = time.monotonic()
    for number in range(JOBS):
        (load / "jobs" / f"{number}").touch()
    # A task for each job, at least; a busy machine may keep them below 100 %, and then these do.
    wait_until(lambda: bed.replicas("encoder") >= JOBS, timeout=300, what="a task for each job")
    record_property("a task for each", f"{time.monotonic() - started:.0f} s after the work came")
    time.sleep(10)
    # Three at 100 % and two or three that nearly idle are within a tenth of 70 % on average.
    # A busy machine may not grant them their limit, and then fewer do.
    assert 1 < bed.replicas("encoder") <= 2 * JOBS
    record_property("in the end", f"{bed.replicas('encoder')} tasks for {JOBS} jobs")
    for job in (load / "jobs").iterdir():
        job.unlink()
    ended = time.monotonic()
    bed.wait_replicas("encoder", 1, timeout=300)
    record_property("one replica", f"{time.monotonic() - ended:.0f} s after it was done")


def test_the_stack_file_of_the_docs_is_all_that_it_takes(
    quick_bed: Bed, busybox_image: str, record_property: Measured
) -> None:
    bed = quick_bed
    (stack,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    dockerfile = f'FROM {busybox_image}\nCMD ["sh", "-c", "while :; do :; done"]\n'
    bed.swarm.docker("build", "--tag=media/encoder:1", "-", stdin=dockerfile.encode())
    bed.deploy("media", f'version: "3.8"\n{stack}')
    started = time.monotonic()
    wait_until(lambda: bed.replicas("media_encoder") > 1, timeout=180, what="a second encoder")
    record_property("more encoders", f"{time.monotonic() - started:.0f} s after the deploy")
    assert not [*bed.autoscaler.policies.iterdir()]
