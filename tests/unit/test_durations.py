"""Durations are read and written as Docker does."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autoscaler.durations import LONGEST, Duration, format_duration, parse_duration


class Window(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    stabilization: Duration = 300.0
    period: Annotated[Duration, Field(gt=0, le=1800)] = 15.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("0", 0.0),
        (0, 0.0),
        (0.0, 0.0),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("1m30.5s", 90.5),
        ("90m", 5400.0),
        ("100us", 0.0001),
        ("100µs", 0.0001),
        ("1ns", 1e-9),
        (" 5m ", 300.0),
        ("1h0m0s", 3600.0),
        ("1000000h", LONGEST),
    ],
)
def test_reads_dockers_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (30, "30 has no unit: write 30s for seconds"),
        (1.5, "write 1.5s"),
        ("30", "write 30s"),
        (-1, "never negative"),
        ("-5s", "expected a duration such as 500ms, 30s, 5m or 1h30m, not '-5s'"),
        ("", "expected a duration"),
        ("5 m", "expected a duration"),
        ("30m1h", "expected a duration"),
        ("1h1h", "expected a duration"),
        ("1d", "expected a duration"),
        ("5M", "expected a duration"),
        ("h", "expected a duration"),
        ("nan", "expected a duration"),
        (float("inf"), "no unit"),
        (None, "not NoneType"),
        (True, "not bool"),
        (["5m"], "not list"),
        ("1000001h", "at most 1000000h"),
        ("9" * 10_000 + "s", "expected a duration"),
    ],
)
def test_refuses_anything_else_and_says_what_was_expected(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        parse_duration(value)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (0.0015, "1.5ms"),
        (0.0000001, "100ns"),
        (1, "1s"),
        (1.5, "1.5s"),
        (60, "1m"),
        (90, "1m30s"),
        (100, "1m40s"),
        (3600, "1h"),
        (5400, "1h30m"),
        (86400, "24h"),
        (3601, "1h1s"),
        (0.1 + 0.2, "300ms"),
        (LONGEST, "1000000h"),
    ],
)
def test_writes_dockers_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), LONGEST * 2])
def test_does_not_write_what_is_no_duration(seconds: float) -> None:
    with pytest.raises(ValueError, match="a duration lies between"):
        format_duration(seconds)


@given(st.integers(0, int(LONGEST) * 10**9))
def test_reads_back_what_it_wrote(nanoseconds: int) -> None:
    seconds = nanoseconds / 10**9
    text = format_duration(seconds)
    assert parse_duration(text) == seconds
    assert format_duration(parse_duration(text)) == text


@given(st.floats(0, LONGEST))
def test_a_nanosecond_is_the_most_that_is_lost(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-15, abs=1e-9)


@given(st.text(alphabet="0123456789.hmsun µ-+e", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 <= seconds <= LONGEST


@given(st.integers(0, 10**12).map(lambda us: us / 10**6))
def test_a_model_dumps_to_the_document_that_it_was_read_from(seconds: float) -> None:
    window = Window.model_validate({"stabilization": format_duration(seconds)})
    document = window.model_dump(mode="json")
    assert document == {"stabilization": format_duration(seconds), "period": "15s"}
    assert Window.model_validate(document) == window
    assert Window.model_validate(window.model_dump()) == window
    assert Window.model_validate_json(window.model_dump_json()) == window


def test_a_field_may_have_bounds_in_seconds() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        Window.model_validate({"period": "0s"})
    with pytest.raises(ValidationError, match="less than or equal to 1800"):
        Window.model_validate({"period": "31m"})


def test_a_model_refuses_a_bare_number() -> None:
    with pytest.raises(ValidationError, match="write 30s"):
        Window.model_validate({"stabilization": 30})


@pytest.mark.parametrize("text", ["30s", "1h30m", "0", "0s", "1.5h", "500ms", "1h1ns"])
def test_the_schema_admits_durations(text: str) -> None:
    schema = Window.model_json_schema()["properties"]["stabilization"]
    assert schema["type"] == "string"
    assert re.search(schema["pattern"], text)


def test_the_schema_states_defaults_as_documents_do() -> None:
    schema = Window.model_json_schema(mode="serialization")["properties"]
    assert schema["stabilization"]["default"] == "5m"


@pytest.mark.parametrize("text", ["", "30", "5d", ".5m", "-1s", "1s ", "x1s"])
def test_the_schema_refuses_what_the_parser_refuses(text: str) -> None:
    schema = Window.model_json_schema()["properties"]["stabilization"]
    assert not re.search(schema["pattern"], text)
