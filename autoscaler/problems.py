"""What is wrong in a file, and where: one line each, as compilers write them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autoscaler.errors import Invalid

MOST_LINES = 100

Path = tuple[str | int, ...]
"""Keys and list indices from the root of a document down to a value."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a text; lines and columns count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that somebody must mend."""

    file: str
    place: Place | None
    """None when the whole file is meant: it is missing, or cannot be read."""
    path: Path
    message: str

    def __str__(self) -> str:
        where = f":{self.place.line}:{self.place.column}" if self.place else ""
        what = f" {path_text(self.path)}:" if self.path else ""
        return f"{self.file}{where}:{what} {self.message}"


class Problems(Invalid):
    """Input with one or more problems; the message has a line for each, up to a hundred."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:MOST_LINES]]
        if len(self.problems) > MOST_LINES:
            lines.append(f"and {len(self.problems) - MOST_LINES} more")
        super().__init__("\n".join(lines))


def path_text(path: Path) -> str:
    """A path in words: `policies.0.scale.max`."""
    return ".".join(str(part) for part in path)
