"""Entry-point look-up: the one door for built-in plugins and strangers' alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from autoscaler.errors import Invalid

KINDS = ("strategies", "sources", "orchestrators", "healing", "notifiers")


@cache
def available(kind: str) -> Mapping[str, EntryPoint]:
    """The installed plugins of a kind, by name, sorted."""
    found = entry_points(group=f"autoscaler.{kind}")
    return {point.name: point for point in sorted(found, key=lambda point: point.name)}


@cache
def load(kind: str, name: str) -> Any:
    """The plugin's class. Raises Invalid, naming those that exist, or why it fails to load."""
    point = available(kind).get(name)
    if point is None:
        raise Invalid(f"no {kind} plugin {name!r}; installed: {', '.join(available(kind))}")
    try:
        return point.load()
    except Exception as error:  # a stranger's module may raise anything
        raise Invalid(f"the {kind} plugin {name!r} cannot be loaded: {error!r}") from error


def model(kind: str, name: str, attribute: str = "") -> type[BaseModel]:
    """The pydantic model that a plugin is, or that it has as `Settings` or `Options`.

    Raises Invalid when there is no such plugin, or no such model.
    """
    plugin = load(kind, name)
    found = getattr(plugin, attribute, None) if attribute else plugin
    if isinstance(found, type) and issubclass(found, BaseModel):
        return found
    wrong = f"has no pydantic model {attribute}" if attribute else "is no pydantic model"
    raise Invalid(f"the {kind} plugin {name!r} {wrong}")
