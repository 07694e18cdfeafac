"""While the store cannot be written the loop goes on and does nothing; then it does it once."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import pytest

from autoscaler.errors import AutoscalerError
from autoscaler.model import Outcome
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_policy_document, a_service, at_once
from autoscaler.testing.scenario import Scenario
from autoscaler.testing.scripted_source import constant

POLICY = a_policy_document(min=1, max=20, behavior=at_once(), policy={"services": ["*"]})
SERVICES = 60
"""More than fit into what a full disk has left in pages of the file."""

Fault = Callable[["Disk"], AbstractContextManager[None]]


class Disk:
    """A file with a store, and the connection that the store has to it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "autoscaler.db"
        self.connection: sqlite3.Connection

    def connect(self, *args: object, **options: object) -> sqlite3.Connection:
        # A test need not wait for a lock that stays; deadlines are long, as disks may be slow.
        options |= {"check_same_thread": False, "timeout": 0.05}
        self.connection = sqlite3.connect(*args, **options)  # type: ignore[call-overload]
        return self.connection


@contextmanager
def full(disk: Disk) -> Iterator[None]:
    (pages,) = disk.connection.execute("pragma page_count").fetchone()
    disk.connection.execute(f"pragma max_page_count = {pages + 1}")
    disk.connection.execute("create table others (taken blob)")
    with suppress(sqlite3.OperationalError):
        while True:
            disk.connection.execute("insert into others values (zeroblob(100))")
    yield
    disk.connection.execute("pragma max_page_count = 1000000")


@contextmanager
def read_only(disk: Disk) -> Iterator[None]:
    disk.connection.execute("pragma query_only = on")
    yield
    disk.connection.execute("pragma query_only = off")


@contextmanager
def locked(disk: Disk) -> Iterator[None]:
    with closing(sqlite3.connect(disk.file, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield


@contextmanager
def damaged(disk: Disk) -> Iterator[None]:
    """A table is another one than it should be."""
    disk.connection.execute("alter table intents rename to lost")
    yield
    disk.connection.execute("alter table lost rename to intents")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[tuple[Scenario, Disk]]:
    disk = Disk(tmp_path)
    store = await SqliteStore.open(disk.file, connect=disk.connect, deadline=60.0)
    services = [a_service(3, id=f"web{n}-id", name=f"web{n}") for n in range(SERVICES)]
    scenario = Scenario(*services, policies=[POLICY], answer=constant(300.0), store=store)
    async with scenario:
        await scenario.cycle()
        yield scenario, disk


def failures(scenario: Scenario) -> int:
    """What the alert `StoreFailing` goes by."""
    name = 'autoscaler_errors_total{where="store"} '
    lines = scenario.telemetry.render().decode().splitlines()
    return int(sum(float(line.removeprefix(name)) for line in lines if line.startswith(name)))


@pytest.mark.parametrize("fault", [full, read_only, locked, damaged])
async def test_without_a_stored_intent_nothing_is_done(
    scene: tuple[Scenario, Disk], fault: Fault
) -> None:
    scenario, disk = scene
    scenario.source.answer = constant(900.0)
    with fault(disk):
        for _ in range(3):
            with pytest.raises(AutoscalerError, match=r"the store .*autoscaler\.db"):
                await scenario.cycle()
        assert scenario.swarm.applied == []
        assert failures(scenario) == 3
    await scenario.cycle()
    assert failures(scenario) == 3
    assert scenario.replicas("web7-id") == 9
    assert len(scenario.swarm.applied) == SERVICES
    newest = await scenario.store.history(limit=SERVICES)
    assert {outcome for _, outcome in newest} == {Outcome.DONE}
    assert list(await scenario.store.open_intents()) == []
