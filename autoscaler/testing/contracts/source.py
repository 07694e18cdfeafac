"""What every source promises, as tests that its author runs against it.

    class TestMySource(SourceContract):
        @pytest.fixture
        async def source(self) -> AsyncIterator[Source]:
            source = MySource(...)
            yield source
            await source.close()

        @pytest.fixture
        def good(self) -> Query: ...

and so on for the other fixtures. `asyncio_mode = "auto"` of pytest-asyncio is assumed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from pydantic import ValidationError

from autoscaler.model import Quality, Sample
from autoscaler.ports import Query, Source


class SourceContract:
    """Subclass it, give the fixtures, and pytest runs the tests."""

    deadline = 5.0
    """Seconds within which a read must return, whatever happens."""

    @pytest.fixture
    async def source(self) -> Source | AsyncIterator[Source]:
        """A source that can be asked; closed afterwards by the fixture."""
        raise NotImplementedError

    @pytest.fixture
    def good(self) -> Query:
        """A query whose answer is known."""
        raise NotImplementedError

    @pytest.fixture
    def other(self) -> Query:
        """A query whose answer is known and differs from that to `good`."""
        raise NotImplementedError

    @pytest.fixture
    def empty(self) -> Query:
        """A query about which the source has no data."""
        raise NotImplementedError

    @pytest.fixture
    def broken(self) -> Query:
        """A query that cannot be answered."""
        raise NotImplementedError

    @pytest.fixture
    def hanging(self) -> AbstractAsyncContextManager[None]:
        """While it is entered, what the source asks does not answer."""
        pytest.skip("this source asks nobody")

    def test_its_options_are_frozen_and_hashable(self, good: Query) -> None:
        field = next(iter(type(good.options).model_fields))
        with pytest.raises(ValidationError):
            setattr(good.options, field, getattr(good.options, field))
        assert hash(good.options) == hash(good.options.model_copy())

    def test_its_options_refuse_unknown_keys(self, good: Query) -> None:
        written = good.options.model_dump(mode="json", exclude_unset=True)
        model = type(good.options)
        assert model.model_validate(written) == good.options
        with pytest.raises(ValidationError):
            model.model_validate({**written, "no_such_option": 1})

    def test_each_option_is_described(self, source: Source) -> None:
        for name, field in source.Options.model_fields.items():
            assert field.description, name

    async def test_no_query_gets_no_sample(self, source: Source) -> None:
        assert list(await source.read([], {})) == []

    async def test_each_query_gets_its_sample_in_order(
        self, source: Source, good: Query, other: Query, empty: Query, broken: Query
    ) -> None:
        alone = [(await source.read([query], {}))[0] for query in (good, other)]
        samples = await source.read([other, broken, good, empty, other], {})
        assert len(samples) == 5
        assert [samples[2].value, samples[0].value] == [one.value for one in alone]
        assert samples[4].value == samples[0].value
        assert [sample.known for sample in samples] == [True, False, True, False, True]

    async def test_equal_queries_of_two_services_are_answered_for_each(
        self, source: Source, good: Query
    ) -> None:
        twin = Query(good.options, replace(good.service, id="another"))
        assert len(await source.read([good, twin, good], {})) == 3

    async def test_a_known_sample_is_finite_and_dated(self, source: Source, good: Query) -> None:
        (sample,) = await source.read([good], {})
        assert sample.quality is Quality.VALUE, sample
        values = [sample.value] if sample.tasks is None else _values(sample)
        assert values
        assert all(value is not None and math.isfinite(value) for value in values)
        assert sample.at is not None
        assert math.isfinite(sample.at)

    async def test_an_unknown_sample_says_why_and_has_no_value(
        self, source: Source, empty: Query, broken: Query
    ) -> None:
        for sample in await source.read([empty, broken], {}):
            assert not sample.known
            assert sample.value is None
            assert sample.tasks is None
            assert sample.detail

    async def test_no_data_is_not_zero(self, source: Source, empty: Query) -> None:
        (sample,) = await source.read([empty], {})
        assert sample.quality is Quality.NO_DATA, sample

    async def test_a_broken_query_is_an_error(self, source: Source, broken: Query) -> None:
        (sample,) = await source.read([broken], {})
        assert sample.quality is Quality.ERROR, sample

    async def test_a_failure_leaves_nothing_behind(
        self, source: Source, good: Query, broken: Query
    ) -> None:
        for _ in range(20):
            await source.read([broken], {})
        (sample,) = await source.read([good], {})
        assert sample.known

    async def test_reads_may_overlap(self, source: Source, good: Query, empty: Query) -> None:
        reads = [source.read([good, empty], {}) for _ in range(10)]
        for samples in await asyncio.gather(*reads):
            assert [sample.known for sample in samples] == [True, False]

    async def test_a_cancelled_read_leaves_the_source_whole(
        self, source: Source, good: Query
    ) -> None:
        reading = asyncio.ensure_future(source.read([good], {}))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        (sample,) = await source.read([good], {})
        assert sample.known

    async def test_a_read_keeps_its_deadline_and_later_ones_work(
        self,
        source: Source,
        good: Query,
        other: Query,
        hanging: AbstractAsyncContextManager[None],
    ) -> None:
        async with hanging:
            # What a source adds to its deadline is the machine's doing; without one it never ends.
            async with asyncio.timeout(self.deadline + 20):
                samples = await source.read([good, other], {})
            assert [sample.quality for sample in samples] == [Quality.ERROR, Quality.ERROR]
        (sample,) = await source.read([good], {})
        assert sample.known

    async def test_it_may_be_closed_twice(self, source: Source, good: Query) -> None:
        await source.read([good], {})
        await source.close()
        await source.close()


def _values(sample: Sample) -> list[float]:
    tasks = (sample.tasks or {}).values()
    return [one.value for one in tasks if one.value is not None]
