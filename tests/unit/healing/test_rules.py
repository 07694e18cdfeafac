"""What each rule finds, and what it passes over."""

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.healing import causes
from autoscaler.healing.crash_loop import CrashLoop
from autoscaler.healing.exhausted import Exhausted
from autoscaler.healing.image_missing import ImageMissing
from autoscaler.healing.stuck_update import StuckUpdate
from autoscaler.healing.unschedulable import Unschedulable
from autoscaler.model import Health, Mode, Rollout, Service, Task, TaskState
from autoscaler.testing.builders import NOW, a_service, a_task, some_tasks
from autoscaler.testing.checkups import ended, examine, found

# crash_loop


def test_three_failures_within_five_minutes_are_a_crash_loop() -> None:
    finding = found(CrashLoop(), *(ended(n, ago=60.0 * n) for n in (1, 2, 3)))
    assert finding is not None
    assert finding.state is Health.CRASH_LOOPING
    assert "3 tasks ended within 300 s: 3 x exit code 1" in finding.reason


def test_a_failure_is_counted_once_however_often_it_is_seen() -> None:
    rule, memory, finding = CrashLoop(), None, None
    for _ in range(10):
        memory, finding = examine(rule, ended(1), ended(2), memory=memory)
    assert finding is None


def test_failures_count_though_swarm_has_dropped_their_tasks() -> None:
    rule, memory, finding = CrashLoop(), None, None
    for number in (1, 2, 3):
        memory, finding = examine(rule, ended(number), memory=memory)
    assert finding is not None


@pytest.mark.parametrize("since", [NOW - 100.0, NOW])
def test_failures_from_before_a_heal_or_a_release_do_not_count(since: float) -> None:
    tasks = [ended(n, ago=100.0 + n) for n in (1, 2, 3)]
    assert found(CrashLoop(), *tasks, since=since) is None


def test_old_failures_are_forgotten() -> None:
    memory, _ = examine(CrashLoop(), *(ended(n) for n in (1, 2, 3)))
    assert examine(CrashLoop(), memory=memory, now=NOW + 400) == (None, None)


def test_after_the_clock_was_set_back_old_failures_are_no_new_ones_for_longer_than_the_window() -> (
    None
):
    rule, early = CrashLoop(), NOW - 3600
    memory, _ = examine(rule, ended(1), ended(2))
    for seconds in (0, 100, 299):
        memory, finding = examine(rule, ended(1), ended(2), memory=memory, now=early + seconds)
        assert finding is None
    third = ended(3, ago=3600 - 350)
    memory, finding = examine(rule, ended(1), ended(2), third, memory=memory, now=early + 360)
    assert finding is None
    memory, finding = examine(rule, ended(1), ended(2), memory=memory, now=NOW)
    assert finding is None
    assert examine(rule, memory=memory, now=NOW + 400) == (None, None)


def test_failures_on_a_node_whose_clock_is_ahead_count_as_of_when_they_were_seen() -> None:
    rule, memory = CrashLoop(), None
    for number in (1, 2, 3):
        memory, finding = examine(rule, ended(number, ago=-900.0), memory=memory)
    assert finding is not None
    assert examine(rule, ended(1, ago=-900.0), memory=memory, now=NOW + 301)[1] is None


def test_tasks_that_were_stopped_are_no_failures() -> None:
    stopped = [ended(n, TaskState.SHUTDOWN, exit_code=143) for n in range(9)]
    lost = [ended(10 + n, node_ready=False) for n in range(9)]
    refused = [ended(20 + n, TaskState.REJECTED) for n in range(9)]
    assert found(CrashLoop(), *stopped, *lost, *refused) is None


@pytest.mark.parametrize(("restarts", "loops"), [("any", True), ("on-failure", False)])
def test_an_end_with_zero_is_a_failure_only_where_swarm_restarts_it(
    restarts: str, loops: bool
) -> None:
    done = [ended(n, TaskState.COMPLETE, exit_code=0) for n in range(3)]
    service = a_service(1, restarts=restarts)
    assert (found(CrashLoop(), *done, service=service) is not None) is loops


def test_exit_codes_memory_and_health_are_told_apart() -> None:
    finding = found(
        CrashLoop(),
        ended(1, exit_code=3),
        ended(2, exit_code=137, error="task: non-zero exit (137): OOMKilled"),
        ended(3, exit_code=137, error="task: non-zero exit (137): unhealthy container"),
        ended(4, exit_code=137, error="task: non-zero exit (137)"),
    )
    assert finding is not None
    for told in ("exit code 3", "out of memory", "unhealthy", "killed (137)"):
        assert f"1 x {told}" in finding.reason


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (ended(1, exit_code=None), "failed"),
        (ended(1, exit_code=None, error="starting container failed"), "starting container failed"),
        (ended(1, exit_code=137, oom=True), "out of memory"),
        (ended(1, exit_code=1, error="Out of memory"), "out of memory"),
        (ended(1, exit_code=1, error="dockerexec: Unhealthy container"), "unhealthy"),
        (
            ended(1, exit_code=137),
            "killed (137), by the kernel for want of memory or by the engine",
        ),
        (ended(1, exit_code=0), "exit code 0"),
    ],
)
def test_how_a_task_ended_is_told_in_a_few_words(task: Task, told: str) -> None:
    assert causes.ending(task) == told


