"""Looking into the engine's JSON, which may lack anything or hold null anywhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def child(raw: Any, *path: str) -> dict[str, Any]:
    """The object below `path`; empty when there is none."""
    for name in path:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw if isinstance(raw, dict) else {}


def items(raw: Any, *path: str) -> list[Any]:
    """The list below `path`; empty when there is none."""
    found = child(raw, *path[:-1]).get(path[-1])
    return found if isinstance(found, list) else []


def text(raw: Mapping[str, Any], name: str) -> str:
    """A string; empty when there is none."""
    found = raw.get(name)
    return found if isinstance(found, str) else ""


def number(raw: Mapping[str, Any], name: str) -> int | None:
    """A whole number; None when there is none."""
    found = raw.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def texts(raw: Any, *path: str) -> dict[str, str]:
    """A mapping of strings, such as labels; a null value is an empty string."""
    found = child(raw, *path)
    return {key: value if isinstance(value, str) else "" for key, value in found.items()}


def moment(raw: Mapping[str, Any], name: str) -> float:
    """A time in Unix seconds; 0 when there is none, or Go's year 1."""
    try:
        return max(0.0, datetime.fromisoformat(text(raw, name)).timestamp())
    except (ValueError, OverflowError):
        return 0.0
