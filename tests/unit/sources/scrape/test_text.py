"""Pages, read with suspicion."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.errors import Temporary
from autoscaler.sources.scrape.text import Value, read_page

PAGE = b"""\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

http_requests_total_other 9
# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find:\\n\\"F\\""} 1.4e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
tricky{label="a } b {",} 5
tabbed\t6
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
"""


def read(name: str, body: bytes = PAGE, most: int = 10) -> dict[str, Value]:
    """The one metric's series, by their labels in words."""
    found = read_page(body, frozenset({name}), most)[name]
    return {",".join(f"{k}={v}" for k, v in sorted(labels)): one for labels, one in found.items()}


def test_series_and_their_dates() -> None:
    assert read("http_requests_total") == {
        "code=200,method=post": Value(1027.0, 1395066363.0),
        "code=400,method=post": Value(3.0, 1395066363.0),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metric_without_timestamp_and_labels", 12.47),
        ("rpc_duration_seconds_sum", 17560473.0),
        ("rpc_duration_seconds_count", 2693.0),
        ("tabbed", 6.0),
    ],
)
def test_series_without_labels(name: str, value: float) -> None:
    assert read(name) == {"": Value(value, None)}


def test_what_is_escaped_and_braces_in_labels() -> None:
    assert list(read("msdos_file_access_time_seconds")) == [
        'error=Cannot find:\n"F",path=C:\\DIR\\FILE.TXT'
    ]
    assert read("tricky") == {"label=a } b {": Value(5.0, None)}


def test_infinity_is_told_as_it_is() -> None:
    assert read("something_weird")["problem=division by zero"].value == float("inf")


def test_a_name_that_is_the_beginning_of_another_is_not_mixed_up() -> None:
    assert len(read("http_requests_total")) == 2
    assert read("http_requests") == {}


def test_lines_end_as_they_like() -> None:
    assert read("a", b"a 1\r\nb 2\r\n") == {"": Value(1.0, None)}
    assert read("b", b"a 1\nb 2") == {"": Value(2.0, None)}


def test_several_metrics_of_one_page() -> None:
    found = read_page(PAGE, frozenset({"tabbed", "tricky", "absent"}), 10)
    assert {name: len(series) for name, series in found.items()} == {
        "tabbed": 1,
        "tricky": 1,
        "absent": 0,
    }


def test_junk_in_lines_that_nobody_wants_is_passed_over() -> None:
    assert read("a", b"# x\n???\na 1\n") == {"": Value(1.0, None)}


def test_the_number_of_series_is_bounded() -> None:
    body = b"".join(b'a{n="%d"} 1\n' % number for number in range(11))
    with pytest.raises(Temporary, match="11 series"):
        read("a", body)
    with pytest.raises(Temporary, match="11 series of a"):
        read_page(body, frozenset({"a", "b"}), 10)


@pytest.mark.parametrize("line", [b'a b{c="1"} 1', b"a \x00{} 1"])
def test_a_name_that_goes_on_after_a_blank_is_junk(line: bytes) -> None:
    with pytest.raises(Temporary, match="not Prometheus' text format"):
        read("a", line)


def test_twice_the_same_series_is_an_error() -> None:
    with pytest.raises(Temporary, match="twice"):
        read("a", b'a{x="1",y="2"} 1\na{y="2",x="1"} 1\n')


@given(st.binary(max_size=300) | st.text('a{}"=,\\ \n\t#1.eN+-_', max_size=60).map(str.encode))
def test_noise_is_an_error_or_numbers(body: bytes) -> None:
    for page in (body, b"a " + body, b"a{" + body, b'a{b="' + body):
        with suppress(Temporary):
            found = read_page(page, frozenset({"a"}), 5)
            assert all(type(one.value) is float for one in found["a"].values())
