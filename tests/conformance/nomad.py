"""Judges every case of Nomad's autoscaler: each miss must have a written reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.conformance import judging, nomad_rules
from tests.conformance import nomad_kinds as kinds
from tests.conformance.judging import Answer, Case, Judged

KINDS: Mapping[str, Callable[[Case], Answer]] = {
    "strategy_cases": kinds.strategy,
    "direction_cases": kinds.direction,
    "post_processing_cases": kinds.post_processing,
    "group_winner_cases": kinds.group_winner,
    "schedule_cases": kinds.schedule,
    "on_error_cases": kinds.on_error,
    "scaling_needed_cases": kinds.scaling_needed,
    "remaining_cooldown_cases": kinds.remaining_cooldown,
}
COMPARED = ("result", "direction", "count", "count.capped", "dry_run", "dry_run.count")


def judge(kind: str, case: Case) -> Judged:
    answer = judging.answered(KINDS[kind], case)
    found = judging.differences(_expected(case, answer), answer)
    rule = judging.explaining(nomad_rules.RULES, kind, case, answer) if found else ""
    return Judged(kind, f"{case['id']} {case.get('name', '')}".strip(), found, rule)


def _expected(case: Case, answer: Answer) -> dict[str, Any]:
    expected = case["expected"]
    if not isinstance(expected, Mapping):
        # Nothing is expected where there is nothing to choose from.
        return {} if expected is None and not answer else {"expected": expected}
    told = expected.get("meta") or {}
    meta = {key.removeprefix(kinds.META): word for key, word in told.items()}
    flat = {**expected, **meta, "count.capped": meta.get("count.capped", False)}
    return {key: flat[key] for key in COMPARED if key in flat and _is_asked(key, case)}


def _is_asked(key: str, case: Case) -> bool:
    """Bounds and the dry run do not look at a direction; only bounds cap."""
    kind = case.get("kind")
    if key == "direction":
        return kind not in ("cap_count", "set_dry_run")
    return key != "count.capped" or kind == "cap_count"


def report(document: Mapping[str, Any]) -> tuple[list[str], bool]:
    """`N of M` per kind, every miss with its rule, the rules; and whether each miss has one."""
    judged = [judge(kind, case) for kind in KINDS for case in document.get(kind, ())]
    lines = [line for kind in KINDS for line in judging.lines(kind, judged)]
    misses = [one for one in judged if one.differences]
    reasons = judging.reasons(misses, nomad_rules.RULES)
    return [*lines, *reasons], all(one.rule for one in misses)
