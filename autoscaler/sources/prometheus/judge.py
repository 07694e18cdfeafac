"""From an answer to samples: what each value is worth. Pure.

Nothing is clamped, filled in or averaged before it is known to be finite and fresh. An
answer with warnings is partial: it may be too low, and nothing shrinks by it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from autoscaler.durations import format_duration
from autoscaler.model import Quality, Sample, TaskValue
from autoscaler.sources.prometheus.answer import Answer, Series, by_task
from autoscaler.sources.prometheus.options import Options


def judge(options: Options, answer: Answer, service: str, tasks: Collection[str] | None) -> Sample:
    """The sample of the service with this name.

    `tasks` are the ids of its tasks, None if they are not known. With `match` or
    `$service` the series are the service's own; otherwise `per_task` takes those of its
    tasks.
    """
    if answer.scalar and (options.match or options.per_task):
        return _error("a scalar has no labels to join on: the query must give a vector")
    series = answer.having(options.match, service) if options.match else answer.series
    if options.per_task:
        return _per_task(options, options.per_task, answer, series, tasks)
    return _noted(answer, _folded(options, answer, series) if series else _empty(options, answer))


def _empty(options: Options, answer: Answer) -> Sample:
    if options.on_empty == "missing" or answer.warnings:
        return Sample(quality=Quality.NO_DATA, detail="no series")
    return Sample(
        quality=Quality.VALUE, value=0.0, at=answer.date, detail="no series: zero by on_empty"
    )


def _folded(options: Options, answer: Answer, series: Sequence[Series]) -> Sample:
    """One sample of one or more series."""
    if problem := next((one.problem for one in series if one.problem), ""):
        return _error(problem)
    if len(series) > 1 and options.reduce is None:
        return Sample(
            quality=Quality.MANY, detail=f"{len(series)} series; say how to `reduce` them"
        )
    values = [one.value for one in series]
    return (
        _not_finite(values)
        or _stale(options, answer, series)
        or _value(options.reduce, values, min(_measured(one) for one in series))
    )


def _value(reduce: str | None, values: Sequence[float], at: float) -> Sample:
    value = _reduced(reduce, values)
    # Finite values may still add up to an infinite one.
    return _not_finite([value]) or Sample(quality=Quality.VALUE, value=value, at=at)


def _reduced(reduce: str | None, values: Sequence[float]) -> float:
    match reduce:
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "avg":
            return sum(values) / len(values)
    return sum(values)


def _not_finite(values: Sequence[float]) -> Sample | None:
    if any(math.isnan(value) for value in values):
        return Sample(quality=Quality.NAN, detail="NaN: perhaps 0/0, no traffic")
    if any(math.isinf(value) for value in values):
        return Sample(quality=Quality.INFINITE, detail="infinite: perhaps a division by zero")
    return None


def _stale(options: Options, answer: Answer, series: Sequence[Series]) -> Sample | None:
    oldest = min(series, key=_measured)
    measured = _measured(oldest)
    if answer.aged and any(one.measured is None for one in series):
        return Sample(quality=Quality.STALE, detail="the server does not tell its age")
    # The server's Date beside its time of evaluation unmasks an answer kept by a cache.
    now = max(oldest.at, answer.date if answer.date is not None else oldest.at)
    if not now - measured <= options.max_age:
        detail = (
            f"{min(now - measured, 1e9):.1f} s old; max_age is {format_duration(options.max_age)}"
        )
        return Sample(quality=Quality.STALE, at=_time(measured), detail=detail)
    return None


def _measured(series: Series) -> float:
    """When it was measured; never later than the evaluation that found it."""
    measured = series.at if series.measured is None else series.measured
    # A time that is not a number counts as infinitely long ago.
    return min(measured, series.at) if math.isfinite(measured) else -math.inf


def _time(at: float) -> float | None:
    return at if math.isfinite(at) else None


def _noted(answer: Answer, sample: Sample) -> Sample:
    """Warnings make a value partial; infos are passed on."""
    if answer.warnings:
        quality = Quality.PARTIAL if sample.quality is Quality.VALUE else sample.quality
        detail = "; ".join(filter(None, (sample.detail, f"warning: {answer.warnings[0]}")))
        return Sample(quality=quality, value=sample.value, at=sample.at, detail=detail)
    if answer.infos and sample.known and not sample.detail:
        return Sample(
            quality=sample.quality, value=sample.value, at=sample.at, detail=answer.infos[0]
        )
    return sample


def _per_task(
    options: Options,
    label: str,
    answer: Answer,
    series: Sequence[Series],
    tasks: Collection[str] | None,
) -> Sample:
    if options.match or "service" in options.template.names:
        own = by_task(series, label)
        wanted = own if tasks is None else own.keys() & tasks
        return _with_tasks(options, answer, {task: own[task] for task in wanted})
    if tasks is None:
        return Sample(quality=Quality.NO_DATA, detail="the service's tasks are not known")
    return _with_tasks(options, answer, answer.of_tasks(label, tasks))


def _with_tasks(
    options: Options, answer: Answer, grouped: Mapping[str, Sequence[Series]]
) -> Sample:
    if not grouped:
        return _noted(answer, _empty(options, answer))
    samples = {task: _folded(options, answer, group) for task, group in grouped.items()}
    good = {task: sample for task, sample in samples.items() if sample.known}
    bad = [sample for sample in samples.values() if not sample.known]
    if not good:
        return _noted(answer, bad[0])
    return Sample(
        quality=Quality.PARTIAL if bad or answer.warnings else Quality.VALUE,
        at=min(sample.at for sample in good.values() if sample.at is not None),
        detail=_left_out(bad, answer),
        tasks={task: _task_value(sample) for task, sample in good.items()},
    )


def _task_value(sample: Sample) -> TaskValue:
    return TaskValue(value=sample.value or 0.0, at=sample.at)


def _left_out(bad: Sequence[Sample], answer: Answer) -> str:
    notes = [f"{len(bad)} tasks left out: {bad[0].quality}, {bad[0].detail}"] if bad else []
    return "; ".join([*notes, *(f"warning: {text}" for text in answer.warnings[:1])])


def _error(detail: str) -> Sample:
    return Sample(quality=Quality.ERROR, detail=detail)
