"""The stack in a Swarm of three managers: it is deployed, and services fall ill under its eyes."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autoscaler.testing.real.base_image import missing_base
from autoscaler.testing.real.cluster import ClusterNode, PrivateCluster
from autoscaler.testing.real.dockerd import PrivateEngine
from autoscaler.testing.real.images import BUSYBOX, FOREVER, import_busybox
from autoscaler.testing.real.processes import ProcessFailed, wait_until
from tests.e2e import project_image
from tests.e2e.faults import REPLICAS, Seen, Twins, as_text
from tests.e2e.project_image import IMAGE
from tests.e2e.stack import CONTROLLER, GATE, NETWORK, OPTIONS, Stack, container_of

pytestmark = [pytest.mark.slow, pytest.mark.swarm, pytest.mark.timeout(1800)]

Record = Callable[[str, object], None]

POLICY = """
version: 1
policies:
  - name: swarm
    selector: {labels: {heal: swarm}}
    heal:
      - {rule: exhausted, then: restart}
      - {rule: crash_loop, then: rollback}
      - {rule: image_missing, then: rollback}
      - {rule: stuck_update, then: rollback}
      - {rule: node_lost, then: notify}
      - {rule: imbalance, max_skew: 1, stable: 10s, for: 10s, then: rebalance, cooldown: 30s}
    release: {bake: 5s}
  - name: probe
    selector: {labels: {heal: probe}}
    heal:
      - rule: probe
        source: scrape
        tasks: {port: 8080}
        metric: stalled_seconds
        interval: 2s
        max: 10
        warm_up: 5s
        then: replace
"""


@pytest.fixture(scope="module")
def archive(
    need_cluster: None,
    require: Callable[[list[str]], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """The image of the project's Dockerfile, as a file."""
    require(missing_base())
    archive = tmp_path_factory.mktemp("image") / "autoscaler.tar"
    with PrivateEngine(network="host") as engine:
        project_image.build(engine)
        engine.docker("save", f"--output={archive}", IMAGE, timeout=300)
    yield archive
    archive.unlink()


