"""Any policy, any observation, any memory: what the decider must be right about.

Most of what is drawn is well, so that many passes get as far as an action; some of it is
amiss in one of the ways that happen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from autoscaler.model import (
    Changed,
    FleetFacts,
    Memory,
    Observation,
    Quality,
    Reset,
    Room,
    Run,
    Sample,
    Scaled,
    TaskState,
    TaskValue,
)
from autoscaler.strategies import trend
from autoscaler.strategies.foresight import Foresight
from autoscaler.testing.builders import NOW, a_policy_document, a_service, a_task

T = TypeVar("T")

enough = settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

NAMES = ("load", "latency", "queue")
TASKS = 5


def rarely(strategy: st.SearchStrategy[T], otherwise: T) -> st.SearchStrategy[T]:
    """One time in six the strategy."""
    return st.integers(0, 5).flatmap(lambda n: strategy if n == 5 else st.just(otherwise))


# policies

windows = st.sampled_from(["0s", "0s", "15s", "1m", "5m"])
periods = st.sampled_from(["15s", "1m", "5m"])
goals = st.sampled_from([1e-6, 0.25, 1.0, 7.0, 100.0, 1e12])
stricts = st.sampled_from(
    [{}, {}, {"initialization": "2m"}, {"strict_hpa": True}, {"look_ahead": "15s"}, {"spare": 20}]
)
rates = st.one_of(
    st.builds(lambda n, period: {"percent": n, "period": period}, st.integers(1, 400), periods),
    st.builds(lambda n, period: {"replicas": n, "period": period}, st.integers(1, 12), periods),
)
paces = st.fixed_dictionaries(
    {
        "stabilization": windows,
        "tolerance": st.sampled_from([0.0, 0.01, 0.1, 0.1, 0.5, 0.99]),
        "select": st.sampled_from(["max", "max", "max", "min", "disabled"]),
        "policies": st.lists(rates, min_size=1, max_size=2),
    }
)
targets = st.one_of(
    st.builds(lambda goal, strict: {"average_value": goal, **strict}, goals, stricts),
    st.builds(lambda goal, strict: {"value": goal, **strict}, goals, stricts),
    st.builds(lambda goal, strict: {"utilization": goal, **strict}, st.integers(1, 300), stricts),
)


limits_of_change = st.dictionaries(
    st.sampled_from(["max_scale_up", "max_scale_down"]), st.integers(0, 4), max_size=2
)
bands = st.one_of(
    st.builds(lambda low, change: {"lower": low, "change": change}, goals, st.integers(-3, 3)),
    st.builds(lambda high, part: {"upper": high, "percent": part}, goals, st.integers(-150, 150)),
    st.builds(lambda low, size: {"lower": low, "replicas": size}, goals, st.integers(0, 12)),
)
steps = st.fixed_dictionaries(
    {
        "steps": st.lists(bands, min_size=1, max_size=3),
        "window": windows,
        "points": st.integers(0, 3),
    }
)
FORMULAS = ("value / 100", "max(value, {0}) / 7", "replicas + {0} - value", "{0} / value")
strategies = st.one_of(
    st.builds(lambda target, limit: {"target": {**target, **limit}}, targets, limits_of_change),
    st.builds(lambda target: {"target": target}, targets),
    st.builds(lambda target: {"target": target}, targets),
    st.builds(lambda step: {"step": step}, steps),
    st.builds(lambda limit: {"pass_through": limit}, limits_of_change),
    st.builds(lambda goal: {"predictive": {"average_value": goal, "season": True}}, goals),
    st.sampled_from([{"formula": formula.format(NAMES[0])} for formula in FORMULAS]),
    st.just({"input": {}}),
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "activation": st.sampled_from([0.0, 5.0, 1e6]),
        "group": st.sampled_from(["", "one"]),
        "on_error": st.sampled_from(["hold", "hold", "ignore"]),
    },
)
COMMON = {"cron": "0 8 * * *", "duration": "10h"}
MISSING = ("static", "current_replicas", "current_replicas_if_higher", "current_replicas_if_lower")
SHRINKING = ("static", "current_replicas_if_lower")
"""Fallbacks that take replicas away without data, because a person said so."""
fallbacks = st.one_of(
    st.just("hold"),
    st.sampled_from(MISSING).map(
        lambda behavior: {"fallback": 5, "after": "1m", "behavior": behavior}
    ),
)
HOLD = {"name": "jobs", "query": "jobs"}


@st.composite
def schedules(draw: st.DrawFn, /, low: int, high: int) -> list[dict[str, Any]]:
    """Windows `a`, `b`, ... that fit the policy's own bounds."""
    does = st.one_of(
        st.integers(0, high).map(lambda least: {"min": least}),
        st.integers(max(low, 1), 30).map(lambda most: {"max": most}),
        st.sampled_from(["up", "down", "both"]).map(lambda way: {"freeze": way}),
    )
    return [{"name": name, **COMMON, **draw(does)} for name in "abc"[: draw(st.integers(0, 3))]]


