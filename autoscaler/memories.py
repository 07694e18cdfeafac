"""What is remembered of each service, and which of it the store does not hold yet."""

from __future__ import annotations

from autoscaler.model import Memory
from autoscaler.news import differ


class Memories:
    """A view of the memories that all share, which knows what has changed since it was stored."""

    def __init__(self, shared: dict[str, Memory]) -> None:
        self._shared = shared
        self._unstored: dict[str, Memory] = {}

    def of(self, service_id: str) -> Memory:
        """What is remembered of a service; nothing at first."""
        known = self._shared.get(service_id)
        return Memory() if known is None else known

    def keep(self, service_id: str, memory: Memory) -> None:
        """Remember, and see to it that it is stored if what lasts of it has changed."""
        before = self._shared.get(service_id)
        self._shared[service_id] = memory
        if before is None or differ(before, memory):
            self._unstored[service_id] = memory

    def take(self) -> dict[str, Memory]:
        """What is to be stored now."""
        taken, self._unstored = self._unstored, {}
        return taken

    def give_back(self, taken: dict[str, Memory]) -> None:
        """It could not be stored; what has changed meanwhile is newer."""
        self._unstored = taken | self._unstored

    def forget(self, service_id: str) -> None:
        """The service is gone for good."""
        self._shared.pop(service_id, None)
        self._unstored.pop(service_id, None)
