"""What counts as a service that followed its load, and what the demonstration's exit code says."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from deploy.demo.load import AFTERWARDS
from deploy.demo.verdict import STEADY, exit_code, is_back, judge
from deploy.demo.watch import Mishap, Point, Seen, Told
from deploy.demo.words import summary

FOLLOWED = [("quiet", 1), ("high", 4), ("high", 9), (AFTERWARDS, 9), (AFTERWARDS, 1)]


def seen(moments: Iterable[tuple[str, int]], desired: dict[int, int] | None = None) -> Seen:
    """A moment each ten seconds, as (phase, running); as many are desired, or what is said.

    Afterwards a task was killed, and replaced.
    """
    wanted = desired or {}
    points = [
        Point(10.0 * n, phase, 1.0, 3 * running, None, wanted.get(n, running), running)
        for n, (phase, running) in enumerate(moments)
    ]
    return Seen(points, mishaps=[Mishap("task killed", "docker kill x", 1000.0, mended=1005.0)])


def code(record: Seen) -> int:
    return exit_code(judge(record))


def test_a_service_that_grew_under_load_and_shrank_after_it_followed() -> None:
    assert code(seen(FOLLOWED)) == 0
    assert (
        summary(judge(seen(FOLLOWED)))[-1]
        == "The service followed its load, up and down, and was healed."
    )


@pytest.mark.parametrize(
    "moments",
    [
        [],
        [("quiet", 0), ("high", 0), (AFTERWARDS, 0)],
        [("quiet", 1), ("high", 1), (AFTERWARDS, 1)],
        [("quiet", 1), ("high", 2), (AFTERWARDS, 1)],
        [("quiet", 1), ("high", 9), (AFTERWARDS, 9)],
        [("quiet", 1), ("high", 9), (AFTERWARDS, 2)],
    ],
    ids=[
        "nothing was seen",
        "nothing ran",
        "it stayed as it was",
        "it hardly grew",
        "it did not shrink",
        "it shrank by a part only",
    ],
)
def test_whatever_else_was_seen_is_a_failure(moments: list[tuple[str, int]]) -> None:
    record = seen(moments)
    assert code(record) == 1
    assert "FAILED" in summary(judge(record))[-1]


def test_a_service_that_grew_late_but_for_jobs_that_waited_followed() -> None:
    """Containers may start slowly, and the queue stays full until they do."""
    assert code(seen([("high", 1), (AFTERWARDS, 9), (AFTERWARDS, 1)])) == 0


def test_a_service_that_grew_without_a_job_did_not_follow() -> None:
    record = seen(FOLLOWED)
    record.points = [replace(point, backlog=0) for point in record.points]
    assert code(record) == 1


def test_tasks_that_died_are_not_a_service_that_shrank() -> None:
    """Swarm still wants nine of them."""
    assert code(seen(FOLLOWED, desired={4: 9})) == 1


def test_the_words_say_what_was_missed() -> None:
    assert "did not grow" in summary(judge(seen([("quiet", 1), ("high", 1)])))[-1]
    assert "had not shrunk" in summary(judge(seen(FOLLOWED[:4])))[-1]


def test_moments_before_the_first_task_ran_are_not_its_beginning() -> None:
    verdict = judge(seen([("quiet", 0), *FOLLOWED]))
    assert verdict is not None
    assert (verdict.first, verdict.most.running, verdict.last) == (1, 9, 1)


def test_changes_of_replicas_are_counted_and_decisions_and_cures_are_not() -> None:
    record = seen(FOLLOWED)
    record.log = [
        Told(1.0, {"event": event, "act": act})
        for event, act in (
            ("decision", "scale"), ("action", "scale"), ("action", "scale"), ("action", "rollback")
        )
    ]  # fmt: skip
    verdict = judge(record)
    assert verdict is not None
    assert verdict.actions == 2


def test_a_service_is_back_only_when_it_has_been_small_for_a_while() -> None:
    record = seen(FOLLOWED)
    last = record.points[-1]
    assert not is_back(seen(FOLLOWED[:4]))
    short, long = STEADY / 2, STEADY * 2
    record.points[-2] = replace(record.points[-2], at=last.at - short)
    assert not is_back(record)
    record.points[-2] = replace(record.points[-2], at=last.at - long)
    assert is_back(record)


def test_a_service_is_not_back_while_more_is_asked_for() -> None:
    assert not is_back(seen(FOLLOWED, desired={4: 2}))


def test_a_service_that_was_not_healed_is_a_failure() -> None:
    record = seen(FOLLOWED)
    record.mishaps[0].mended = None
    assert code(record) == 1
    *_, mishap, judgement = summary(judge(record))
    assert (mishap, "was not healed" in judgement) == ("docker kill x: not mended.", True)


def test_a_demonstration_without_a_mishap_shows_no_healing() -> None:
    record = seen(FOLLOWED)
    record.mishaps.clear()
    assert code(record) == 1


def test_what_a_mishap_does_to_the_replicas_is_not_counted_as_the_load() -> None:
    record = seen([*FOLLOWED, ("bad release", 0)])
    record.mishaps[0].at = 45.0
    verdict = judge(record)
    assert verdict is not None
    assert (verdict.last, exit_code(verdict)) == (1, 0)
