"""Time as a value that a test moves."""

from __future__ import annotations


class ManualClock:
    """A clock that stands still until it is moved. Unix seconds."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        """Move on, and tell the new time."""
        self.now += seconds
        return self.now
