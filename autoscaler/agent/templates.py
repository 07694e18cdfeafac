"""The task templates that a gate has seen of each service, so that a rollback may bring one back.

The Swarm itself remembers little: the spec before the last write, which a scale overwrites, and
the few tasks per slot that it keeps. So the gate takes in what the engine answers when it is
asked for services. That is kept in memory only, and starts anew with the gate; templates are
kept as digests, since they may hold secrets.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from autoscaler.errors import Temporary
from autoscaler.orchestrators.swarm import translate
from autoscaler.orchestrators.swarm.documents import decode
from autoscaler.orchestrators.swarm.raw import child, number, text

MOST_SERVICES = 10_000
MOST_EACH = 20
"""Templates of one service that are remembered, the last ones that it had."""


def identity(template: Any) -> str:
    """What a template is told from others by, whole: a short hash could be met by another one.

    Tasks do not tell their runtime.
    """
    kept = {key: value for key, value in child(template).items() if key != "Runtime"}
    return hashlib.sha256(translate.canonical_template(kept).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Told:
    """What the engine's word about a service comes to."""

    service_id: str
    version: int | None
    templates: tuple[str, ...] = ()
    """Oldest first."""


class Templates:
    """By service, the identities of the templates that it had."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, None]] = {}
        self._versions: dict[str, int | None] = {}

    def of(self, service_id: str) -> frozenset[str]:
        """Those of one service."""
        return frozenset(self._seen.get(service_id, ()))

    async def hear(self, body: bytes) -> None:
        """Take in the engine's answer: services, or one of them; what is neither is left."""
        listed = body if body.lstrip().startswith(b"[") else b"[" + body + b"]"
        with suppress(Temporary):
            for told in await decode(listed, "service list", self._read):
                self._take(told)

    def see(self, service: Any) -> None:
        """Take in one service as the engine tells of it."""
        self._take(self._read(service))

    def _read(self, service: Any) -> _Told:
        """What a service tells; of one that is as it was, nothing. Runs in a thread."""
        key, version = text(child(service), "ID"), number(child(service, "Version"), "Index")
        if version is not None and self._versions.get(key) == version:
            return _Told(key, version)
        found = (child(service, name, "TaskTemplate") for name in ("PreviousSpec", "Spec"))
        return _Told(key, version, tuple(identity(each) for each in found if each))

    def _take(self, told: _Told) -> None:
        known = self._seen.pop(told.service_id, {})
        self._seen[told.service_id] = known  # the last one to be forgotten
        self._versions[told.service_id] = told.version
        for name in told.templates:
            known.pop(name, None)
            known[name] = None
        while len(known) > MOST_EACH:
            del known[next(iter(known))]
        if len(self._seen) > MOST_SERVICES:
            oldest = next(iter(self._seen))
            del self._seen[oldest], self._versions[oldest]
