"""The brake's and the view's totals are kept, not added up: they must stay what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.brake import Brake, BrakeLimits
from autoscaler.model import Fleet, FleetFacts, Memory, Scaled, Service
from autoscaler.testing.builders import a_service
from autoscaler.view import View

LIMITS = BrakeLimits(percent=10.0, at_least=5, period=60.0, max_total=500)
REPLICAS = 200

Step = tuple[str, str, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "done", "undone", "wait"]),
        st.sampled_from("abc"),
        st.integers(-30, 30),
    ),
    max_size=40,
)


def reckoned(
    removed: Sequence[tuple[float, int]], under_way: Mapping[str, int], now: float
) -> FleetFacts:
    """As the brake is meant: by adding up all of it."""
    gone = sum(count for at, count in removed if at > now - LIMITS.period)
    allowed = max(LIMITS.at_least, int((REPLICAS + gone) * LIMITS.percent / 100))
    leaving = sum(-change for change in under_way.values() if change < 0)
    coming = sum(change for change in under_way.values() if change > 0)
    return FleetFacts(removable=allowed - gone - leaving, addable=500 - REPLICAS - coming)


@given(steps)
def test_the_totals_are_those_of_the_parts(steps: Sequence[Step]) -> None:
    brake = Brake(LIMITS, [Memory(scaled=(Scaled(at=-30.0, change=-7), Scaled(at=0.0, change=4)))])
    removed: list[tuple[float, int]] = [(-30.0, 7)]
    under_way: dict[str, int] = {}
    now = 0.0
    for what, service, number in steps:
        if what == "wait":
            now += abs(number)
        elif what == "begin":
            under_way[service] = number
            brake.begin(service, number)
        else:
            change = under_way.pop(service, 0)
            brake.end(service, now, done=what == "done")
            removed += [(now, -change)] if what == "done" and change < 0 else []
        assert brake.facts(REPLICAS, now) == reckoned(removed, under_way, now)


changes = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.none() | st.integers(0, 9)),
    max_size=20,
)


@given(changes, st.lists(st.sampled_from("abcd"), max_size=3), changes)
def test_the_view_counts_the_replicas_of_the_services_that_it_knows(
    first: Sequence[tuple[str, int, int | None]],
    dropped: Sequence[str],
    then: Sequence[tuple[str, int, int | None]],
) -> None:
    def service(name: str, version: int, replicas: int | None) -> Service:
        return a_service(replicas, id=name, name=name, version=version)

    view = View()
    for each in first:
        view.refresh(service(*each), None, 0.0)
    for name in dropped:
        view.drop(name)
    view.adopt(Fleet(at=0.0, services={each[0]: service(*each) for each in then}))
    assert view.replicas == sum(known.replicas or 0 for known in view.services.values())
