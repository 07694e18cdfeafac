"""Large answers are parsed piece by piece, and read up to a bound."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.errors import Temporary
from autoscaler.orchestrators.swarm.documents import THREAD_FROM, decode, decode_object, elements

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(JSON), st.sampled_from([None, 1]))
def test_pieces_are_what_a_whole_parse_finds(document: list[object], indent: int | None) -> None:
    assert list(elements(json.dumps(document, indent=indent))) == document


@pytest.mark.parametrize("text", ["null", " null\n", "", "[]", " [ ] "])
def test_nothing_is_an_empty_list(text: str) -> None:
    assert list(elements(text)) == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": "not a list"}',
        b'[{"ID": "torn',
        b'[{"ID": "x"}',
        b"[1, 2",
        b"<html>login</html>",
        b"[" * 100_000,
        b'["\xff"]',
    ],
)
async def test_what_is_not_the_engines_json_is_a_temporary_error(body: bytes) -> None:
    with pytest.raises(Temporary, match="task list"):
        await decode(body, "task list", lambda each: each)


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b"", b"<html>", b'{"a":' * 100_000])
def test_what_is_not_an_object_is_a_temporary_error(body: bytes) -> None:
    with pytest.raises(Temporary, match="service"):
        decode_object(body, "service")


async def test_a_large_list_leaves_the_event_loop_free() -> None:
    body = json.dumps([{"ID": str(number), "Spec": {"x": [1] * 100}} for number in range(20_000)])
    assert len(body) > 5_000_000 > THREAD_FROM
    work = asyncio.ensure_future(decode(body.encode(), "task list", lambda each: each["ID"]))
    turns = 0
    while not work.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert len(await work) == 20_000
    # A parse in one piece, in a thread or not, would leave the loop a turn or two.
    assert turns > 10
