"""The pages of a service's own tasks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from autoscaler.model import Quality, Sample, Task, TaskState
from autoscaler.testing.builders import a_task
from autoscaler.testing.metrics_page import PAGE_FAULTS, MetricsPage

from .conftest import WEB, Asker


class Pages:
    """Three tasks at 127.0.0.1 to 127.0.0.3, on one port."""

    def __init__(self, asker: Asker, pages: list[MetricsPage]) -> None:
        self.asker = asker
        self.pages = pages
        self.source = asker.source()
        self.tasks = tuple(
            a_task(number, addresses=(page.address,)) for number, page in enumerate(pages, 1)
        )
        asker.names.known["tasks.web"] = [page.address for page in pages]

    async def ask(
        self, tasks: tuple[Task, ...] | None, address: str = "dns", **options: Any
    ) -> Sample:
        known = {} if tasks is None else {WEB.id: tasks}
        place = {"port": self.pages[0].port, "address": address}
        query = self.asker.query(tasks=place, **options)
        return (await self.source.read([query], known))[0]


@pytest.fixture
async def pages(asker: Asker) -> AsyncIterator[Pages]:
    async with (
        MetricsPage() as one,
        MetricsPage("127.0.0.2", one.port) as two,
        MetricsPage("127.0.0.3", one.port) as three,
    ):
        for number, page in enumerate((one, two, three), 1):
            page.lines = {"wanted": 10 * number}
        yield Pages(asker, [one, two, three])


def values(sample: Sample) -> dict[str, float | None]:
    return {key: one.value for key, one in (sample.tasks or {}).items()}


@pytest.mark.parametrize("address", ["dns", "task"])
async def test_each_task_has_its_value(pages: Pages, address: str) -> None:
    sample = await pages.ask(pages.tasks, address)
    assert sample.quality is Quality.VALUE
    assert sample.value is None
    assert values(sample) == {"task-1": 10.0, "task-2": 20.0, "task-3": 30.0}
    assert sample.detail == "3 of 3 pages"


async def test_by_dns_tasks_that_are_not_known_are_one_value(pages: Pages) -> None:
    sample = await pages.ask(None)
    assert (sample.quality, sample.value, sample.tasks) == (Quality.VALUE, 60.0, None)


async def test_tasks_whose_addresses_are_not_told_are_one_value(pages: Pages) -> None:
    sample = await pages.ask(tuple(a_task(number) for number in (1, 2, 3)))
    assert (sample.quality, sample.value, sample.tasks) == (Quality.VALUE, 60.0, None)


async def test_other_reductions_are_of_all_tasks(pages: Pages) -> None:
    sample = await pages.ask(pages.tasks, reduce="max")
    assert (sample.quality, sample.value, sample.tasks) == (Quality.VALUE, 30.0, None)


@pytest.mark.parametrize("address", ["dns", "task"])
@pytest.mark.parametrize("fault", ["http 500", "no such series", "NaN", "hang"])
async def test_a_task_that_does_not_answer_has_no_value(
    pages: Pages, address: str, fault: str
) -> None:
    pages.pages[1].fault = PAGE_FAULTS[fault]
    pages.pages[1].lines = {"wanted": 7}
    sample = await pages.ask(pages.tasks, address)
    assert sample.quality is Quality.PARTIAL
    assert values(sample) == {"task-1": 10.0, "task-2": None, "task-3": 30.0}
    assert sample.detail.startswith("2 of 3 pages; ")


async def test_none_that_answers_is_an_error(pages: Pages) -> None:
    for page in pages.pages:
        page.fault = PAGE_FAULTS["http 500"]
    sample = await pages.ask(pages.tasks)
    assert (sample.quality, sample.tasks) == (Quality.ERROR, None)


async def test_a_task_that_dns_does_not_name_yet_is_missing(pages: Pages) -> None:
    pages.asker.names.known["tasks.web"] = ["127.0.0.1", "127.0.0.3"]
    sample = await pages.ask(pages.tasks)
    assert sample.quality is Quality.VALUE
    assert values(sample) == {"task-1": 10.0, "task-2": None, "task-3": 30.0}
    sample = await pages.ask(pages.tasks, reduce="max")
    assert sample.quality is Quality.PARTIAL


async def test_the_list_of_tasks_is_looked_up_each_time(pages: Pages) -> None:
    pages.asker.names.known["tasks.web"] = ["127.0.0.1"]
    assert (await pages.ask(None)).value == 10.0
    pages.asker.names.known["tasks.web"] = ["127.0.0.2", "127.0.0.3"]
    assert (await pages.ask(None)).value == 50.0


async def test_an_address_that_two_tasks_have_is_nobodys(pages: Pages) -> None:
    one, _, three = pages.tasks
    twins = (one, a_task(2, addresses=("127.0.0.2",)), a_task(4, addresses=("127.0.0.2",)), three)
    sample = await pages.ask(twins)
    assert values(sample) == {"task-1": 10.0, "task-2": None, "task-3": 30.0, "task-4": None}


async def test_a_task_is_asked_at_each_of_its_addresses(pages: Pages) -> None:
    task = a_task(1, addresses=("127.0.0.77", "127.0.0.2"))
    sample = await pages.ask((task,), "task")
    assert (sample.quality, values(sample)) == (Quality.VALUE, {"task-1": 20.0})


async def test_tasks_that_do_not_run_are_not_asked(pages: Pages) -> None:
    one, two, three = pages.tasks
    leaving = a_task(2, desired=TaskState.SHUTDOWN, addresses=two.addresses)
    starting = a_task(3, TaskState.STARTING, addresses=three.addresses)
    sample = await pages.ask((one, leaving, starting), "task")
    assert values(sample) == {"task-1": 10.0}


@pytest.mark.parametrize(
    ("tasks", "address", "told"),
    [
        (None, "task", "its tasks are not known yet"),
        ((), "task", "none of its tasks runs"),
        ((a_task(1),), "task", "its tasks have no addresses of their own"),
        ((), "dns", "tasks.web has no address: no task runs, or no network is shared with it"),
    ],
)
async def test_no_pages_are_no_data_and_it_says_why(
    pages: Pages, tasks: tuple[Task, ...] | None, address: str, told: str
) -> None:
    pages.asker.names.known.clear()
    sample = await pages.ask(tasks, address)
    assert (sample.quality, sample.detail) == (Quality.NO_DATA, told)
