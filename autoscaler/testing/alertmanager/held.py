"""One alert as an Alertmanager holds it, and as it writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_OFFSET, _PRIME = 14695981039346656037, 1099511628211
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Held:
    """An alert; times in Unix seconds."""

    labels: Mapping[str, str]
    starts_at: float
    ends_at: float
    """When it ends unless it is told again."""
    updated_at: float
    annotations: Mapping[str, str] = field(default_factory=dict)
    generator_url: str = ""

    @property
    def fingerprint(self) -> str:
        """What tells alerts apart: a hash (FNV-1a) of the labels alone."""
        found = _OFFSET
        for name, value in sorted(self.labels.items()):
            for byte in (*name.encode(), 255, *value.encode(), 255):
                found = (found ^ byte) * _PRIME % 2**64
        return f"{found:016x}"

    def fires(self, now: float) -> bool:
        """Whether it has not ended by then."""
        return self.ends_at > now

    def merged(self, old: Held | None) -> Held:
        """This one, as of the start of the one before it, if that has not ended by its start."""
        if old is None or old.ends_at < self.starts_at:
            return self
        start = min(old.starts_at, self.starts_at)
        notes = self.annotations
        return Held(self.labels, start, self.ends_at, self.updated_at, notes, self.generator_url)

    def sent(self, now: float) -> dict[str, Any]:
        """As the webhook has it."""
        fires = self.fires(now)
        return {
            "status": "firing" if fires else "resolved",
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": written(self.starts_at),
            "endsAt": _NEVER if fires else written(self.ends_at),
            "generatorURL": self.generator_url,
            "fingerprint": self.fingerprint,
        }

    def listed(self, receiver: str) -> dict[str, Any]:
        """As `GET /api/v2/alerts` has it."""
        return {
            "annotations": dict(self.annotations),
            "endsAt": written(self.ends_at),
            "fingerprint": self.fingerprint,
            "receivers": [{"name": receiver}],
            "startsAt": written(self.starts_at),
            "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
            "updatedAt": written(self.updated_at),
            "generatorURL": self.generator_url,
            "labels": dict(self.labels),
        }


def posted(document: Mapping[str, Any], now: float, lasts: float) -> Held:
    """An alert of `POST /api/v2/alerts`; one without an end lasts so many seconds."""
    ends = _seconds(document.get("endsAt"))
    starts = _seconds(document.get("startsAt")) or min(now, ends or now)
    return Held(
        labels=document["labels"],
        annotations=document.get("annotations") or {},
        starts_at=starts,
        ends_at=ends or now + lasts,
        updated_at=now,
        generator_url=document.get("generatorURL") or "",
    )


def written(at: float) -> str:
    """A time as Alertmanager writes it, in UTC and to the millisecond."""
    shown = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def _seconds(text: str | None) -> float:
    """0 for none."""
    if not text or text.startswith("0001"):
        return 0.0
    return datetime.fromisoformat(text).timestamp()
