"""How Prometheus is asked: seldom, bounded, and no longer than it may take."""

import asyncio
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.model import Quality, Service
from autoscaler.ports import Query
from autoscaler.sources.prometheus import PrometheusSource, Settings
from autoscaler.sources.prometheus.connection import LONGEST_URL_QUERY
from autoscaler.strict import Strict
from autoscaler.testing.prometheus import FakePrometheus, Point
from autoscaler.testing.prometheus_faults import FAULTS

NASTY = 'x"} or vector(0) or foo{a="'


async def test_equal_queries_are_asked_once(asker: Any, fake: FakePrometheus) -> None:
    names = [f"service{n}" for n in range(50)]
    shared = [asker.query("x", name) for name in names]
    joined = [
        asker.query("y", name, match="service", max_age=f"{n + 1}s") for n, name in enumerate(names)
    ]
    assert len(await asker.ask_all([*shared, *joined])) == 100
    assert sorted(fake.asked) == ["x", "y"]


async def test_a_query_about_each_service_is_asked_for_each(
    asker: Any, fake: FakePrometheus
) -> None:
    fake.say('x{s="a"}', 1)
    fake.say('x{s="b"}', 2)
    queries = [asker.query('x{s="$service"}', name) for name in ("b", "a", "b")]
    assert [one.value for one in await asker.ask_all(queries)] == [2, 1, 2]
    assert sorted(fake.asked) == ['x{s="a"}', 'x{s="b"}']


async def test_a_hostile_name_asks_for_itself_only(asker: Any, fake: FakePrometheus) -> None:
    queries = [asker.query('x{s="$service"}', NASTY)]
    (sample,) = await asker.ask_all(queries)
    assert sample.quality is Quality.NO_DATA
    assert fake.asked == ['x{s="x\\u0022} or vector(0) or foo{a=\\u0022"}']


async def test_a_service_without_a_stack_cannot_be_asked_about_by_it(
    asker: Any, fake: FakePrometheus
) -> None:
    queries = [Query(asker.query('x{s="$stack"}').options, Service(id="a", name="a", version=1))]
    (sample,) = await asker.ask_all(queries)
    assert (sample.quality, "no stack" in sample.detail) == (Quality.ERROR, True)
    assert fake.asked == []


async def test_no_more_than_the_threads_are_in_flight(asker: Any, fake: FakePrometheus) -> None:
    async def slowly(request: Any, answer: Any) -> Any:
        await asyncio.sleep(0.02)
        return await FAULTS["empty"](request, answer)

    fake.fault = slowly
    queries = [asker.query(f"x{n}") for n in range(12)]
    samples = await asker.source(threads=3, timeout="5s").read(queries, {})
    assert {sample.quality for sample in samples} == {Quality.NO_DATA}
    assert fake.most_in_flight == 3


async def test_those_that_wait_too_long_are_errors(asker: Any, fake: FakePrometheus) -> None:
    fake.fault = FAULTS["hang"]
    queries = [asker.query(f"x{n}") for n in range(20)]
    samples = await asker.source(threads=2, timeout="1s").read(queries, {})
    # One after the other all would be asked, and take ten times as long.
    assert len(fake.requests) < len(queries)
    assert {sample.quality for sample in samples} == {Quality.ERROR}
    assert "turn" in samples[-1].detail or "turn" in samples[0].detail


async def test_those_whose_turn_did_not_come_are_first_next_time(
    asker: Any, fake: FakePrometheus
) -> None:
    fake.fault = FAULTS["hang"]
    queries = [asker.query(f"rate(x{n}[1m])") for n in range(4)]
    source = asker.source(threads=2, timeout="1s")
    for _ in range(2):
        await source.read(queries, {})
    first, then = fake.asked[:2], fake.asked[2:]
    assert sorted(first + then) == [f"rate(x{n}[1m])" for n in range(4)]


async def test_a_long_query_travels_in_the_body(asker: Any, fake: FakePrometheus) -> None:
    long = "sum(" + " + ".join(["rate(x[1m])"] * 300) + ")"
    assert len(long) > LONGEST_URL_QUERY
    fake.say(long, 4)
    fake.say("x", 3)
    samples = await asker.ask_all([asker.query("x"), asker.query(long)])
    assert [sample.value for sample in samples] == [3, 4]
    assert sorted(one["method"] for one in fake.requests) == ["GET", "POST"]


async def test_the_server_is_told_the_timeout_and_not_the_time(
    asker: Any, fake: FakePrometheus
) -> None:
    await asker.ask("x")
    (request,) = fake.requests
    assert 0 < float(request["timeout"]) <= 3
    assert "time" not in request
    assert request["headers"]["Accept-Encoding"] == "identity"
    assert "Authorization" not in request["headers"]


