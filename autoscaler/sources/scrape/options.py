"""What a policy may write beside `source: scrape`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from autoscaler.durations import Duration
from autoscaler.strict import Strict

LONGEST_WINDOW = 300.0
"""Seconds of values that are kept at most."""
Url = Annotated[str, Field(max_length=2000)]


def _pairs(value: Any) -> Any:
    """A mapping as sorted pairs, which unlike it can be hashed."""
    return tuple(sorted(value.items())) if isinstance(value, Mapping) else value


Labels = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, str]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
    Field(max_length=30),
]


class TaskPages(Strict):
    """The pages of a service's own tasks."""

    port: Annotated[int, Field(ge=1, le=65_535)]
    """The port that each task listens on, inside of its networks."""
    path: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=1000)] = "/metrics"
    """The path of the page."""
    scheme: Literal["http", "https"] = "http"
    """With `https` the certificate must be for the service's name."""
    address: Literal["dns", "task"] = "dns"
    """`dns` asks for `tasks.<service>`, which answers on networks shared with the service;
    `task` takes the addresses that the Swarm tells of each task."""


class Options(Strict):
    """A metric of Prometheus text pages."""

    metric: Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=200)]
    """The name of the series, with its ending: `_total`, `_count`, `_sum`."""
    labels: Annotated[Labels, Field(json_schema_extra={"default": {}})] = ()
    """Labels that a series must have, with their exact values; it may have others."""
    urls: Annotated[tuple[Url, ...], Field(max_length=100)] = ()
    """Pages that are scraped."""
    tasks: TaskPages | None = None
    """The pages of the service's tasks, in place of `urls`."""
    function: Literal["value", "rate", "avg", "max", "min"] = "value"
    """What is made of each series: its last value, its growth per second (of counters), or
    the average, largest or smallest value of the window."""
    window: Annotated[Duration, Field(ge=2, le=LONGEST_WINDOW)] = 30.0
    """The time that `function` looks back over."""
    interval: Annotated[Duration, Field(ge=1, le=60)] = 5.0
    """The time between two scrapes of a page while somebody asks; the shortest one counts."""
    reduce: Literal["sum", "avg", "max", "min"] = "sum"
    """Makes one value of many series and pages."""
    on_empty: Literal["missing", "zero"] = "missing"
    """What a good page without the series means: nothing is known, which is not zero."""
    max_age: Annotated[Duration, Field(ge=1)] = 60.0
    """Values that the page itself dates further back than this are stale."""

    @field_validator("urls")
    @classmethod
    def _only_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for place, url in enumerate(urls, start=1):
            if not _is_http(url):
                raise ValueError(f"URL {place} is not of the form http(s)://host[:port]/path")
        return urls

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.urls) == (self.tasks is not None):
            raise ValueError("state either `urls` or `tasks`")
        return self

    @model_validator(mode="after")
    def _window_holds_two(self) -> Self:
        if self.function != "value" and self.window < 2 * self.interval:
            raise ValueError("`window` must be at least twice `interval`")
        return self

    @property
    def keep(self) -> float:
        """Seconds of values that are needed."""
        return 0.0 if self.function == "value" else self.window


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        return False
