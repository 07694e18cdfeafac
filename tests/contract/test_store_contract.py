"""Every store keeps the contract."""

from pathlib import Path

from autoscaler.ports import Store
from autoscaler.store import SqliteStore
from autoscaler.testing.contracts.alerts import AlertsContract
from autoscaler.testing.contracts.history import HistoryContract
from autoscaler.testing.contracts.revisions import RevisionsContract
from autoscaler.testing.contracts.store import StoreContract


class TestSqliteStore(StoreContract):
    async def open(self, place: Path) -> Store:
        return await SqliteStore.open(place / "autoscaler.db")


class TestRevisionsInSqlite(RevisionsContract):
    async def open(self, place: Path) -> Store:
        return await SqliteStore.open(place / "autoscaler.db")


class TestAlertsInSqlite(AlertsContract):
    async def open(self, place: Path) -> Store:
        return await SqliteStore.open(place / "autoscaler.db")


class TestHistoryInSqlite(HistoryContract):
    async def open(self, place: Path) -> Store:
        return await SqliteStore.open(place / "autoscaler.db")
