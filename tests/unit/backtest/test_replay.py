"""A policy over history, by the code that decides in production."""

from __future__ import annotations

from collections.abc import Mapping

from autoscaler.backtest.plant import NAME, Plant
from autoscaler.backtest.replay import replay
from autoscaler.model import Sample, TaskState
from autoscaler.testing.builders import a_policy, at_once, value


def test_replicas_run_once_they_have_started_and_stop_at_once() -> None:
    plant = Plant(2, start_delay=10)
    plant.scale(5, now=100)
    assert (plant.replicas, plant.running(109)) == (5, 2)
    assert plant.running(110) == 5
    plant.scale(1, now=111)
    assert plant.running(111) == 1


def test_those_that_still_start_are_the_first_to_go() -> None:
    plant = Plant(2, start_delay=10)
    plant.scale(4, now=100)
    plant.scale(3, now=105)
    assert (plant.running(105), plant.running(110)) == (2, 3)


def test_a_pass_sees_tasks_that_start_and_tasks_that_run() -> None:
    plant = Plant(1, start_delay=10)
    plant.scale(2, now=100)
    service, tasks = plant.observed(105)
    assert (service.replicas, service.running) == (2, 1)
    assert [task.state for task in tasks or ()] == [TaskState.RUNNING, TaskState.STARTING]
    assert [task.state for task in plant.observed(110)[1] or ()] == [TaskState.RUNNING] * 2


def test_decisions_are_those_of_the_policy_and_are_done() -> None:
    policy = a_policy(max=20, behavior=at_once(), policy={"services": [NAME]})
    plant = Plant(1, start_delay=30)

    def load(now: float, plant: Plant) -> Mapping[str, Sample]:
        return {"load": value(850.0 if now >= 30 else 100.0, at=now)}

    steps = [*replay(policy, plant, range(0, 90, 15), load)]
    assert [step.decision.current for step in steps] == [1, 1, 1, 9, 9, 9]
    assert [step.running for step in steps] == [1, 1, 1, 1, 9, 9]
    actions = [step.decision.action for step in steps]
    assert [action.replicas if action else None for action in actions][2] == 9


def test_a_schedule_opens_in_the_time_of_the_history() -> None:
    night = {"name": "night", "cron": "0 0 * * *", "duration": "1h", "min": 4}
    policy = a_policy(metrics=[], max=20, schedules=[night], policy={"services": [NAME]})
    plant = Plant(1, start_delay=0)
    steps = [*replay(policy, plant, (86_400 - 15, 86_400, 86_415), lambda now, plant: {})]
    assert [step.decision.current for step in steps] == [1, 1, 4]
