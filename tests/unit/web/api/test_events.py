"""What happens is told as it happens."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from autoscaler.model import Happening, HappeningKind, Severity
from autoscaler.testing.builders import NOW
from autoscaler.testing.scenario import Scenario
from autoscaler.web.api import events
from tests.unit.web.api.conftest import Client, as_


def happening(text: str, **changes: Any) -> Happening:
    given = {"at": NOW, "kind": HappeningKind.NOTICE, "severity": Severity.INFO, "text": text}
    return Happening(**{**given, **changes})


async def listen(client: Client, last: str | None = None) -> aiohttp.ClientResponse:
    """A stream that has begun."""
    headers = {**as_("reader"), **({"Last-Event-ID": last} if last else {})}
    stream = await client.get("/api/v1/events", headers=headers)
    assert stream.status == 200
    assert await stream.content.readuntil(b"\n\n") == b": listening\n\n"
    return stream


async def event(stream: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next event's fields."""
    async with asyncio.timeout(120):
        text = await stream.content.readuntil(b"\n\n")
    fields = dict(line.split(": ", 1) for line in text.decode().strip().split("\n"))
    return {**fields, "data": json.loads(fields["data"])}


async def test_who_listens_hears_what_happens(scene: Scenario, client: Client) -> None:
    stream = await listen(client)
    await scene.cycle()
    told = await event(stream)
    assert told["event"] == "scaled"
    assert told["data"]["happening"]["service"] in ("web", "db")
    href = told["data"]["decision"]
    answer = await client.get(href, headers=as_("reader"))
    assert (await answer.json())["record"]["decision"]["action"]["kind"] == "scale"
    stream.close()


async def test_who_comes_back_hears_what_was_missed(scene: Scenario, client: Client) -> None:
    tell = scene.telemetry.happenings.tell
    stream = await listen(client)
    tell(happening("one"))
    first = await event(stream)
    stream.close()
    for text in ("two", "three"):
        tell(happening(text))
    stream = await listen(client, first["id"])
    texts = [(await event(stream))["data"]["happening"]["text"] for _ in range(2)]
    assert texts == ["two", "three"]
    stream.close()


@pytest.mark.parametrize("last", ["", "x", "deadbeef-1", "-", "é-²"])
async def test_an_id_that_is_not_known_begins_anew(
    scene: Scenario, client: Client, last: str
) -> None:
    scene.telemetry.happenings.tell(happening("before"))
    stream = await listen(client, last)
    scene.telemetry.happenings.tell(happening("after"))
    assert (await event(stream))["data"]["happening"]["text"] == "after"
    stream.close()


async def test_a_line_break_in_a_text_ends_no_event(scene: Scenario, client: Client) -> None:
    stream = await listen(client)
    scene.telemetry.happenings.tell(happening("a\n\ndata: b\r\n"))
    assert (await event(stream))["data"]["happening"]["text"] == "a\n\ndata: b\r\n"
    stream.close()


async def test_who_reads_slowly_is_dropped_and_nobody_waits(
    scene: Scenario, client: Client
) -> None:
    stream = await listen(client)
    # Far more than the system's buffers take.
    for _ in range(4 * events.MOST_UNREAD):
        scene.telemetry.happenings.tell(happening("x" * 16_384))
        await asyncio.sleep(0)
    with suppress(aiohttp.ClientError):
        async with asyncio.timeout(120):
            while await stream.content.read(1 << 20):
                pass
    assert stream.content.at_eof() or stream.content.exception()
    stream.close()


async def test_so_many_may_listen_and_no_more(client: Client) -> None:
    streams = [await listen(client) for _ in range(events.MOST_LISTENERS)]
    answer = await client.get("/api/v1/events", headers=as_("reader"))
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    for stream in streams:
        stream.close()