@st.composite
def documents(draw: st.DrawFn, /, *, covered: bool = False) -> dict[str, Any]:
    """A policy as a person might write it, with one metric or more."""
    low = draw(st.integers(0, 8))
    high = draw(st.integers(max(low, 1), 25))
    metrics = [
        {"name": name, "query": name, **draw(strategies), **draw(rarely(extras, {}))}
        for name in NAMES[: draw(st.sampled_from([1, 1, 2, 3]))]
    ]
    if covered or draw(st.integers(0, 4)) == 0:
        metrics[0]["coverage"] = {"query": "covered", "at_least": 0.9}
    return a_policy_document(
        min=low,
        max=high,
        metrics=metrics,
        behavior={"scale_up": draw(paces), "scale_down": draw(paces)},
        cooldown={way: draw(windows) for way in ("manual", "up", "down")},
        schedules=draw(rarely(schedules(low, high), [])),
        hold_down_while=draw(rarely(st.just([HOLD]), [])),
        warm_up=draw(windows),
        on_missing=draw(fallbacks),
        on_redeploy=draw(st.sampled_from(["restore", "accept"])),
        recovery=draw(st.integers(1, 4)),
    )


def bounds_of(document: dict[str, Any], open_windows: tuple[str, ...]) -> tuple[int, int]:
    """The bounds that are in force, by the words of the documentation alone."""
    scale = document["scale"]
    opened = [one for one in scale["schedules"] if one["name"] in open_windows]
    low = max((one["min"] for one in opened if "min" in one), default=scale["min"])
    high = max((one["max"] for one in opened if "max" in one), default=scale["max"])
    return low, max(low, high)


# samples

ages = st.sampled_from([0.0, 5.0, 15.0, 59.9, 60.0, 200.0, 300.0, 3000.0])
numbers = st.sampled_from([0.0, 0.25, 1.0, 7.0, 30.0, 90.0, 110.0, 800.0, 1e13, 1e308, -1.0])
task_values = st.dictionaries(
    st.sampled_from([f"task-{number}" for number in range(1, TASKS + 1)]),
    st.builds(
        lambda number, at, of: TaskValue(value=number, at=at, window=60.0, of=of),
        st.none() | numbers,
        st.sampled_from([None, NOW - 5.0, NOW - 200.0]),
        st.sampled_from([100.0, 100.0, 100.0, 0.0, None]),
    ),
    max_size=TASKS,
)
times = st.sampled_from([None, NOW, NOW - 5.0, NOW - 60.0])
good_samples = st.one_of(
    st.builds(lambda v, at: Sample(quality=Quality.VALUE, value=v, at=at), numbers, times),
    st.builds(lambda v, at: Sample(quality=Quality.VALUE, value=v, at=at), numbers, times),
    st.builds(lambda v, at: Sample(quality=Quality.VALUE, tasks=v, at=at), task_values, times),
)
"""What a source says when all is well."""
UNKNOWN = tuple(quality for quality in Quality if quality not in (Quality.VALUE, Quality.PARTIAL))
NO_VALUES = (
    *(Sample(quality=quality, detail="amiss") for quality in UNKNOWN),
    *(Sample(quality=quality, value=1.0) for quality in UNKNOWN),
    *(
        Sample(quality=Quality.VALUE, value=wrong)
        for wrong in (None, math.nan, math.inf, -math.inf)
    ),
    Sample(quality=Quality.VALUE, tasks={"task-1": TaskValue(value=math.nan)}),
)
PARTS = (
    *(Sample(quality=Quality.PARTIAL, value=number) for number in (0.0, 1.0, 800.0)),
    Sample(quality=Quality.PARTIAL, tasks={"task-1": TaskValue(value=1.0)}),
)
bad_samples = st.sampled_from([*NO_VALUES, *PARTS])
"""What a source says, or says wrongly, when something is amiss."""
full = Sample(quality=Quality.VALUE, value=1.0)
THIN = tuple(Sample(quality=Quality.VALUE, value=share) for share in (0.0, 0.5, 0.8999))
thin_coverages = st.sampled_from([*NO_VALUES, *THIN])


