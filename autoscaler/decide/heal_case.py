"""What the guards of cures look at: one cure that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autoscaler.model import Act, Healing, Observation, Releases, Revision, Task
from autoscaler.policy import Policy


class Entry(Protocol):
    """Who asks for a cure: an entry of the policy's `heal:`, or the watch over a release."""

    @property
    def name(self) -> str:
        """Names it in decisions."""
        ...

    @property
    def then(self) -> str:
        """The cure."""
        ...

    @property
    def otherwise(self) -> str | None:
        """What to do where the cure is impossible."""
        ...

    @property
    def cooldown(self) -> float:
        """Seconds between two cures."""
        ...

    @property
    def options(self) -> object | None:
        """The question to a source whose answer it goes by; None for one that needs none."""
        ...


@dataclass(frozen=True, slots=True)
class HealCase:
    """A cure that is asked for, and all that may speak against it."""

    policy: Policy
    heal: Entry
    observation: Observation
    memory: Healing
    """With this pass's observation taken in."""
    act: Act
    """What would be done: the entry's `then`, or its `or`."""
    task: Task | None = None
    """The one that would be replaced."""
    revision: Revision | None = None
    """The release that would be brought back."""
    about: tuple[str, ...] = ()
    """Ids of the tasks that were found sick."""
    treated: str = ""
    """Why what was found asks for no further cure."""

    @property
    def now(self) -> float:
        """The pass's one time."""
        return self.observation.now

    @property
    def releases(self) -> Releases:
        """What is remembered of the service's releases."""
        return self.memory.releases
