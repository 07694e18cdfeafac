"""Wherever the connection, the writer or the server ends: what was acknowledged is there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autoscaler.errors import AutoscalerError, OutcomeUnknown, Permanent, Temporary
from autoscaler.ports import Store
from autoscaler.store import open_store
from autoscaler.testing.real.postgres import PrivatePostgres
from tests.e2e.postgres_wire import Wire, wire_to
from tests.e2e.store_writer import WRITES, begin, whole, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

RecordProperty = Callable[[str, object], None]
WRITER = Path(__file__).with_name("store_writer.py")
SAME_DATABASE = 20
"""Crashes that hit the same database, so that recovery is hit as well."""


def give_way(error: Permanent) -> None:
    pytest.fail(f"nobody else acts: {error}")


@asynccontextmanager
async def acting(url: str) -> AsyncIterator[Store]:
    store = await open_store(url, acting=give_way, deadline=20.0)
    try:
        yield store
    finally:
        await store.close()


async def play(store: Store, number: int) -> tuple[int, AutoscalerError | None]:
    """Two turns of writes: how many writes are acknowledged in all, and what ended it."""
    try:
        for _ in range(2 * len(WRITES)):
            await write(store, number)
            number += 1
    except Temporary as error:
        return number, error
    return number, None


def possible(acknowledged: int, error: AutoscalerError | None) -> set[int]:
    """What may be there: where the outcome is not known, the next write too."""
    unknown = isinstance(error, OutcomeUnknown)
    return {acknowledged, acknowledged + 1} if unknown else {acknowledged}


async def messages_of_two_turns(url: str, wire: Wire) -> int:
    """As many as there are moments at which something may happen."""
    async with acting(url) as store:
        number, _ = await play(store, await begin(store))
        wire.watch()
        await play(store, number)
        return wire.passed


async def test_a_connection_that_is_cut_at_any_message_loses_nothing(
    postgres: PrivatePostgres, record_property: RecordProperty
) -> None:
    unknown = 0
    async with wire_to(postgres.port) as wire:
        points = await messages_of_two_turns(wire.instead_of(postgres.create()), wire)
        for point in range(1, points + 1):
            if point % SAME_DATABASE == 1:
                url = wire.instead_of(postgres.create())
            async with acting(url) as store:
                before = await begin(store)
                wire.watch(point)
                acknowledged, error = await play(store, before)
                assert error is not None, f"nothing went wrong at message {point}"
                unknown += isinstance(error, OutcomeUnknown)
                wire.watch()
                # The same store is at work again, without any help.
                assert await whole(store) in possible(acknowledged, error), f"message {point}"
    assert points >= 100
    assert 0 < unknown < points / 2
    record_property("crash_points", points)
    record_property("outcomes_unknown", unknown)


async def test_a_server_that_is_killed_at_any_message_loses_nothing(
    need_postgres: None, record_property: RecordProperty
) -> None:
    with PrivatePostgres() as server:
        url = server.create()
        async with wire_to(server.port) as wire:
            points = await messages_of_two_turns(wire.instead_of(url), wire)
            chosen = range(1, points + 1, 3)
            async with acting(wire.instead_of(url)) as store:
                for point in chosen:
                    before = await begin(store)
                    wire.watch(point, lambda: asyncio.to_thread(server.kill))
                    acknowledged, error = await play(store, before)
                    assert error is not None, f"nothing went wrong at message {point}"
                    await wire.happened.wait()
                    wire.watch()
                    await asyncio.to_thread(server.revive)
                    assert await whole(store) in possible(acknowledged, error), f"at {point}"
    record_property("crash_points", len(chosen))


class Writer:
    """The program that is killed, over and over."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = 0

    async def write(self, url: str) -> None:
        """Let a child write there."""
        assert self._process.stdin is not None
        order = {"store": url, "kill": {}}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self.pid = (await self._told())["pid"]

    async def acknowledged(self) -> int | None:
        """The last write that was acknowledged before the end, by its number; None for none."""
        acknowledged: list[int] = (await self._told())["acks"]
        return acknowledged[-1] if acknowledged else None

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    async def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(180):
            told: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return told


@asynccontextmanager
async def a_writer() -> AsyncIterator[Writer]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), stdin=pipe, stdout=pipe
    )
    try:
        yield Writer(process)
    finally:
        process.kill()
        await process.communicate()


async def test_a_writer_that_is_killed_at_any_message_loses_nothing(
    postgres: PrivatePostgres, record_property: RecordProperty
) -> None:
    async with a_writer() as writer, wire_to(postgres.port) as wire:
        url, before = postgres.create(), 0
        messages = await messages_of_two_turns(wire.instead_of(url), wire)
        # Those of a login, and of a look at what is there, come before those of a turn.
        chosen = range(1, messages * 3 // 2, 3)
        for number, point in enumerate(chosen):
            if number % SAME_DATABASE == 0:
                url, before = postgres.create(), 0
            wire.watch(point, writer.kill)
            await writer.write(wire.instead_of(url))
            acknowledged = await writer.acknowledged() or before
            # Its successor acts as soon as the server has seen its end.
            async with acting(url) as store:
                before = await whole(store)
            assert before in (acknowledged, acknowledged + 1), f"message {point}"
    record_property("crash_points", len(chosen))