# observations

KINDS: tuple[dict[str, Any], ...] = (
    *({} for _ in range(10)),
    {"node_ready": False},
    {"created_at": NOW - 90.0, "since": NOW - 60.0},
    {"created_at": NOW - 5.0, "since": NOW - 5.0, "node_ready": False},
    {"state": TaskState.PENDING, "error": "no suitable node"},
    {"state": TaskState.STARTING},
    {"state": TaskState.FAILED},
    {"desired": TaskState.SHUTDOWN},
)
tasks = st.lists(st.sampled_from(KINDS), max_size=TASKS).map(
    lambda kinds: tuple(a_task(number, **kind) for number, kind in enumerate(kinds, start=1))
)
limits = rarely(st.integers(-2, 12), None)
quiet = Sample(quality=Quality.VALUE, value=0.0)
STACKS = ((), (NOW - 3.0,), (NOW - 3.0, NOW - 2.0), (NOW - 3.0, NOW - 900.0))


@st.composite
def observations(draw: st.DrawFn, /, document: dict[str, Any]) -> Observation:
    """A replicated service with nothing under way, and mostly good samples."""
    scale = document["scale"]
    names = [metric["name"] for metric in scale["metrics"]]
    replicas, running = draw(st.integers(0, 25)), draw(st.none() | st.integers(0, 25))
    more = draw(limits)
    return Observation(
        now=NOW,
        service=a_service(replicas, running=running, template="v1", updated_at=NOW - 3.0),
        tasks=draw(st.none() | tasks),
        samples={name: draw(rarely(bad_samples, None) | good_samples) or full for name in names},
        coverage={NAMES[0]: draw(rarely(thin_coverages, full))},
        holds={HOLD["name"]: draw(rarely(bad_samples | good_samples, quiet))},
        windows=tuple(s["name"] for s in scale["schedules"] if draw(st.booleans())),
        stack_updates=draw(st.sampled_from(STACKS)),
        fleet=FleetFacts(removable=draw(limits), addable=draw(limits)),
        room=None if more is None else Room(more=more, reason="memory"),
    )


# memories

runs = st.tuples(ages, st.integers(0, 25))
changes = st.builds(
    lambda age, change: Scaled(at=NOW - age, change=change), ages, st.integers(-9, 9)
)
past = rarely(ages.map(lambda age: NOW - age), None)
unclear = st.builds(
    lambda age, replicas: Changed(at=NOW - age, replicas=replicas, updated_at=NOW - 3.0),
    ages,
    st.integers(0, 25),
)
resets = st.builds(lambda age, n: Reset(at=NOW - age, replicas=n), ages, st.integers(0, 25))
FOLLOWED = trend.begun(NOW - 20.0, 90.0, 15.0).after(NOW - 5.0, 1.0, 15.0).stored()
REMEMBERED: tuple[dict[str, Any], ...] = (
    {},
    {NAMES[0]: FOLLOWED},
    {NAMES[0]: [FOLLOWED, Foresight().stored(), None]},
    {NAMES[0]: {"mean": [1.5, None]}},
    {NAMES[0]: [[NOW - 20.0, 90.0], [NOW - 9.0, 1.0]]},
)


@st.composite
def memories(draw: st.DrawFn, /, replicas: int | None) -> Memory:
    """Memories that may come with a service of so many replicas."""
    said = sorted(draw(st.lists(runs, max_size=3)), reverse=True)
    return Memory(
        replicas=draw(rarely(st.none() | st.integers(0, 25), replicas)),
        recommendations=tuple(
            Run(replicas=number, since=NOW - age, until=NOW - age) for age, number in said
        ),
        scaled=tuple(draw(st.lists(changes, max_size=2))),
        template=draw(st.sampled_from(["v1", "v1", "v1", "", "v0"])),
        changed=draw(rarely(unclear, None)),
        reset=draw(rarely(resets, None)),
        disturbed_at=draw(past),
        zeroed=draw(st.booleans()),
        missing_since=draw(past),
        good=draw(st.integers(0, 3)),
        good_at=draw(past),
        strategies=draw(st.sampled_from(REMEMBERED)),
    )


@dataclass
class Pass:
    """All that a pass starts from."""

    document: dict[str, Any]
    observation: Observation
    memory: Memory


@st.composite
def passes(draw: st.DrawFn, /, *, covered: bool = False) -> Pass:
    document = draw(documents(covered=covered))
    observation = draw(observations(document))
    return Pass(document, observation, draw(memories(observation.service.replicas)))
