"""How late an event loop is, and how late one would be that has nothing to do on this machine.

By itself (`python -m bench.lateness`) it is such a loop: it says when it begins, watches until
its standard input ends, and then tells what it has seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from bench.reactions import spread

EVERY = 0.01
"""Seconds between two looks."""


@dataclass
class Lags:
    """In milliseconds, by how much each timer fired later than asked for."""

    all: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    """What this process can have caused at most: no more than the CPU time that it had."""


async def watch(lags: Lags) -> None:
    """For ever."""
    loop = asyncio.get_running_loop()
    while True:
        due, had = loop.time() + EVERY, time.process_time()
        await asyncio.sleep(EVERY)
        late = 1e3 * (loop.time() - due)
        lags.all.append(late)
        lags.own.append(min(late, 1e3 * (time.process_time() - had)))


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[Lags]:
    """This event loop."""
    lags = Lags()
    task = asyncio.create_task(watch(lags))
    try:
        yield lags
    finally:
        task.cancel()


@contextlib.asynccontextmanager
async def bare_loop() -> AsyncIterator[dict[str, Any]]:
    """A loop in a process that has nothing else to do; its figures are there at the end."""
    found: dict[str, Any] = {}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.lateness"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    yield found
    out, _ = await process.communicate(b"")
    found |= json.loads(out)


async def _be_bare() -> None:
    async with watched() as lags:
        print("watching", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    json.dump(spread(lags.all), sys.stdout)


if __name__ == "__main__":
    asyncio.run(_be_bare())