async def test_as_many_series_as_allowed_are_read(asker: Any, fake: FakePrometheus) -> None:
    source = asker.source(max_series=10)
    for text in ("x", "rate(x[1m])"):
        for count, quality in ((10, Quality.VALUE), (11, Quality.ERROR)):
            fake.say(text, [Point(1, {"n": str(n)}) for n in range(count)])
            (sample,) = await source.read([asker.query(text, reduce="sum")], {})
            assert sample.quality is quality


async def test_a_redirection_is_not_followed(asker: Any, fake: FakePrometheus) -> None:
    fake.fault = FAULTS["redirect"]
    sample = await asker.ask("x")
    assert "not followed" in sample.detail
    assert len(fake.requests) == 1


async def test_nothing_is_asked_twice(asker: Any, fake: FakePrometheus) -> None:
    for fault in ("http 503", "closed at once", "reset at once", "hang"):
        fake.fault = FAULTS[fault]
        fake.requests.clear()
        assert (await asker.ask("x")).quality is Quality.ERROR
        assert len(fake.requests) == 1, fault


async def test_connections_are_used_again(asker: Any, fake: FakePrometheus) -> None:
    source = asker.source(threads=2)
    for _ in range(10):
        await source.read([asker.query("x"), asker.query("y")], {})
    assert len({request["port"] for request in fake.requests}) <= 2


async def test_proxies_of_the_environment_are_not_used(
    asker: Any, fake: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    fake.say("x", 3)
    assert (await asker.ask("x")).known


async def test_options_of_another_source_are_an_error(asker: Any) -> None:
    class Other(Strict):
        query: str = "x"

    (sample,) = await asker.ask_all([Query(Other(), Service(id="a", name="a", version=1))])
    assert sample.quality is Quality.ERROR


async def test_a_machine_without_a_thread_to_spare_is_an_error(
    asker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    source = asker.source()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        (sample,) = await source.read([asker.query("x")], {})
    assert (sample.quality, "thread" in sample.detail) == (Quality.ERROR, True)
    assert (await source.read([asker.query("x")], {}))[0].quality is Quality.NO_DATA


class TestEnd:
    async def test_closing_ends_what_is_in_flight(self, asker: Any, fake: FakePrometheus) -> None:
        fake.fault = FAULTS["hang"]
        source = asker.source(timeout="60s")
        reading = asyncio.ensure_future(source.read([asker.query("x"), asker.query("y")], {}))
        await fake.asked_at_least(2)
        await source.close()
        async with asyncio.timeout(120):
            samples = await reading
        assert [sample.quality for sample in samples] == [Quality.ERROR] * 2

    async def test_after_closing_there_are_only_errors(self, asker: Any) -> None:
        source = asker.source()
        await source.close()
        (sample,) = await source.read([asker.query("x")], {})
        assert (sample.quality, sample.detail) == (Quality.ERROR, "the source is closed")

    async def test_the_loop_runs_on_while_a_server_hangs(
        self, asker: Any, fake: FakePrometheus
    ) -> None:
        fake.fault = FAULTS["dripping body"]
        source = asker.source(timeout="3s")
        reading = asyncio.ensure_future(source.read([asker.query("x")], {}))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0.001)
            turns += 1
        # Were the loop waiting as well, it would have one or two.
        assert turns > 20

    def test_a_process_ends_though_a_server_hangs(self) -> None:
        done = subprocess.run(
            [sys.executable, "-c", HUNG], check=False, capture_output=True, timeout=100
        )
        assert (done.returncode, done.stdout.strip()) == (0, b"timed out"), done.stderr


HUNG = """
import asyncio, socket
from autoscaler.model import Service
from autoscaler.ports import Query
from autoscaler.sources.prometheus import Options, PrometheusSource, Settings

async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    url = "http://127.0.0.1:%d" % listener.getsockname()[1]
    source = PrometheusSource(Settings(urls=(url,), timeout="2m"))
    query = Query(Options(query="x"), Service(id="a", name="a", version=1))
    try:
        await asyncio.wait_for(source.read([query], {}), 0.2)
    except TimeoutError:
        print("timed out")

asyncio.run(main())
"""


async def test_a_clock_that_differs_is_said_once(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", 3)
    source = PrometheusSource(Settings(urls=(fake.url,)), clock=lambda: time.time() + 60)
    with capture_logs() as logs:
        for _ in range(3):
            assert (await source.read([asker.query("x")], {}))[0].known
    await source.close()
    assert [one["event"] for one in logs] == ["prometheus' clock differs from ours"]
    assert logs[0]["seconds"] == pytest.approx(-60, abs=2)
