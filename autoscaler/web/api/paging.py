"""Lists in parts: each is bounded, and says how to ask for the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints

from autoscaler.strict import Strict

T = TypeVar("T")

MOST = 200
"""Items of a part."""

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
Name = Annotated[str, StringConstraints(pattern=_NAME)]
"""A service's name."""
NameOrAll = Annotated[str, StringConstraints(pattern=rf"{_NAME}|^$")]
"""A service's name, or empty for all."""
SERVICE = {"type": "string", "pattern": _NAME}
"""The same, in a path."""
Limit = Annotated[int, Field(ge=1, le=MOST)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Part(Strict):
    """Which part of a list is asked for."""

    limit: Limit = 100
    """Items at most."""
    after: Cursor | None = None
    """The `next` of the part before."""


def part(items: Iterable[T], key: Callable[[T], str], asked: Part) -> tuple[list[T], str | None]:
    """Those items that come after the cursor in the order of their keys, and the next cursor."""
    rest = sorted((each for each in items if key(each) > (asked.after or "")), key=key)
    taken = rest[: asked.limit]
    return taken, key(taken[-1]) if len(rest) > len(taken) else None
