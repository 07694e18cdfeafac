"""What each answer is worth: a value, or one of the many ways of not having one."""

import math
from typing import Any

import pytest

from autoscaler.model import Quality, Sample, Task, TaskState
from autoscaler.testing.prometheus import FakePrometheus, Point, Raw, Refusal

WEB, API = "w" * 25, "a" * 25


def by_service(**values: float | str) -> list[Point]:
    return [Point(value, {"service": f"shop_{name}"}) for name, value in values.items()]


def quality(sample: Sample) -> tuple[str, float | None]:
    return sample.quality.value, sample.value


async def test_a_value_is_a_value_and_dated(asker: Any, fake: FakePrometheus) -> None:
    fake.say("up", 3)
    sample = await asker.ask("up")
    assert quality(sample) == ("value", 3)
    assert abs(sample.at - fake.clock()) < 5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, ("value", 0)),
        (-0.5, ("value", -0.5)),
        ("1.7976931348623157e+308", ("value", 1.7976931348623157e308)),
        (math.nan, ("not a number", None)),
        (math.inf, ("infinite", None)),
        (-math.inf, ("infinite", None)),
    ],
)
async def test_a_zero_is_a_value_but_what_is_not_finite_is_none(
    asker: Any, fake: FakePrometheus, value: float | str, expected: object
) -> None:
    fake.say("x", [Point(value)])
    assert quality(await asker.ask("x")) == expected


async def test_a_scalar_is_a_value(asker: Any, fake: FakePrometheus) -> None:
    fake.say("scalar(x)", Raw({"resultType": "scalar", "result": [fake.clock(), "2"]}))
    assert quality(await asker.ask("scalar(x)")) == ("value", 2)
    sample = await asker.ask("scalar(x)", match="service")
    assert (sample.quality, "vector" in sample.detail) == (Quality.ERROR, True)


async def test_no_series_is_no_data_unless_the_policy_says_zero(asker: Any) -> None:
    assert quality(await asker.ask("x")) == ("no data", None)
    assert quality(await asker.ask("x", on_empty="zero")) == ("value", 0)


async def test_an_empty_answer_with_warnings_is_never_zero(
    asker: Any, fake: FakePrometheus
) -> None:
    fake.warnings = ["a store did not answer"]
    sample = await asker.ask("x", on_empty="zero")
    assert quality(sample) == ("no data", None)
    assert "a store did not answer" in sample.detail


