"""The figures of `bench.reaction`, from times that are known, and the relay that notes them."""

import asyncio
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bench import reactions
from bench.reactions import Death, Step, of_deaths, of_steps, of_storms, spread
from bench.relay import Call, calls, relay

CALLS = [
    Call(9.0, "GET", '/services?filters={"id":["web"]}'),
    Call(10.0005, "GET", "/events"),
    Call(10.001, "GET", '/services?filters={"id":["other"]}'),
    Call(10.004, "GET", '/services?filters={"id":["web"]}'),
    Call(10.5, "GET", "/services/web"),
    Call(11.0, "POST", "/services/web/update?version=7"),
    Call(11.5, "POST", "/services/other/update?version=8"),
    Call(12.0, "POST", "/services/web/update?version=9"),
]


def test_a_death_is_answered_by_the_first_look_at_its_own_service_after_it() -> None:
    found = of_deaths([Death("web", died=10.0, read=10.001)], CALLS)
    assert found["raw_ms"]["p50"] == pytest.approx(1.0)
    assert found["call_ms"]["p50"] == pytest.approx(4.0)
    assert found["later_ms"]["p50"] == pytest.approx(3.0)


def test_a_step_is_answered_by_the_first_write_of_its_own_service_after_it() -> None:
    found = of_steps([Step("web", at=10.0, read=10.8, running=11.4)], CALLS)
    named = {key: each["p50"] for key, each in found.items()}
    assert named == pytest.approx(
        {"read_s": 0.8, "after_read_s": 0.2, "call_s": 1.0, "running_s": 0.4}
    )


def test_a_storm_is_over_with_the_last_write() -> None:
    storm = [Step("web", at=10.0, read=10.8), Step("other", at=10.0, read=10.8)]
    found = of_storms([storm], CALLS)
    assert found["services"] == 2
    assert found["first_s"]["p50"] == pytest.approx(0.2)
    assert found["last_s"]["p50"] == pytest.approx(0.7)


def test_what_was_never_answered_is_no_figure() -> None:
    with pytest.raises(LookupError):
        of_steps([Step("web", at=12.5, read=12.6)], CALLS)


def test_the_99th_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert spread(values) == {"n": 100, "p50": 50.5, "p99": 99.0, "least": 1.0, "most": 100.0}
    assert spread([2.0])["p99"] == 2.0


def test_each_kind_has_its_rows() -> None:
    one = spread([1.0])
    report = {
        "machine": "",
        "death": {"raw_ms": one, "call_ms": one, "later_ms": one},
        "running": one,
    }
    assert [told for told, _ in reactions.rows(report)] == [
        *reactions.TOLD["death"].values(),
        *reactions.TOLD["running"].values(),
    ]


async def test_the_relay_changes_nothing_and_notes_each_request(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {request.path_qs} {await request.text()}")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, tmp_path / "engine.sock").start()
    log = tmp_path / "calls.log"
    with log.open("a") as file:
        relaying = asyncio.create_task(
            relay(str(tmp_path / "relay.sock"), str(tmp_path / "engine.sock"), file)
        )
        while not (tmp_path / "relay.sock").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        connector = aiohttp.UnixConnector(str(tmp_path / "relay.sock"))
        async with aiohttp.ClientSession(connector=connector) as session:
            async with session.get("http://e/v1.41/services?filters=%7B%22id%22%7D") as reply:
                assert await reply.text() == "GET /v1.41/services?filters=%7B%22id%22%7D "
            body = b"x" * 300_000
            async with session.post("http://e/v1.41/services/web/update", data=body) as reply:
                assert (await reply.text()).endswith("x" * 300_000)
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying
    await runner.cleanup()
    assert [(one.method, one.path) for one in calls(log)] == [
        ("GET", '/services?filters={"id"}'),
        ("POST", "/services/web/update"),
    ]
