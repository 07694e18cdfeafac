"""What a template names must be there, in the engine model and in a real engine."""

from typing import Any

import pytest

from autoscaler.errors import Refused
from autoscaler.testing.contracts.rollback import going_back
from autoscaler.testing.engine.bed import SwarmBed


def naming(kind: str, identity: str) -> dict[str, Any]:
    """A part of a container's spec."""
    one = kind.capitalize().removesuffix("s")
    file = {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}
    return {f"{one}s": [{"File": file, f"{one}ID": identity, f"{one}Name": "named"}]}


@pytest.mark.parametrize("kind", ["secrets", "configs"])
async def test_a_template_whose_secret_or_config_is_gone_is_refused_and_nothing_changes(
    bed: SwarmBed, name: str, kind: str
) -> None:
    identity = await bed.create_named(kind, "named")
    service_id = await bed.create(name, 1)
    await bed.deploy(service_id, 1, **naming(kind, identity))
    orchestrator = bed.orchestrator()
    old = await orchestrator.template(service_id)
    await bed.deploy(service_id, 2, **{kind.capitalize(): None})
    await bed.remove_named(kind, identity)
    seen, _ = await orchestrator.inspect(service_id)
    with pytest.raises(Refused, match=f"{kind[:-1]} not found: named"):
        await orchestrator.restore(going_back(seen, old), old)
    assert (await orchestrator.inspect(service_id))[0].template == seen.template
    await orchestrator.close()
