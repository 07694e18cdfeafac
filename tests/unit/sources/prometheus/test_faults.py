"""Whatever goes wrong, there is no value to act on, and the next read works."""

import asyncio
import json
import re
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.errors import AutoscalerError
from autoscaler.model import Quality, Sample, Service
from autoscaler.ports import Query
from autoscaler.sources.prometheus import Options, PrometheusSource, Settings
from autoscaler.sources.prometheus.answer import understand
from autoscaler.sources.prometheus.connection import Reply
from autoscaler.sources.prometheus.judge import judge
from autoscaler.testing.prometheus import FakePrometheus, Point
from autoscaler.testing.prometheus_faults import FAULTS

WEB = Service(id="a", name="shop_web", version=1)
TASK = "t" * 25
WAYS: list[dict[str, str]] = [
    {"query": "plain"},
    {"query": "rate(x[1m])"},
    {"query": "sum by (service) (plain)", "match": "service"},
    {"query": "plain", "match": "service", "per_task": "task"},
    {"query": 'plain{service="$service"}', "reduce": "max"},
    {"query": "rate(x[1m])", "match": "service", "reduce": "sum"},
]
# What these say of many series is right where they are to be reduced.
REDUCIBLE = frozenset({"many series"})


def say_something(fake: FakePrometheus, value: float) -> None:
    for way in WAYS:
        text = way["query"].replace("$service", WEB.name)
        fake.say(text, [Point(value, {"service": WEB.name, "task": TASK})])


async def read(fake: FakePrometheus, way: dict[str, str], *faults: str) -> list[Sample]:
    """Samples under each fault in turn, and then without any."""
    given = {"urls": [fake.url], "timeout": "400ms"}
    source = PrometheusSource(Settings.model_validate(given))
    query = Query(Options.model_validate(way), WEB)
    samples: list[Sample] = []
    for fault in faults:
        fake.fault = FAULTS[fault]
        samples += await source.read([query], {})
    fake.fault = None
    samples.append(await in_time(source, query))
    await source.close()
    return samples


async def in_time(source: PrometheusSource, query: Query) -> Sample:
    """An answer that is not late; that one is says something of the machine only."""
    for _ in range(50):
        (sample,) = await source.read([query], {})
        if not re.search(r"no \w+ (in time|within)", sample.detail):
            break
    return sample


async def under_faults(way: dict[str, str], value: float, *faults: str) -> list[Sample]:
    async with FakePrometheus() as fake:
        say_something(fake, value)
        return await read(fake, way, *faults)


def is_sane(sample: Sample) -> bool:
    return not sample.known and sample.value is None and sample.tasks is None


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 80


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_gives_a_value(fault: str, fake: FakePrometheus) -> None:
    say_something(fake, 3)
    bad, good = await read(fake, WAYS[1], fault)
    assert is_sane(bad), bad
    assert 0 < len(bad.detail) < 300
    assert bad.detail.isprintable()
    assert (good.quality, good.value) == (Quality.VALUE, 3)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(WAYS),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=3),
)
def test_nothing_but_a_finite_fresh_value_is_known(
    way: dict[str, str], value: float, faults: list[str]
) -> None:
    *bad, good = asyncio.run(under_faults(way, value, *faults))
    for fault, sample in zip(faults, bad, strict=True):
        assert is_sane(sample) or ("reduce" in way and fault in REDUCIBLE), (fault, sample)
    assert good.quality is Quality.VALUE
    shown = good.value if good.tasks is None else good.tasks[TASK].value
    assert shown == value


async def test_refused_connections_are_errors(fake: FakePrometheus) -> None:
    say_something(fake, 3)
    source = PrometheusSource(Settings(urls=(fake.url,)))
    query = Query(Options(query="plain"), WEB)
    assert (await source.read([query], {}))[0].known
    await fake.stop()
    (sample,) = await source.read([query], {})
    assert sample.quality is Quality.ERROR
    assert "refused" in sample.detail
    await fake.start()
    assert (await source.read([query], {}))[0].known
    await source.close()


@pytest.mark.parametrize("fault", [name for name in FAULTS if "drip" in name or "hang" in name])
async def test_no_fault_keeps_a_thread(fault: str, fake: FakePrometheus) -> None:
    say_something(fake, 3)
    given = {"urls": [fake.url], "timeout": "300ms", "threads": 1}
    source = PrometheusSource(Settings.model_validate(given))
    query = Query(Options(query="plain"), WEB)
    for _ in range(2):
        fake.fault = FAULTS[fault]
        assert is_sane((await source.read([query], {}))[0])
        fake.fault = None
        assert (await in_time(source, query)).known, fault
    await source.close()
    async with asyncio.timeout(120):
        while _threads():  # noqa: ASYNC110 - a thread tells nobody
            await asyncio.sleep(0.01)


def _threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("prometheus")]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["success", "vector", "scalar", "1", "NaN", "service", "shop_web"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["status", "data", "resultType", "result", "metric", "value", "warnings"]
            )
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
GOOD: Any = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [{"metric": {"service": "shop_web"}, "value": [1e9, "5"]}],
    },
}


@st.composite
def spoilt(draw: st.DrawFn) -> Any:
    """A good answer in which something has been put in another's place."""
    answer = json.loads(json.dumps(GOOD))
    place: Any = answer
    while isinstance(place, (dict, list)) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or draw(st.booleans()):
            place[key] = draw(JSON)
            break
        place = place[key]
    return answer


def judged(body: bytes, status: int, options: Options) -> Sample:
    reply = Reply(status, "application/json", None, body)
    try:
        answer = understand(reply, aged=False, max_series=10)
    except AutoscalerError as error:
        return Sample(quality=Quality.ERROR, detail=str(error))
    return judge(options, answer, "shop_web", None)


@settings(max_examples=500)
@given(
    spoilt() | JSON,
    st.sampled_from([200, 200, 200, 400, 503]),
    st.sampled_from(
        [
            Options(query="x"),
            Options(query="x", match="service", reduce="sum"),
            Options(query="x", match="service", per_task="task"),
        ]
    ),
)
def test_a_spoilt_answer_is_an_error_or_still_finite(
    answer: Any, status: int, options: Options
) -> None:
    sample = judged(json.dumps(answer).encode(), status, options)
    assert sample.detail.isprintable()
    if sample.known:
        assert status == 200
        assert sample.value is not None
        assert abs(sample.value) < float("inf")


@settings(max_examples=300)
@given(st.binary())
def test_any_bytes_are_an_error(body: bytes) -> None:
    assert judged(body, 200, Options(query="x")).quality is Quality.ERROR
