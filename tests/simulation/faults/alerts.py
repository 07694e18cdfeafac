"""What may happen to alerts on their way: told twice, late, out of order, or by nobody."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import aiohttp

from autoscaler.testing.webhook import alert, webhook
from tests.simulation.faults.fault import fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]

STORM = 300
"""Alerts at once, none of which any policy asks about."""
JSON = {"Content-Type": "application/json"}


@fault("Alertmanagers apart")
async def apart(world: World) -> Course:
    """Neither hears what the other has told, so both tell everything."""
    world.alertmanagers.apart = True
    yield
    world.alertmanagers.apart = False


@fault("one Alertmanager gone")
async def one_gone(world: World) -> Course:
    world.alertmanagers.stop(0)
    yield
    world.alertmanagers.start(0)


@fault("all Alertmanagers gone")
async def all_gone(world: World) -> Course:
    """They have forgotten all alerts when they are back."""
    for number in (0, 1):
        world.alertmanagers.stop(number)
    yield
    for number in (0, 1):
        world.alertmanagers.start(number)


@fault("webhook not reached")
async def unreached(world: World) -> Course:
    """What is told waits on its way, and comes all at once."""
    world.network.hold("autoscaler")
    yield
    world.network.let_go("autoscaler")


@fault("storm of alerts")
async def storm(world: World) -> Course:
    for number in range(STORM):
        world.alertmanagers.fire(f"Noise{number}", service="nobody")
    yield
    for number in range(STORM):
        world.alertmanagers.end(f"Noise{number}", service="nobody")


@fault("alerts truncated, doubled and out of order")
async def muddled(world: World) -> Course:
    """Ends before beginnings, each twice, and more of them than were sent."""
    now = world.clock()
    told = [
        alert("Muddled", "resolved", start=now - 60, end=now, service="nobody"),
        alert("Muddled", "firing", start=now - 60, service="nobody"),
        alert("Muddled", "firing", start=now - 3600, service="nobody"),
    ]
    for each in (*told, *told):
        await _post(world, webhook([each, each], truncatedAlerts=7))
    yield


async def _post(world: World, body: bytes) -> None:
    """As an Alertmanager that tells of what it has held back."""
    login = {"Authorization": f"Bearer {world.alertmanagers.members[0].route.token}"}
    within = aiohttp.ClientTimeout(total=5.0)
    async with aiohttp.ClientSession(
        connector=world.network.connector("somebody"), headers={**JSON, **login}, timeout=within
    ) as session:
        try:
            async with session.post(world.alertmanagers.members[0].route.url, data=body) as answer:
                await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            world.note("not told", type(error).__name__)


FAULTS = (apart, one_gone, all_gone, unreached, storm, muddled)