def test_endings_are_counted_the_most_frequent_first() -> None:
    assert causes.counted(["a", "b", "b"]) == "2 x b, 1 x a"


def test_failures_are_remembered_with_when_and_how_and_in_full() -> None:
    memory, finding = examine(CrashLoop(), ended(1, ago=20.0), ended(2, ago=10.0, exit_code=2))
    assert memory == {"task-1": [NOW - 20, "exit code 1"], "task-2": [NOW - 10, "exit code 2"]}
    assert finding is None
    _, finding = examine(CrashLoop(), ended(3), memory=memory)
    assert finding is not None
    assert set(finding.tasks) == {"task-1", "task-2", "task-3"}


@pytest.mark.parametrize(
    "wrong",
    ["ab", [1], {"a": 7}, {"a": [NOW]}, {"a": ["x", "y"]}, {"a": [NOW, 7]}, {"a": [NOW, "x", 1]}],
)
def test_failures_that_cannot_be_read_count_as_none(wrong: Any) -> None:
    assert examine(CrashLoop(failures=2), memory=wrong) == (None, None)
    kept = {"b": [NOW - 9, "exit code 1"]}
    both = {**kept, **wrong} if isinstance(wrong, dict) else kept
    assert examine(CrashLoop(), memory=both)[0] == kept


def test_of_many_failures_the_newest_are_remembered() -> None:
    many = [ended(n, ago=250.0 - n) for n in range(1, 250)]
    memory, finding = examine(CrashLoop(), *many)
    assert finding is not None
    assert set(memory) == {f"task-{n}" for n in range(50, 250)}


# exhausted

GIVEN_UP = a_service(2, max_attempts=1)


def test_a_slot_without_a_task_that_shall_run_is_given_up() -> None:
    finding = found(Exhausted(), ended(1), a_task(2), service=GIVEN_UP)
    assert finding is not None
    assert finding.tasks == ("task-1",)
    assert "gave up 1 of 2 slots: 1 x exit code 1" in finding.reason


@pytest.mark.parametrize(
    ("task", "restarts"),
    [
        (ended(1), "on-failure"),
        (ended(1, TaskState.REJECTED), "on-failure"),
        (ended(1, TaskState.COMPLETE), "any"),
        (ended(1, ago=10.0), "any"),
    ],
)
def test_a_slot_whose_task_should_have_been_followed_is_given_up(task: Task, restarts: str) -> None:
    service = replace(GIVEN_UP, restarts=restarts)
    finding = found(Exhausted(), task, a_task(2), service=service)
    assert finding is not None
    assert finding.tasks == ("task-1",)


@pytest.mark.parametrize(
    ("tasks", "service"),
    [
        ((ended(1, ago=5.0), a_task(2)), {}),
        ((ended(1),), {"replicas": 0}),
        ((ended(1),), {"mode": Mode.GLOBAL, "replicas": None}),
        ((ended(1), a_task(3, TaskState.READY, desired=TaskState.READY, slot=1), a_task(2)), {}),
        ((ended(1), a_task(2)), {"max_attempts": 0}),
        ((ended(1), a_task(2)), {"restarts": "none"}),
        ((ended(1, TaskState.COMPLETE), a_task(2)), {"restarts": "on-failure"}),
        ((ended(1, TaskState.SHUTDOWN), a_task(2)), {}),
        ((ended(1, desired=TaskState.REMOVE), a_task(2)), {}),
        ((ended(1), a_task(2)), {"replicas": 1}),
    ],
    ids=[
        "a moment ago",
        "nobody wants any",
        "global",
        "waits for its delay",
        "no limit",
        "never restarted",
        "ended well",
        "was stopped",
        "scaled away",
        "one too many",
    ],
)
def test_what_only_looks_like_a_slot_that_is_given_up(
    tasks: tuple[Task, ...], service: dict[str, Any]
) -> None:
    assert found(Exhausted(), *tasks, service=replace(GIVEN_UP, **service)) is None


# image_missing


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("No such image: web:2", False),
        ("manifest for web:2 not found: manifest unknown", False),
        ("pull access denied for shop/web, repository does not exist", True),
        ("Head https://r/v2/web: unauthorized: authentication required", True),
        ("Get https://r/v2/: no basic auth credentials", True),
    ],
)
def test_an_image_that_cannot_be_had_is_named_with_the_cause(error: str, advice: bool) -> None:
    refused = ended(1, TaskState.REJECTED, error=error)
    finding = found(ImageMissing(), refused, service=a_service(1, image="web:2"))
    assert finding is not None
    assert finding.state is Health.IMAGE_MISSING
    assert finding.reason.startswith(f"web:2 cannot be had: {error}")
    assert ("--with-registry-auth" in finding.reason) is advice


