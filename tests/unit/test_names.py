"""Names are looked up, and hold nothing up."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from autoscaler.errors import Temporary
from autoscaler.names import MOST_AT_A_TIME, Names, Unknown


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A resolver that does not answer while the test lasts; the names that it was asked."""
    asked: list[str] = []
    release = threading.Event()

    def getaddrinfo(name: str, *_: Any) -> list[Any]:
        asked.append(name)
        release.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    release.set()


async def test_a_name_has_its_addresses() -> None:
    assert list(await Names().addresses("localhost")) == ["127.0.0.1"]


async def test_an_address_is_its_own() -> None:
    assert list(await Names().addresses("127.0.0.9")) == ["127.0.0.9"]


@pytest.mark.parametrize("name", ["no such name", "a..b", "x" * 300, "\ud800"])
async def test_what_is_no_name_is_an_error(name: str) -> None:
    with pytest.raises(Temporary):
        await Names().addresses(name)


async def test_a_name_without_an_address_is_told_from_a_resolver_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(code: int) -> None:
        def getaddrinfo(*_: Any) -> list[Any]:
            raise socket.gaierror(code, "no")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    answer(socket.EAI_NONAME)
    with pytest.raises(Unknown):
        await Names().addresses("a")
    answer(socket.EAI_AGAIN)
    with pytest.raises(Temporary) as caught:
        await Names().addresses("a")
    assert not isinstance(caught.value, Unknown)


async def test_whoever_gives_up_leaves_the_thread_behind(stuck: list[str]) -> None:
    names = Names()
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await names.addresses("a")
    assert stuck == ["a"]
    assert all(one.daemon for one in threading.enumerate() if one.name == "look up a")


async def test_the_number_of_look_ups_is_bounded(stuck: list[str]) -> None:
    names = Names()
    waiting = [
        asyncio.ensure_future(names.addresses(f"a{number}")) for number in range(MOST_AT_A_TIME)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Temporary, match="too many"):
        await names.addresses("one more")
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_aiohttp_gets_what_it_asks_for() -> None:
    (found,) = await Names().resolve("localhost", 80)
    assert (found["host"], found["port"], found["family"]) == ("127.0.0.1", 80, socket.AF_INET)
    with pytest.raises(OSError, match="no such name"):
        await Names().resolve("no such name")
