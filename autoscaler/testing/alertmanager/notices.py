"""What was told of each group, and whether it has to be told anew: Alertmanager's nflog."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """The last notice of a group."""

    at: float
    firing: frozenset[str] = frozenset()
    """Fingerprints."""
    resolved: frozenset[str] = frozenset()

    def is_enough(self, firing: frozenset[str], resolved: frozenset[str], since: float) -> bool:
        """Whether nothing has changed after it, and it is not older than `since`."""
        if not firing <= self.firing:
            return False
        if not firing:
            return not self.firing
        return resolved <= self.resolved and self.at >= since


class Notices:
    """The last notice of each group, by its key."""

    def __init__(self) -> None:
        self._known: dict[str, Notice] = {}

    def due(self, key: str, firing: frozenset[str], resolved: frozenset[str], since: float) -> bool:
        """Whether a notice has to be sent; a group that never fired is not told of."""
        known = self._known.get(key)
        return bool(firing) if known is None else not known.is_enough(firing, resolved, since)

    def hear(self, key: str, notice: Notice) -> None:
        """Of two notices the later one counts."""
        known = self._known.get(key)
        if known is None or known.at < notice.at:
            self._known[key] = notice

    def hear_all(self, others: Notices) -> None:
        """What another member knows."""
        for key, notice in others._known.items():
            self.hear(key, notice)
