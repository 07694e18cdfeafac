"""The watches over releases as they are told of: each step once."""

from __future__ import annotations

from autoscaler.model import Decision, Phase, Watch


class ReleaseTurns:
    """How far the watch over each service's release was when that was last told."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, Phase]] = {}

    def of(self, decision: Decision) -> Watch | None:
        """The watch, where it has got on since; None where there is nothing to tell."""
        watch, before = decision.watch, self._told.get(decision.service)
        if watch is None:
            self.forget(decision.service)
            return None
        self._told[decision.service] = now = (watch.release, watch.phase)
        # What an earlier run has told already is no news.
        old = before is None and not watch.phase.open and watch.since < decision.at
        return None if now == before or old else watch

    def forget(self, service: str) -> None:
        """A service, by name, was removed, or no policy covers it."""
        self._told.pop(service, None)
