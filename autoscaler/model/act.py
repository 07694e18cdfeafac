"""What can be done to a service."""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """What can be done to a service, and the order in which candidates are tried."""

    ROLLBACK = "rollback"
    """Bring back the template of a release that ran well, with the replicas there are."""
    RESTART = "restart"
    """Replace all tasks, under the service's own update settings."""
    REPLACE = "replace"
    """Stop the container of one task, so that Swarm replaces the task."""
    REBALANCE = "rebalance"
    """Replace all tasks, so that Swarm spreads them over the nodes anew."""
    SCALE = "scale"
    NOTIFY = "notify"
    """Change nothing, only tell."""
