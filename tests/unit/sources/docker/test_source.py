"""From an engine's statistics to samples, without a real second passing."""

import asyncio
import ssl
from functools import partial
from pathlib import Path

import pytest

from autoscaler.model import Quality, TaskState
from autoscaler.ports import Query
from autoscaler.sources.docker import DockerSource, Settings
from autoscaler.testing.builders import NOW, a_service, a_task, some_tasks
from autoscaler.testing.docker_statistics import NOT_RUNNING, FakeStatistics, frame, steady

from .conftest import LIMITED, Asker, query

WEB = LIMITED.id


def _asked_again(engine: FakeStatistics, before: int) -> bool:
    return engine.requests["stats"] > before


async def eventually(asker: Asker, source: DockerSource, expected: float | None) -> None:
    """Read until task-1 has this value."""
    async with asyncio.timeout(120):
        while True:
            sample = await asker.ask(source)
            value = (sample.tasks or {}).get("task-1")
            if value is not None and value.value == pytest.approx(expected):
                return
            await asyncio.sleep(0.01)


async def test_each_task_has_its_cores_and_what_they_are_a_share_of(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady(cores=0.25))
    engine.run("c2", WEB, "task-2", steady(cores=0.5))
    engine.run("other", "another", "task-3", steady(cores=9))
    sample = await asker.ask(tasks=some_tasks(2))
    assert (sample.quality, sample.value, sample.at) == (Quality.VALUE, None, NOW)
    assert sample.tasks is not None
    values = {key: one.value for key, one in sample.tasks.items()}
    assert values == {"task-1": pytest.approx(0.25), "task-2": pytest.approx(0.5)}
    assert {one.of for one in sample.tasks.values()} == {0.5}
    assert sample.tasks["task-1"].window == 15.0
    assert sample.detail == "2 of 2 tasks seen"


async def test_memory_is_in_bytes(engine: FakeStatistics, asker: Asker) -> None:
    engine.run("c1", WEB, "task-1", steady(memory=1234))
    sample = await asker.ask(None, query("memory"))
    assert sample.tasks is not None
    assert (sample.tasks["task-1"].value, sample.tasks["task-1"].of) == (1234.0, 4000.0)


async def test_a_share_of_the_node_asks_its_size_once(engine: FakeStatistics, asker: Asker) -> None:
    engine.run("c1", WEB, "task-1", steady())
    source = asker.source()
    for _ in range(3):
        sample = await asker.ask(source, query(of="node"))
    assert sample.tasks is not None
    assert sample.tasks["task-1"].of == 4.0
    assert engine.requests["info"] == 1


async def test_tasks_on_other_nodes_have_no_value_and_are_counted(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    sample = await asker.ask(tasks=some_tasks(3))
    assert sample.quality is Quality.VALUE
    assert sample.tasks is not None
    assert {key: (one.value is None, one.of) for key, one in sample.tasks.items()} == {
        "task-1": (False, 0.5),
        "task-2": (True, 0.5),
        "task-3": (True, 0.5),
    }
    assert sample.detail == "1 of 3 tasks seen, 2 not on this node"


async def test_a_task_that_is_taken_away_does_not_count(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    engine.run("c2", WEB, "task-2", steady())
    leaving = a_task(2, desired=TaskState.SHUTDOWN)
    starting = a_task(3, TaskState.STARTING)
    sample = await asker.ask(tasks=(a_task(1), leaving, starting))
    assert sample.tasks is not None
    assert set(sample.tasks) == {"task-1"}


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        (None, "no task of it runs on this node"),
        ((), "none of its tasks runs"),
        (some_tasks(3), "none of its 3 running tasks is on this node"),
    ],
)
async def test_no_container_here_is_no_data_and_says_why(
    asker: Asker, tasks: tuple[()] | None, told: str
) -> None:
    sample = await asker.ask(tasks=tasks)
    assert sample.quality is Quality.NO_DATA
    assert told in sample.detail


