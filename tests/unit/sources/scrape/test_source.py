"""From pages to samples."""

import asyncio
import time
from typing import Any

import pytest

from autoscaler.errors import Temporary
from autoscaler.model import Quality, Sample
from autoscaler.ports import Query
from autoscaler.sources.scrape import ScrapeSource, Settings
from autoscaler.testing.builders import NOW
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.metrics_page import PAGE_FAULTS, MetricsPage

from .conftest import WEB, Asker


class Script:
    """Pages to be read one after the other, five virtual seconds apart; then nothing more."""

    def __init__(self, page: MetricsPage, *pages: dict[str, float | str]) -> None:
        self.clock = ManualClock(NOW)
        self._page = page
        self._pages = list(pages)
        self._read = asyncio.Event()
        page.on_request = self._turn

    async def _turn(self) -> None:
        if not self._pages:
            self._read.set()
            await asyncio.Event().wait()
        self._page.lines = self._pages.pop(0)
        self.clock.advance(5)

    async def read(self, asker: Asker, **options: Any) -> Sample:
        """The sample after the last page."""
        source = asker.source(self.clock, page_timeout="30s", timeout="5s")
        await asker.ask(source, **options)
        async with asyncio.timeout(120):
            await self._read.wait()
        return await asker.ask(source, **options)


async def known(asker: Asker, source: ScrapeSource) -> Sample:
    """The first sample that is known."""
    async with asyncio.timeout(120):
        while True:
            sample = await asker.ask(source, labels={"b": "c"})
            if sample.known:
                return sample
            await asyncio.sleep(0.01)


def scrapers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("scrape ")]


def pages(*values: float) -> list[dict[str, float | str]]:
    return [{'wanted{b="c"}': value} for value in values]


async def test_a_value_and_when_it_was_scraped(asker: Asker) -> None:
    before = time.time()
    sample = await asker.ask()
    assert (sample.quality, sample.value) == (Quality.VALUE, 7.0)
    assert sample.at is not None
    assert before <= sample.at <= time.time()


@pytest.mark.parametrize("fault", PAGE_FAULTS)
async def test_no_fault_gives_a_value_and_the_page_is_read_again(
    fault: str, page: MetricsPage, asker: Asker
) -> None:
    page.fault = PAGE_FAULTS[fault]
    source = asker.source(max_body=200_000)
    sample = await asker.ask(source, labels={"b": "c"})
    assert not sample.known, sample
    assert sample.value is None
    assert sample.tasks is None
    assert 0 < len(sample.detail) < 400
    assert sample.detail.isprintable()
    page.fault = None
    assert (await known(asker, source)).value == 7.0


@pytest.mark.parametrize("fault", ["nothing", "blank", "no such series", "no such labels"])
async def test_a_good_page_without_the_series_is_no_data_unless_it_means_zero(
    fault: str, page: MetricsPage, asker: Asker
) -> None:
    page.fault = PAGE_FAULTS[fault]
    assert (await asker.ask(labels={"b": "c"})).quality is Quality.NO_DATA
    sample = await asker.ask(labels={"b": "c"}, on_empty="zero")
    assert (sample.quality, sample.value) == (Quality.VALUE, 0.0)


@pytest.mark.parametrize("fault", ["http 500", "login page as text", "hang", "noise", "huge"])
async def test_a_page_that_failed_never_means_zero(
    fault: str, page: MetricsPage, asker: Asker
) -> None:
    page.fault = PAGE_FAULTS[fault]
    source = asker.source(max_body=200_000)
    assert (await asker.ask(source, on_empty="zero")).quality is Quality.ERROR


async def test_redirections_are_not_followed(page: MetricsPage, asker: Asker) -> None:
    page.fault = PAGE_FAULTS["redirect"]
    await asker.ask()
    assert {request.path for request in page.requests} == {"/metrics"}


