"""What may happen to Prometheus' answers: none of it is a value to shrink on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.simulation.faults.fault import Coursed, fault
from tests.simulation.loop import FOR_EVER
from tests.simulation.prometheus import Answer, Fault, saying, with_points

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]
Said = Mapping[str, Any]

PAGE = b"<html><body><h1>Bad Gateway</h1></body></html>"
FAILED = {"status": "error", "errorType": "internal", "error": "expanding series: EOF"}


def _spoils(name: str, spoil: Fault) -> Coursed:
    @fault(name)
    async def spoiling(world: World) -> Course:
        world.prometheus.faults[name] = spoil
        yield
        world.prometheus.faults.pop(name, None)

    return spoiling


def _result(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """The good answer with other series."""

    def spoil(answer: Answer, said: Said) -> Answer:
        data = {**said["data"], "result": change(said["data"]["result"])}
        return saying(answer, {**said, "data": data})

    return spoil


def _value(text: str) -> Fault:
    """The good answer with another value in each series; their ages stay."""

    def other(series: Mapping[str, Any]) -> Mapping[str, Any]:
        if "__measured__" in series["metric"]:
            return series
        return {**series, "value": [series["value"][0], text]}

    return _result(lambda result: [other(series) for series in result])


def _twice(result: list[Any]) -> list[Any]:
    """Each series a second time, as a second scraper with a label of its own brings it."""
    again = [{**one, "metric": {**one["metric"], "replica": "b"}} for one in result]
    return result + again


def _warned(answer: Answer, said: Said) -> Answer:
    """A store did not answer: what is there is too little."""
    half = with_points(said, lambda point: [point[0], _halved(point[1])])
    return saying(answer, {**half, "warnings": ["no StoreAPIs matched for this query"]})


def _halved(text: str) -> str:
    value = float(text)
    # What tells the age of a sample is a time, and stays.
    return text if value > 1e9 else repr(value / 2)


def _refused(status: int) -> Fault:
    body = json.dumps(FAILED).encode()
    return lambda answer, _: replace(answer, status=status, body=body)


def _a_page(answer: Answer, _: Said) -> Answer:
    return replace(answer, body=PAGE, headers={**answer.headers, "Content-Type": "text/html"})


@fault("Prometheus refuses connections")
async def refuses(world: World) -> Course:
    world.prometheus.refuses = True
    yield
    world.prometheus.refuses = False


@fault("Prometheus scrapes nothing")
async def frozen(world: World) -> Course:
    """It answers, with what is older at each question."""
    world.prometheus.frozen_at = world.clock()
    yield
    world.prometheus.frozen_at = None


@fault("Prometheus' clock is ahead")
async def ahead(world: World) -> Course:
    world.prometheus.skew = 90.0
    yield
    world.prometheus.skew = 0.0


@fault("Prometheus' clock is behind")
async def behind(world: World) -> Course:
    world.prometheus.skew = -90.0
    yield
    world.prometheus.skew = 0.0


FAULTS = (
    refuses,
    frozen,
    ahead,
    behind,
    _spoils("no series", _result(lambda _: [])),
    _spoils("NaN", _value("NaN")),
    _spoils("+Inf", _value("+Inf")),
    _spoils("-Inf", _value("-Inf")),
    # Whole, finite and fresh, and not true: what is left is the brake of the fleet.
    _spoils("all values fall to zero", _value("0")),
    _spoils("values below zero, as after a counter's reset", _value("-1000")),
    _spoils("several series", _result(_twice)),
    _spoils("warnings with half of the value", _warned),
    _spoils("Prometheus answers 500", _refused(500)),
    _spoils("Prometheus answers 422", _refused(422)),
    _spoils("Prometheus answers 503", _refused(503)),
    _spoils("an error with status 200", _refused(200)),
    _spoils("Prometheus hangs", lambda answer, _: replace(answer, seconds=FOR_EVER)),
    _spoils("Prometheus breaks off", lambda answer, _: replace(answer, broken=True)),
    _spoils("a page in the place of an answer", _a_page),
    _spoils("torn answer of Prometheus", lambda a, _: replace(a, body=a.body[:-9])),
)
