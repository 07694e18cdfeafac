"""The source against a real Prometheus, which scrapes a page that the test writes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from autoscaler.model import Quality, Sample, Service, Task, TaskState
from autoscaler.ports import Query, Span
from autoscaler.sources.prometheus import Options, PrometheusSource, Settings
from autoscaler.testing.real.processes import free_port
from autoscaler.testing.real.prometheus import PrivatePrometheus, scrape

TASK = "t" * 25
NASTY = [
    'x"} or vector(0) or foo{a="',
    "a\\",
    "a'b`c",
    "two\nlines",
    "$service",
    ".*",
    "shop.web|shop_api",
    "caf\u00e9 \u2603 \U0001f600 \ufffd",
    "tab\tbell\a",
    "[]{}()^$+?",
]


class Page:
    """A `/metrics` page. An exporter may date its samples, as cAdvisor does."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}
        self.down = False
        self.port = free_port()

    def set(self, name: str, value: float | str, *, at: float | None = None, **labels: str) -> None:
        written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        dated = "" if at is None else f" {int(at * 1000)}"
        self.lines[f"{name}{{{written}}}"] = f"{value}{dated}"

    async def show(self, _request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503)
        return web.Response(text="".join(f"{key} {one}\n" for key, one in self.lines.items()))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    page = Page()
    application = web.Application()
    application.router.add_get("/metrics", page.show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", page.port).start()
    yield page
    await runner.cleanup()


class Asked:
    """The source, and a wait until Prometheus has seen what the test waits for."""

    def __init__(self, source: PrometheusSource) -> None:
        self.source = source

    async def ask(self, text: str, name: str = "shop_web", **options: str) -> Sample:
        return (await self.source.read([query(text, name, **options)], {}))[0]

    async def until(self, wanted: Callable[[Sample], bool], text: str, **options: str) -> Sample:
        async with asyncio.timeout(180):
            while True:
                sample = await self.ask(text, **options)
                if wanted(sample):
                    return sample
                await asyncio.sleep(0.1)


def query(text: str, name: str = "shop_web", **options: str) -> Query:
    service = Service(id=f"id of {name}", name=name, version=1)
    return Query(Options.model_validate({"query": text, **options}), service)


@pytest.fixture
async def asked(
    page: Page, prometheus_server: Callable[..., PrivatePrometheus]
) -> AsyncIterator[Asked]:
    targets = {"page": [f"127.0.0.1:{page.port}"]}
    server = await asyncio.to_thread(prometheus_server, scrape(targets))
    source = PrometheusSource(Settings(urls=(server.url,)))
    yield Asked(source)
    await source.close()


def is_known(sample: Sample) -> bool:
    return sample.known


async def test_each_kind_of_value_is_told_apart(page: Page, asked: Asked) -> None:
    page.set("number", 3.5, service="shop_web")
    page.set("zero", 0)
    page.set("nothing_over_nothing", "NaN")
    page.set("endless", "+Inf")
    page.set("pair", 1, n="1")
    page.set("pair", 2, n="2")
    sample = await asked.until(is_known, "number")
    assert (sample.quality, sample.value) == (Quality.VALUE, 3.5)
    assert abs(time.time() - (sample.at or 0)) < 600
    expected: dict[str, tuple[Quality, float | None]] = {
        "zero": (Quality.VALUE, 0),
        "zero / zero": (Quality.NAN, None),
        "number / ignoring(service) zero": (Quality.INFINITE, None),
        "nothing_over_nothing": (Quality.NAN, None),
        "endless": (Quality.INFINITE, None),
        "missing": (Quality.NO_DATA, None),
        "number > 4": (Quality.NO_DATA, None),
        "pair": (Quality.MANY, None),
        "sum(pair)": (Quality.VALUE, 3),
        "scalar(zero)": (Quality.VALUE, 0),
        "time() - time()": (Quality.VALUE, 0),
        "pair[1m]": (Quality.ERROR, None),
        '"text"': (Quality.ERROR, None),
        "rate(number)": (Quality.ERROR, None),
        "pair + on() pair": (Quality.ERROR, None),
        'number{service="$service"}': (Quality.VALUE, 3.5),
        'number{service=~"$service"}': (Quality.VALUE, 3.5),
        'number{service!~"$service"}': (Quality.NO_DATA, None),
    }
    found = {text: await asked.ask(text) for text in expected}
    assert {text: (one.quality, one.value) for text, one in found.items()} == expected
    assert found["rate(number)"].detail.startswith("the query is wrong: ")
    assert (await asked.ask("pair", reduce="max")).value == 2


async def test_one_query_serves_every_service(page: Page, asked: Asked) -> None:
    for name, value in (("shop_web", 1), ("shop_api", 0)):
        page.set("requests", value, service=name)
    await asked.until(is_known, "requests", match="service")
    text = "sum by (service) (requests)"
    names = ("shop_api", "shop_web", "shop_db")
    samples = await asked.source.read([query(text, name, match="service") for name in names], {})
    assert [(one.quality, one.value) for one in samples] == [
        (Quality.VALUE, 0),
        (Quality.VALUE, 1),
        (Quality.NO_DATA, None),
    ]


async def test_no_name_gets_another_s_series(page: Page, asked: Asked) -> None:
    page.set("requests", 999, service="shop_web")
    for number, name in enumerate(NASTY):
        page.set("requests", number, service=name)
    await asked.until(is_known, 'requests{service="shop_web"}')
    for text in ('requests{service="$service"}', "requests{service=~'$service'}"):
        queries = [query(text, name) for name in NASTY]
        found = [(one.value, one.detail) for one in await asked.source.read(queries, {})]
        assert found == [(float(number), "") for number in range(len(NASTY))]
    unheard = [query('requests{service=~"$service"}', name) for name in ("shop.web", "shop_.*")]
    assert {one.quality for one in await asked.source.read(unheard, {})} == {Quality.NO_DATA}


async def test_tasks_are_read_by_name(page: Page, asked: Asked) -> None:
    page.set("load", 0.5, task=f"shop_web.1.{TASK}")
    page.set("load", 0.7, task=f"shop_web.2.{'u' * 25}")
    await asked.until(is_known, "load", reduce="sum")
    asking = query("load", per_task="task")
    known = Task(
        id=TASK,
        service_id=asking.service.id,
        state=TaskState.RUNNING,
        desired=TaskState.RUNNING,
    )
    (sample,) = await asked.source.read([asking], {asking.service.id: (known,)})
    assert {task: one.value for task, one in (sample.tasks or {}).items()} == {TASK: 0.5}


async def test_a_sample_that_its_exporter_dates_grows_old(page: Page, asked: Asked) -> None:
    """Without stale markers Prometheus shows it as current for five minutes."""
    page.set("frozen", 7, at=time.time() - 100, n="1")
    page.set("frozen", 7, at=time.time(), n="2")
    await asked.until(is_known, "sum(frozen)")
    for text in ('frozen{n="1"}', "sum(frozen)", "max by (job) (frozen)"):
        stale = await asked.ask(text, max_age="1m30s")
        assert (stale.quality, stale.value) == (Quality.STALE, None), text
        assert 100 <= time.time() - (stale.at or 0) < 4 * 60
        assert (await asked.ask(text, max_age="4m")).known
    assert (await asked.ask('frozen{n="2"}', max_age="1m30s")).known
    # Of other expressions the age of the samples cannot be told.
    assert (await asked.ask("sum(frozen) + 0", max_age="1m30s")).known


async def test_each_scrape_is_told_of_and_its_sample_is_there(page: Page, asked: Asked) -> None:
    page.set("number", 1, service="shop_web")
    text = "sum by (service) (number)"
    first = await asked.until(is_known, text, match="service")
    await asked.until(lambda one: one.at != first.at, text, match="service")
    told = asyncio.Queue[object]()
    asked.source.on_news(told.put_nowait)
    measured = {(await asked.ask(text, match="service")).at}
    async with asyncio.timeout(120):
        while len(measured) < 4:
            assert await told.get() == {"id of shop_web"}
            measured.add((await asked.ask(text, match="service")).at)


async def test_a_target_that_is_gone_has_no_data(page: Page, asked: Asked) -> None:
    page.set("number", 3)
    await asked.until(is_known, "number")
    page.down = True
    sample = await asked.until(lambda one: not one.known, "number")
    assert sample.quality is Quality.NO_DATA
    page.down = False
    assert (await asked.until(is_known, "number")).value == 3


async def test_a_server_may_go_and_come_back(
    prometheus_server: Callable[..., PrivatePrometheus],
) -> None:
    server = await asyncio.to_thread(prometheus_server, {})
    source = PrometheusSource(Settings(urls=(server.url,)))
    asked = Asked(source)
    assert (await asked.ask("vector(1)")).value == 1
    await asyncio.to_thread(server.halt)
    gone = await asked.ask("vector(1)")
    assert (gone.quality, "refused" in gone.detail) == (Quality.ERROR, True)
    await asyncio.to_thread(server.revive)
    assert (await asked.ask("vector(1)")).value == 1
    await source.close()


async def test_the_other_server_of_a_pair_takes_over(
    prometheus_server: Callable[..., PrivatePrometheus],
) -> None:
    pair = [await asyncio.to_thread(prometheus_server, {}) for _ in range(2)]
    source = PrometheusSource(Settings(urls=tuple(server.url for server in pair)))
    asked = Asked(source)
    assert (await asked.ask("vector(1)")).value == 1
    await asyncio.to_thread(pair[0].halt)
    assert (await asked.ask("vector(1)")).value == 1
    await source.close()


async def test_the_past_is_told_as_it_would_have_been_answered_then(
    page: Page, asked: Asked
) -> None:
    page.set("past", 7, service="shop_web")
    await asked.until(is_known, "past", match="service")
    began = time.time()
    page.set("past", 9, service="shop_web")
    await asked.until(lambda sample: sample.value == 9, "past", match="service")
    # To a moment that is yet to come: the newest sample may be of a part of this second.
    span = Span(began - 600, 1.0, 603 + int(time.time() - began))
    samples = await asked.source.past(query("past", match="service"), span)
    assert len(samples) == span.count
    assert samples[0].quality is Quality.NO_DATA
    values = [sample.value for sample in samples if sample.value is not None]
    assert values == sorted(values)
    assert {values[0], values[-1]} == {7, 9}
