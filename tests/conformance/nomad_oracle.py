"""The documented formulas of Nomad's strategies, written anew: what the product must agree with.

Nothing of the product is imported here. Options are text, as upstream passes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Made = dict[str, Any]
Config = Mapping[str, str]


def expected(strategy: str, config: Config, values: Sequence[float], count: int) -> Made:
    """What upstream answers."""
    if not values and strategy != "fixed-value":
        return {"result": "no_evaluation"}
    try:
        wanted, direction = FORMULAS[strategy](config, values, count)
    except (KeyError, ValueError):
        return {"result": "error"}
    if direction == "none":
        return {"result": "action", "direction": "none", "count": None}
    return {"result": "action", "direction": direction, "count": wanted}


Answer = tuple[int, str]


def _towards(wanted: float, count: int) -> str:
    return "up" if wanted > count else "down" if wanted < count else "none"


def _limits(config: Config, count: int) -> tuple[float, float]:
    """The fewest and the most that there may be."""
    least = count - int(config["max_scale_down"]) if "max_scale_down" in config else -math.inf
    most = count + int(config["max_scale_up"]) if "max_scale_up" in config else math.inf
    return least, most


def _target_value(config: Config, values: Sequence[float], count: int) -> Answer:
    target, threshold = float(config["target"]), float(config.get("threshold", "0.01"))
    least, most = _limits(config, count)
    factor = values[-1] / target if target else values[-1]
    if count and 1 - threshold <= factor <= 1 + threshold:
        return count, "none"
    wanted = int(min(max(math.ceil(factor * count if count else factor), least), most))
    return wanted, _towards(wanted, count)


def _threshold(config: Config, values: Sequence[float], count: int) -> Answer:
    low, high = (config.get(bound) for bound in ("lower_bound", "upper_bound"))
    stated = [key for key in ("delta", "percentage", "value") if key in config]
    if (low is None and high is None) or len(stated) != 1:
        raise ValueError("state a bound and one change")
    wanted = max(0, _changed(stated[0], config[stated[0]], count))
    least = -math.inf if low is None else float(low)
    most = math.inf if high is None else float(high)
    inside = sum(least <= value < most for value in values)
    if inside < int(config.get("within_bounds_trigger", "5")):
        return count, "none"
    return wanted, _towards(wanted, count)


def _changed(key: str, text: str, count: int) -> int:
    if key == "percentage":
        return math.ceil(count * (1 + float(text) / 100))
    return int(text) + (count if key == "delta" else 0)


def _pass_through(config: Config, values: Sequence[float], count: int) -> Answer:
    least, most = _limits(config, count)
    return int(min(max(math.trunc(values[-1]), least), most)), _towards(values[-1], count)


def _fixed_value(config: Config, values: Sequence[float], count: int) -> Answer:
    return int(config["value"]), _towards(int(config["value"]), count)


FORMULAS: Mapping[str, Any] = {
    "target-value": _target_value,
    "threshold": _threshold,
    "pass-through": _pass_through,
    "fixed-value": _fixed_value,
}
