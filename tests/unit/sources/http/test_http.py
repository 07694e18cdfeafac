"""Pages that answer as they should, that do not, and that cannot be judged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.errors import Temporary
from autoscaler.model import Quality, Sample, Task, TaskState
from autoscaler.names import Names
from autoscaler.ports import Query
from autoscaler.sources.http import HttpSource
from autoscaler.testing.builders import NOW, a_service, a_task
from autoscaler.testing.metrics_page import PAGE_FAULTS, MetricsPage

WEB = a_service()


class FakeNames(Names):
    """Knows that the service is here, hangs for one name, and fails for the others."""

    async def addresses(self, name: str) -> Sequence[str]:
        if name == "hangs":
            await asyncio.sleep(60)
        if name != WEB.name:
            raise Temporary(f"{name} has no address")
        return ["127.0.0.1"]


@pytest.fixture
async def page() -> AsyncIterator[MetricsPage]:
    async with MetricsPage() as page:
        yield page


@pytest.fixture
async def source() -> AsyncIterator[HttpSource]:
    settings = HttpSource.Settings.model_validate({"timeout": "5s"})
    source = HttpSource(settings, clock=lambda: NOW, names=FakeNames())
    yield source
    await source.close()


async def ask(source: HttpSource, url: str, *tasks: Task, **more: Any) -> Sample:
    options = HttpSource.Options.model_validate({"url": url, "timeout": "1s", **more})
    (sample,) = await source.read([Query(options, WEB)], {WEB.id: tasks})
    return sample


def here(number: int = 1, address: str = "127.0.0.1", **more: Any) -> Task:
    return a_task(number, addresses=(address,), **more)


async def test_a_page_with_a_good_status_is_1(source: HttpSource, page: MetricsPage) -> None:
    sample = await ask(source, page.url)
    assert (sample.quality, sample.value, sample.at) == (Quality.VALUE, 1.0, NOW)
    assert sample.detail == "1 of 1 good"


@pytest.mark.parametrize("fault", ["hang", "hang in the headers", "closed at once", "http 503"])
async def test_a_page_that_takes_the_connection_and_gives_no_good_answer_is_0(
    source: HttpSource, page: MetricsPage, fault: str
) -> None:
    page.fault = PAGE_FAULTS[fault]
    sample = await ask(source, page.url)
    assert (sample.quality, sample.value) == (Quality.VALUE, 0.0), sample


async def test_a_page_that_nobody_listens_for_is_0(source: HttpSource, page: MetricsPage) -> None:
    await page.stop()
    assert (await ask(source, page.url)).value == 0.0


@pytest.mark.parametrize(
    "url",
    ["http://nowhere/", "http://hangs/", "http://255.255.255.255/"],
    ids=["no address", "no address in time", "no route"],
)
async def test_what_cannot_be_reached_is_not_judged(source: HttpSource, url: str) -> None:
    sample = await ask(source, url)
    assert (sample.quality, sample.value) == (Quality.ERROR, None)
    assert sample.detail


async def test_a_redirection_is_good_and_not_followed(
    source: HttpSource, page: MetricsPage
) -> None:
    page.fault = PAGE_FAULTS["redirect"]
    assert (await ask(source, page.url)).value == 1.0
    assert len(page.requests) == 1


@pytest.mark.parametrize(("status", "good"), [([200], 1.0), ([204, 404], 0.0)])
async def test_the_policy_may_say_which_statuses_are_good(
    source: HttpSource, page: MetricsPage, status: list[int], good: float
) -> None:
    assert (await ask(source, page.url, status=status)).value == good


async def test_the_name_of_the_service_may_stand_in_the_url(
    source: HttpSource, page: MetricsPage
) -> None:
    assert (await ask(source, f"http://$service:{page.port}/$service")).value == 1.0
    assert page.requests[-1].path == "/web"


async def test_each_task_has_a_value_of_its_own(source: HttpSource, page: MetricsPage) -> None:
    other = here(2, "127.0.0.2")
    lost = here(3, "255.255.255.255")
    sample = await ask(source, f"http://$task:{page.port}/", here(1), other, lost, a_task(4))
    assert sample.quality is Quality.VALUE
    assert sample.tasks is not None
    values = {key: value.value for key, value in sample.tasks.items()}
    assert values == {"task-1": 1.0, "task-2": 0.0, "task-3": None, "task-4": None}
    assert sample.detail.startswith("1 of 4 good; ")


async def test_of_a_tasks_addresses_the_one_that_answers_counts(
    source: HttpSource, page: MetricsPage
) -> None:
    task = a_task(1, addresses=("127.0.0.2", "255.255.255.255", "127.0.0.1"))
    sample = await ask(source, f"http://$task:{page.port}/", task)
    assert sample.tasks is not None
    assert sample.tasks["task-1"].value == 1.0


@pytest.mark.parametrize(
    "tasks",
    [(), (here(state=TaskState.STARTING),), (here(desired=TaskState.SHUTDOWN),)],
    ids=["none", "not yet", "no more"],
)
async def test_without_a_task_that_runs_there_is_nothing_to_know(
    source: HttpSource, tasks: tuple[Task, ...]
) -> None:
    sample = await ask(source, "http://$task/", *tasks)
    assert sample.quality is Quality.NO_DATA


async def test_a_page_that_several_ask_for_is_asked_once(
    source: HttpSource, page: MetricsPage
) -> None:
    options = HttpSource.Options(url=page.url)
    samples = await source.read([Query(options, WEB)] * 5, {})
    assert [sample.value for sample in samples] == [1.0] * 5
    assert len(page.requests) == 1


async def test_no_more_are_asked_at_a_time_than_the_settings_allow(page: MetricsPage) -> None:
    source = HttpSource(HttpSource.Settings(concurrency=2), names=FakeNames())
    under_way, most = 0, 0

    async def count() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1

    page.on_request = count
    queries = [
        Query(HttpSource.Options.model_validate({"url": f"{page.url}/{n}", "timeout": "5s"}), WEB)
        for n in range(10)
    ]
    samples = await source.read(queries, {})
    await source.close()
    assert [sample.value for sample in samples] == [1.0] * 10
    assert most == 2


@pytest.mark.parametrize(
    "url",
    [
        "ftp://web/",
        "http:///healthz",
        "web/healthz",
        "http://web:0/",
        "http://web:port/",
        "http://a b/",
        "http://web/$task",
        "http://x$task/",
        "http://$stack/",
    ],
)
def test_a_wrong_url_is_told_when_the_policy_is_loaded(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        HttpSource.Options(url=url)
