"""Policies that the Swarm keeps: its configs that bear a label."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from autoscaler.orchestrators.swarm.client import EngineClient
from autoscaler.orchestrators.swarm.documents import decode
from autoscaler.orchestrators.swarm.raw import child, text

LABEL = "autoscaler.policy=true"


async def policies(client: EngineClient) -> dict[str, bytes]:
    """The content of each config with the label, by the config's name."""
    answer = await client.get("configs", {"label": [LABEL]})
    return dict(await decode(answer.body, "config list", _content))


def _content(raw: Any) -> tuple[str, bytes]:
    spec = child(raw, "Spec")
    return text(spec, "Name"), b64decode(text(spec, "Data"), validate=True)
