"""A small model of the Swarm engine, for tests: its API on a real socket, and no containers.

    async with FakeSwarm() as swarm:
        service = swarm.create("web", replicas=2)
        orchestrator = SwarmOrchestrator(SwarmSettings(host=swarm.host))

`fake_swarm.py` is what a test holds. Behind it: `cluster.py` keeps the objects (`objects.py`)
and their versions; `services.py` does what clients ask for; `steps.py` moves the cluster one
step on (`slots.py` makes tasks, `restarts.py` says which are replaced, `scheduler.py` places
them, `lifecycle.py` runs them as `programs.py` says, `updater.py` rolls updates out and
`membership.py` knows the nodes); `journal.py` is the event stream, `handlers.py` the API,
`faults.py` what can go wrong and `spoiling.py` what becomes of answers on their way. Contract
tests hold it to a real engine, but for nodes.

Only services that something happened to are looked at, so what is at rest costs nothing;
`cluster.next_at` says when something happens next by itself, and `pass_time` lets it happen.
"""

from autoscaler.testing.engine.fake_swarm import FakeSwarm
from autoscaler.testing.engine.faults import Faults
from autoscaler.testing.engine.programs import Behaviour, Pace, Program

__all__ = ["Behaviour", "FakeSwarm", "Faults", "Pace", "Program"]
