"""Each kind of case, given to the code that it is about; answers in Nomad's words.

Reasons and the names of meta-data are not compared: they are told in this project's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from autoscaler.calendar_windows import phase
from autoscaler.decide import decide, guards, pace
from autoscaler.decide.bounds import Bounds
from autoscaler.decide.case import Case as Judgement
from autoscaler.decide.wanting import Want
from autoscaler.model import Decision
from autoscaler.policy import Window
from autoscaler.testing.builders import (
    NOW,
    a_memory,
    a_policy,
    a_service,
    at_once,
    observe,
    value,
)
from tests.conformance import nomad_terms as terms
from tests.conformance.judging import Answer, Case

META = "nomad_autoscaler."


# one check: the strategy


def strategy(case: Case) -> Answer:
    try:
        policy = terms.policy(case)
    except ValidationError as error:
        return {"result": "error", "told": str(error)}
    found = terms.recommended(policy, terms.samples(case, policy), case["count"])
    if found.replicas is None:
        return {"result": "no_evaluation"}
    return {"result": "action", **terms.change(found.replicas, case["count"])}


def direction(case: Case) -> Answer:
    asked = case["input"]
    config, seen = _FACTORS[case["strategy"]](asked)
    points = [{"value": seen}]
    return strategy({**case, "config": config, "metrics": points, "count": asked["count"]})


_FACTORS: Mapping[str, Any] = {
    "target-value": lambda asked: (
        {"target": "0", "threshold": str(asked["threshold"])},
        asked["factor"],
    ),
    "pass-through": lambda asked: ({}, asked["metric"]),
    "fixed-value": lambda asked: ({"value": str(asked["fixed"])}, None),
}


# actions


def post_processing(case: Case) -> Answer:
    return _POST[case["kind"]](case["input"])


def _cap_count(given: Case) -> Answer:
    count, within = given["action"]["count"], Bounds(given["min"], given["max"])
    policy, seen = a_policy(), observe(a_service(count))
    assert policy.scale is not None
    judgement = Judgement(
        policy=policy,
        scale=policy.scale,
        bounds=within,
        observation=seen,
        memory=a_memory(count),
        recommendations=(),
        current=count,
        want=Want(count, ""),
    )
    verdict = guards.bounds(judgement, count)
    return {"count": verdict.replicas if verdict else count, "count.capped": verdict is not None}


def _set_dry_run(given: Case) -> Answer:
    count = given["action"]["count"]
    policy = a_policy(policy={"mode": "dry-run"}, **_free(metrics=[terms.asks("a")]))
    seen = observe(a_service(count + 1), {"a": value(count)})
    _, decision = decide(policy, seen, a_memory(count + 1))
    return {
        "count": -1 if decision.action is None else decision.action.replicas,
        "dry_run": decision.held_by == "dry_run",
        "dry_run.count": decision.wanted,
    }


def _preempt(given: Case) -> Answer:
    named = {name: given[name] for name in ("a", "b") if given.get(name) is not None}
    winner = _winner(named, [terms.asks(name) for name in named])
    return {key: winner[key] for key in ("count", "direction")} if winner else {}


_POST = {"cap_count": _cap_count, "set_dry_run": _set_dry_run, "preempt": _preempt}


def group_winner(case: Case) -> Answer:
    named: dict[str, Case] = {}
    metrics = []
    for group, checks in case["input"]["groups"].items():
        for number, check in enumerate(checks):
            name = f"{group}-{number}"
            named[name] = check["action"]
            metrics.append(terms.asks(name, group))
    winner = _winner(named, metrics)
    return {key: winner[key] for key in ("count", "direction")} if winner else {}


def _winner(actions: Mapping[str, Case], metrics: list[dict[str, Any]]) -> Case | None:
    """The action whose metric the decision is based on."""
    policy = a_policy(**_free(metrics=metrics))
    asked = {name: value(terms.replicas(action)) for name, action in actions.items()}
    seen = observe(a_service(terms.SIZE), asked)
    _, decision = decide(policy, seen, a_memory(terms.SIZE))
    return actions.get(decision.reason.partition(":")[0])


def scaling_needed(case: Case) -> Answer:
    given = case["input"]
    current = given["current_count"]
    asked = current if given["direction"] == "none" else given["action_count"]
    return {"expected": _decided(asked, current).action is not None}


def _decided(asked: int, current: int) -> Decision:
    policy = a_policy(**_free(metrics=[terms.asks("a")]))
    return decide(policy, observe(a_service(current), {"a": value(asked)}), a_memory(current))[1]


def _free(**scale: Any) -> dict[str, Any]:
    """Wide bounds, and no pace."""
    return {"min": 0, "max": 1_000_000, "behavior": at_once(), **scale}


# times


def schedule(case: Case) -> Answer:
    given, now = case["input"]["schedule"], datetime.fromisoformat(case["input"]["now"])
    words = {"cron": given["start"], "end": given["end"], "duration": given["duration"]}
    try:
        window = Window.model_validate({key: word for key, word in words.items() if word})
    except ValidationError:
        return {"expected": "error"}
    return {"expected": phase(window, now.timestamp()).open}


def remaining_cooldown(case: Case) -> Answer:
    given = case["input"]
    last = NOW - given["seconds_since_last_event"]
    return {"expected": pace.remaining(last, given["cooldown_s"], NOW)}


# errors


def on_error(case: Case) -> Answer:
    """A check that fails beside one that wants fewer: skipped, if that one has its way."""
    given = case["input"]
    word = given["check_on_error"] or given["policy_on_check_error"] or "ignore"
    failing = {**terms.asks("failing"), "on_error": _WORDS.get(word, word)}
    try:
        policy = a_policy(**_free(metrics=[failing, terms.asks("low")]))
    except ValidationError:
        return {"expected": "refused"}
    samples = {"low": value(2)} | ({} if given["strategy_failed"] else {"failing": value(2)})
    _, decision = decide(policy, observe(a_service(5), samples), a_memory(5))
    if decision.action is None:
        return {"expected": "error" if decision.held_by == "missing_data" else decision.held_by}
    return {"expected": "skipped" if given["strategy_failed"] else "action"}


_WORDS = {"ignore": "ignore", "fail": "hold"}
