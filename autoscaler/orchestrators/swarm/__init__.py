"""The adapter to Docker Swarm.

`orchestrator.py` is the port; it composes `client.py` (one HTTP request: versions, deadlines,
errors), `translate.py` (the engine's JSON to nouns), `tasks.py` (which tasks to list when),
`write.py` (the one write) and `events.py` (hints).
"""

from autoscaler.orchestrators.swarm.orchestrator import SwarmOrchestrator
from autoscaler.orchestrators.swarm.settings import EventSettings, ListSettings, SwarmSettings

__all__ = ["EventSettings", "ListSettings", "SwarmOrchestrator", "SwarmSettings"]
