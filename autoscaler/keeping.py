"""Keeps the templates of releases that have proved themselves, so that they can come back.

The core says which release is good; its template is read then, and kept if it is still that
release's. What does not succeed is tried again with the next pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoscaler.decide import releases
from autoscaler.model import Revision, Service
from autoscaler.passed import Passed
from autoscaler.passes import Passes
from autoscaler.policy import Policy
from autoscaler.ports import Orchestrator, Store


@dataclass(frozen=True, slots=True)
class Proof:
    """A release of a service that is good as of a time."""

    service: Service
    release: str
    at: float
    most: int
    """So many releases are kept."""


class Keeping:
    """What is to be kept, and what is being kept."""

    def __init__(self, passes: Passes, orchestrator: Orchestrator, store: Store) -> None:
        self._passes = passes
        self._orchestrator = orchestrator
        self._store = store
        self._waiting: dict[str, Proof] = {}
        self._busy: set[str] = set()

    def note(self, policy: Policy, passed: Passed) -> None:
        """Take in what a pass knows of a service's release."""
        seen, known = passed.record.observation, passed.memory.healing.releases
        key = seen.service.id
        if key not in self._busy and releases.to_keep(known, policy, seen.revisions):
            release = policy.release
            self._waiting[key] = Proof(seen.service, known.current, seen.now, release.keep)

    def take(self) -> Sequence[Proof]:
        """What is to be kept now; each is then handed to `keep`."""
        taken, self._waiting = [*self._waiting.values()], {}
        self._busy |= {each.service.id for each in taken}
        return taken

    async def keep(self, proof: Proof) -> None:
        """Read the template and keep it. Raises what the orchestrator and the store raise."""
        key = proof.service.id
        try:
            template = await self._orchestrator.template(key)
            if template.release == proof.release:
                await self._store.keep(key, template, proof.at, proof.most)
                new = Revision(release=proof.release, at=proof.at, image=template.image)
                self._passes.revisions[key] = self._with(key, new, proof.most)
        finally:
            self._busy.discard(key)

    def _with(self, service_id: str, new: Revision, most: int) -> tuple[Revision, ...]:
        known = self._passes.revisions.get(service_id, ())
        others = [each for each in known if each.release != new.release]
        return (*others, new)[-most:]
