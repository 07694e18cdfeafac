"""Exporters die under `sum(rate(...))`, before a real Prometheus: nothing shrinks by it.

A rate goes on for as long as its range is, ever lower, over the samples of the dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from autoscaler.decide import decide
from autoscaler.model import Decision, Quality, Sample
from autoscaler.policy import Policy
from autoscaler.sampling import sample
from autoscaler.sources.prometheus import PrometheusSource, Settings
from autoscaler.testing.builders import a_memory, a_policy, a_service, at_once, observe
from autoscaler.testing.metrics_page import MetricsPage
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape

pytestmark = pytest.mark.slow

RATE = "sum(rate(requests_total[1m]))"
UP = "avg(up)"
PATIENCE = 180.0
"""Seconds, for machines with much else to do."""


class Exporter(MetricsPage):
    """Counts its own scrapes; may date its samples, as cAdvisor does, and then freeze."""

    def __init__(self, *, dates: bool) -> None:
        super().__init__()
        self._dates = dates
        self.frozen = False
        self.on_request = self._count
        self._scrapes = 0

    async def _count(self) -> None:
        if not self.frozen:
            self._scrapes += 1
            date = f" {int(time.time() * 1000)}" if self._dates else ""
            self.lines["requests_total"] = f"{self._scrapes}{date}"


@dataclass
class Bed:
    """Two exporters, and what the loop knows and decides by them."""

    exporters: list[Exporter]
    server: PrivatePrometheus
    source: PrometheusSource

    async def decide(self, policy: Policy) -> tuple[Sample, Decision]:
        """About a service with nine replicas, far more than these few requests need."""
        service, now = a_service(9), time.time()
        found = (await sample([(policy, service)], {"prometheus": self.source}, {}, now))["web-id"]
        seen = observe(service, found.metrics, now=now, coverage=found.coverage)
        return found.metrics["load"], decide(policy, seen, a_memory(9))[1]

    async def until(self, policy: Policy, wanted: Callable[[Sample, Decision], bool]) -> Sample:
        """Ask until it is so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                known, decision = await self.decide(policy)
                if wanted(known, decision):
                    return known
                await asyncio.sleep(0.2)

    def rate(self) -> float:
        """As Prometheus itself has it."""
        return float(self.server.query(RATE)[0]["value"][1])


def shrinks(_sample: Sample, decision: Decision) -> bool:
    return decision.action is not None and decision.action.replicas < 9


def held_by(guard: str) -> Callable[[Sample, Decision], bool]:
    return lambda _sample, decision: decision.held_by == guard


def policy(query: str = RATE, **words: Any) -> Policy:
    metric = {"name": "load", "query": query, "target": {"average_value": 100}, **words}
    return a_policy(metrics=[metric], behavior=at_once())


@asynccontextmanager
async def a_bed(
    start: Callable[..., PrivatePrometheus], exporters: list[Exporter]
) -> AsyncIterator[Bed]:
    for exporter in exporters:
        await exporter.start()
    targets = [f"127.0.0.1:{exporter.port}" for exporter in exporters]
    server = await asyncio.to_thread(start, scrape({"shop": targets}))
    source = PrometheusSource(Settings(urls=(server.url,)))
    bed = Bed(exporters, server, source)
    await bed.until(policy(coverage={"query": UP}), shrinks)
    yield bed
    await source.close()
    for exporter in exporters:
        await exporter.stop()


@pytest.fixture
async def bed(prometheus_server: Callable[..., PrivatePrometheus]) -> AsyncIterator[Bed]:
    """Two exporters that live: by what they tell, the service shrinks."""
    async with a_bed(prometheus_server, [Exporter(dates=False) for _ in range(2)]) as bed:
        yield bed


@pytest.fixture
async def dating(prometheus_server: Callable[..., PrivatePrometheus]) -> AsyncIterator[Bed]:
    """As `bed`, of exporters that date their samples."""
    async with a_bed(prometheus_server, [Exporter(dates=True) for _ in range(2)]) as bed:
        yield bed


async def test_when_all_exporters_die_the_rate_that_goes_on_is_stale(bed: Bed) -> None:
    for exporter in bed.exporters:
        await exporter.stop()
    known = await bed.until(policy(), held_by("missing_data"))
    assert known.quality is Quality.STALE
    assert bed.rate() > 0, "Prometheus would still have given a number"


async def test_one_exporter_that_freezes_makes_the_sum_of_both_stale(dating: Bed) -> None:
    dating.exporters[0].frozen = True
    known = await dating.until(policy(max_age="5s"), held_by("missing_data"))
    assert known.quality is Quality.STALE
    assert time.time() - (known.at or 0) > 5
    _, blind = await dating.decide(policy(f"{RATE} + 0", max_age="5s"))
    assert shrinks(known, blind), "of arithmetic the age cannot be asked, and the rate goes on"


async def test_one_exporter_that_is_gone_is_told_by_coverage_alone(bed: Bed) -> None:
    await bed.exporters[0].stop()
    await bed.until(policy(coverage={"query": UP}), held_by("coverage"))
    known, decision = await bed.decide(policy())
    assert known.quality is Quality.VALUE
    assert shrinks(known, decision), "the living are fresh, and nobody said how many there are"
