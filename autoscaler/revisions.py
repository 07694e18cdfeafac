"""How two templates differ, told without what may be secret. Pure.

Only the image is shown as it is. Of everything else only the place is named, and of the
environment the names of the variables.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from autoscaler.model import Template

MOST_TOLD = 20
"""Places that are named."""
DEEPEST = 4
"""How many keys name a place."""
_SHOWN = "ContainerSpec.Image"
_IGNORED = ("ForceUpdate",)


def differences(before: Template, after: Template) -> list[str]:
    """What changes from one template to another: `ContainerSpec.Image: app:2 -> app:1`."""
    found = [*_walk(_read(before), _read(after), ())]
    more = [f"{len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
    return [*found[:MOST_TOLD], *more]


def _read(template: Template) -> Any:
    """The document; what is none is told of as a whole."""
    try:
        return json.loads(template.raw)
    except ValueError:
        return template.release


def _walk(before: Any, after: Any, place: tuple[str, ...]) -> Iterator[str]:
    if before == after or place in [(name,) for name in _IGNORED]:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and len(place) < DEEPEST:
        for key in sorted({*before, *after}):
            yield from _walk(before.get(key), after.get(key), (*place, str(key)))
        return
    yield _told(".".join(place) or "all of it", before, after)


def _told(place: str, before: Any, after: Any) -> str:
    if place == _SHOWN:
        return f"{place}: {before} -> {after}"
    if place.endswith("Env"):
        names = ", ".join(sorted({_name(each) for each in _only_one(before, after)}))
        return f"{place}: {names}"
    change = "added" if before is None else "removed" if after is None else "changed"
    return f"{place} {change}"


def _only_one(before: Any, after: Any) -> set[str]:
    """Entries of two lists that only one of them has."""
    one, other = ({str(each) for each in found or ()} for found in (before, after))
    return one ^ other


def _name(variable: str) -> str:
    return variable.partition("=")[0]
