"""Settings that go together, by the kind of load and of service that they are for.

A preset fills in what a policy leaves out, and nothing else. The figures were tuned on recorded
loads; how each does is measured by `python -m bench.elasticity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal["steady", "bursty", "slow-start"]

_AT_ONCE = [{"percent": 1000, "period": "5s"}, {"replicas": 100, "period": "5s"}]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "steady": {
        "behavior": {
            "scale_up": {"tolerance": 0.0, "policies": _AT_ONCE},
            "scale_down": {"tolerance": 0.0, "stabilization": "30s"},
        },
        "target": {"look_ahead": "15s"},
    },
    "bursty": {
        "behavior": {
            "scale_up": {"tolerance": 0.0, "policies": _AT_ONCE},
            "scale_down": {"tolerance": 0.2, "stabilization": "30s"},
        },
        "target": {"look_ahead": "15s", "spare": 15},
    },
    "slow-start": {
        "behavior": {
            "scale_up": {"tolerance": 0.0, "policies": _AT_ONCE},
            "scale_down": {"tolerance": 0.1, "stabilization": "3m"},
        },
        "target": {"look_ahead": "15s"},
    },
}


def filled(scale: Any) -> Any:
    """What a policy says under `scale:`, with what its preset adds."""
    if not isinstance(scale, Mapping):
        return scale
    chosen = scale.get("preset")
    preset = PRESETS.get(chosen) if isinstance(chosen, str) else None
    if preset is None:
        return scale
    behavior = _beneath(scale.get("behavior", {}), preset["behavior"])
    metrics = scale.get("metrics", ())
    if isinstance(metrics, list | tuple):
        metrics = [_metric(each, preset["target"]) for each in metrics]
    return {**scale, "behavior": behavior, "metrics": metrics}


def _metric(metric: Any, target: Mapping[str, Any]) -> Any:
    if not isinstance(metric, Mapping) or not isinstance(metric.get("target"), Mapping):
        return metric
    return {**metric, "target": {**target, **metric["target"]}}


def _beneath(stated: Any, defaults: Mapping[str, Any]) -> Any:
    """Defaults, under what is stated; what is stated wrongly is left as it is."""
    if not isinstance(stated, Mapping):
        return stated
    merged = {**defaults, **stated}
    for key in defaults.keys() & stated.keys():
        if isinstance(defaults[key], Mapping):
            merged[key] = _beneath(stated[key], defaults[key])
    return merged
