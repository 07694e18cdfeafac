"""Where a label's value belongs in a policy, and what the short forms stand for. Pure.

What begins with `heal`, `release` or `disruption` belongs there, all else in `scale:`. Whatever is
a key of `scale:` is that key. What is a key of a metric instead is one of the
single metric named `query`: `autoscaler.query`, `autoscaler.target`, `autoscaler.max_age`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from autoscaler import plugins
from autoscaler.errors import Invalid
from autoscaler.policy import Metric, Scale
from autoscaler.strict import valid_keys

ONE = "query"
"""The name of the metric that short forms are about."""
SECTIONS = ("heal", "release", "disruption")
"""Keys of a policy beside `scale:` that labels may state."""
LISTS = (("metrics",), ("schedules",), ("hold_down_while",), ("heal",), ("release", "checks"))
"""Places of lists of named things, which labels write as mappings by name."""
RESOURCES = ("cpu", "memory")
"""Metrics by these names are asked of the engine itself."""
TEXTS = ("query", "formula", "expression")
"""Texts in languages of their own: brackets at their beginning do not mean YAML."""
ADDRESSES = ("url", "urls", "host", "hosts", "endpoint", "endpoints")
"""Whoever may deploy a service shall not make this process call any address."""
_NO_OPTIONS = ("labels",)
"""Mappings of strangers' names, which may be called anything."""
_NOT_SHORT = ("name", "options", "strategy", "coverage_options")


@cache
def short_keys() -> frozenset[str]:
    """Keys of a metric that may stand at the top of a label's name."""
    keys = {*Metric.model_fields, *plugins.available("strategies")}
    for source in plugins.available("sources"):
        try:
            keys.update(valid_keys(plugins.model("sources", source, "Options")))
        except Invalid:
            # One that cannot be loaded is told of where a label names it.
            continue
    return frozenset((keys - {*Scale.model_fields, *_NOT_SHORT}) | {*ADDRESSES})


def expanded(words: tuple[str, ...], value: Any) -> tuple[str, ...]:
    """The place of a label with this name, taken apart, and this value."""
    whole = isinstance(value, dict)
    match words:
        case ("target", resource) if resource in RESOURCES:
            path = ("metrics", resource, "target", "utilization")
            return path[:-1] if whole else path
        case ("target",) if not whole:
            return ("metrics", ONE, "target", "average_value")
        case (first, *_) if first in short_keys():
            return ("metrics", ONE, *words)
    return words


def shortened(path: tuple[str | int, ...]) -> str:
    """The name that a label would have at a place, without the prefix."""
    match path:
        case ("metrics", resource, "target", "utilization") if resource in RESOURCES:
            return f"target.{resource}"
        case ("metrics", name, first, *rest) if name == ONE and first in short_keys():
            return ".".join(map(str, (first, *rest)))
    return ".".join(map(str, path))


def addresses(document: Mapping[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Places of the addresses in what a policy asks of sources; those in `scale:` without it."""
    scale = document.get("scale", {})
    asking = {kind: scale.get(kind) for kind in ("metrics", "hold_down_while")}
    asking |= {kind: document.get(kind) for kind in ("heal", "release")}
    for kind, asked in asking.items():
        if isinstance(asked, dict | list):
            yield from ((kind, *path) for path in _addresses(asked))


def _addresses(value: Any) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if key in ADDRESSES:
            yield (key,)
        elif key not in _NO_OPTIONS and isinstance(item, dict | list):
            yield from ((key, *path) for path in _addresses(item))
