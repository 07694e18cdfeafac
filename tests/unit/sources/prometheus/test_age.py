"""Which queries are asked for the age of their samples, and how."""

import pytest

from autoscaler.sources.prometheus.age import with_age


def asked(query: str) -> str | None:
    """What is asked beside the query."""
    extended = with_age(query)
    assert extended.startswith(query)
    return extended.removeprefix(query) or None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", "timestamp(up)"),
        ("job:errors:ratio{}", "timestamp(job:errors:ratio{})"),
        ('up{a="1", b=~"x", }', 'timestamp(up{a="1", b=~"x", })'),
        ("sum(up)", "min  (timestamp(up))"),
        ("sum by (a, b) (up)", "min by (a, b) (timestamp(up))"),
        ("avg(up) without (a)", "min without (a) (timestamp(up))"),
        ("MAX By (a,) (up{b!='1'})", "min By (a,) (timestamp(up{b!='1'}))"),
        ("count(up) # all of them", "min  (timestamp(up))"),
        ("min(\n  up\n)", "min  (timestamp(up))"),
        ("sum(rate(x[5m]))", "min  (timestamp(x))"),
        ('sum by (a) (rate(x{b="1"}[1h30m]))', 'min by (a) (timestamp(x{b="1"}))'),
        ("max(avg_over_time(x[5m])) by (a)", "min by (a) (timestamp(x))"),
    ],
)
def test_the_age_of_selectors_and_simple_aggregates_is_asked(query: str, expected: str) -> None:
    assert asked(query) == f'\nor label_replace({expected}, "__measured__", "1", "", "")'


@pytest.mark.parametrize(
    "query",
    [
        "rate(x[5m])",
        "sum(rate(x[5m] offset 5m))",
        "sum(rate(x[5m:10s]))",
        "sum(foo(x[5m]))",
        "up offset 5m",
        "up @ 5",
        "up + 1",
        "-up",
        "(up)",
        "1",
        "NaN",
        "Inf",
        "x[5m]",
        '{job="a"}',
        '{__name__="up"}',
        'up{__name__="up"}',
        'sum({job="a"})',
        '{"up"}',
        "topk(1, up)",
        "stddev(up)",
        "abs(up)",
        "sum by (a) (up) by (b)",
        "sum on (a) (up)",
        "sum(up) or vector(0)",
        "",
    ],
)
def test_other_expressions_are_left_alone(query: str) -> None:
    assert asked(query) is None
