"""What answers of one source, between two ticks, change in what is known."""

from dataclasses import replace

import pytest

from autoscaler.model import Fleet, Quality, Sample, TaskValue
from autoscaler.policy import Policy
from autoscaler.testing.builders import a_policy, a_service
from autoscaler.view import Samples, View

WEB = a_service(id="web-id")
POLICY = a_policy()
VALUE = Sample(quality=Quality.VALUE, value=1.0, at=100.0)
TASKS = replace(VALUE, value=None, tasks={"t": TaskValue(value=1.0, at=100.0)})


def a_view(**metrics: Sample) -> View:
    view = View()
    view.adopt(Fleet(at=100.0, services={WEB.id: WEB}))
    view.answer({WEB.id: Samples(100.0, metrics, policy=POLICY)})
    return view


def newer(**metrics: Sample) -> dict[str, Samples]:
    return {WEB.id: Samples(105.0, metrics, policy=POLICY)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (VALUE, replace(VALUE, value=2.0)),
        (VALUE, Sample(quality=Quality.NO_DATA, detail="no series")),
        (VALUE, replace(VALUE, quality=Quality.PARTIAL)),
        (VALUE, replace(VALUE, alerts=("one",))),
        (TASKS, replace(TASKS, tasks={"t": TaskValue(value=2.0)})),
        (TASKS, replace(TASKS, tasks={"u": TaskValue(value=1.0)})),
    ],
)
def test_another_answer_is_news(before: Sample, after: Sample) -> None:
    view = a_view(load=before, other=VALUE)
    assert view.freshen(newer(load=after)) == {WEB.id}
    assert view.samples[WEB.id].metrics == {"load": after, "other": VALUE}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (VALUE, replace(VALUE, at=105.0, detail="1 of 1 pages")),
        (TASKS, replace(TASKS, tasks={"t": TaskValue(value=1.0, at=105.0, window=5.0)})),
    ],
)
def test_the_same_answer_is_taken_as_newer_and_is_no_news(before: Sample, after: Sample) -> None:
    view = a_view(load=before)
    assert view.freshen(newer(load=after)) == set()
    assert view.samples[WEB.id].metrics["load"] is after


def test_an_answer_that_fails_between_ticks_leaves_the_last_one() -> None:
    view = a_view(load=VALUE)
    assert view.freshen(newer(load=Sample(quality=Quality.ERROR, detail="no answer"))) == set()
    assert view.samples[WEB.id].metrics == {"load": VALUE}


def test_of_a_service_that_was_never_asked_about_nothing_is_taken_but_it_is_looked_at() -> None:
    view = View()
    view.adopt(Fleet(at=100.0, services={WEB.id: WEB}))
    assert view.freshen(newer(load=VALUE)) == {WEB.id}
    assert view.samples == {}


def test_an_answer_to_what_was_asked_before_the_news_leaves_them() -> None:
    """A tick waits for the slowest source; meanwhile another one has told more."""
    view, news = a_view(load=VALUE, other=VALUE), replace(VALUE, value=2.0, at=105.0)
    view.freshen(newer(load=news))
    slow = replace(VALUE, value=3.0)
    view.answer({WEB.id: Samples(104.0, {"load": VALUE, "other": slow}, policy=POLICY)})
    assert view.samples[WEB.id].metrics == {"load": news, "other": slow}
    assert view.samples[WEB.id].at == 104.0


def test_the_news_of_each_source_count_by_when_that_one_was_asked() -> None:
    view = a_view(load=VALUE, other=VALUE)
    old, last, slow = (replace(VALUE, value=value) for value in (2.0, 3.0, 4.0))
    view.freshen(newer(other=old))
    view.freshen({WEB.id: Samples(108.0, {"load": last}, policy=POLICY)})
    view.answer({WEB.id: Samples(106.0, {"load": slow, "other": slow}, policy=POLICY)})
    assert view.samples[WEB.id].metrics == {"load": last, "other": slow}


@pytest.mark.parametrize(
    ("at", "policy"), [(105.0, POLICY), (106.0, POLICY), (44.0, POLICY), (104.0, a_policy(max=9))]
)
def test_news_do_not_outlive_what_is_asked_later_or_by_a_clock_set_back_or_by_another_policy(
    at: float, policy: Policy
) -> None:
    view = a_view(load=VALUE)
    view.freshen(newer(load=replace(VALUE, value=2.0)))
    view.answer({WEB.id: Samples(at, {"load": VALUE}, policy=policy)})
    assert view.samples[WEB.id].metrics == {"load": VALUE}


def test_of_news_only_the_last_of_each_source_are_kept() -> None:
    view = a_view(load=VALUE)
    for second in range(20):
        found = replace(VALUE, value=float(second))
        view.freshen({WEB.id: Samples(105.0 + second, {"load": found}, policy=POLICY)})
    view.answer({WEB.id: Samples(110.0, {"load": VALUE}, policy=POLICY)})
    assert view.samples[WEB.id].metrics["load"].value == 19.0
    view.answer({WEB.id: Samples(130.0, {"load": VALUE}, policy=POLICY)})
    assert view.samples[WEB.id].metrics["load"] is VALUE
