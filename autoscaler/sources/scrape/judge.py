"""From pages to a sample. Pure.

A page that failed, or lacks the series, is not taken for zero: the whole is then partial, and
nothing shrinks by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoscaler.model import Quality, Sample, TaskValue
from autoscaler.sources.scrape.options import Options
from autoscaler.sources.scrape.series import Made, Series, reduce
from autoscaler.sources.scrape.where import Places

_UNKNOWN = {
    Quality.ERROR: "failed",
    Quality.NO_DATA: "without the series",
    Quality.STALE: "stale",
    Quality.NAN: "not a number",
    Quality.INFINITE: "infinite",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one page came to."""

    name: str
    task: str | None = None
    values: tuple[Made, ...] = ()
    at: float | None = None
    quality: Quality = Quality.VALUE
    """Anything but VALUE when there is nothing to go by."""
    detail: str = ""
    young: bool = False
    """Nothing to go by since it was met just now, which is no failure."""


@dataclass
class _Sorted:
    """The pages of a query, by whether they can be gone by."""

    good: list[Said] = field(default_factory=list)
    bad: list[Said] = field(default_factory=list)

    def told(self, total: int) -> str:
        """How many are good, and what is wrong with the first that is not."""
        head = f"{len(self.good)} of {total} pages"
        if not self.bad:
            return head
        first = self.bad[0]
        return f"{head}; {first.name}: {first.detail or _UNKNOWN[first.quality]}"


def weigh(
    options: Options, name: str, task: str | None, at: float, series: Sequence[Series]
) -> Said:
    """What the series of one good page come to, scraped at `at` in Unix seconds."""
    if not series:
        if options.on_empty == "zero":
            return Said(name, task, (Made(0.0),), at)
        told = f"no series {options.metric}"
        return Said(name, task, quality=Quality.NO_DATA, detail=told)
    measured = min(at if one.dated is None else min(at, one.dated) for one in series)
    if not at - measured <= options.max_age:
        told = f"its values are {min(at - measured, 1e9):.0f} s old"
        return Said(name, task, quality=Quality.STALE, detail=told)
    made = [one.make(options.function, options.window) for one in series]
    known = tuple(one for one in made if one is not None)
    if not known:
        told = f"a {options.function} needs another scrape"
        return Said(name, task, quality=Quality.NO_DATA, detail=told, young=True)
    return _finite(options, Said(name, task, known, measured))


def _finite(options: Options, said: Said) -> Said:
    value = reduce(options.reduce, [one.value for one in said.values])
    if math.isfinite(value):
        return said
    quality = Quality.NAN if math.isnan(value) else Quality.INFINITE
    return Said(said.name, said.task, quality=quality, detail=f"{options.metric} is {value}")


def judge(options: Options, places: Places, pages: Sequence[Said]) -> Sample:
    """The sample of a query; `pages` are those of `places`."""
    if not pages:
        return Sample(quality=Quality.NO_DATA, detail=places.empty or "no pages")
    found = _Sorted()
    for page in pages:
        (found.good if page.quality is Quality.VALUE else found.bad).append(page)
    if not found.good:
        # A failure says more than a page that has nothing to say.
        worst = next((one for one in found.bad if one.quality is Quality.ERROR), found.bad[0])
        return Sample(quality=worst.quality, detail=f"{worst.name}: {worst.detail}")
    if options.reduce == "sum" and any(page.task for page in pages):
        return _per_task(places, pages, found)
    return _whole(options, places, pages, found)


def _whole(options: Options, places: Places, pages: Sequence[Said], found: _Sorted) -> Sample:
    value = reduce(options.reduce, [one.value for page in found.good for one in page.values])
    if not math.isfinite(value):
        # Finite values may still add up to an infinite one.
        return Sample(quality=Quality.INFINITE, detail="the values add up to infinity")
    return Sample(
        quality=Quality.PARTIAL if found.bad or places.missing else Quality.VALUE,
        value=value,
        at=_oldest(found),
        detail=found.told(len(pages) + len(places.missing)),
    )


def _per_task(places: Places, pages: Sequence[Said], found: _Sorted) -> Sample:
    """A value for each task, and none for those that have not answered."""
    tasks = {page.task: _task_value(page) for page in pages if page.task is not None}
    if not any(value.value is not None for value in tasks.values()):
        return Sample(quality=Quality.NO_DATA, detail="no page is that of a task that is known")
    failed = [page for page in found.bad if not page.young]
    return Sample(
        quality=Quality.PARTIAL if failed else Quality.VALUE,
        at=_oldest(found),
        detail=found.told(len(pages) + len(places.missing)),
        tasks=dict.fromkeys(places.missing, TaskValue(value=None)) | tasks,
    )


def _task_value(page: Said) -> TaskValue:
    if page.quality is not Quality.VALUE:
        return TaskValue(value=None)
    window = max(one.window for one in page.values)
    return TaskValue(value=sum(one.value for one in page.values), at=page.at, window=window)


def _oldest(found: _Sorted) -> float | None:
    return min((page.at for page in found.good if page.at is not None), default=None)
