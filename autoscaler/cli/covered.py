"""Which nodes have an agent, as the running service tells."""

from __future__ import annotations

import http.client
import json
from contextlib import closing

from autoscaler.cli.healthcheck import reachable
from autoscaler.settings import Settings

DEADLINE = 1.0
MOST_BYTES = 1_000_000


def covered(settings: Settings) -> list[str]:
    """One line about agents, and what is not seen without them; none where nobody answers."""
    host, port = settings.address
    with closing(http.client.HTTPConnection(reachable(host), port, timeout=DEADLINE)) as asked:
        try:
            asked.request("GET", "/agents")
            answer = asked.getresponse()
            document = json.loads(answer.read(MOST_BYTES))
        except (OSError, http.client.HTTPException, ValueError):
            return []
    told = document.get("told") if isinstance(document, dict) else None
    return [f"agents: {told}"] if isinstance(told, str) else []