def test_an_image_that_came_after_all_is_not_missing() -> None:
    refused = ended(1, TaskState.REJECTED, error="No such image: web:2")
    assert found(ImageMissing(), refused, a_task(2, slot=1, created_at=NOW)) is None


def test_another_failure_is_no_missing_image() -> None:
    assert found(ImageMissing(), ended(1, error="task: non-zero exit (1)")) is None


# unschedulable


def test_swarms_reason_for_a_task_without_a_node_is_told() -> None:
    error = "no suitable node (insufficient resources on 1 node)"
    finding = found(Unschedulable(), *some_tasks(1), a_task(2, TaskState.PENDING, error=error))
    assert finding is not None
    assert finding.reason == f"1 tasks find no node: {error}"


def test_each_of_swarms_reasons_is_told_once() -> None:
    full, wrong = "insufficient resources", "scheduling constraints not satisfied"
    waiting = [a_task(n, TaskState.PENDING, error=full if n > 1 else wrong) for n in (1, 2, 3)]
    unwanted = a_task(4, TaskState.PENDING, error="x", desired=TaskState.SHUTDOWN)
    finding = found(Unschedulable(), *waiting, unwanted)
    assert finding is not None
    assert (finding.state, finding.tasks) == (Health.UNSCHEDULABLE, ("task-1", "task-2", "task-3"))
    assert finding.reason == f"3 tasks find no node: {full}; {wrong}"


def test_a_task_that_is_just_being_placed_is_not_unschedulable() -> None:
    assert found(Unschedulable(), a_task(1, TaskState.PENDING)) is None


# stuck_update


def rolling(state: Rollout = Rollout.UPDATING, started: float = NOW) -> Service:
    return a_service(3, rollout=state, rollout_started=started, rollout_message="due to task x")


@pytest.mark.parametrize("state", [Rollout.PAUSED, Rollout.ROLLBACK_PAUSED])
def test_a_paused_rollout_is_stuck_at_once(state: Rollout) -> None:
    finding = found(StuckUpdate(), service=rolling(state))
    assert finding is not None
    assert finding.reason == f"the update is {state}: due to task x"


def test_a_rollout_without_another_healthy_task_for_long_is_stuck() -> None:
    rule, service = StuckUpdate(), rolling()
    memory, finding = examine(rule, service=service)
    assert finding is None
    fresh = a_task(1, created_at=NOW + 300)
    memory, finding = examine(rule, fresh, service=service, memory=memory, now=NOW + 500)
    assert finding is None
    memory, finding = examine(rule, fresh, service=service, memory=memory, now=NOW + 1099)
    assert finding is None
    _, finding = examine(rule, fresh, service=service, memory=memory, now=NOW + 1100)
    assert finding is not None
    assert "without progress for 600 s" in finding.reason


def test_only_healthy_tasks_of_its_own_bring_a_rollout_on() -> None:
    rule, service = StuckUpdate(), rolling()
    memory, _ = examine(rule, service=service)
    others = (a_task(1, created_at=NOW - 1), a_task(2, TaskState.STARTING, created_at=NOW))
    memory, _ = examine(rule, *others, service=service, memory=memory, now=NOW + 300)
    assert memory == [NOW, 0.0, NOW]
    own = (a_task(3, created_at=NOW), a_task(4, created_at=NOW + 1))
    memory, _ = examine(rule, *own, service=service, memory=memory, now=NOW + 400)
    assert memory == [NOW, 2.0, NOW + 400]
    memory, finding = examine(rule, own[0], service=service, memory=memory, now=NOW + 1000)
    assert memory == [NOW, 2.0, NOW + 400]
    assert finding is not None
    assert finding.state is Health.STUCK


@pytest.mark.parametrize("wrong", ["abc", {"a": 1, "b": 2, "c": 3}, [NOW, 9.0], [NOW, "9", NOW], 7])
def test_progress_that_cannot_be_read_begins_anew(wrong: Any) -> None:
    memory, finding = examine(StuckUpdate(), service=rolling(), memory=wrong, now=NOW + 700)
    assert (memory, finding) == ([NOW, 0.0, NOW + 700], None)
    memory, finding = examine(StuckUpdate(), service=rolling(), memory=[NOW, 9, NOW], now=NOW + 700)
    assert memory == [NOW, 9.0, NOW]
    assert finding is not None


def test_another_rollout_starts_anew() -> None:
    rule = StuckUpdate()
    memory, _ = examine(rule, service=rolling())
    later = rolling(started=NOW + 900)
    assert examine(rule, service=later, memory=memory, now=NOW + 900)[1] is None


def test_what_has_settled_is_not_stuck() -> None:
    assert examine(StuckUpdate(), service=a_service(3, rollout=Rollout.COMPLETED)) == (None, None)
