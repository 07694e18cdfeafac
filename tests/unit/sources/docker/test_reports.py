"""Tasks on other nodes have values where their node's agent tells of them."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.model import NodeUsage, Quality, TaskUsage
from autoscaler.sources.docker import DockerSource, reports
from autoscaler.testing.builders import NOW, a_task
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.docker_statistics import FakeStatistics, steady

from .conftest import LIMITED, Asker, query

WEB = LIMITED.id
TASKS = (a_task(1), a_task(2, node_id="node-2"), a_task(3, node_id="node-3"))


def tell(source: DockerSource, *, node: str = "node-2", task: str = "task-2", **of: Any) -> None:
    """Reports of ten seconds: half a core and 1,000 bytes unless said otherwise."""
    for second in range(0, 11, 2):
        used = TaskUsage(
            task_id=task,
            service_id=of.get("service", WEB),
            at=NOW + second,
            cpu=of.get("cores", 0.5) * second,
            memory=of.get("memory", 1000.0),
        )
        source.hear(NodeUsage(node_id=node, cores=8.0, memory=1e9, tasks=(used,)))


async def test_reports_stand_beside_what_is_read_here(engine: FakeStatistics, asker: Asker) -> None:
    engine.run("c1", WEB, "task-1", steady(cores=0.25))
    source = asker.source()
    tell(source)
    sample = await asker.ask(source, tasks=TASKS)
    assert sample.tasks is not None
    values = {key: one.value for key, one in sample.tasks.items()}
    assert values == {"task-1": pytest.approx(0.25), "task-2": pytest.approx(0.5), "task-3": None}
    assert sample.detail == "2 of 3 tasks seen, 1 on nodes of which no agent tells"


async def test_what_is_read_here_counts_more_than_a_report(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady(cores=0.25))
    source = asker.source()
    tell(source, node="node-1", task="task-1", cores=9.0)
    sample = await asker.ask(source, tasks=TASKS[:1])
    assert sample.tasks is not None
    assert sample.tasks["task-1"].value == pytest.approx(0.25)


async def test_a_node_is_believed_about_its_own_tasks_only(asker: Asker) -> None:
    source = asker.source()
    tell(source, node="liar", task="task-2")
    sample = await asker.ask(source, tasks=TASKS)
    assert sample.quality is Quality.NO_DATA
    assert "no agent tells of one" in sample.detail


async def test_an_agent_that_falls_silent_leaves_its_tasks_unknown(asker: Asker) -> None:
    source = asker.source()
    tell(source)
    assert (await asker.ask(source, tasks=TASKS[1:2])).known
    asker.clock.advance(7)
    sample = await asker.ask(source, tasks=TASKS[1:2])
    assert sample.quality is Quality.STALE


async def test_without_the_local_engine_agents_are_enough(
    engine: FakeStatistics, asker: Asker
) -> None:
    await engine.stop()
    source = asker.source()
    assert (await asker.ask(source, tasks=TASKS)).quality is Quality.ERROR
    tell(source)
    sample = await asker.ask(source, tasks=TASKS[1:2])
    assert (sample.quality, sample.detail) == (Quality.VALUE, "1 of 1 tasks seen")


async def test_a_share_of_the_node_is_one_of_the_tasks_own_node(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    source = asker.source()
    tell(source)
    sample = await asker.ask(source, query(of="node"), tasks=TASKS[:2])
    assert sample.tasks is not None
    assert {key: one.of for key, one in sample.tasks.items()} == {"task-1": 4.0, "task-2": 8.0}


def a_report(number: int) -> NodeUsage:
    task = TaskUsage(task_id=f"t{number}", service_id=WEB, at=NOW, cpu=1.0, memory=None)
    return NodeUsage(node_id="n", cores=1.0, memory=1.0, tasks=(task,))


def known(kept: reports.Reports) -> int:
    return len(kept.of(WEB, None))


def test_reports_are_bounded_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_TASKS", 3)
    clock = ManualClock()
    kept = reports.Reports(clock)
    for number in range(5):
        kept.hear(a_report(number))
    assert known(kept) == 3
    clock.advance(61)
    kept.hear(a_report(9))
    assert set(kept.of(WEB, None)) == {"t9"}


def test_more_is_kept_for_who_asks_for_more() -> None:
    clock = ManualClock()
    kept = reports.Reports(clock)
    kept.ask(WEB, 60.0)
    for second in range(0, 120, 2):
        task = TaskUsage(task_id="t", service_id=WEB, at=NOW + second, cpu=second, memory=None)
        kept.hear(NodeUsage(node_id="n", cores=1.0, memory=1.0, tasks=(task,)))
    history = kept.of(WEB, (a_task(1, id="t", node_id="n"),))["t"]
    assert 30 <= history.length <= 32


def test_what_was_wanted_of_a_service_without_reports_is_forgotten() -> None:
    clock = ManualClock()
    kept = reports.Reports(clock)
    kept.ask(WEB, 60.0)
    clock.advance(61)
    kept.ask("another service", 60.0)
    for second in range(0, 120, 2):
        task = TaskUsage(task_id="t", service_id=WEB, at=NOW + second, cpu=second, memory=None)
        kept.hear(NodeUsage(node_id="n", cores=1.0, memory=1.0, tasks=(task,)))
    assert kept.of(WEB, None)["t"].length < 15
