"""Policies follow their files: the whole set, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import watchfiles

from autoscaler.policy_files import PolicyFiles, PolicySet, PolicyWatcher
from tests.unit.policy.conftest import Write, policies, policy

GOOD = policies(policy())
BETTER = policies(policy(), policy("api", "[api]"))
BAD = "version: 1\npolicies: [{name: web}]\n"


class Told:
    """What a watcher said, one by one."""

    def __init__(self, watched: PolicyWatcher) -> None:
        self.events: asyncio.Queue[PolicySet | list[str]] = asyncio.Queue()
        watched.on_loaded = self.events.put_nowait
        watched.on_failed = lambda errors: self.events.put_nowait([*errors])

    async def next(self) -> PolicySet | list[str]:
        async with asyncio.timeout(120):
            return await self.events.get()

    async def next_names(self) -> list[str]:
        event = await self.next()
        assert isinstance(event, PolicySet), event
        return [loaded.policy.name for loaded in event.policies]


class ScriptedHints:
    """Hints that a test gives by hand."""

    def __init__(self) -> None:
        self.given: asyncio.Queue[None] = asyncio.Queue()

    def give(self) -> None:
        self.given.put_nowait(None)

    async def __call__(self, files: PolicyFiles, poll: float) -> AsyncGenerator[None, None]:
        while True:
            await self.given.get()
            yield


@asynccontextmanager
async def watching(watched: PolicyWatcher) -> AsyncIterator[Told]:
    told = Told(watched)
    task = asyncio.create_task(watched.watch())
    yield told
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_loads_at_first(write: Write) -> None:
    watched = PolicyWatcher([write("a.yaml", GOOD).parent], hints=ScriptedHints())
    assert not watched.loaded
    async with watching(watched) as told:
        assert await told.next_names() == ["shop-web"]
    assert watched.loaded


async def test_swaps_the_set_when_a_file_changed(write: Write) -> None:
    hints = ScriptedHints()
    watched = PolicyWatcher([write("a.yaml", GOOD).parent], hints=hints)
    assert await watched.load()
    async with watching(watched) as told:
        write("b.yaml", policies(policy("api", "[api]")))
        hints.give()
        assert await told.next_names() == ["shop-web", "api"]
        assert len(watched.current.policies) == 2


async def test_a_hint_without_a_change_loads_nothing(write: Write) -> None:
    hints = ScriptedHints()
    watched = PolicyWatcher([write("a.yaml", GOOD).parent], hints=hints)
    await watched.load()
    async with watching(watched) as told:
        hints.give()
        hints.give()
        write("a.yaml", BETTER)
        hints.give()
        assert await told.next_names() == ["shop-web", "api"]
        assert told.events.empty()


async def test_the_old_set_stays_in_force_while_the_new_one_has_problems(write: Write) -> None:
    hints = ScriptedHints()
    path = write("a.yaml", GOOD)
    watched = PolicyWatcher([path.parent], hints=hints)
    await watched.load()
    in_force = watched.current
    async with watching(watched) as told:
        write("a.yaml", BAD)
        hints.give()
        errors = await told.next()
        assert isinstance(errors, list)
        assert errors[0].startswith(f"{path}:2:12: policies.0: name the policy's services")
        assert watched.current is in_force
        assert watched.problems
        write("a.yaml", BETTER)
        hints.give()
        assert len(await told.next_names()) == 2
        assert not watched.problems


async def test_reload_loads_unchanged_files_too(write: Write) -> None:
    watched = PolicyWatcher([write("a.yaml", GOOD).parent], hints=ScriptedHints())
    await watched.load()
    async with watching(watched) as told:
        watched.reload()
        assert await told.next_names() == ["shop-web"]


async def test_a_set_with_problems_at_the_start_leaves_nothing_in_force(write: Write) -> None:
    watched = PolicyWatcher([write("a.yaml", BAD)], hints=ScriptedHints())
    assert not await watched.load()
    assert not watched.loaded
    assert watched.current.policies == ()


async def test_the_system_tells_of_a_written_file(write: Write) -> None:
    watched = PolicyWatcher([write("a.yaml", GOOD).parent], poll=300)
    await watched.load()
    async with watching(watched) as told:
        # The system's watch begins some time after the task: write until it is noticed.
        names = asyncio.create_task(told.next_names())
        for number in range(100):
            write("a.yaml", f"# {number}\n{BETTER}")
            done, _ = await asyncio.wait([names], timeout=0.3)
            if done:
                break
        assert await names == ["shop-web", "api"]


async def test_a_swapped_link_is_noticed(write: Write, tmp_path: Path) -> None:
    root = tmp_path / "policies"
    write("..1/shop.yaml", GOOD)
    write("..2/shop.yaml", BETTER)
    (root / "..data").symlink_to("..1")
    (root / "shop.yaml").symlink_to("..data/shop.yaml")
    watched = PolicyWatcher([root], poll=0.2)
    await watched.load()
    async with watching(watched) as told:
        (root / "..next").symlink_to("..2")
        (root / "..next").rename(root / "..data")
        assert await told.next_names() == ["shop-web", "api"]


async def test_files_are_looked_at_where_the_system_gives_no_hints(
    write: Write, tmp_path: Path
) -> None:
    watched = PolicyWatcher([tmp_path / "policies"], poll=0.05)
    await watched.load()  # there is no such directory yet
    async with watching(watched) as told:
        write("a.yaml", GOOD)
        while not isinstance(event := await told.next(), PolicySet):
            pass
        assert len(event.policies) == 1


async def test_polls_when_the_system_has_no_watch_left(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(watchfiles, "awatch", refused)
    watched = PolicyWatcher([write("a.yaml", GOOD).parent], poll=0.05)
    await watched.load()
    async with watching(watched) as told:
        write("a.yaml", BETTER)
        assert await told.next_names() == ["shop-web", "api"]
