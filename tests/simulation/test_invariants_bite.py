"""A product that breaks a promise is found out: each of these is the real one with one fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest

from autoscaler.app import Parts
from autoscaler.model import Act, Action, Quality, Sample, Service, Task
from autoscaler.ports import Orchestrator, Query, Source, Store
from tests.simulation.plan import GOOD, Happening, Load, Plan, Workload
from tests.simulation.play import Course, play
from tests.simulation.runner import NAMES
from tests.simulation.shrink import shrink
from tests.simulation.world import World

STEPS = Load("steps", 1000.0, 600.0, 0.0, (0.9, 0.2))
"""High for ten minutes, low for ten."""


def a_workload(**changes: Any) -> Workload:
    known = Workload(
        name="web0",
        min=2,
        max=8,
        start=4,
        target=100.0,
        load=STEPS,
        joined=True,
        stabilization=60.0,
        cooldown_up=0.0,
        cooldown_down=120.0,
        manual=60.0,
        heals=False,
        on_failure="pause",
        parallelism=1,
        min_available=0,
        alerted=False,
        ages=False,
    )
    return replace(known, **changes)


def a_plan(*happenings: Happening, **changes: Any) -> Plan:
    return Plan(1, 15.0, 2400.0, 2, (a_workload(**changes),), happenings)


class Through:
    """An adapter that does what another one does, but for what a subclass does otherwise."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def with_orchestrator(make: Callable[[Any], Any]) -> Callable[[World], None]:
    def alter(parts: Parts) -> Parts:
        return replace(parts, orchestrator=cast("Orchestrator", make(parts.orchestrator)))

    return lambda world: setattr(world, "alter", alter)


def with_store(make: Callable[[Any], Any]) -> Callable[[World], None]:
    def alter(parts: Parts) -> Parts:
        return replace(parts, store=cast("Store", make(parts.store)))

    return lambda world: setattr(world, "alter", alter)


def with_source(make: Callable[[Any], Any]) -> Callable[[World], None]:
    def alter(parts: Parts) -> Parts:
        source = cast("Source", make(parts.sources["prometheus"]))
        return replace(parts, sources={**parts.sources, "prometheus": source})

    return lambda world: setattr(world, "alter", alter)


def with_policy(**changes: Any) -> Callable[[World], None]:
    """The product is told of another policy than the one that it is judged by."""

    def prepare(world: World) -> None:
        world.told = {name: replace(each, **changes) for name, each in world.services.items()}

    return prepare


class Greedy(Through):
    """Always wants more than it may."""

    async def apply(self, action: Action) -> Service:
        return cast("Service", await self._inner.apply(replace(action, replicas=9)))


class Forgetful(Through):
    """Acts first, and does not remember."""

    async def record(self, **all_of_it: Any) -> None:
        await self._inner.record(**{**all_of_it, "intents": ()})


class Credulous(Through):
    """Takes no answer for the answer that nothing is asked for."""

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        found = await self._inner.read(queries, tasks)
        return [
            one if one.known else replace(one, quality=Quality.VALUE, value=0.0) for one in found
        ]


class Impatient(Through):
    """Restarts what it is to scale."""

    async def apply(self, action: Action) -> Service:
        other = replace(action, kind=Act.RESTART, forced=10_000 + action.version)
        return cast("Service", await self._inner.apply(other))


class Idle(Through):
    """Says that it has acted, and does nothing."""

    async def apply(self, action: Action) -> Service:
        service, _ = await self._inner.inspect(action.service_id)
        return cast("Service", service)


REFUSES = next(name for name in NAMES if "rometheus refuses" in name)
SILENCE = Happening(400.0, REFUSES, seconds=300.0)

MUTANTS = {
    "beyond its max": (with_orchestrator(Greedy), "bounds", a_plan()),
    "no min": (with_policy(min=0), "bounds", a_plan(load=replace(STEPS, levels=(0.9, 0.05)))),
    "no intent": (with_store(Forgetful), "intent", a_plan()),
    "zero for no data": (with_source(Credulous), "data", a_plan(SILENCE)),
    "another act than was meant": (with_orchestrator(Impatient), "intent", a_plan()),
    "no cooldown": (with_policy(cooldown_down=0.0), "Cooldowns", a_plan(cooldown_down=1200.0)),
    "no window": (
        with_policy(stabilization=0.0, cooldown_down=0.0),
        "window",
        a_plan(stabilization=300.0, cooldown_down=0.0),
    ),
    "no act": (with_orchestrator(Idle), "settles", a_plan()),
}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_product_that_breaks_a_promise_is_found_out(name: str) -> None:
    prepare, promise, plan = MUTANTS[name]
    wrongs = [each.invariant for each in play(plan, prepare=prepare).wrongs]
    assert any(promise in each for each in wrongs), wrongs


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_has_nothing_to_do_with_what_goes_wrong_is_dropped() -> None:
    others = [Happening(10.0 * n, "scale", "web0", number=n) for n in range(1, 4)]
    again = partial(play, prepare=with_store(Forgetful))
    course = again(a_plan(*others, SILENCE))
    small = shrink(course, tell=lambda line: None, again=again)
    assert small.plan.happenings == ()
    assert small.wrongs[0].invariant == course.wrongs[0].invariant


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_product_itself_breaks_none_in_the_same_plans() -> None:
    courses: list[Course] = [play(plan) for _, _, plan in MUTANTS.values()]
    assert [course.wrongs for course in courses] == [[]] * len(courses)
    assert all(course.counts["scale"] for course in courses), GOOD
