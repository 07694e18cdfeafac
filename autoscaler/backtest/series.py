"""What was measured, over time: a series with its gaps."""

from __future__ import annotations

import csv
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from math import isfinite
from typing import Self

from autoscaler.errors import Invalid

GAP = 2.5
"""So many times the usual distance without a sample, and the value is not known there."""
MOST_SAMPLES = 10_000_000
LATEST = 1e11
"""Unix seconds of the year 5138; what is later is told in milliseconds or less."""


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one metric: finite values at rising times in Unix seconds."""

    times: array[float]
    values: array[float]
    gap: float
    """Seconds between two samples above which nothing is known in between."""

    @classmethod
    def of(cls, samples: Iterable[tuple[float, float]], gap: float | None = None) -> Self:
        """A series of samples in any order; unless stated, `gap` follows from their distance.

        Raises Invalid when there are none, or too many.
        """
        times, values = array("d"), array("d")
        for at, value in sorted(samples):
            if times and at == times[-1]:
                values[-1] = value
                continue
            times.append(at)
            values.append(value)
        if not times or len(times) > MOST_SAMPLES:
            raise Invalid(f"a series needs 1 to {MOST_SAMPLES:,} samples, not {len(times):,}")
        return cls(times, values, GAP * _usual_distance(times) if gap is None else gap)

    @property
    def start(self) -> float:
        """When the first sample was taken."""
        return self.times[0]

    @property
    def end(self) -> float:
        """When the last sample was taken."""
        return self.times[-1]

    @property
    def distance(self) -> float:
        """The usual time between two samples, in seconds."""
        return _usual_distance(self.times)

    def at(self, moment: float) -> float | None:
        """The value then, on the line between two samples; None in a gap and outside."""
        after = bisect_right(self.times, moment)
        if after == 0:
            return None
        before = after - 1
        if self.times[before] == moment:
            return self.values[before]
        if after == len(self.times) or self.times[after] - self.times[before] > self.gap:
            return None
        return self._between(before, after, moment)

    def sampled(
        self, start: float, end: float, step: float
    ) -> Iterator[tuple[float, float | None]]:
        """The values at `start` and every `step` seconds after it, before `end`."""
        count = 0
        while (moment := start + count * step) < end:
            yield moment, self.at(moment)
            count += 1

    def _between(self, before: int, after: int, moment: float) -> float:
        low, high = self.times[before], self.times[after]
        part = (moment - low) / (high - low)
        return self.values[before] + part * (self.values[after] - self.values[before])


def _usual_distance(times: array[float]) -> float:
    """The median distance; 60 s for a single sample."""
    if len(times) < 2:
        return 60.0
    distances = sorted(later - earlier for earlier, later in pairwise(times))
    return distances[len(distances) // 2]


def read_csv(text: str, name: str) -> dict[str, Series]:
    """Series by column: the first column is the time in Unix seconds, a header names the rest.

    An empty field is a sample that is missing. Raises Invalid with file, line and column.
    """
    rows = _rows(text, name)
    header = [cell.strip() for cell in next(rows, (1, []))[1]]
    if len(header) < 2 or len(set(header)) < len(header):
        raise Invalid(f"{name}: line 1: expected a header such as timestamp_s,value")
    columns: list[list[tuple[float, float]]] = [[] for _ in header[1:]]
    for line, row in rows:
        where = f"{name}: line {line}"
        if len(row) != len(header):
            raise Invalid(f"{where}: expected {len(header)} fields, found {len(row)}")
        at = _moment(row[0], f"{where}: {header[0]}")
        for cell, column, title in zip(row[1:], columns, header[1:], strict=True):
            if cell.strip():
                column.append((at, _number(cell, f"{where}: {title}")))
    empty = [title for title, column in zip(header[1:], columns, strict=True) if not column]
    if empty:
        raise Invalid(f"{name}: column {empty[0]!r} holds no value")
    return {title: Series.of(column) for title, column in zip(header[1:], columns, strict=True)}


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, with the numbers of their lines. Raises Invalid."""
    rows = csv.reader(StringIO(text))
    try:
        for row in filter(None, rows):
            yield rows.line_num, row
    except csv.Error as error:
        raise Invalid(f"{name}: line {rows.line_num}: {error}") from error


def _moment(text: str, where: str) -> float:
    at = _number(text, where)
    if abs(at) > LATEST:
        raise Invalid(f"{where}: expected Unix seconds; {text.strip()} is in milliseconds or less")
    return at


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise Invalid(f"{where}: expected a finite number, not {text.strip()!r}")
    return value
