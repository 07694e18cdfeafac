"""`python -m bench.reaction`: how soon something is done about what happens.

A real engine and a real Prometheus; the product is a process of its own, as in service. Each time
stands beside the least that it can take, in the same run: a raw subscriber to the engine's events,
the moment at which a new value was first read, the same writes by a bare client. See README.md.
Needs root, Debian's dockerd, and Prometheus.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from autoscaler.testing.real.dockerd import PrivateSwarm
from autoscaler.testing.real.images import import_busybox
from autoscaler.testing.real.prometheus import PrivatePrometheus
from bench.engine import machine
from bench.reaction_bed import WITHIN, Bed, bed, product
from bench.reactions import (
    Death,
    Document,
    Step,
    of_deaths,
    of_steps,
    of_storms,
    show,
    spread,
)

T = TypeVar("T")

KINDS = ("death", "prometheus", "scrape", "running", "storm")
SEED = 20_261_126
DYING = tuple(f"dying{n}" for n in range(5))
LOADED = tuple(f"loaded{n}" for n in range(10))
MANY = 100
AT_ONCE = 16
"""Services that the product changes at the same time, unless it is told otherwise."""
BEHAVIOR = {"scale_up": {"stabilization": "0s"}, "scale_down": {"stabilization": "0s"}}
QUIET = 1.0
"""Seconds between two deaths."""
SETTLE = 1.5
"""Seconds for the product to see what the bare client has changed."""
SCRAPED_EVERY = 5.0
LOW, HIGH = 0.5, 1.5
"""Values of the metric that ask for one replica and for two."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.reaction", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of each kind")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, help="these kinds")
    parser.add_argument("--json", action="store_true", help="all figures, for machines")
    asked = parser.parse_args(arguments)
    with PrivateSwarm() as swarm, tempfile.TemporaryDirectory() as directory:
        import_busybox(swarm)
        report = asyncio.run(measured(swarm, Path(directory), asked.runs, asked.only))
    if asked.json:
        json.dump(report, sys.stdout, indent=1)
    else:
        show(report)
    return 0


async def measured(
    swarm: PrivateSwarm, directory: Path, runs: int, kinds: Sequence[str] = KINDS
) -> Document:
    """One kind after the other."""
    report: Document = {"machine": machine(), "load_before": load()}
    async with bed(swarm, directory) as on:
        for name in (*DYING, *LOADED):
            await on.create(name)
        for name in (*DYING, *LOADED):
            await on.runs(name, 1)
        measures = {
            "death": deaths,
            "prometheus": by_prometheus,
            "scrape": by_scrape,
            "running": raw_running,
            "storm": storms,
        }
        for kind in kinds:
            report[kind] = await measures[kind](on, runs)
    return {**report, "load_after": load()}


def load() -> list[float]:
    """The machine's, over one, five and fifteen minutes."""
    return [round(each, 1) for each in os.getloadavg()]


async def deaths(on: Bed, runs: int) -> Document:
    """One container after the other, of services that take turns."""
    heal = [{"rule": "crash_loop", "failures": 200, "then": "notify"}]
    policy = {"name": "dying", "services": [*DYING], "heal": heal}
    found: list[Death] = []
    async with product(on, [policy]):
        for run in range(runs):
            await asyncio.sleep(QUIET)
            name = DYING[run % len(DYING)]
            await on.runs(name, 1)
            begun = time.time()
            await on.kill(name)
            event = await on.happened("die", name, begun)
            found.append(Death(event.service, event.stamp, event.read))
        await asyncio.sleep(QUIET)
    return of_deaths(found, on.calls())


async def by_prometheus(on: Bed, runs: int) -> Document:
    """Each service is a target of its own, scraped at a time of its own."""
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/metrics/{name}",
            "static_configs": [{"targets": [f"127.0.0.1:{on.page.port}"]}],
        }
        for name in LOADED
    ]
    config = {"global": {"scrape_interval": f"{SCRAPED_EVERY:g}s"}, "scrape_configs": jobs}
    metric = {"query": "sum by (service) (load)", "match": "service"}
    policy = scaled("loaded", [*LOADED], metric)
    server = PrivatePrometheus(config)
    await asyncio.to_thread(server.start)
    try:
        async with product(on, [policy], server.url):
            steps = await stepped(on, runs, 4 * SCRAPED_EVERY, SCRAPED_EVERY)
            return of_steps(steps, on.calls())
    finally:
        await asyncio.to_thread(server.stop)


