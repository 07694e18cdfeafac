"""Of several servers that know the same, one that answers is asked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.model import Quality
from autoscaler.sources.prometheus import Settings
from autoscaler.sources.prometheus.connection import Connection
from autoscaler.sources.prometheus.failover import REST, Servers
from autoscaler.testing.prometheus import FakePrometheus, Refusal
from autoscaler.testing.prometheus_faults import FAULTS


@pytest.fixture
async def second() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as second:
        second.say("rate(x[1m])", 2)
        yield second


async def test_the_next_server_is_asked_when_one_fails_and_is_remembered(
    asker: Any, fake: FakePrometheus, second: FakePrometheus
) -> None:
    source = asker.source(urls=[fake.url, second.url], timeout="2s")
    query = asker.query("rate(x[1m])")
    fake.fault = FAULTS["http 503"]
    for _ in range(3):
        assert (await source.read([query], {}))[0].value == 2
    assert (len(fake.requests), len(second.requests)) == (1, 3)
    fake.fault = None
    fake.say("rate(x[1m])", 1)
    await second.stop()
    assert (await source.read([query], {}))[0].value == 1
    await fake.stop()
    assert (await source.read([query], {}))[0].quality is Quality.ERROR


@pytest.mark.parametrize("fault", ["hang", "login page", "cut JSON", "http 401", "endless"])
async def test_each_way_of_failing_makes_way(
    asker: Any, fake: FakePrometheus, second: FakePrometheus, fault: str
) -> None:
    fake.fault = FAULTS[fault]
    source = asker.source(urls=[fake.url, second.url], timeout="4s")
    assert (await source.read([asker.query("rate(x[1m])")], {}))[0].value == 2


async def test_a_wrong_query_is_wrong_everywhere(
    asker: Any, fake: FakePrometheus, second: FakePrometheus
) -> None:
    fake.say("x", Refusal(400, "bad_data", "no"))
    source = asker.source(urls=[fake.url, second.url])
    assert "wrong" in (await source.read([asker.query("x")], {}))[0].detail
    assert second.requests == []


async def test_a_failure_is_said_once(asker: Any, fake: FakePrometheus) -> None:
    source = asker.source()
    with capture_logs() as logs:
        for fault in ("http 503", "http 503", None, "http 500"):
            fake.fault = FAULTS[fault] if fault else None
            await source.read([asker.query("x")], {})
    said = [(one["log_level"], one["event"]) for one in logs]
    assert [level for level, _ in said] == ["warning", "info", "warning"]


def test_one_that_failed_comes_last_for_a_while() -> None:
    one, other = (Connection(f"http://{name}", Settings()) for name in ("one", "other"))
    servers = Servers([one, other])
    assert servers.in_order(0) == [one, other]
    servers.failed(one, 0, "why")
    assert servers.in_order(REST - 1) == [other, one]
    assert servers.in_order(REST) == [one, other]
    servers.worked(other)
    assert servers.in_order(REST) == [other, one]
    servers.failed(other, 1, "why")
    assert servers.in_order(2) == [other, one]
    servers.close()
    servers.close()
