"""What holds for orders by hand, whatever is ordered of whatever service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from autoscaler import records
from autoscaler.decide import decide, recall
from autoscaler.model import (
    Act,
    Action,
    Decision,
    Memory,
    Mode,
    Observation,
    Order,
    OrderKind,
    Record,
    Revision,
    Rollout,
)
from autoscaler.policy import parse_policy
from autoscaler.testing.builders import NOW
from tests.property.generators import Pass, bounds_of, enough, passes, rarely

RELEASES = ("v0", "v1", "v2")
"""`v1` is what the service has."""
revisions = st.sets(st.sampled_from(RELEASES)).map(
    lambda names: tuple(Revision(release=name, at=NOW - 60.0) for name in sorted(names))
)
orders = st.builds(
    Order,
    kind=st.sampled_from([kind for kind in OrderKind if kind.act is not None]),
    service=st.just("web"),
    at=st.sampled_from([NOW, NOW, NOW - 20.0, NOW - 400.0]),
    actor=st.just("ann"),
    until=st.sampled_from([None, None, None, NOW + 60.0, NOW - 1.0]),
    replicas=st.none(),
    release=st.just(""),
)


@st.composite
def asked(draw: st.DrawFn) -> tuple[Order, ...]:
    """One order of a kind at most, each with what belongs to it."""
    given = draw(st.lists(orders, min_size=1, max_size=4, unique_by=lambda order: order.kind))
    return tuple(_completed(draw, order) for order in given)


def _completed(draw: st.DrawFn, order: Order) -> Order:
    if order.kind is OrderKind.SCALE:
        return replace(order, replicas=draw(st.integers(0, 30)))
    if order.kind is OrderKind.ROLLBACK:
        return replace(order, release=draw(st.sampled_from(["", "", *RELEASES, "gone"])))
    return order


def smallest(document: dict[str, Any]) -> int:
    """So many tasks may have to be available, and never more than metrics may leave."""
    windows = document["scale"]["schedules"]
    lows: list[int] = [document["scale"]["min"], *(one["min"] for one in windows if "min" in one)]
    most: int = document["scale"]["max"]
    return min([4, most, *(low for low in lows if low)])


@st.composite
def ordered(draw: st.DrawFn) -> Pass:
    """A pass over a service of which something is ordered, in any state that it may be in."""
    one = draw(passes())
    service = replace(
        one.observation.service,
        mode=draw(rarely(st.sampled_from(list(Mode)), Mode.REPLICATED)),
        rollout=draw(rarely(st.sampled_from(list(Rollout)), Rollout.NONE)),
        at_once=draw(st.integers(0, 3)),
        start_first=draw(st.booleans()),
    )
    one.document["mode"] = draw(st.sampled_from(["active", "active", "dry-run", "paused"]))
    one.document["disruption"] = {"min_available": draw(st.integers(0, smallest(one.document)))}
    one.document["release"] = {"on_failure": "rollback", "checks": [CHECK]}
    one.observation = replace(
        one.observation,
        service=service,
        orders=draw(asked()),
        revisions=draw(revisions),
        unsettled=draw(rarely(st.just("it timed out"), None)),
        paused=draw(rarely(st.just("paused by bob"), None)),
    )
    return one


CHECK = {"name": "errors", "query": "errors", "max": 0.1}


def decided(one: Pass) -> tuple[Memory, Decision]:
    after, decision = decide(parse_policy(one.document), one.observation, one.memory)
    by_hand = decision.action is not None and decision.action.order is not None
    event(f"{decision.action.kind} by hand" if by_hand and decision.action else "none by hand")
    return after, decision


@settings(enough, max_examples=300)
@given(ordered())
def test_what_is_done_for_a_person_is_safe_for_the_service(one: Pass) -> None:
    _, decision = decided(one)
    action = decision.action
    if action is None or action.order is None:
        return
    it_is_of_what_was_seen(action, one.observation)
    no_job_and_no_rollout_is_written_to(action, one.observation)
    assert one.observation.unsettled is None
    assert not action.order.over(NOW)
    if action.kind is Act.SCALE:
        low, high = bounds_of(one.document, one.observation.windows)
        assert low <= action.replicas <= high
        assert action.replicas == action.order.replicas
    else:
        tasks_are_replaced_only_where_enough_are_left(action, one)
    if action.kind is Act.ROLLBACK:
        kept = {each.release for each in one.observation.revisions}
        assert action.release in kept - {one.observation.service.template}


def it_is_of_what_was_seen(action: Action, seen: Observation) -> None:
    service = seen.service
    assert action.order in seen.orders
    assert (action.service_id, action.version) == (service.id, service.version)
    assert action.previous == (service.replicas or 0)
    if action.kind is not Act.SCALE:
        assert action.replicas == action.previous


def no_job_and_no_rollout_is_written_to(action: Action, seen: Observation) -> None:
    service = seen.service
    assert not service.runs_once
    assert service.mode is Mode.REPLICATED or action.kind is not Act.SCALE
    if not service.rollout.settled:
        assert action.kind is Act.ROLLBACK
        assert action.over is service.rollout is not Rollout.ROLLBACK_STARTED


def tasks_are_replaced_only_where_enough_are_left(action: Action, one: Pass) -> None:
    tasks, service = one.observation.tasks, one.observation.service
    assert tasks is not None
    healthy = sum(task.healthy for task in tasks)
    taken = 0 if service.start_first else min(service.at_once or healthy, healthy)
    least = one.document["disruption"]["min_available"]
    resolves = action.kind is Act.ROLLBACK and not service.rollout.settled
    assert not taken or healthy - taken >= least or resolves


@settings(enough, max_examples=300)
@given(ordered())
def test_where_no_order_is_done_the_policy_decides_as_without_any(one: Pass) -> None:
    _, decision = decided(one)
    _, alone = decide(parse_policy(one.document), replace(one.observation, orders=()), one.memory)
    if decision.action is None or decision.action.order is None:
        assert decision.action == alone.action
        assert decision.wanted == alone.wanted
    assert alone.reason in decision.reason


@settings(enough, max_examples=300)
@given(ordered(), st.booleans())
def test_no_order_is_done_twice_and_each_ends_in_time(one: Pass, fails: bool) -> None:
    policy, after, acted = parse_policy(one.document), one.memory, []
    one.observation = replace(one.observation, unsettled=None)
    for _ in range(len(one.observation.orders) + 1):
        after, decision = decide(policy, one.observation, after)
        action = decision.action
        if action is not None and action.order is not None:
            acted.append(action.order)
            ended = recall.tried if fails else recall.after
            after = ended(after, action, NOW)
    assert len(acted) == len(set(acted))
    late = replace(one.observation, now=NOW + 300.0)
    after, decision = decide(policy, late, after)
    assert decision.action is None or decision.action.order is None
    assert all(after.obeyed.get(order.kind) == order.at for order in late.orders)


@settings(enough, max_examples=300)
@given(ordered())
def test_a_decision_by_hand_replays_from_its_record(one: Pass) -> None:
    after, decision = decided(one)
    record = Record(
        policy=one.document, observation=one.observation, memory=one.memory, decision=decision
    )
    stored = records.load_record(records.dump(record))
    replayed, again = decide(parse_policy(stored.policy), stored.observation, stored.memory)
    assert again == decision == stored.decision
    assert replayed == after == records.load_memory(records.dump(after))
