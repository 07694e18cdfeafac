"""Which nodes have an agent, as the running service tells."""

from __future__ import annotations

from autoscaler.cli.line import line_here, line_to
from autoscaler.errors import AutoscalerError
from autoscaler.settings import Settings

DEADLINE = 1.0


def covered(settings: Settings) -> list[str]:
    """One line about agents, and what is not seen without them; none where nobody answers."""
    try:
        line = line_to(settings.client) or line_here(settings, DEADLINE)
        _, document = line.ask("GET", "/agents")
    except (AutoscalerError, OSError):
        return []
    told = document.get("told") if isinstance(document, dict) else None
    return [f"agents: {told}"] if isinstance(told, str) else []
