"""Senders of alerts for `bench.webhook`: a steady rate, slow ones, hostile ones."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Any

import aiohttp

from autoscaler.testing.webhook import JSON, Hostile, alert, webhook
from bench.receivers import TOKEN

HEADERS = {**JSON, "Authorization": f"Bearer {TOKEN}"}
SERVICES = 2000
"""Alerts that are known at a time: each fires and ends, over and over."""
CONNECTIONS = 64


@dataclass
class Sent:
    """What came of posts."""

    seconds: list[float] = field(default_factory=list)
    """From the moment that each was due to its answer: who waits for a connection waits too."""
    statuses: Counter[int] = field(default_factory=Counter)
    """0: no answer."""
    accepted: set[str] = field(default_factory=set)
    """Identities of alerts that were acknowledged as accepted."""

    def figures(self) -> dict[str, Any]:
        """Milliseconds, and how often each status was answered."""
        ordered = sorted(self.seconds) or [0.0]
        return {
            "posts": sum(self.statuses.values()),
            "p50_ms": round(1e3 * statistics.median(ordered), 2),
            "p99_ms": round(1e3 * ordered[int(0.99 * (len(ordered) - 1))], 2),
            "most_ms": round(1e3 * ordered[-1], 2),
            "statuses": {str(key): number for key, number in sorted(self.statuses.items())},
        }


def alerts() -> Iterator[dict[str, Any]]:
    """One after the other, each of them news: alerts fire, end, and fire anew."""
    now = time.time() - 1e6
    for number in count():
        service, round_ = number % SERVICES, number // SERVICES
        ends, start = round_ % 2, now + 60.0 * (round_ // 2)
        status, end = ("resolved", start + 30.0) if ends else ("firing", 0.0)
        yield alert("BenchSlow", status, start=start, end=end, service=f"service{service}")


def session() -> aiohttp.ClientSession:
    """Connections that are kept, as Alertmanager keeps its own."""
    wait = aiohttp.ClientTimeout(total=30)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    return aiohttp.ClientSession(connector=connector, headers=HEADERS, timeout=wait)


async def post(
    client: aiohttp.ClientSession, url: str, body: bytes, sent: Sent, due: float, **headers: str
) -> None:
    """One post, and what came of it."""
    try:
        async with client.post(url, data=BytesIO(body), headers={**JSON, **headers}) as answer:
            told = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError):
        sent.statuses[0] += 1
        return
    sent.seconds.append(time.perf_counter() - due)
    sent.statuses[answer.status] += 1
    if isinstance(told, dict) and isinstance(told.get("accepted"), list):
        sent.accepted.update(told["accepted"])


async def steadily(
    url: str, source: Iterator[dict[str, Any]], rate: float, seconds: float, sent: Sent
) -> None:
    """So many posts of one alert each in a second, whether or not answers come."""
    async with session() as client, asyncio.TaskGroup() as group:
        begun = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(post(client, url, webhook([next(source)]), sent, due))


async def at_once(url: str, body: bytes) -> tuple[int, float]:
    """One body: status and seconds."""
    sent = Sent()
    async with session() as client:
        await post(client, url, body, sent, time.perf_counter())
    return next(iter(sent.statuses)), sent.seconds[0] if sent.seconds else float("nan")


async def slowly(url: str, senders: int, seconds: float) -> Counter[int]:
    """Senders whose bodies never end; the statuses that they are answered."""
    sent = Sent()

    async def dribble() -> AsyncIterator[bytes]:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            yield b"["
            await asyncio.sleep(0.2)

    async def one() -> None:
        wait = aiohttp.ClientTimeout(total=seconds + 30)
        async with aiohttp.ClientSession(headers=HEADERS, timeout=wait) as client:
            try:
                async with client.post(url, data=dribble()) as answer:
                    sent.statuses[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError, OSError):
                sent.statuses[0] += 1

    await asyncio.gather(*(one() for _ in range(senders)))
    return sent.statuses


async def hostile(url: str, number: int, seed: int, senders: int = 8) -> Sent:
    """Bodies as accidents and enemies make them."""
    sent, bodies = Sent(), Hostile(seed).bodies(number)

    async def some(client: aiohttp.ClientSession) -> None:
        for headers, body in bodies:
            await post(client, url, body, sent, time.perf_counter(), **headers)

    async with session() as client:
        await asyncio.gather(*(some(client) for _ in range(senders)))
    return sent


def many(number: int) -> bytes:
    """One document with so many alerts."""
    alerts = (
        alert(f"Many{n}", service=f"service{n}", severity="page", team="shop", job="web")
        for n in range(number)
    )
    return webhook([*alerts])


def together(rounds: Sequence[Sent]) -> Sent:
    """Several rounds as one."""
    whole = Sent()
    for each in rounds:
        whole.seconds += each.seconds
        whole.statuses += each.statuses
        whole.accepted |= each.accepted
    return whole
