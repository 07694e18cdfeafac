"""What a frame says, and what the last of them come to."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.sources.docker.frames import MOST_KEPT, History, Reading, read_frame
from autoscaler.testing.builders import NOW
from autoscaler.testing.docker_statistics import NOT_RUNNING, frame

LARGE = 2**53


def read(**document: Any) -> Reading | None:
    good = json.loads(frame(cpu=1.5, memory=1000))
    return read_frame(json.dumps({**good, **document}).encode())


def history(*readings: tuple[float, float], keep: float = 15.0) -> History:
    """Of frames at these seconds after NOW, with these totals of CPU."""
    made = History()
    made.keep = keep
    for at, cpu in readings:
        made.add(Reading(NOW + at, cpu, 100.0 + at), NOW + at)
    return made


def test_a_frame_tells_seconds_of_cpu_and_the_engines_time() -> None:
    assert read_frame(frame(NOW + 0.25, cpu=1.5, memory=1000)) == Reading(NOW + 0.25, 1.5, 1000)


def test_the_engines_nanoseconds_are_understood() -> None:
    reading = read(read="2026-11-23T23:15:34.946430769Z")
    assert reading is not None
    assert reading.at == pytest.approx(1795475734.94643, abs=1e-5)


@pytest.mark.parametrize("name", ["total_inactive_file", "inactive_file"])
def test_file_pages_that_can_be_dropped_are_not_in_use(name: str) -> None:
    reading = read_frame(frame(cpu=1, memory=1000, **{name: 300}))
    assert reading is not None
    assert reading.memory == 700


def test_the_older_cgroups_total_goes_before_the_groups_own() -> None:
    reading = read_frame(frame(cpu=1, memory=1000, inactive_file=100, total_inactive_file=300))
    assert reading is not None
    assert reading.memory == 700


def test_pages_beyond_what_is_used_are_not_believed() -> None:
    reading = read_frame(frame(cpu=1, memory=1000, inactive_file=5000))
    assert reading is not None
    assert reading.memory == 1000


def test_a_node_that_does_not_count_memory_still_counts_cpu() -> None:
    assert read_frame(frame(NOW, cpu=1, memory=None)) == Reading(NOW, 1.0, None)


def test_a_container_that_does_not_run_has_no_numbers() -> None:
    assert read_frame(NOT_RUNNING) is None


@pytest.mark.parametrize(
    "line",
    [b"", b"null", b"[]", b"{}", b"{", b'{"cpu_stats":{}}', b"\xff", b"[" * 100_000, b"7"],
)
def test_what_is_no_frame_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a frame"):
        read_frame(line)


@pytest.mark.parametrize("total", ["5", -5, 1.5, True, [1], {"a": 1}])
def test_a_total_that_is_no_amount_is_an_error(total: object) -> None:
    with pytest.raises(ValueError, match="not a frame"):
        read(cpu_stats={"cpu_usage": {"total_usage": total}})


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_noise_is_an_error_or_nothing(line: bytes) -> None:
    with suppress(ValueError):
        assert read_frame(line) is None


def test_cpu_is_the_difference_of_totals_over_the_window() -> None:
    measured = history(*((second, 0.3 * second) for second in range(60))).cpu(15.0)
    assert measured is not None
    assert measured.value == pytest.approx(0.3)
    assert (measured.window, measured.at) == (15.0, NOW + 59)


def test_frames_that_are_not_punctual_fill_the_window_all_the_same() -> None:
    late = [(second * 1.02, second * 1.0) for second in range(60)]
    measured = history(*late).cpu(15.0)
    assert measured is not None
    assert measured.window == pytest.approx(15.0, abs=0.6)


def test_one_frame_is_no_cpu_but_is_memory() -> None:
    one = history((0, 5.0))
    assert one.cpu(15.0) is None
    measured = one.memory(15.0)
    assert measured is not None
    assert measured.value == 100.0


def test_a_young_containers_window_is_what_was_seen_of_it() -> None:
    measured = history((0, 5.0), (1, 6.0), (2, 7.0)).cpu(15.0)
    assert measured is not None
    assert (measured.value, measured.window) == (1.0, 2.0)


def test_memory_is_the_average_over_the_window() -> None:
    measured = history(*((second, 1.0) for second in range(11))).memory(4.0)
    assert measured is not None
    assert measured.value == 108.0
    assert measured.window == 4.0


def test_totals_that_go_back_are_those_of_a_container_started_again() -> None:
    made = history((0, 50.0), (1, 51.0), (2, 0.1))
    assert made.cpu(15.0) is None
    made.add(Reading(NOW + 3, 0.6, 1.0), NOW + 3)
    measured = made.cpu(15.0)
    assert measured is not None
    assert measured.value == pytest.approx(0.5)


def test_a_clock_that_was_set_back_begins_anew() -> None:
    assert history((0, 1.0), (1, 2.0), (-100, 3.0)).cpu(15.0) is None


def test_the_same_frame_again_is_no_news() -> None:
    made = history((0, 1.0), (1, 2.0))
    made.add(Reading(NOW + 1, 2.0, 1.0), NOW + 50)
    assert made.length == 2
    assert not made.is_fresh(NOW + 50)


def test_three_frames_may_stay_away() -> None:
    made = history((0, 1.0), (1, 2.0))
    assert made.is_fresh(NOW + 4)
    assert not made.is_fresh(NOW + 4.1)


def test_an_engine_that_is_slow_is_not_silent() -> None:
    made = history((0, 1.0), (4, 2.0), (8, 3.0))
    assert made.is_fresh(NOW + 20)
    assert not made.is_fresh(NOW + 21)


def test_no_frame_at_all_is_not_fresh() -> None:
    assert not History().is_fresh(NOW)


@given(
    st.lists(
        st.tuples(st.floats(-10, 10), st.floats(0, LARGE), st.none() | st.floats(0, LARGE)),
        max_size=60,
    ),
    st.floats(2, 300),
)
def test_whatever_comes_cpu_is_never_negative_and_nothing_grows_without_bound(
    steps: list[tuple[float, float, float | None]], window: float
) -> None:
    made, at = History(), NOW
    made.keep = window
    for step, cpu, memory in steps:
        at += step
        made.add(Reading(at, cpu, memory), at)
        measured = made.cpu(window)
        assert measured is None or (measured.value >= 0 and 0 < measured.window <= window + 0.5)
        made.memory(window)


def test_the_frames_that_are_kept_are_bounded() -> None:
    made = history(*((number / 1000, float(number)) for number in range(5000)), keep=300.0)
    assert made.length == MOST_KEPT