async def test_warnings_make_a_value_partial(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", 3)
    fake.warnings = ["results truncated due to limit"]
    sample = await asker.ask("x")
    assert quality(sample) == ("partial", 3)
    assert "truncated" in sample.detail


async def test_infos_do_not(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", 3)
    fake.infos = ["metric might not be a counter"]
    sample = await asker.ask("x")
    assert quality(sample) == ("value", 3)
    assert "might not be a counter" in sample.detail


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [("sum", 9), ("max", 5), ("min", 1), ("avg", 3), (None, None)],
)
async def test_many_series_need_a_word_on_how_to_make_one(
    asker: Any, fake: FakePrometheus, reduce: str | None, expected: float | None
) -> None:
    fake.say("x", [Point(value, {"n": str(value)}) for value in (1, 3, 5)])
    sample = await asker.ask("x", **({"reduce": reduce} if reduce else {}))
    assert quality(sample) == ("many series" if reduce is None else "value", expected)


@pytest.mark.parametrize("reduce", ["sum", "max", "min", "avg"])
@pytest.mark.parametrize(
    ("odd", "expected"), [("NaN", "not a number"), ("+Inf", "infinite"), ("-Inf", "infinite")]
)
async def test_one_odd_series_spoils_all(
    asker: Any, fake: FakePrometheus, reduce: str, odd: str, expected: str
) -> None:
    fake.say("x", [Point(1, {"n": "1"}), Point(odd, {"n": "2"})])
    assert quality(await asker.ask("x", reduce=reduce)) == (expected, None)


async def test_a_sum_of_finite_values_may_be_infinite(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", [Point("1e308", {"n": str(n)}) for n in range(10)])
    for reduce in ("sum", "avg"):
        assert quality(await asker.ask("x", reduce=reduce)) == ("infinite", None)


async def test_an_old_sample_is_stale(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", [Point(3, age=61)])
    assert quality(await asker.ask("x", max_age="2m")) == ("value", 3)
    sample = await asker.ask("x", max_age="1m")
    assert quality(sample) == ("stale", None)
    assert sample.detail == "61.0 s old; max_age is 1m"
    assert abs(fake.clock() - 61 - sample.at) < 5


async def test_the_oldest_series_decides_on_the_age(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", [Point(3, {"n": "1"}), Point(3, {"n": "2"}, age=61)])
    assert quality(await asker.ask("x", reduce="max", max_age="1m")) == ("stale", None)


async def test_of_a_rate_the_age_is_the_evaluation(asker: Any, fake: FakePrometheus) -> None:
    fake.say("rate(x[1m])", [Point(3, age=61)])
    assert quality(await asker.ask("rate(x[1m])", max_age="1m")) == ("value", 3)


async def test_a_value_whose_age_was_asked_and_not_told_is_stale(
    asker: Any, fake: FakePrometheus
) -> None:
    now = fake.clock()
    series = {"metric": {"a": "1"}, "value": [now, "3"]}
    for age in ([], [{"metric": {"a": "1", "__measured__": "1"}, "value": [now, "NaN"]}]):
        fake.say("x", Raw({"resultType": "vector", "result": [series, *age]}))
        assert quality(await asker.ask("x")) == ("stale", None)


async def test_a_clock_that_differs_from_ours_changes_nothing(
    asker: Any, fake: FakePrometheus
) -> None:
    fake.say("rate(x[1m])", 3)
    fake.say("x", [Point(3, age=10)])
    clock = fake.clock
    fake.clock = lambda: clock() + 3600
    for text in ("x", "rate(x[1m])"):
        assert quality(await asker.ask(text, max_age="1m")) == ("value", 3)


@pytest.mark.parametrize(("status", "kind"), [(400, "bad_data"), (422, "execution")])
async def test_a_wrong_query_is_told_from_a_failing_server(
    asker: Any, fake: FakePrometheus, status: int, kind: str
) -> None:
    fake.say("x", Refusal(status, kind, "parse error: unexpected <aggr:sum>"))
    sample = await asker.ask("x")
    assert quality(sample) == ("error", None)
    assert sample.detail == "the query is wrong: parse error: unexpected <aggr:sum>"
    fake.say("x", Refusal(503, "timeout", "query timed out"))
    sample = await asker.ask("x")
    assert sample.detail == f"127.0.0.1:{fake.url[17:]}: HTTP 503: query timed out"


async def test_a_service_without_a_series_has_no_data(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", [*by_service(web=1, api=0), Point(9), Point(9, {"service": "shop"})])
    names = ("shop_web", "shop_api", "shop_db")
    queries = [asker.query("x", name, match="service") for name in names]
    samples = await asker.ask_all(queries)
    assert [quality(one) for one in samples] == [("value", 1), ("value", 0), ("no data", None)]
    assert fake.asked == ["x"]


async def test_one_service_s_trouble_is_not_another_s(asker: Any, fake: FakePrometheus) -> None:
    fake.say("x", by_service(web="NaN", api=2) + by_service(db=1) + by_service(db=2))
    names = ("shop_web", "shop_api", "shop_db")
    samples = await asker.ask_all([asker.query("x", name, match="service") for name in names])
    assert [one.quality.value for one in samples] == ["not a number", "value", "many series"]


def task(task_id: str, service_id: str) -> Task:
    return Task(
        id=task_id, service_id=service_id, state=TaskState.RUNNING, desired=TaskState.RUNNING
    )


def tasks_of(**services: list[str]) -> dict[str, tuple[Task, ...]]:
    return {
        f"id of shop_{name}": tuple(task(one, f"id of shop_{name}") for one in ids)
        for name, ids in services.items()
    }


def values(sample: Sample) -> dict[str, float | None]:
    return {task_id: one.value for task_id, one in (sample.tasks or {}).items()}


async def test_series_are_joined_with_tasks_by_id_or_name(asker: Any, fake: FakePrometheus) -> None:
    gone = "g" * 25
    fake.say(
        "x",
        [
            Point(1, {"task": WEB}, age=3),
            Point(2, {"task": f"shop_api.1.{API}"}),
            Point(9, {"task": f"shop_api.1.{gone}"}),
            Point(9, {"task": "shop_api.1"}),
            Point(9),
        ],
    )
    queries = [asker.query("x", name, per_task="task") for name in ("shop_web", "shop_api")]
    web, api = await asker.ask_all(queries, tasks_of(web=[WEB], api=[API, "z" * 25]))
    assert (web.quality, web.value, values(web)) == (Quality.VALUE, None, {WEB: 1})
    assert values(api) == {API: 2}
    assert api.at - web.at == pytest.approx(3, abs=0.01)
    assert web.tasks[WEB].at == web.at


async def test_tasks_that_are_not_known_are_believed_to_the_service_s_own_series(
    asker: Any, fake: FakePrometheus
) -> None:
    fake.say('x{s="shop_web"}', [Point(1, {"task": WEB})])
    fake.say("x", [Point(1, {"task": WEB, "service": "shop_web"})])
    own = asker.query('x{s="$service"}', per_task="task")
    matched = asker.query("x", per_task="task", match="service")
    shared = asker.query("x", per_task="task")
    first, second, third = await asker.ask_all([own, matched, shared])
    assert values(first) == values(second) == {WEB: 1}
    assert quality(third) == ("no data", None)


async def test_a_task_without_a_good_value_is_left_out_and_the_rest_is_partial(
    asker: Any, fake: FakePrometheus
) -> None:
    ids = [letter * 25 for letter in "abcd"]
    odd = [Point(1, age=0), Point("NaN"), Point("+Inf"), Point(1, age=400)]
    fake.say("x", [Point(p.value, {"t": i}, p.age) for i, p in zip(ids, odd, strict=True)])
    (sample,) = await asker.ask_all([asker.query("x", per_task="t")], tasks_of(web=ids))
    assert (sample.quality, values(sample)) == (Quality.PARTIAL, {ids[0]: 1})
    assert "3 tasks left out" in sample.detail


async def test_without_any_good_task_nothing_is_known(asker: Any, fake: FakePrometheus) -> None:
    queries = [asker.query("x", per_task="t")]
    fake.say("x", [Point("NaN", {"t": WEB})])
    assert quality((await asker.ask_all(queries, tasks_of(web=[WEB])))[0]) == (
        "not a number",
        None,
    )
    assert quality((await asker.ask_all(queries, tasks_of(web=[API])))[0]) == ("no data", None)


async def test_many_series_of_one_task_are_reduced_or_refused(
    asker: Any, fake: FakePrometheus
) -> None:
    fake.say("x", [Point(value, {"t": WEB, "n": str(value)}) for value in (1, 2)])
    many = asker.query("x", per_task="t")
    summed = asker.query("x", per_task="t", reduce="sum")
    first, second = await asker.ask_all([many, summed], tasks_of(web=[WEB]))
    assert quality(first) == ("many series", None)
    assert values(second) == {WEB: 3}


async def test_warnings_make_the_values_of_tasks_partial(asker: Any, fake: FakePrometheus) -> None:
    fake.warnings = ["a store did not answer"]
    fake.say("x", [Point(1, {"t": WEB})])
    (sample,) = await asker.ask_all([asker.query("x", per_task="t")], tasks_of(web=[WEB]))
    assert sample.quality is Quality.PARTIAL
    assert "a store did not answer" in sample.detail