@pytest.fixture(scope="module")
def stack(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack as it is shipped, on three managers, with the policy above."""
    with PrivateCluster(OPTIONS) as cluster:
        cluster.each(import_busybox)
        cluster.each(lambda node: node.docker("load", f"--input={archive}", timeout=300))
        stack = Stack(cluster)
        stack.deploy(tmp_path_factory.mktemp("sources"))
        stack.keep_policy("faults-1", POLICY)
        yield stack


@pytest.fixture
def twins(stack: Stack, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Twins]:
    """Two services named after the test, removed afterwards."""
    twins = Twins(stack, request.node.name.removeprefix("test_")[:30], tmp_path)
    yield twins
    twins.remove()


@pytest.fixture
def web(stack: Stack) -> Iterator[ClusterNode]:
    """A manager of a service `web`, which goes with the policies of its own."""
    stack.manager.create("web", BUSYBOX, command=FOREVER)
    yield stack.manager
    stack.manager.docker("service", "rm", "web")
    for name in ("web-1", "web-2"):
        with suppress(ProcessFailed):
            stack.drop_policy(name)


def test_policies_follow_the_configs_of_the_swarm(stack: Stack, web: ClusterNode) -> None:
    stack.keep_policy("web-1", SCALED.format(count=2))
    web.wait_running("web", 2, timeout=180)
    assert "web" in stack.ask()
    # A config never changes: the new one comes, and the old one goes. Meanwhile the old one holds.
    stack.keep_policy("web-2", SCALED.format(count=3))
    wait_until(lambda: not loaded_well(stack), timeout=180, what="two of one name", every=1)
    assert len(web.running("web")) == 2
    stack.drop_policy("web-1")
    web.wait_running("web", 3, timeout=180)
    assert loaded_well(stack)


def test_its_containers_hold_no_capabilities(stack: Stack) -> None:
    nodes = {GATE: stack.manager, CONTROLLER: stack.controller_node()}
    for service, node in nodes.items():
        asked = ("exec", container_of(node, service), "grep", "^Cap", "/proc/1/status")
        sets = dict(line.split() for line in node.docker(*asked).splitlines())
        assert set(sets.values()) == {"0" * 16}, sets


SCALED = """
version: 1
policies:
  - {{name: web, services: [web], scale: {{min: {count}, max: 9}}}}
"""


def loaded_well(stack: Stack) -> bool:
    return stack.metric("autoscaler_config_last_reload_successful") == 1


def test_a_task_is_killed(twins: Twins, record_property: Record) -> None:
    """Swarm's own business; nobody is called for it."""
    twins.create()
    twins.run()
    since = time.time()
    tasks = twins.kill(2)
    seen = twins.watch(
        "a task is killed", since, "", cured=lambda service: twins.replaced(service, tasks)
    )
    judge(seen, record_property)


def judge(seen: Seen, record_property: Record) -> None:
    """How long it took is for the report; that it was told of and cured at all is not."""
    record_property("fault", as_text(seen))
    assert seen.over, seen


def test_attempts_are_used_up(twins: Twins, record_property: Record) -> None:
    twins.create("--restart-max-attempts=1", "--restart-delay=0s", "--update-parallelism=0")
    twins.run()
    since = time.time()
    (twins.shared / "exit").touch()
    wait_until(
        lambda: not any(twins.alive(service) for service in twins.both),
        timeout=180,
        what="Swarm gives up",
        every=0.5,
    )
    (twins.shared / "exit").unlink()
    seen = twins.watch(
        "max_attempts are used up",
        since,
        "gave up",
        promised="15 s from Swarm's giving up: `grace`, a pass",
        cured=twins.whole,
    )
    judge(seen, record_property)


def test_a_release_exits_again_and_again(twins: Twins, record_property: Record) -> None:
    twins.create("--restart-delay=0s", "--update-monitor=1s", "--update-parallelism=0")
    twins.prove()
    since = time.time()
    twins.deploy("--env-add=DO=exit")
    seen = twins.watch(
        "a release exits in a loop", since, "exit code 3", promised=THIRD_END, cured=twins.back
    )
    judge(seen, record_property)


def test_a_release_runs_out_of_memory(twins: Twins, record_property: Record) -> None:
    limits = ("--limit-memory=24M", "--update-monitor=1s", "--update-parallelism=0")
    twins.create("--restart-delay=0s", *limits)
    twins.prove()
    since = time.time()
    twins.deploy("--env-add=DO=eat")
    seen = twins.watch(
        "a release runs out of memory", since, "memory", promised=THIRD_END, cured=twins.back
    )
    judge(seen, record_property)


THIRD_END = "5 s from the third end: a pass"
SAID_DOWN = "5 s from when Swarm says so: a pass"


def test_an_update_is_paused(twins: Twins, record_property: Record) -> None:
    twins.create("--restart-delay=0s", "--update-monitor=10s")
    twins.prove()
    since = time.time()
    twins.deploy("--env-add=DO=exit")
    seen = twins.watch(
        "an update is paused",
        since,
        "the update is paused",
        promised="5 s from the pause: a pass",
        cured=twins.back,
    )
    judge(seen, record_property)


def test_an_image_is_missing(twins: Twins, record_property: Record) -> None:
    twins.create("--restart-delay=0s")
    twins.prove()
    since = time.time()
    twins.deploy("--image=nowhere.invalid/none:1", "--no-resolve-image")
    seen = twins.watch(
        "an image does not exist",
        since,
        "cannot be had",
        promised="5 s from the first refusal: a pass",
        cured=twins.back,
    )
    judge(seen, record_property)


# Alive, and of no use, once /tmp/wedged is there.
_WORKER = """
trap 'exit 0' TERM
mkdir -p /www
httpd -p 8080 -h /www
while :; do
    if [ -e /tmp/wedged ]; then stalled=60; else stalled=0; fi
    echo "stalled_seconds $stalled" >/www/next && mv /www/next /www/metrics
    sleep 0.3 & wait $!
done
"""


def test_a_task_is_wedged(twins: Twins, stack: Stack, record_property: Record) -> None:
    options = (f"--network={NETWORK}", "--endpoint-mode=dnsrr")
    twins.create(*options, heal="probe", task=_WORKER)
    twins.run()
    wait_until(lambda: probed(stack, twins.cured), timeout=180, what="a first answer", every=1)
    since = time.time()
    tasks = twins.in_task(2, "touch", "/tmp/wedged")
    seen = twins.watch(
        "a task is alive and does nothing",
        since,
        "60 is above 10",
        promised="7 s: `interval`, a pass; two passes to the cure",
        cured=lambda service: twins.replaced(service, tasks),
    )
    judge(seen, record_property)


def probed(stack: Stack, service: str) -> bool:
    """Whether the probe of a service has had an answer."""
    with suppress(ProcessFailed):
        told = stack.told("explain", service)
        return "healthy" in told and "not known" not in told
    return False


# The Swarm may choose another leader meanwhile, and all is late: then it is another fault.
@pytest.mark.flaky(reruns=3)
def test_a_node_is_cut_off_and_returns(twins: Twins, stack: Stack, record_property: Record) -> None:
    # Also when this is another try.
    stack.cluster.wait_ready()
    twins.create("--restart-delay=0s")
    twins.run()
    manager, *others = stack.cluster.nodes
    controller = stack.controller_node()
    lost = next(node for node in others if node is not controller)

    def moved(service: str) -> bool:
        return twins.whole(service) and lost.hostname not in manager.places(service)

    def spread(service: str) -> bool:
        return twins.whole(service) and len({*manager.places(service)}) == REPLICAS

    since = time.time()
    stack.cluster.cut_off(lost)
    try:
        seen = twins.watch(
            "a node is cut off", since, f"{lost.hostname}: down", promised=SAID_DOWN, cured=moved
        )
    finally:
        stack.cluster.reconnect(lost)
    judge(seen, record_property)
    manager.wait_state(lost, "ready")
    since = time.time()
    seen = twins.watch(
        "a node returns, and stays empty",
        since,
        "a skew of",
        promised="25 s from when Swarm says it is back: `stable`, `for`, a pass",
        cured=spread,
    )
    judge(seen, record_property)
