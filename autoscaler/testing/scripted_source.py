"""A source that answers what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autoscaler.model import Quality, Sample, Task
from autoscaler.ports import Query
from autoscaler.strict import Strict

Answer = Callable[[str, str], Sample]
"""From the query and the service's name to a sample."""


class ScriptedSource:
    """Answers each query by a function."""

    class Options(Strict):
        """Just a query."""

        query: str
        """Handed to the test's function."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order."""
        asked = [(getattr(query.options, "query", ""), query.service.name) for query in queries]
        self.asked += asked
        return [self.answer(*question) for question in asked]

    async def close(self) -> None:
        """Nothing to give back."""


def constant(value: float) -> Answer:
    """The same value for every question."""
    return lambda _query, _service: Sample(quality=Quality.VALUE, value=value)
