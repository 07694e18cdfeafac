"""The alerts that stand, found by their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from autoscaler.model import Alert

Labels = tuple[tuple[str, str], ...]


class Board:
    """Alerts by fingerprint. To find some costs as much as the rarest of their labels."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._by_label: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def pin(self, alert: Alert) -> None:
        """Put an alert up, in place of what was there of it."""
        self.drop([alert])
        self._alerts[alert.fingerprint] = alert
        for pair in alert.labels.items():
            self._by_label[pair].add(alert.fingerprint)

    def drop(self, alerts: Iterable[Alert]) -> None:
        """Take alerts down."""
        for alert in alerts:
            known = self._alerts.pop(alert.fingerprint, None)
            if known is not None:
                self._unlist(known)

    def expire(self, now: float, kept: float) -> None:
        """Take down what has not been told for too long."""
        self.drop([each for each in self._alerts.values() if each.expired(now, kept)])

    def fires(self, alert: Alert) -> bool:
        """Whether this very alert is up, and fires."""
        known = self._alerts.get(alert.fingerprint)
        return known is not None and known.firing and known.identity == alert.identity

    def find(self, labels: Labels) -> list[Alert]:
        """The alerts that have all of these labels; there is at least one label."""
        listed = [self._by_label.get(pair, set()) for pair in labels]
        rarest = min(listed, key=len)
        return [self._alerts[key] for key in rarest if all(key in each for each in listed)]

    def _unlist(self, alert: Alert) -> None:
        for pair in alert.labels.items():
            keys = self._by_label[pair]
            keys.discard(alert.fingerprint)
            if not keys:
                del self._by_label[pair]