async def test_series_are_chosen_by_labels_and_reduced(page: MetricsPage, asker: Asker) -> None:
    page.lines = {
        'wanted{b="c",n="1"}': 1,
        'wanted{b="c",n="2"}': 5,
        'wanted{b="d",n="3"}': 100,
    }
    source = asker.source()
    for reduce, value in (("sum", 6.0), ("avg", 3.0), ("max", 5.0), ("min", 1.0)):
        sample = await asker.ask(source, labels={"b": "c"}, reduce=reduce)
        assert sample.value == value
    assert (await asker.ask(source)).value == 106.0


async def test_several_pages_are_one_value(page: MetricsPage, asker: Asker) -> None:
    async with MetricsPage() as second:
        second.lines = {"wanted": 3}
        source = asker.source()
        sample = await asker.ask(source, urls=[page.url, second.url])
        assert (sample.quality, sample.value) == (Quality.VALUE, 10.0)
        sample = await asker.ask(source, urls=[page.url, second.url], reduce="avg")
        assert sample.value == 5.0


@pytest.mark.parametrize("fault", ["http 500", "no such series", "NaN", "an hour old"])
async def test_a_page_that_is_left_out_makes_the_value_partial(
    fault: str, page: MetricsPage, asker: Asker
) -> None:
    async with MetricsPage() as second:
        second.lines = {"wanted": 7}
        second.fault = PAGE_FAULTS[fault]
        sample = await asker.ask(urls=[page.url, second.url])
    assert (sample.quality, sample.value) == (Quality.PARTIAL, 7.0)
    assert f"1 of 2 pages; 127.0.0.1:{second.port}: " in sample.detail


async def test_values_that_add_up_to_infinity_are_no_value(page: MetricsPage, asker: Asker) -> None:
    page.lines = {'wanted{b="c"}': 1.7e308, 'wanted{b="d"}': 1.7e308}
    assert (await asker.ask()).quality is Quality.INFINITE


async def test_a_rate_is_exact(page: MetricsPage, asker: Asker) -> None:
    script = Script(page, *pages(100, 150, 200, 260))
    sample = await script.read(asker, function="rate")
    assert (sample.quality, sample.value) == (Quality.VALUE, 160 / 15)


async def test_a_counter_that_is_reset_does_not_count_backwards(
    page: MetricsPage, asker: Asker
) -> None:
    script = Script(page, *pages(100, 150, 20, 70))
    assert (await script.read(asker, function="rate")).value == 120 / 15


async def test_a_series_that_is_gone_counts_no_more(page: MetricsPage, asker: Asker) -> None:
    both = {'wanted{b="c"}': 10.0, 'wanted{b="d"}': 10.0}
    script = Script(page, dict(both), dict(both), {'wanted{b="c"}': 15.0})
    assert (await script.read(asker, function="rate")).value == 0.5


async def test_a_series_that_is_new_counts_from_its_second_value(
    page: MetricsPage, asker: Asker
) -> None:
    both: dict[str, float | str] = {'wanted{b="c"}': 20.0, 'wanted{b="d"}': 1000.0}
    script = Script(page, *pages(10, 15), both)
    assert (await script.read(asker, function="rate")).value == 1.0


@pytest.mark.parametrize(("function", "value"), [("avg", 4.0), ("max", 9.0), ("min", 1.0)])
async def test_a_gauge_over_a_window(
    page: MetricsPage, asker: Asker, function: str, value: float
) -> None:
    script = Script(page, *pages(2, 1, 9, 4))
    assert (await script.read(asker, function=function)).value == value


async def test_the_first_read_of_a_rate_already_has_one(page: MetricsPage, asker: Asker) -> None:
    async def grow() -> None:
        page.lines = {"wanted": len(page.requests) * 10.0}

    page.on_request = grow
    sample = await asker.ask(function="rate")
    assert sample.known
    assert sample.value is not None
    assert sample.value > 0
    assert len(page.requests) == 2


async def test_a_page_is_scraped_once_for_all_who_ask(page: MetricsPage, asker: Asker) -> None:
    source = asker.source()
    queries = [
        asker.query(),
        asker.query(reduce="max"),
        asker.query(labels={"b": "c"}),
        Query(asker.query().options, WEB),
    ]
    samples = await source.read(queries * 5, {})
    assert [sample.value for sample in samples] == [7.0] * 20
    assert len(page.requests) <= 2


