"""The policies in force: one immutable value, swapped as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from autoscaler.model import Service
from autoscaler.policy import Policy, Selector

MOST_CACHED = 20_000
"""Services whose policies are remembered; a larger fleet starts the cache anew."""

_LITERAL = re.compile(r"[^*?\[]*")


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy and where it was written."""

    policy: Policy
    document: Mapping[str, Any]
    """As it was written, without logins in addresses: plain data, stored with decisions."""
    file: str
    line: int
    problems: tuple[str, ...] = ()
    """Why it cannot hold: then the service is left as it is, and this is told."""
    notes: tuple[str, ...] = ()
    """What somebody should know who looks at its decisions."""


@dataclass(frozen=True)
class PolicySet:
    """Policies of all files, that answer quickly which of them cover a service."""

    policies: tuple[LoadedPolicy, ...] = ()
    files: tuple[str, ...] = ()
    """The files that they were read from, sorted."""
    whole: bool = True
    """False while it is not known which policies the cluster keeps beside these."""
    _cache: dict[str, tuple[Service, tuple[LoadedPolicy, ...]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def covering(self, service: Service) -> tuple[LoadedPolicy, ...]:
        """The policies that cover a service, in the order of the files; mostly one or none."""
        cached = self._cache.get(service.id)
        if cached is not None and _looks_alike(cached[0], service):
            return cached[1]
        if len(self._cache) >= MOST_CACHED:
            self._cache.clear()
        found = tuple(
            self.policies[place]
            for place in sorted(self._index.candidates(service))
            if self.policies[place].policy.covers(service)
        )
        self._cache[service.id] = (service, found)
        return found

    def idle(self, services: Iterable[Service]) -> tuple[LoadedPolicy, ...]:
        """The policies that cover none of these services, in the order of the files."""
        busy = {found.policy.name for service in services for found in self.covering(service)}
        return tuple(loaded for loaded in self.policies if loaded.policy.name not in busy)

    @cached_property
    def _index(self) -> _Index:
        index = _Index()
        for place, loaded in enumerate(self.policies):
            index.add(loaded.policy, place)
        return index


def is_glob(pattern: str) -> bool:
    """Whether a pattern may match more than its own text."""
    return len(literal(pattern)) < len(pattern)


def literal(pattern: str) -> str:
    """The text that every name starts with which matches a glob."""
    found = _LITERAL.match(pattern)
    return found[0] if found else ""


def _looks_alike(known: Service, service: Service) -> bool:
    return known is service or (known.name == service.name and known.labels == service.labels)


class _Index:
    """Finds the few policies that may cover a service; whether they do, they say themselves."""

    def __init__(self) -> None:
        self._by_name: dict[str, set[int]] = {}
        self._by_start: dict[str, set[int]] = {}
        self._by_stack: dict[str, set[int]] = {}
        self._by_label: dict[tuple[str, str], set[int]] = {}
        self._lengths: set[int] = set()

    def add(self, policy: Policy, place: int) -> None:
        for pattern in policy.services:
            self._add_pattern(pattern, place)
        if policy.selector is not None:
            self._add_selector(policy.selector, place)

    def candidates(self, service: Service) -> set[int]:
        """Places of policies that may cover the service; no other can."""
        return {place for found in self._look_up(service) if found for place in found}

    def _look_up(self, service: Service) -> Iterator[set[int] | None]:
        yield self._by_name.get(service.name)
        yield self._by_stack.get(service.stack or "")
        for length in self._lengths:
            yield self._by_start.get(service.name[:length])
        if self._by_label:
            for item in service.labels.items():
                yield self._by_label.get(item)

    def _add_pattern(self, pattern: str, place: int) -> None:
        if is_glob(pattern):
            start = literal(pattern)
            self._lengths.add(len(start))
            self._by_start.setdefault(start, set()).add(place)
        else:
            self._by_name.setdefault(pattern, set()).add(place)

    def _add_selector(self, selector: Selector, place: int) -> None:
        """Under one of the things that must all hold: the one that tells most."""
        if selector.name is not None and not is_glob(selector.name):
            self._add_pattern(selector.name, place)
        elif selector.stack is not None:
            self._by_stack.setdefault(selector.stack, set()).add(place)
        elif selector.labels:
            item = min(selector.labels.items())
            self._by_label.setdefault(item, set()).add(place)
        elif selector.name is not None:
            self._add_pattern(selector.name, place)
