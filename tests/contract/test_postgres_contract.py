"""The store in PostgreSQL keeps the contract of every store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.ports import Store
from autoscaler.store import open_store
from autoscaler.testing.contracts.alerts import AlertsContract
from autoscaler.testing.contracts.history import HistoryContract
from autoscaler.testing.contracts.revisions import RevisionsContract
from autoscaler.testing.contracts.store import StoreContract
from autoscaler.testing.real.postgres import PrivatePostgres


class InPostgres:
    """A database for each directory."""

    @pytest.fixture(autouse=True)
    def _use(self, postgres: PrivatePostgres) -> Iterator[None]:
        self._server = postgres
        self._databases: dict[Path, str] = {}
        yield
        for url in self._databases.values():
            postgres.drop(url)

    async def open(self, place: Path) -> Store:
        if place not in self._databases:
            self._databases[place] = self._server.create()
        return await open_store(self._databases[place])


class TestStoreInPostgres(InPostgres, StoreContract):
    pass


class TestHistoryInPostgres(InPostgres, HistoryContract):
    pass


class TestRevisionsInPostgres(InPostgres, RevisionsContract):
    pass


class TestAlertsInPostgres(InPostgres, AlertsContract):
    pass
