"""The agent within the controller, for the node whose engine the controller is given.

It speaks to the hub as any other agent does, and gives way to one that runs by itself. What
goes wrong with it is told, and harms nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autoscaler.agent import process
from autoscaler.agent.channel import Channel, pipe
from autoscaler.hub import Hub
from autoscaler.settings import Agent, Settings
from autoscaler.telemetry import Telemetry

AGAIN_AFTER = 30.0
"""Seconds before a fault of the agent's own is forgotten."""


async def keep_agent(hub: Hub, settings: Settings, telemetry: Telemetry) -> None:
    """Run the agent, for ever, unless the settings or a gate before the engine forbid it."""
    if not settings.agents.here or "token_file" in settings.orchestrator:
        return

    @asynccontextmanager
    async def connect() -> AsyncIterator[Channel]:
        ours, theirs = pipe()
        attending = asyncio.create_task(hub.attend(theirs, "this process", spare=True))
        telemetry.well("agent")
        try:
            yield ours
        finally:
            await ours.close()
            attending.cancel()
            await asyncio.gather(attending, return_exceptions=True)

    while True:
        try:
            await process.inside(_engine(settings), connect)
        except Exception as error:  # noqa: BLE001
            telemetry.error("agent", error)
            await asyncio.sleep(AGAIN_AFTER)


def _engine(settings: Settings) -> Agent:
    """The engine that the controller is given, and what an agent may do there."""
    given = settings.orchestrator
    names: tuple[str, ...] = ("host", "tls_ca", "tls_cert", "tls_key")
    same = {name: given[name] for name in names if name in given}
    return settings.agent.model_copy(update=same)
