"""An engine that refuses, answers junk, or is not there."""

from pathlib import Path

import pytest

from autoscaler.model import Quality
from autoscaler.sources.docker import DockerSource, Settings
from autoscaler.testing.builders import NOW
from autoscaler.testing.docker_statistics import FakeStatistics, frame, steady

from .conftest import LIMITED, Asker, query

WEB = LIMITED.id


async def test_an_engine_that_refuses_streams_is_not_stormed(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    engine.status["stats"] = 500
    source = asker.source(patience="300ms", backoff="100ms")
    sample = await asker.ask(source)
    assert sample.quality is Quality.NO_DATA
    assert engine.requests["stats"] <= 4


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
async def test_a_list_that_is_refused_is_an_error(
    engine: FakeStatistics, asker: Asker, status: int
) -> None:
    engine.run("c1", WEB, "task-1", steady())
    source = asker.source()
    engine.status["list"] = status
    sample = await asker.ask(source)
    assert sample.quality is Quality.ERROR
    assert str(status) in sample.detail
    engine.status.clear()
    assert (await asker.ask(source)).known


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"junk", b"[", b"[" * 10_000, b"\xff"])
async def test_a_list_that_is_no_list_is_an_error(
    engine: FakeStatistics, asker: Asker, body: bytes
) -> None:
    engine.body["list"] = body
    assert (await asker.ask()).quality is Quality.ERROR


async def test_entries_of_a_list_that_cannot_be_read_are_passed_over(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.body["list"] = b'[null, 7, {}, {"Id": 1, "Labels": {}}, {"Id": "a", "Labels": null}]'
    assert (await asker.ask()).quality is Quality.NO_DATA


async def test_a_list_without_end_is_an_error(engine: FakeStatistics, asker: Asker) -> None:
    engine.body["list"] = b" " * (17 * 2**20)
    sample = await asker.ask(asker.source(timeout="5s"))
    assert sample.quality is Quality.ERROR
    assert "more than" in sample.detail


async def test_a_size_of_the_node_that_is_none_is_an_error(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.body["info"] = b'{"NCPU": 0, "MemTotal": 5}'
    assert (await asker.ask(None, query(of="node"))).quality is Quality.ERROR


async def test_no_engine_is_an_error(asker: Asker, tmp_path: Path) -> None:
    sample = await asker.ask(asker.source(host=f"unix://{tmp_path}/nothing.sock"))
    assert sample.quality is Quality.ERROR
    assert "nothing.sock" in sample.detail


@pytest.mark.parametrize("status", [403, 503])
async def test_an_engine_that_does_not_tell_its_version_is_an_error(
    engine: FakeStatistics, asker: Asker, status: int
) -> None:
    engine.status["ping"] = status
    sample = await asker.ask()
    assert sample.quality is Quality.ERROR
    assert str(status) in sample.detail


async def test_a_node_that_does_not_count_memory_has_no_value_for_it(
    engine: FakeStatistics, asker: Asker
) -> None:
    engine.run("c1", WEB, "task-1", [frame(NOW - 1, 1.0, None), frame(NOW, 2.0, None)])
    source = asker.source()
    assert (await asker.ask(source)).known
    assert (await asker.ask(source, query("memory"))).quality is Quality.NO_DATA


async def test_an_address_of_the_environment_that_leads_nowhere_is_an_error(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@there")
    source = DockerSource(Settings())
    sample = await asker.ask(source)
    await source.close()
    assert sample.quality is Quality.ERROR
    assert "state `host:" in sample.detail
