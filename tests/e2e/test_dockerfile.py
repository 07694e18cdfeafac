"""The image as its users build and start it, on a base of the machine's own distribution."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autoscaler.testing.real.base_image import missing_base
from autoscaler.testing.real.dockerd import PrivateEngine, PrivateSwarm
from autoscaler.testing.real.processes import ProcessFailed, free_port, wait_until
from autoscaler.testing.real.prometheus import PrivatePrometheus
from tests.e2e import five_minutes, project_image
from tests.e2e.five_minutes import Machine
from tests.e2e.project_image import IMAGE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def engine(need_engine: None, require: Callable[[list[str]], None]) -> Iterator[PrivateEngine]:
    """An engine that holds the built image; the build reaches what the machine reaches."""
    require(missing_base())
    with PrivateEngine(network="host") as engine:
        project_image.build(engine)
        yield engine


def in_container(engine: PrivateEngine, *options: str) -> str:
    return engine.docker("run", "--rm", "--network=host", *options)


def test_the_image_runs_the_command(engine: PrivateEngine) -> None:
    assert "Usage: autoscaler" in in_container(engine, IMAGE, "--help")


def test_the_image_does_not_run_as_root(engine: PrivateEngine) -> None:
    assert int(in_container(engine, "--entrypoint=id", IMAGE, "-u")) != 0


def test_the_image_runs_read_only_and_without_capabilities(engine: PrivateEngine) -> None:
    read_only = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    assert "Usage: autoscaler" in in_container(engine, *read_only, IMAGE, "--help")


def test_a_container_is_healthy_until_it_is_stopped_and_then_ends_well(
    engine: PrivateEngine,
) -> None:
    """Without a cluster at that: it lives, and waits for one."""
    listen = f"--env=AUTOSCALER_LISTEN=127.0.0.1:{free_port()}"
    options = ("--detach", "--network=host", "--health-interval=1s", listen)
    container = engine.docker("run", *options, IMAGE, "run")

    def state(what: str) -> str:
        return engine.docker("inspect", "--format={{.State." + what + "}}", container)

    wait_until(lambda: state("Health.Status") == "healthy", timeout=180, what="its health")
    engine.docker("stop", "--time=120", container)
    assert state("ExitCode") == "0"


def test_the_image_holds_no_tests_and_no_build_tools(engine: PrivateEngine) -> None:
    listing = in_container(engine, "--entrypoint=ls", IMAGE, "/", "/opt", "/var/lib/autoscaler")
    assert not {"source", "tests", "build"} & set(listing.split())


@pytest.fixture
def machine(need_engine: None, require: Callable[[list[str]], None]) -> Iterator[Machine]:
    require(PrivatePrometheus.missing())
    with (
        tempfile.TemporaryDirectory(prefix="readme") as directory,
        PrivateSwarm(options=five_minutes.OPTIONS) as swarm,
    ):
        yield Machine(swarm, Path(directory))


def test_the_commands_of_the_readme_start_it_on_a_swarm(
    engine: PrivateEngine, machine: Machine
) -> None:
    (build, check, start, ask, go), end = five_minutes.commands()
    machine.build_by(engine, project_image.arguments())
    machine.add_shop()
    machine.type(build, timeout=600)
    machine.add_prometheus("autoscaler")
    assert "shop-web" in machine.type(check)
    machine.type(start)
    told = wait_until(lambda: answer(machine, ask), timeout=180, what="a dry run", every=1)
    assert "shop_web" in told
    assert machine.desired() == 1
    machine.type(go)
    machine.wait_desired(5)
    machine.type(end)
    machine.swarm.wait_running("shop_web", 5, timeout=180)


def answer(machine: Machine, ask: str) -> str:
    """What it answers once it has decided; nothing before."""
    try:
        text = machine.type(ask)
    except ProcessFailed:
        return ""
    return text if "dry_run" in text else ""
