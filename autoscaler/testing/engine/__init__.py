"""A small model of the Swarm engine, for tests: its API on a real socket, and no containers.

    async with FakeSwarm() as swarm:
        service = swarm.create("web", replicas=2)
        orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))

`fake_swarm.py` is what a test holds. Behind it: `cluster.py` keeps the objects (`objects.py`)
and their versions; `services.py` does what clients ask for; `steps.py` moves the cluster one
step on (`slots.py` makes tasks, `scheduler.py` places them, `lifecycle.py` runs them,
`updater.py` rolls updates out); `journal.py` is the event stream, `handlers.py` the API,
`faults.py` what can go wrong and `spoiling.py` what becomes of answers on their way. The contract
tests of the orchestrator hold it to a real engine.
"""

from autoscaler.testing.engine.fake_swarm import FakeSwarm
from autoscaler.testing.engine.faults import Faults
from autoscaler.testing.engine.objects import Behaviour

__all__ = ["Behaviour", "FakeSwarm", "Faults"]
