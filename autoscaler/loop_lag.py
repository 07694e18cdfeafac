"""How much later than asked for the event loop comes to something."""

from __future__ import annotations

import asyncio

from autoscaler.telemetry import Telemetry


async def watch_loop_lag(telemetry: Telemetry, interval: float = 0.25) -> None:
    """Measure for ever how much later than asked for (each `interval` s) a timer fires."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + interval
        await asyncio.sleep(interval)
        telemetry.loop_lag(max(0.0, loop.time() - due))