async def by_scrape(on: Bed, runs: int) -> Document:
    """The product reads each service's page itself, every second."""
    policies = [
        scaled(name, [name], {"source": "scrape", "metric": "load", **page(on, name)})
        for name in LOADED
    ]
    async with product(on, policies):
        steps = await stepped(on, runs, 5.0, 1.0)
        return of_steps(steps, on.calls())


def page(on: Bed, name: str = "") -> Document:
    """Where a service's values are."""
    return {"urls": [on.page.url(name)], "interval": "1s"}


def scaled(name: str, services: Sequence[str], metric: Document) -> Document:
    """A policy that follows the metric without delay."""
    asked = {"name": "load", **metric, "target": {"average_value": 1}}
    scale = {"min": 1, "max": 2, "metrics": [asked], "behavior": BEHAVIOR}
    return {"name": name, "services": services, "scale": scale}


async def stepped(on: Bed, runs: int, settle: float, phase: float) -> list[Step]:
    """Steps up, of several services side by side, each at a random time; and down again."""
    for name in LOADED:
        on.page.set(name, LOW)
    await asyncio.sleep(settle)

    async def one(name: str) -> Step:
        step = await up(on, name)
        await down(on, name)
        return step

    return await side_by_side(runs, phase, one)


async def side_by_side(
    runs: int, phase: float, one: Callable[[str], Coroutine[Any, Any, T]]
) -> list[T]:
    """So many in all, of services that do not wait for one another, each at a random time."""
    random, left, found = Random(SEED), [*range(runs)], list[T]()

    async def of(name: str) -> None:
        while left:
            left.pop()
            await asyncio.sleep(random.uniform(1.0, 1.0 + phase))
            found.append(await one(name))

    await asyncio.gather(*map(of, LOADED))
    return found


async def up(on: Bed, name: str) -> Step:
    """The metric asks for one more, and one more runs."""
    at = on.page.set(name, HIGH)
    running = await on.runs(name, 2)
    return Step(on.ids[name], at, on.page.read[name, HIGH], running)


async def down(on: Bed, name: str) -> None:
    """And back."""
    on.page.set(name, LOW)
    await on.runs(name, 1)


async def raw_running(on: Bed, runs: int) -> Document:
    """From a write by a bare client to the task that runs."""

    async def one(name: str) -> float:
        at = await on.scale(name, 2)
        running = await on.runs(name, 2) - at
        await on.scale(name, 1)
        await on.runs(name, 1)
        return running

    return spread(await side_by_side(runs, SCRAPED_EVERY, one))


async def storms(on: Bed, runs: int) -> Document:
    """All grow by a bare client, and shrink by the product as soon as one page says so.

    Their tasks wait for a node that is not there: a hundred containers would be the measure of the
    machine. Shrinking, and not growing: more is not added on top of tasks that wait.
    """
    names = [f"many{n}" for n in range(MANY)]
    for name in names:
        await on.create(name, placeable=False)
    on.page.values = dict.fromkeys(names, LOW)
    found, raw = list[list[Step]](), list[float]()
    async with product(on, [one_of_many(on, name) for name in names]):
        for _ in range(runs):
            await asyncio.gather(*(read_again(on, name, HIGH) for name in names))
            raw.append(await raw_storm(on, names, 2))
            await asyncio.sleep(SETTLE)
            found.append(await storm(on, names))
    return {**of_storms(found, on.calls()), "raw_s": spread(raw)}


def one_of_many(on: Bed, name: str) -> Document:
    """The policy of a service whose value is on the page of all."""
    metric = {"source": "scrape", "metric": "load", "labels": {"service": name}, **page(on)}
    policy = scaled(name, [name], metric)
    # The bare client is a person, whose changes would be respected for a while.
    return {**policy, "scale": {**policy["scale"], "cooldown": {"manual": "0s"}}}


async def read_again(on: Bed, name: str, value: float) -> None:
    """Set a value, and wait until the product has read it."""
    on.page.set(name, value)
    async with asyncio.timeout(WITHIN):
        while (name, value) not in on.page.read:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def storm(on: Bed, names: Sequence[str]) -> list[Step]:
    """All metrics step at once."""
    at = [on.page.set(name, LOW) for name in names]
    await on.ask(names, 1)
    return [Step(on.ids[name], at[-1], on.page.read[name, LOW]) for name in names]


async def raw_storm(on: Bed, names: Sequence[str], replicas: int) -> float:
    """The same reads and writes, as many at a time; seconds until the last was sent."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> float:
        async with slots:
            return await on.scale(name, replicas)

    begun = time.time()
    return max(await asyncio.gather(*map(one, names))) - begun


if __name__ == "__main__":
    sys.exit(main())
