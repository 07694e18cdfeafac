"""What a policy may write beside `source: prometheus`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from autoscaler.durations import Duration
from autoscaler.sources.prometheus import promql
from autoscaler.strict import Strict

LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=200)]


class Options(Strict):
    """A question to Prometheus."""

    query: Annotated[str, Field(min_length=1, max_length=20_000)]
    """PromQL; `$service` and `$stack` may stand in the string of a label matcher."""
    match: LabelName | None = None
    """The label that holds the service's name: one query then serves all services."""
    per_task: LabelName | None = None
    """The label that holds a task's id or name, for a query with a value for each task."""
    reduce: Literal["sum", "max", "min", "avg"] | None = None
    """Makes one value of many series; without it many series are no value."""
    on_empty: Literal["missing", "zero"] = "missing"
    """What an answer without series means: by default nothing is known, which is not zero."""
    max_age: Duration = 300.0
    """Older samples are stale; told of selectors, and of aggregates of these or of their rates."""

    @field_validator("query")
    @classmethod
    def _placeholders(cls, query: str) -> str:
        promql.template(query)
        return query

    @model_validator(mode="after")
    def _one_way_to_join(self) -> Self:
        if self.match and "service" in self.template.names:
            raise ValueError(
                "`match` asks for all services at once and $service for one: use one of them"
            )
        return self

    @property
    def template(self) -> promql.Template:
        """The query with its places for names."""
        return promql.template(self.query)
