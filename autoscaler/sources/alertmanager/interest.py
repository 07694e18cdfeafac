"""Who has asked about which alerts: whom to wake when one fires."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from autoscaler.model import Alert, Service
from autoscaler.sources.alertmanager.board import Labels
from autoscaler.sources.alertmanager.options import SERVICE, Options

FORGOTTEN = 3600.0
"""Seconds after its last question for which a service is woken by what it asked about."""


@dataclass(frozen=True, slots=True)
class _Asked:
    service_id: str
    labels: Labels
    at: float


class Interest:
    """Questions by one of their labels: that of the service, where there is one."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, str], dict[tuple[Options, str], _Asked]] = defaultdict(dict)

    def note(self, options: Options, service: Service, now: float) -> None:
        """Keep in mind that a service asks."""
        labels = options.wanted(service)
        asked = _Asked(service.id, labels, now)
        self._asked[_telling(options, labels)][options, service.id] = asked

    def forget(self, now: float) -> None:
        """Let go of those who have not asked for long."""
        for pair, asked in [*self._asked.items()]:
            fresh = {key: each for key, each in asked.items() if now - each.at < FORGOTTEN}
            if fresh:
                self._asked[pair] = fresh
            else:
                del self._asked[pair]

    def concerned(self, alerts: Iterable[Alert]) -> set[str]:
        """The ids of services that have asked about one of these alerts."""
        found: set[str] = set()
        for alert in alerts:
            found.update(self._asking(alert.labels, found))
        return found

    def _asking(self, labels: Mapping[str, str], found: set[str]) -> Iterator[str]:
        for pair in labels.items():
            for each in self._asked.get(pair, {}).values():
                if each.service_id not in found and _all_of(each.labels, labels):
                    yield each.service_id


def _telling(options: Options, labels: Labels) -> tuple[str, str]:
    """The label that tells services apart, or the first."""
    if options.service_label is not None:
        return labels[-1]
    own = [place for place, (_, text) in enumerate(options.match) if SERVICE in text]
    return labels[own[0] if own else 0]


def _all_of(wanted: Labels, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == text for key, text in wanted)
