"""A cluster that is away at the start holds up what it keeps, and is not taken for a mistake."""

from __future__ import annotations

from pathlib import Path

from autoscaler.app import Parts, assemble, keeper
from autoscaler.errors import Temporary
from autoscaler.policy_files import PolicyWatcher
from autoscaler.serving import policies, ready
from autoscaler.settings import Settings
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_service
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.memory_swarm import MemorySwarm

POLICY = "version: 1\npolicies:\n  - {name: shop, services: [web], scale: {min: 2, max: 4}}\n"
AWAY = "it is not known what policies the cluster keeps: the engine is silent"


class Keeping(MemorySwarm):
    """A cluster that keeps no policies, and says so while it can be asked."""

    async def policies(self) -> dict[str, bytes]:
        self._fail()
        return {}


async def test_a_cluster_that_is_away_at_the_start_is_no_mistake_in_policies(
    tmp_path: Path,
) -> None:
    (tmp_path / "shop.yaml").write_text(POLICY)
    swarm = Keeping(ManualClock(), a_service(3))
    swarm.fault = Temporary("the engine is silent")
    store = await SqliteStore.open(":memory:")
    parts = Parts(Settings(policies=(str(tmp_path),)), swarm, {}, store)
    watcher = PolicyWatcher(parts.settings.policy_paths, kept=keeper(parts))
    loop = await assemble(parts, watcher)
    assert await watcher.load()
    page = parts.telemetry.render().decode()
    assert "autoscaler_config_last_reload_successful 1.0" in page
    assert "autoscaler_policies 1.0" in page
    assert 'autoscaler_errors_total{where="policies of the cluster"} 1.0' in page
    assert loop.covering(a_service(3))[0].policy.name == "shop"
    assert ready(parts, watcher) == (False, f"{AWAY}; until then labels wait")
    assert policies(watcher).problems == (AWAY,)
    swarm.fault = None
    assert await watcher.load()
    assert ready(parts, watcher) == (False, "the fleet has not been observed yet")
    assert policies(watcher).problems == ()
    await store.close()
