"""What each metric of a policy would have told, at each pass of the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.backtest.series import Series
from autoscaler.errors import Invalid
from autoscaler.model import Quality, Sample, Service
from autoscaler.policy import Metric
from autoscaler.ports import KnowsPast, Query, Source, Span

CHUNK = 5_000
"""Moments that a source is asked for at a time."""
MOST_PASSES = 2_000_000
UNNAMED = "value"
"""The column of a table that says nothing of what it holds."""

Told = Mapping[str, Sequence[Sample]]
"""A sample for each moment, by metric name."""


@dataclass(frozen=True, slots=True)
class Passes:
    """The passes of a replay: one every `every` seconds."""

    start: float
    every: float
    count: int

    @property
    def moments(self) -> list[float]:
        """When they are, in order."""
        return [self.start + number * self.every for number in range(self.count)]

    def chunks(self) -> Iterator[Span]:
        """The passes in spans that a source answers at a time."""
        for first in range(0, self.count, CHUNK):
            yield Span(self.start + first * self.every, self.every, min(CHUNK, self.count - first))


def between(start: float, end: float, every: float) -> Passes:
    """The passes of a time. Raises Invalid when there are none, or too many."""
    count = int((end - start) // every)
    if not 1 <= count <= MOST_PASSES:
        told = f"{max(0.0, end - start):.0f} s at a pass every {every:g} s"
        raise Invalid(f"{told} are {max(0, count):,} passes; a replay has 1 to {MOST_PASSES:,}")
    return Passes(start, every, count)


def from_columns(metrics: Sequence[Metric], columns: Mapping[str, Series], passes: Passes) -> Told:
    """Samples from a table: a column by the name of each metric.

    A single column `value` serves a single metric. Raises Invalid that names the columns there are.
    """
    if [*columns] == [UNNAMED] and len(metrics) == 1:
        columns = {metrics[0].name: columns[UNNAMED]}
    return {metric.name: column(columns, metric.name, passes) for metric in metrics}


def column(columns: Mapping[str, Series], name: str, passes: Passes) -> Sequence[Sample]:
    """The samples of one column. Raises Invalid that names the columns there are."""
    series = columns.get(name)
    if series is None:
        raise Invalid(f"no column {name!r} in the table; its columns are {', '.join(columns)}")
    return [_sample(series, moment) for moment in passes.moments]


def _sample(series: Series, moment: float) -> Sample:
    value = series.at(moment)
    if value is None:
        return Sample(quality=Quality.NO_DATA, detail="a gap in the table")
    return Sample(quality=Quality.VALUE, value=value, at=moment)


async def from_sources(
    metrics: Sequence[Metric],
    sources: Mapping[str, Source],
    service: Service,
    passes: Passes,
    progress: Callable[[], None],
) -> Told:
    """Samples from the sources that metrics ask, chunk by chunk.

    `progress` is told of each chunk. Raises Invalid for a source that does not know the past,
    Temporary or Permanent where one cannot tell.
    """
    found: dict[str, list[Sample]] = {}
    for metric in metrics:
        source = _with_past(metric, sources)
        samples: list[Sample] = []
        found[metric.name] = samples
        for span in passes.chunks():
            samples += await source.past(Query(metric.options, service), span)
            progress()
    return found


def _with_past(metric: Metric, sources: Mapping[str, object]) -> KnowsPast:
    source = sources.get(metric.source)
    if isinstance(source, KnowsPast):
        return source
    raise Invalid(
        f"source {metric.source!r} of metric {metric.name!r} does not know the past:"
        f" give a table with a column {metric.name!r} by --csv"
    )
