"""What the API works on: it sees what the loop sees, and gives orders as a person would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoscaler.happenings import Happenings
from autoscaler.model import Service
from autoscaler.passes import Passes
from autoscaler.passing import Passing
from autoscaler.policy_files import LoadedPolicy, PolicySet
from autoscaler.ports import Clock, Store


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of files as they are now."""

    in_force: PolicySet
    loaded: bool
    """Whether any set was ever good."""
    problems: tuple[str, ...]
    """What is wrong with the files as they are; then an older set is in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts of the service that the API speaks for."""

    store: Store
    passes: Passes
    covering: Callable[[Service], Sequence[LoadedPolicy]]
    policies: Callable[[], Policies]
    passing: Callable[[], Passing]
    happenings: Happenings
    wake: Callable[[str | None], None]
    """Has a service, or all of them, looked at soon."""
    clock: Clock
    version: str

    def service(self, name: str) -> Service | None:
        """A service that there is now."""
        return next((s for s in self.passes.view.services.values() if s.name == name), None)
