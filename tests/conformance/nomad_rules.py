"""Where this project decides otherwise than Nomad's autoscaler, and why: by rule, not by case."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from autoscaler.strategies.proportion import MOST_REPLICAS
from tests.conformance.judging import Answer, Case, Rule


def _changes_nothing(case: Case, answer: Answer) -> bool:
    if answer.get("direction") != "none":
        return False
    if "input" not in case:
        return bool(case["expected"].get("count") == case["count"])
    given = case["input"]
    count = given["count"]
    wanted = given.get("metric", given.get("fixed", count * given.get("factor", 1.0)))
    return bool(abs(wanted - count) < 1)


def _is_negative(case: Case, answer: Answer) -> bool:
    asked = case["expected"].get("count")
    left = case["count"] if answer.get("direction") == "none" else answer.get("count")
    return asked is not None and asked < 0 and left == 0


def _is_not_finite(case: Case, answer: Answer) -> bool:
    finite = [math.isfinite(float(metric["value"])) for metric in case["metrics"]]
    if case["strategy"] == "threshold" and not all(finite):
        return answer.get("result") != "error"
    return bool(finite) and not finite[-1] and answer.get("result") == "no_evaluation"


def _has_no_metrics(case: Case, answer: Answer) -> bool:
    return not case["metrics"] and answer.get("result") == "error"


def _has_a_strange_option(case: Case, answer: Answer) -> bool:
    if answer.get("result") != "error":
        return False
    numbers = [_number(text) for text in case["config"].values()]
    limits = [_number(case["config"].get(name, "0")) for name in _NEVER_NEGATIVE]
    return not all(map(math.isfinite, numbers)) or min(limits) < 0 or _is_no_band(case["config"])


def _is_no_band(config: Mapping[str, str]) -> bool:
    low, high = config.get("lower_bound"), config.get("upper_bound")
    return None not in (low, high) and _number(str(low)) >= _number(str(high))


_NEVER_NEGATIVE = ("target", "threshold", "max_scale_up", "max_scale_down")


def _number(text: str) -> float:
    """A number that Go reads; what is none does not count here."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_no_integer(case: Case, answer: Answer) -> bool:
    if case["strategy"] != "fixed-value" or answer.get("result") != "action":
        return False
    return re.fullmatch(r"[-+]?\d+", case["config"].get("value", "")) is None


def _is_beyond_all_counting(case: Case, answer: Answer) -> bool:
    return answer.get("count") == MOST_REPLICAS


def _has_an_unknown_word(case: Case, answer: Answer) -> bool:
    return answer.get("expected") == "refused"


RULES = (
    Rule(
        "no-op",
        ("strategy_cases", "direction_cases"),
        "An action that changes nothing is never sent, so it has no direction: upstream a "
        "fraction of a replica has one, and such requests have restarted jobs for ever.",
        _changes_nothing,
    ),
    Rule(
        "not negative",
        ("strategy_cases",),
        "A recommendation is a number of replicas, 0 or more; what the policy's min would "
        "mend later is never said.",
        _is_negative,
    ),
    Rule(
        "not finite",
        ("strategy_cases",),
        "NaN and infinities are no values: they count for nothing in a window, and while the "
        "last one is such, nothing is recommended.",
        _is_not_finite,
    ),
    Rule(
        "options first",
        ("strategy_cases",),
        "Options are checked when a policy is loaded, so a wrong one is told before there is "
        "any metric to look at.",
        _has_no_metrics,
    ),
    Rule(
        "sane options",
        ("strategy_cases",),
        "Options are finite, targets, tolerances and limits are not negative, and a band has "
        "its lower bound below its upper one: anything else is refused when the policy is loaded.",
        _has_a_strange_option,
    ),
    Rule(
        "constants",
        ("strategy_cases",),
        "A constant is any finite number, and `pass_through` cuts its fraction off.",
        _is_no_integer,
    ),
    Rule(
        "countable",
        ("strategy_cases",),
        "Recommendations end at 2**31 - 1 replicas, where upstream's numbers overflow.",
        _is_beyond_all_counting,
    ),
    Rule(
        "known words",
        ("on_error_cases",),
        "An `on_error` that is not known is refused when the policy is loaded, where upstream "
        "falls back to another setting in silence.",
        _has_an_unknown_word,
    ),
)
