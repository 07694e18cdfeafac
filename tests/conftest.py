"""What all tests share: the option, the markers and the servers of the real test bed."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from autoscaler.testing.real.alertmanager import PrivateAlertmanager
from autoscaler.testing.real.cluster import PrivateCluster, missing_cluster
from autoscaler.testing.real.dockerd import PrivateSwarm, missing_engine
from autoscaler.testing.real.images import import_busybox
from autoscaler.testing.real.postgres import PrivatePostgres, missing_postgres
from autoscaler.testing.real.prometheus import PrivatePrometheus
from autoscaler.testing.real.servers import Config, PrivateServer

Require = Callable[[list[str]], None]
Server = TypeVar("Server", bound=PrivateServer)

_numbers = itertools.count(1)

# How long an example takes is the machine's doing; the first one imports plugins.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-swarm",
        action="store_true",
        help="fail, not skip, where Docker, Prometheus, Alertmanager or PostgreSQL is missing",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests measured is printed at the end, also when they pass."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "require" in getattr(item, "fixturenames", ()):
            item.add_marker("swarm")
        # A busy machine may take long for what others do.
        lengthy = item.get_closest_marker("swarm") or item.get_closest_marker("slow")
        if lengthy and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def require(pytestconfig: pytest.Config) -> Require:
    """Skip where something is missing, or fail if nothing may be; marks the test `swarm`."""

    def require(missing: list[str]) -> None:
        if missing and pytestconfig.getoption("--require-swarm"):
            pytest.fail(", ".join(missing), pytrace=False)
        if missing:
            pytest.skip(", ".join(missing))

    return require


@pytest.fixture(scope="session")
def need_engine(require: Require) -> None:
    """For tests that start private engines themselves."""
    require(missing_engine())


@pytest.fixture(scope="session")
def swarm(need_engine: None) -> Iterator[PrivateSwarm]:
    """One private Swarm per session and worker; leave no services in it."""
    with PrivateSwarm() as swarm:
        yield swarm


@pytest.fixture(scope="session")
def need_cluster(require: Require) -> None:
    """For tests that start private clusters themselves."""
    require(missing_cluster())


@pytest.fixture(scope="session")
def cluster(need_cluster: None) -> Iterator[PrivateCluster]:
    """Three managers with an image for small tasks; leave them connected, without services."""
    with PrivateCluster() as cluster:
        cluster.each(import_busybox)
        yield cluster


@pytest.fixture(scope="session")
def busybox_image(swarm: PrivateSwarm) -> str:
    """The name of an image in `swarm` that holds a shell and small programs."""
    return import_busybox(swarm)


@pytest.fixture
def service_name(swarm: PrivateSwarm) -> Iterator[str]:
    """A name of the test's own; the service that bears it is removed afterwards."""
    name = f"service{next(_numbers)}"
    yield name
    if name in swarm.docker("service", "ls", "--format={{.Name}}").split():
        swarm.docker("service", "rm", name)


@pytest.fixture
def prometheus_server(
    require: Require,
) -> Iterator[Callable[..., PrivatePrometheus]]:
    """Start private Prometheus servers: `prometheus_server(config, *options)`."""
    yield from _factory(PrivatePrometheus, require)


@pytest.fixture
def alertmanager_server(
    require: Require,
) -> Iterator[Callable[..., PrivateAlertmanager]]:
    """Start private Alertmanagers: `alertmanager_server(config, *options)`."""
    yield from _factory(PrivateAlertmanager, require)


@pytest.fixture(scope="session")
def need_postgres(require: Require) -> None:
    """For tests that start PostgreSQL servers themselves."""
    require(missing_postgres())


@pytest.fixture(scope="session")
def postgres(need_postgres: None) -> Iterator[PrivatePostgres]:
    """One private PostgreSQL per session and worker; leave it running."""
    with PrivatePostgres() as server:
        yield server


def _factory(kind: type[Server], require: Require) -> Iterator[Callable[..., Server]]:
    require(kind.missing())
    with ExitStack() as servers:

        def start(config: Config, *options: str, address: str = "127.0.0.1") -> Server:
            server = kind(config, *options, address=address)
            servers.enter_context(server)
            return server

        yield start
