"""How an agent reaches the engine of its node."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from autoscaler.errors import Permanent
from autoscaler.orchestrators.swarm import SwarmSettings
from autoscaler.settings import Agent
from autoscaler.sources.docker import Settings as StatisticsSettings


def api(settings: Agent, timeout: float = 10.0) -> SwarmSettings:
    """For lists, events and requests. Raises Permanent for an address that leads nowhere."""
    try:
        found = SwarmSettings.model_validate(_engine(settings))
    except ValidationError as error:
        raise Permanent(f"settings: agent: {error}") from error
    return found.model_copy(update={"timeout": timeout})


def statistics(settings: Agent) -> StatisticsSettings:
    """For statistics. Raises Permanent for an address that leads nowhere."""
    try:
        return StatisticsSettings.model_validate(
            {**_engine(settings), "streams": settings.containers}
        )
    except ValidationError as error:
        raise Permanent(f"settings: agent: {error}") from error


def _engine(settings: Agent) -> dict[str, Any]:
    """What is not stated has the defaults of the engine's own settings."""
    stated = {
        "host": settings.host,
        "tls_ca": settings.tls_ca,
        "tls_cert": settings.tls_cert,
        "tls_key": settings.tls_key,
    }
    return {key: value for key, value in stated.items() if value is not None}
