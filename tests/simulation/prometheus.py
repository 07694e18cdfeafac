"""A Prometheus that scrapes what services are asked for, and answers the product's own client.

The client is the product's, down to `requests`; only the adapter that would open a socket is
another one.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.client import IncompleteRead
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from autoscaler.ports import Clock
from autoscaler.testing.prometheus import Point, as_text
from tests.simulation.loop import took

AGE = "\nor label_replace("
"""Begins what the product's source adds to a query in order to learn the age of its samples."""
LOOK_BACK = 300.0
"""Seconds for which a sample is told."""

Gauge = Callable[[float], Mapping[str, float]]
"""What can be scraped at a time: a value for each service, by its name."""


@dataclass(frozen=True)
class Answer:
    """What the server sends."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """How long it takes; `FOR_EVER`: it never comes."""
    broken: bool = False
    """The connection breaks off before the end."""


Fault = Callable[[Answer, Mapping[str, Any]], Answer]
"""Spoils a good answer; is given it, and what its body says."""


class Prometheus:
    """Answers `NAME` and `sum by (service) (NAME)` for gauges that are told to it."""

    def __init__(self, clock: Clock, rng: random.Random, scrapes: Sequence[float]) -> None:
        """It scrapes every so many seconds: one of those given."""
        self.clock = clock
        self.scrape = rng.choice(scrapes)
        self.seconds = rng.uniform(0.002, 0.05)
        """How long an answer takes."""
        self.gauges: dict[str, Gauge] = {}
        self.refuses = False
        """Nobody listens."""
        self.faults: dict[str, Fault] = {}
        """What spoils its answers, by name."""
        self.skew = 0.0
        """Seconds by which its clock is ahead."""
        self.frozen_at: float | None = None
        """When it last scraped anything, where it does not any more."""
        self.on_answer: Callable[[str, Answer], None] = lambda query, answer: None
        """Hears what is sent, and to which query."""

    def adapter(self, connections: int) -> BaseAdapter:
        """For the product's source."""
        return _Adapter(self)

    def answer(self, query: str, at: float | None = None) -> Answer:
        """What is sent, faults and all, as of a moment of the server's clock or now.

        Raises requests.ConnectionError where nobody listens.
        """
        if self.refuses:
            raise requests.ConnectionError(OSError(111, "Connection refused"))
        asked, _, aged = query.partition(AGE)
        moment = round(self._now if at is None else at, 3)
        said = self._envelope(asked, moment, aged=bool(aged))
        headers = {"Content-Type": "application/json", "Date": formatdate(self._now, usegmt=True)}
        answer = Answer(200, json.dumps(said).encode(), headers, self.seconds)
        for fault in self.faults.values():
            answer = fault(answer, said)
        if at is None:
            self.on_answer(asked, answer)
        return answer

    @property
    def _now(self) -> float:
        return self.clock() + self.skew

    def _envelope(self, query: str, now: float, *, aged: bool) -> dict[str, Any]:
        points = self._points(
            now - self.skew, query.removeprefix("sum by (service) (").removesuffix(")")
        )
        result = [_series(point.labels, point.value, now) for point in points]
        if aged:
            mark = {"__measured__": "1"}
            result += [_series({**p.labels, **mark}, round(now - p.age, 3), now) for p in points]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}

    def _points(self, now: float, name: str) -> Sequence[Point]:
        scraped = now // self.scrape * self.scrape
        if self.frozen_at is not None:
            scraped = min(scraped, self.frozen_at)
        gauge = self.gauges.get(name)
        if gauge is None or now - scraped >= LOOK_BACK:
            return ()
        values = gauge(scraped)
        return [Point(value, {"service": key}, now - scraped) for key, value in values.items()]


def _series(labels: Mapping[str, str], value: float | str, now: float) -> dict[str, Any]:
    return {"metric": dict(labels), "value": [now, as_text(value)]}


class _Adapter(BaseAdapter):
    def __init__(self, server: Prometheus) -> None:
        super().__init__()
        self._server = server

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **_: Any
    ) -> requests.Response:
        fields = parse_qs(urlsplit(str(request.url)).query or str(request.body or ""))
        moment = float(fields["time"][0]) if "time" in fields else None
        answer = self._server.answer(fields["query"][0], moment)
        took(answer.seconds)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        body = _Broken(answer.body) if answer.broken else io.BytesIO(answer.body)
        response.raw = urllib3.HTTPResponse(body, preload_content=False)
        response.url, response.request = str(request.url), request
        return response

    def close(self) -> None:
        """There is nothing to give back."""


class _Broken(io.BytesIO):
    """Half of the body, and then the end of the connection."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body[: len(body) // 2])

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(-1 if size is None else size) or self._end()

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or self._end()

    def _end(self) -> bytes:
        raise IncompleteRead(b"")


def with_points(said: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The same answer, with each series' value put through `change`."""
    data = said["data"]
    result = [{**one, "value": change(one["value"])} for one in data["result"]]
    return {**said, "data": {**data, "result": result}}


def saying(answer: Answer, said: Mapping[str, Any]) -> Answer:
    """An answer with another body."""
    return replace(answer, body=json.dumps(said).encode())
