"""What an incident is: a scene with a name, where it is told of, and what it teaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.incidents.stage import Scene


@dataclass(frozen=True)
class Incident:
    """Something that happened to others."""

    name: str
    lesson: str
    """What must hold, as it is said where it does not."""
    scene: Scene
    brake: str = ""
    """What is switched off in the counter-example, which does the harm; empty for none."""

    def __str__(self) -> str:
        return self.name


def incident(name: str, lesson: str, *, without: str = "") -> Callable[[Scene], Incident]:
    """Name a scene. `without` says what its counter-example leaves out."""

    def named(scene: Scene) -> Incident:
        return Incident(name, lesson, scene, without)

    return named
