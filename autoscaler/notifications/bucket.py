"""A token bucket: so many at once, then one at a time."""

from __future__ import annotations


class Bucket:
    """Holds up to `burst` tokens and gets one more each `refill` seconds. Times are seconds."""

    def __init__(self, burst: int, refill: float) -> None:
        self._burst = float(burst)
        self._refill = refill
        self._tokens = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Take a token; answer how long to wait until it is there."""
        if self._at is not None:
            gained = max(0.0, now - self._at) / self._refill
            self._tokens = min(self._burst, self._tokens + gained)
        self._at = now
        self._tokens -= 1.0
        return max(0.0, -self._tokens) * self._refill