async def test_memory_without_a_limit_is_an_error_that_names_the_way_out(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    sample = await asker.ask(None, query("memory", a_service()))
    assert sample.quality is Quality.ERROR
    assert "`of: node`" in sample.detail


async def test_frames_that_stay_away_make_a_task_unknown(
    engine: FakeStatistics, asker: Asker
) -> None:
    source = asker.source()
    engine.run("c1", WEB, "task-1", steady(cores=0.25))
    engine.run("c2", WEB, "task-2", steady())
    assert (await asker.ask(source)).known
    asker.clock.advance(4)
    engine.send("c1", frame(NOW + 4, cpu=100 + 20 * 0.25 + 1.0))
    await eventually(asker, source, (11 * 0.25 + 1.0) / 15)
    sample = await asker.ask(source)
    assert sample.tasks is not None
    assert sample.tasks["task-2"].value is None
    assert sample.detail == "1 of 2 tasks seen, 1 without fresh statistics"
    asker.clock.advance(4)
    sample = await asker.ask(source)
    assert (sample.quality, sample.tasks) == (Quality.STALE, None)
    asker.clock.advance(600)
    assert (await asker.ask(source)).quality is not Quality.VALUE


async def test_a_container_that_does_not_run_has_no_value(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", [NOT_RUNNING] * 5)
    sample = await asker.ask(asker.source(patience="50ms"))
    assert sample.quality is Quality.NO_DATA
    assert "without a value yet" in sample.detail


async def test_a_container_started_again_is_measured_from_its_start(
    engine: FakeStatistics, asker: Asker
) -> None:
    source = asker.source()
    engine.run("c1", WEB, "task-1", steady(cores=0.25))
    assert (await asker.ask(source)).known
    engine.send("c1", frame(NOW + 1, cpu=0.5))
    engine.send("c1", frame(NOW + 2, cpu=1.25))
    await eventually(asker, source, 0.75)


async def test_one_list_and_one_stream_per_container_serve_all_queries(
    engine: FakeStatistics, asker: Asker
) -> None:
    for number in range(20):
        engine.run(f"c{number}", WEB, f"task-{number}", steady())
    source = asker.source()
    for _ in range(5):
        asker.clock.advance(0.5)
        samples = await source.read([query(), query("memory"), query(of="core")], {})
    assert all(len(sample.tasks or ()) == 20 for sample in samples)
    assert dict(engine.requests) == {"ping": 1, "list": 1, "stats": 20}


async def test_containers_of_services_that_nobody_asks_about_have_no_stream(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    engine.run("c2", "another", "task-2", steady())
    await asker.ask()
    assert engine.open.total() == engine.open["c1"] == 1


async def test_the_number_of_streams_is_bounded(engine: FakeStatistics, asker: Asker) -> None:
    for number in range(5):
        engine.run(f"c{number}", WEB, f"task-{number}", steady())
    sample = await asker.ask(asker.source(streams=3))
    assert sample.detail == "3 of 5 tasks seen, 2 above the bound of streams"
    assert sample.tasks is not None
    assert sum(one.value is None for one in sample.tasks.values()) == 2
    assert engine.open.total() == 3


async def test_a_stream_closes_when_its_container_is_gone(
    engine: FakeStatistics, asker: Asker
) -> None:
    source = asker.source(list_every="0s")
    engine.run("c1", WEB, "task-1", steady())
    engine.run("c2", WEB, "task-2", steady())
    await asker.ask(source)
    engine.end("c1")
    asker.clock.advance(1)
    sample = await asker.ask(source)
    assert set(sample.tasks or ()) == {"task-2"}
    await engine.streams(1)


async def test_a_stream_closes_when_nobody_has_asked_for_long(
    engine: FakeStatistics, asker: Asker
) -> None:
    source = asker.source(idle="30s")
    engine.run("c1", WEB, "task-1", steady())
    engine.run("c2", "another", "task-2", steady())
    elsewhere = Query(query().options, a_service(id="another"))
    await source.read([query(), elsewhere], {})
    asker.clock.advance(29)
    await asker.ask(source)
    asker.clock.advance(2)
    engine.send("c1", frame(NOW + 31, cpu=200))
    engine.send("c2", frame(NOW + 31, cpu=200))
    await engine.streams(1)
    assert engine.open["c1"] == 1


async def test_an_idle_service_that_is_asked_about_again_is_measured_again(
    engine: FakeStatistics, asker: Asker
) -> None:
    source = asker.source(idle="30s")
    engine.run("c1", WEB, "task-1", steady())
    await asker.ask(source)
    asker.clock.advance(31)
    engine.send("c1", frame(NOW + 31, cpu=200))
    await engine.streams(0)
    assert (await asker.ask(source)).known


async def test_a_broken_stream_is_opened_anew(engine: FakeStatistics, asker: Asker) -> None:
    source = asker.source(backoff="10ms")
    engine.run("c1", WEB, "task-1", steady(cores=0.25))
    await asker.ask(source)
    for _ in range(3):
        engine.cut("c1")
        await engine.streams(0)
        await engine.streams(1)
    asker.clock.advance(1)
    engine.send("c1", frame(NOW + 1, cpu=100 + 20 * 0.25 + 4.0))
    await eventually(asker, source, (14 * 0.25 + 4.0) / 15)


async def test_junk_in_a_stream_opens_it_anew(engine: FakeStatistics, asker: Asker) -> None:
    source = asker.source(backoff="10ms")
    engine.run("c1", WEB, "task-1", steady())
    await asker.ask(source)
    for junk in (b"{", b"null", b"x" * 400_000):
        asked = engine.requests["stats"]
        engine.send("c1", junk)
        await engine.until(partial(_asked_again, engine, asked))
        await engine.streams(1)
    assert (await asker.ask(source)).known


async def test_an_engine_may_be_asked_over_tcp(engine: FakeStatistics, asker: Asker) -> None:
    engine.run("c1", WEB, "task-1", steady())
    assert (await asker.ask(asker.source(host=engine.tcp_host))).known


async def test_tls_is_spoken_where_a_tls_file_is_named(
    engine: FakeStatistics, asker: Asker, tmp_path: Path
) -> None:
    source = asker.source(host=engine.tcp_host, tls_ca=ssl.get_default_verify_paths().cafile)
    sample = await asker.ask(source)
    assert sample.quality is Quality.ERROR
    assert ": TLS: " in sample.detail
    sample = await asker.ask(asker.source(host=engine.tcp_host, tls_ca=tmp_path / "nothing"))
    assert sample.quality is Quality.ERROR
    assert "TLS files" in sample.detail


async def test_an_engine_that_was_replaced_is_asked_for_its_version(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    source = asker.source()
    engine.status["list"] = 400
    await asker.ask(source)
    engine.status.clear()
    await asker.ask(source)
    assert engine.requests["ping"] == 2


async def test_a_first_read_does_not_wait_longer_than_its_patience(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1")
    loop = asyncio.get_running_loop()
    source, began = asker.source(patience="2s", timeout="20s"), loop.time()
    assert (await asker.ask(source)).quality is Quality.NO_DATA
    first = loop.time() - began
    assert first > 1.0
    asker.clock.advance(2)
    began = loop.time()
    engine.run("c2", WEB, "task-2")
    await asker.ask(source)
    # Another patience would be as long.
    assert loop.time() - began < first


async def test_foreign_options_are_an_error(asker: Asker) -> None:
    foreign = Query(Settings(), LIMITED)
    assert (await asker.ask(None, foreign)).quality is Quality.ERROR


async def test_nothing_is_left_after_closing(engine: FakeStatistics, asker: Asker) -> None:
    source = asker.source()
    engine.run("c1", WEB, "task-1", steady())
    before = asyncio.all_tasks()
    await asker.ask(source)
    await source.close()
    await engine.streams(0)
    assert (await asker.ask(source)).quality is Quality.ERROR
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not any("statistics" in name for name in names)
