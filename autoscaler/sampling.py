"""Asks the sources what the policies want to know, many services at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from autoscaler.decide import watching
from autoscaler.errors import AutoscalerError
from autoscaler.model import Memory, Quality, Releases, Sample, Service, Task
from autoscaler.policy import Check, Policy, PolicyMode, Release, Scale
from autoscaler.policy.release import TRAFFIC
from autoscaler.ports import Query, Source
from autoscaler.turns import Turns
from autoscaler.view import Samples

Kind = Literal["metrics", "coverage", "holds", "symptoms", "checks"]
"""What an answer is for, as the fields of `Samples` are named."""
FRESH = Memory()
NOTHING: Mapping[str, Memory] = MappingProxyType({})


class _Question(NamedTuple):
    """Where an answer belongs."""

    kind: Kind
    name: str
    query: Query


async def sample(
    covered: Iterable[tuple[Policy, Service]],
    sources: Mapping[str, Source],
    tasks: Mapping[str, tuple[Task, ...]],
    now: float,
    within: float = 10.0,
    memories: Mapping[str, Memory] = NOTHING,
    only: Container[str] | None = None,
) -> dict[str, Samples]:
    """The answers to all questions of these services, by service id; never raises for a source.

    Checks of releases are asked only where the service's memory says that their answers count.

    What a source has not answered `within` so many seconds is an error, and not known. With
    `only` no other sources than these are asked.
    """
    asked: dict[str, list[_Question]] = defaultdict(list)
    found: dict[str, dict[Kind, dict[str, Sample]]] = {}
    policies: dict[str, Policy] = {}
    turns, kinds = Turns(), get_args(Kind)
    for policy, service in covered:
        await turns.next()
        policies[service.id] = policy
        found[service.id] = {kind: {} for kind in kinds}
        known = memories.get(service.id, FRESH).healing.releases
        for source, question in _questions(policy, service, known, now):
            if only is None or source in only:
                asked[source].append(question)
    answers = await asyncio.gather(
        *(
            _ask(sources.get(name), name, questions, tasks, within)
            for name, questions in asked.items()
        )
    )
    for questions, samples in zip(asked.values(), answers, strict=True):
        for question, answer in zip(questions, samples, strict=True):
            await turns.next()
            found[question.query.service.id][question.kind][question.name] = _dated(answer, now)
    return {key: Samples(now, **kinds, policy=policies[key]) for key, kinds in found.items()}


def _questions(
    policy: Policy, service: Service, known: Releases, now: float
) -> Iterable[tuple[str, _Question]]:
    """Everything that a policy asks about a service, with the source to ask."""
    if policy.mode is PolicyMode.PAUSED:
        return
    if policy.scale is not None:
        yield from _of_scale(policy.scale, service)
    for entry in policy.heal:
        if entry.options is not None:
            yield entry.source, _Question("symptoms", entry.name, Query(entry.options, service))
    checks = watching.asked(known, policy.release, service, now)
    yield from _about_release(policy.release, checks, service)


def _of_scale(scale: Scale, service: Service) -> Iterable[tuple[str, _Question]]:
    for metric in scale.metrics:
        yield metric.source, _Question("metrics", metric.name, Query(metric.options, service))
        if metric.coverage_options is not None:
            query = Query(metric.coverage_options, service)
            yield metric.source, _Question("coverage", metric.name, query)
    for hold in scale.hold_down_while:
        yield hold.source, _Question("holds", hold.name, Query(hold.options, service))


def _about_release(
    release: Release, checks: Sequence[Check], service: Service
) -> Iterable[tuple[str, _Question]]:
    for check in checks:
        yield check.source, _Question("checks", check.name, Query(check.options, service))
    if checks and release.traffic is not None:
        asked = Query(release.traffic.options, service)
        yield release.traffic.source, _Question("checks", TRAFFIC, asked)


async def _ask(
    source: Source | None,
    name: str,
    questions: Sequence[_Question],
    tasks: Mapping[str, tuple[Task, ...]],
    within: float,
) -> Sequence[Sample]:
    if source is None:
        return [_error(f"no source {name!r} is configured")] * len(questions)
    try:
        async with asyncio.timeout(within):
            answers = await source.read([question.query for question in questions], tasks)
    except TimeoutError:
        return [_error(f"no answer within {within:g} s")] * len(questions)
    except AutoscalerError as error:
        return [_error(f"{error}")] * len(questions)
    except Exception as error:  # noqa: BLE001 - a source's fault is the fault of its metrics alone
        return [_error(f"source {name!r} failed: {error!r}")] * len(questions)
    return _matching(answers, name, len(questions))


def _matching(answers: object, name: str, asked: int) -> Sequence[Sample]:
    """The answers, if there is a sample for each question."""
    if not isinstance(answers, Sequence) or not all(isinstance(each, Sample) for each in answers):
        return [_error(f"source {name!r} gave an answer that is no sample")] * asked
    if len(answers) != asked:
        return [_error(f"source {name!r} gave {len(answers)} answers to {asked} questions")] * asked
    return answers


def _error(detail: str) -> Sample:
    return Sample(quality=Quality.ERROR, detail=_storable(detail))


def _dated(sample: Sample, now: float) -> Sample:
    """With the time of asking where the source states none, and a detail that can be stored."""
    if sample.at is not None and sample.detail.isprintable():
        return sample
    at = now if sample.at is None and sample.known else sample.at
    return replace(sample, at=at, detail=_storable(sample.detail))


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode()