async def test_a_question_that_is_new_is_scraped_for_at_once(
    page: MetricsPage, asker: Asker
) -> None:
    source = asker.source()
    page.lines = {"wanted": 1, "other": 2}
    await asker.ask(source, interval="60s")
    await asyncio.sleep(0.1)
    sample = await asker.ask(source, metric="other", interval="60s")
    assert sample.value == 2.0


async def test_a_page_that_fails_once_is_still_known(page: MetricsPage, asker: Asker) -> None:
    clock = ManualClock(NOW)
    source = asker.source(clock)
    assert (await asker.ask(source)).known
    page.fault = PAGE_FAULTS["http 500"]
    clock.advance(15)
    await asyncio.sleep(0.05)
    sample = await asker.ask(source)
    assert (sample.value, sample.at) == (7.0, NOW)
    clock.advance(5)
    sample = await asker.ask(source)
    assert sample.quality is Quality.ERROR
    assert sample.value is None


async def test_scraping_ends_when_nobody_asks(page: MetricsPage, asker: Asker) -> None:
    clock = ManualClock(NOW)

    async def pass_time() -> None:
        clock.advance(5)

    page.on_request = pass_time
    source = asker.source(clock, idle="60s", page_timeout="30s")
    await asker.ask(source)
    async with asyncio.timeout(120):
        await asyncio.gather(*scrapers())
    assert 10 <= len(page.requests) <= 14
    assert (await asker.ask(source)).known


async def test_the_number_of_pages_is_bounded(page: MetricsPage, asker: Asker) -> None:
    urls = [f"http://127.0.0.1:{page.port}/{number}" for number in range(5)]
    sample = await asker.ask(asker.source(targets=3), urls=urls)
    assert (sample.quality, sample.value) == (Quality.PARTIAL, 21.0)
    assert "more pages than may be scraped" in sample.detail
    assert len({request.path for request in page.requests}) == 3


async def test_no_more_requests_are_in_flight_than_allowed(page: MetricsPage, asker: Asker) -> None:
    under_way, most = 0, 0

    async def count() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1

    page.on_request = count
    urls = [f"http://127.0.0.1:{page.port}/{number}" for number in range(12)]
    sample = await asker.ask(asker.source(concurrency=3), urls=urls)
    assert sample.value == 84.0
    assert most == 3


async def test_no_server_is_an_error_that_names_it(page: MetricsPage, asker: Asker) -> None:
    await page.stop()
    sample = await asker.ask()
    assert sample.quality is Quality.ERROR
    assert f"127.0.0.1:{page.port}" in sample.detail


async def test_a_name_without_an_address_is_an_error(asker: Asker) -> None:
    sample = await asker.ask(urls=["http://nowhere.example/metrics"])
    assert sample.quality is Quality.ERROR
    assert "nowhere.example" in sample.detail


async def test_a_resolver_that_fails_is_an_error(asker: Asker) -> None:
    asker.names.known["tasks.web"] = Temporary("tasks.web: later")
    (sample,) = await asker.source().read([asker.query(tasks={"port": 80})], {})
    assert (sample.quality, sample.detail) == (Quality.ERROR, "tasks.web: later")


async def test_a_login_in_a_url_is_not_shown(asker: Asker) -> None:
    sample = await asker.ask(urls=["http://me:hush@127.0.0.1:1/metrics?token=hush"])
    assert sample.quality is Quality.ERROR
    assert "hush" not in sample.detail


async def test_foreign_options_are_an_error(asker: Asker) -> None:
    (sample,) = await asker.source().read([Query(Settings(), WEB)], {})
    assert sample.quality is Quality.ERROR


async def test_nothing_is_left_after_closing(asker: Asker) -> None:
    source = asker.source()
    await asker.ask(source)
    assert scrapers()
    await source.close()
    assert (await asker.ask(source)).quality is Quality.ERROR
    assert not scrapers()


async def test_a_source_can_be_made_with_its_defaults() -> None:
    source = ScrapeSource(Settings())
    assert list(await source.read([], {})) == []
    await source.close()
