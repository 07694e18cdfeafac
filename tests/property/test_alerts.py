"""Whatever is told of an alert, how often and in which order: its state is that of the end."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Alert, Receipt, all_taken, taken
from autoscaler.testing.contracts.alerts import NOW, firing, resolved

KEPT = 1e6


def told(lengths: list[int], *, fires: bool) -> list[Alert]:
    """An alert that fires and ends, over and over, and at last fires or does not."""
    found, at = [], NOW
    for length in lengths:
        fired = firing(start=at)
        found += [fired, resolved(fired, end=at + length)]
        at += length + 1
    return found[:-1] if fires else found


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Alert], list[Alert]]:
    """What happened, and what was told of it: some, in any order, the last of it among them."""
    lengths = draw(st.lists(st.integers(1, 600), min_size=1, max_size=5))
    happened = told(lengths, fires=draw(st.booleans()))
    some = draw(st.lists(st.sampled_from(happened), max_size=12))
    shuffled = draw(st.permutations([*some, happened[-1]]))
    later = NOW + 10_000
    return happened, [replace(each, received_at=later + n) for n, each in enumerate(shuffled)]


@given(deliveries())
def test_in_the_end_it_is_as_it_is(given: tuple[list[Alert], list[Alert]]) -> None:
    happened, delivered = given
    known: Alert | None = None
    for alert in delivered:
        known = taken(known, alert, KEPT).alert
    assert known is not None
    assert known.status is happened[-1].status
    assert known.starts_at == happened[-1].starts_at


@given(deliveries())
def test_it_never_seems_to_fire_more_often_than_it_did(
    given: tuple[list[Alert], list[Alert]],
) -> None:
    happened, delivered = given
    known, seen = None, set()
    for alert in delivered:
        known = taken(known, alert, KEPT).alert
        if known is not None and known.firing:
            seen.add(known.identity)
    assert len(seen) <= sum(each.firing for each in happened)


@given(deliveries())
def test_to_tell_all_of_it_again_changes_nothing(given: tuple[list[Alert], list[Alert]]) -> None:
    _, delivered = given
    _, first = all_taken({}, delivered, 10, KEPT)
    known = {each.fingerprint: each for each in first}
    again = [replace(each, received_at=each.received_at + 100) for each in delivered]
    answers, _ = all_taken(known, again, 10, KEPT)
    last = answers[-1].alert
    assert last is not None
    assert (last.status, last.starts_at) == (first[0].status, first[0].starts_at)
    assert last.identity == first[0].identity
    assert Receipt.ACCEPTED not in {each.receipt for each in answers}
