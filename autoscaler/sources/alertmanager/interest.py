"""Who has asked about which alerts: whom to wake when one fires."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from autoscaler.model import Alert, Service
from autoscaler.sources.alertmanager.board import Labels
from autoscaler.sources.alertmanager.options import Options

FORGOTTEN = 3600.0
"""Seconds after its last question for which a service is woken by what it asked about."""


class Interest:
    """Services by the labels that they ask for, and those by the rarest of them.

    Many alerts and many services meet in one delivery: what is asked in the same words is looked
    at once for an alert, whoever asks, and not at all once it is known to be concerned.
    """

    def __init__(self) -> None:
        self._askers: dict[Labels, dict[str, float]] = {}
        """When each service asked for these labels last, by its id."""
        self._places: dict[Labels, tuple[str, str]] = {}
        self._by_label: defaultdict[tuple[str, str], set[Labels]] = defaultdict(set)

    def note(self, options: Options, service: Service, now: float) -> None:
        """Keep in mind that a service asks."""
        labels = options.wanted(service)
        if labels not in self._askers:
            self._askers[labels] = {}
            rarest = min(labels, key=lambda pair: len(self._by_label.get(pair, ())))
            self._places[labels] = rarest
            self._by_label[rarest].add(labels)
        self._askers[labels][service.id] = now

    def forget(self, now: float) -> None:
        """Let go of those who have not asked for long."""
        for labels, askers in [*self._askers.items()]:
            fresh = {key: at for key, at in askers.items() if now - at < FORGOTTEN}
            self._askers[labels] = fresh
            if not fresh:
                self._drop(labels)

    def concerned(self, alerts: Iterable[Alert]) -> set[str]:
        """The ids of services that have asked about one of these alerts."""
        known: set[Labels] = set()
        for alert in alerts:
            for pair in alert.labels.items():
                asked = self._by_label.get(pair)
                if asked is not None:
                    known |= {each for each in asked - known if _all_of(each, alert.labels)}
        return {key for labels in known for key in self._askers[labels]}

    def _drop(self, labels: Labels) -> None:
        del self._askers[labels]
        place = self._places.pop(labels)
        self._by_label[place].discard(labels)
        if not self._by_label[place]:
            del self._by_label[place]


def _all_of(wanted: Labels, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == text for key, text in wanted)
