"""What is known of the fleet now: the last snapshot, refreshed service by service.

An answer that is older than what is known already is dropped: a list that began before a
write of ours may end after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from autoscaler.model import Fleet, Quality, Sample, Service, Task
from autoscaler.policy import Policy

LATE = 60.0
"""Seconds for which news outlive answers that were asked for before them; if these are older still,
the clock was set back."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The answers for one service, by metric name, and when they were asked for."""

    at: float
    metrics: Mapping[str, Sample] = field(default_factory=dict)
    coverage: Mapping[str, Sample] = field(default_factory=dict)
    holds: Mapping[str, Sample] = field(default_factory=dict)
    symptoms: Mapping[str, Sample] = field(default_factory=dict)
    checks: Mapping[str, Sample] = field(default_factory=dict)
    policy: Policy | None = None
    """The policy that asked."""

    def answer(self, policy: Policy) -> bool:
        """Whether these are answers to what a policy asks: labels may have changed since."""
        return self.policy is policy or self.policy in (None, policy)

    def beside(self, newer: Samples) -> Samples:
        """Themselves, with newer answers to some of the questions.

        Where asking failed the older answer stays: all will be asked again soon.
        """
        return replace(
            self,
            metrics={**self.metrics, **_answered(newer.metrics)},
            coverage={**self.coverage, **_answered(newer.coverage)},
            holds={**self.holds, **_answered(newer.holds)},
            symptoms={**self.symptoms, **_answered(newer.symptoms)},
            checks={**self.checks, **_answered(newer.checks)},
        )

    def after(self, newer: Iterable[Samples]) -> Samples:
        """Themselves, with what was asked by the same policy after them."""
        found = self
        for each in newer:
            if 0 < each.at - self.at <= LATE and each.policy is self.policy:
                found = found.beside(each)
        return found

    def asks(self) -> object:
        """What was asked, whatever came of it; to be compared with another's."""
        kinds = (self.metrics, self.coverage, self.holds, self.symptoms, self.checks)
        return [kind.keys() for kind in kinds]

    def say(self) -> object:
        """What can be decided by, apart from how old it is; to be compared with another's."""
        kinds = (self.metrics, self.coverage, self.holds, self.symptoms, self.checks)
        return [{name: _said(sample) for name, sample in kind.items()} for kind in kinds]

    def as_of(self, now: float, longest: float) -> Samples:
        """Themselves, or stale ones when nobody has asked for `longest` seconds."""
        if now - self.at <= longest:
            return self
        told = f"last asked {now - self.at:.0f} s ago"
        return replace(
            self,
            metrics=_stale(self.metrics, told),
            coverage=_stale(self.coverage, told),
            holds=_stale(self.holds, told),
            symptoms=_stale(self.symptoms, told),
            checks=_stale(self.checks, told),
        )


def _answered(samples: Mapping[str, Sample]) -> Mapping[str, Sample]:
    return {name: one for name, one in samples.items() if one.quality is not Quality.ERROR}


def _said(sample: Sample) -> object:
    tasks = [(key, one.value, one.of) for key, one in (sample.tasks or {}).items()]
    return sample.quality, sample.value, tasks, sample.alerts


def _stale(samples: Mapping[str, Sample], told: str) -> Mapping[str, Sample]:
    return {
        name: Sample(quality=Quality.STALE, at=sample.at, detail=told)
        for name, sample in samples.items()
    }


class View:
    """The fleet as of the last look at each of its parts."""

    def __init__(self) -> None:
        self.at: float | None = None
        """When the last whole snapshot was taken; None before the first."""
        self.passed: float | None = None
        """When a pass over all of it was last made and stored; None before the first."""
        self.services: dict[str, Service] = {}
        self.tasks: dict[str, tuple[Task, ...]] = {}
        self.samples: dict[str, Samples] = {}
        self._news: dict[str, tuple[Samples, ...]] = {}
        """By service id, the last answers of each source that was asked alone."""
        self.replicas = 0
        """Replicas that all replicated services ask for."""
        self._read: dict[str, float] = {}
        self._rest = Fleet(at=0.0)

    def adopt(self, fleet: Fleet) -> tuple[Service, ...]:
        """Take a whole snapshot in; answer the services that are gone."""
        gone = [key for key in self.services if key not in fleet.services]
        dropped = tuple(service for key in gone if (service := self.drop(key)) is not None)
        for service in fleet.services.values():
            self.refresh(service, fleet.tasks.get(service.id), fleet.at)
        self.at = fleet.at
        self._rest = fleet
        return dropped

    def refresh(self, service: Service, tasks: tuple[Task, ...] | None, at: float) -> None:
        """Take one service in, as it was read from `at` on, unless it is known at a later version.

        A version that went back since it was last read is that of a Swarm which was restored.
        Tasks that are None are not known.
        """
        known = self.services.get(service.id)
        if known is not None and known.version > service.version and at <= self._read[service.id]:
            return
        self.services[service.id] = service
        self._read[service.id] = at
        self.replicas += _asked(service) - _asked(known)
        if tasks is None:
            self.tasks.pop(service.id, None)
        else:
            self.tasks[service.id] = tasks

    def answer(self, samples: Mapping[str, Samples]) -> None:
        """Take answers in, by service id; a service may be gone since they were asked for.

        What a single source was asked since then stays.
        """
        for key, found in samples.items():
            if key in self.services:
                self.samples[key] = found.after(self._news.get(key, ()))

    def freshen(self, samples: Mapping[str, Samples]) -> Collection[str]:
        """Take in answers of one source, beside those of the others, which stay as old as they are.

        Of a service that has not been asked about as a whole, nothing is taken. Answer the ids of
        the services about which not all is as it was.
        """
        news = set()
        for key, found in samples.items():
            known = self.samples.get(key)
            if known is None or known.policy is not found.policy:
                news.add(key)
                continue
            self._news[key] = (*_of_others(self._news.get(key, ()), found), found)
            after = self.samples[key] = known.beside(found)
            if after.say() != known.say():
                news.add(key)
        return news

    def drop(self, service_id: str) -> Service | None:
        """Forget a service that is gone; answer what was known of it."""
        self.tasks.pop(service_id, None)
        self.samples.pop(service_id, None)
        self._news.pop(service_id, None)
        self._read.pop(service_id, None)
        dropped = self.services.pop(service_id, None)
        self.replicas -= _asked(dropped)
        return dropped

    def fleet(self) -> Fleet:
        """All of it, as one value."""
        return replace(self._rest, services=dict(self.services), tasks=dict(self.tasks))


def _of_others(news: Iterable[Samples], found: Samples) -> Iterator[Samples]:
    """The news of other sources, by the same policy."""
    for each in news:
        if each.policy is found.policy and each.asks() != found.asks():
            yield each


def _asked(service: Service | None) -> int:
    return 0 if service is None else service.replicas or 0
