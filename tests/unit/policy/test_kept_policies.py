"""Policies that the cluster keeps hold beside those of files, and change as they do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from autoscaler.errors import Temporary
from autoscaler.policy_files import PolicyFiles, PolicySet, PolicyWatcher
from autoscaler.problems import Problems
from tests.unit.policy.conftest import Write, policies, policy
from tests.unit.policy.test_watcher import ScriptedHints, watching

WEB = policies(policy())
API = policies(policy("api", "[api]"))
BAD = "version: 1\npolicies: [{name: api}]\n"


class Cluster:
    """What a cluster keeps."""

    def __init__(self, **kept: str) -> None:
        self.kept = {name: text.encode() for name, text in kept.items()}
        self.fault: Temporary | None = None

    async def policies(self) -> dict[str, bytes]:
        if self.fault is not None:
            raise self.fault
        return dict(self.kept)


def names(found: PolicySet) -> list[str]:
    return [loaded.policy.name for loaded in found.policies]


def watcher(path: Path, cluster: Cluster, hints: ScriptedHints | None = None) -> PolicyWatcher:
    return PolicyWatcher([path], kept=cluster.policies, retry=0.0, hints=hints or ScriptedHints())


async def test_they_hold_beside_those_of_files_and_bear_their_own_name(write: Write) -> None:
    watched = watcher(write("a.yaml", WEB), Cluster(shop=API))
    assert await watched.load()
    assert names(watched.current) == ["shop-web", "api"]
    assert [loaded.file for loaded in watched.current.policies][1] == "shop"


async def test_one_that_was_added_is_loaded_at_the_next_look(write: Write) -> None:
    cluster, hints = Cluster(), ScriptedHints()
    watched = watcher(write("a.yaml", WEB), cluster, hints)
    await watched.load()
    async with watching(watched) as told:
        cluster.kept["shop-1"] = API.encode()
        hints.give()
        assert await told.next_names() == ["shop-web", "api"]


async def test_a_mistake_names_the_config_and_leaves_the_old_set_in_force(write: Write) -> None:
    cluster, hints = Cluster(shop=API), ScriptedHints()
    watched = watcher(write("a.yaml", WEB), cluster, hints)
    await watched.load()
    async with watching(watched) as told:
        cluster.kept["more"] = BAD.encode()
        hints.give()
        errors = await told.next()
        assert isinstance(errors, list)
        assert errors[0].startswith("more:2:12: policies.0: name the policy's services")
        assert names(watched.current) == ["shop-web", "api"]


async def test_while_old_and_new_stand_side_by_side_the_old_set_is_in_force(write: Write) -> None:
    """So a config is changed without a gap: create the new one, then remove the old one."""
    cluster, hints = Cluster(**{"shop-1": API}), ScriptedHints()
    watched = watcher(write("a.yaml", WEB), cluster, hints)
    await watched.load()
    old = watched.current
    async with watching(watched) as told:
        cluster.kept["shop-2"] = API.encode()
        hints.give()
        errors = await told.next()
        assert isinstance(errors, list)
        assert "a policy named 'api' stands at shop-1:3 already" in errors[0]
        assert watched.current is old
        del cluster.kept["shop-1"]
        hints.give()
        assert await told.next_names() == ["shop-web", "api"]
        assert watched.current.policies[1].file == "shop-2"


async def test_text_that_is_none_is_refused_with_its_place(write: Write) -> None:
    cluster = Cluster()
    cluster.kept["shop"] = b"version: 1\n\xff"
    watched = watcher(write("a.yaml", WEB), cluster)
    assert not await watched.load()
    assert str(watched.problems[0]) == "shop:2:1: not UTF-8 text"


async def test_not_known_is_not_none(write: Write) -> None:
    """An outage of the cluster takes no policy out of force."""
    cluster, hints = Cluster(shop=API), ScriptedHints()
    watched = watcher(write("a.yaml", WEB), cluster, hints)
    await watched.load()
    async with watching(watched) as told:
        cluster.fault = Temporary("no leader")
        write("a.yaml", policies(policy("shop", "[shop]")))
        hints.give()
        assert await told.next_names() == ["shop", "api"]
        assert (watched.problems, watched.current.whole) == ((), True)
        assert watched.unknown.endswith("what policies the cluster keeps: no leader")
        cluster.fault, cluster.kept = None, {}
        hints.give()
        assert await told.next_names() == ["shop"]
        assert watched.unknown == ""


async def test_at_a_start_those_of_files_hold_before_it_is_known_what_is_kept(
    write: Write,
) -> None:
    cluster = Cluster(shop=API)
    cluster.fault = Temporary("no leader")
    watched = watcher(write("a.yaml", WEB), cluster)
    unknown: asyncio.Queue[object] = asyncio.Queue()
    watched.on_unknown = unknown.put_nowait
    await watched.begin()
    async with watching(watched) as told:
        assert await told.next_names() == ["shop-web"]
        assert (watched.loaded, watched.problems, watched.current.whole) == (True, (), False)
        async with asyncio.timeout(120):
            for _ in range(4):
                await unknown.get()
        assert told.events.empty()
        cluster.fault = None
        assert await told.next_names() == ["shop-web", "api"]
        assert watched.current.whole


async def test_that_a_cluster_keeps_none_is_told_once_it_is_known(write: Write) -> None:
    cluster = Cluster()
    cluster.fault = Temporary("no leader")
    watched = watcher(write("a.yaml", WEB), cluster)
    async with watching(watched) as told:
        await told.next()
        cluster.fault = None
        assert await told.next_names() == ["shop-web"]
        assert watched.current.whole


async def test_a_file_with_a_mistake_ends_the_start_whatever_is_kept(write: Write) -> None:
    with pytest.raises(Problems):
        await watcher(write("a.yaml", BAD), Cluster()).begin()


def test_they_count_towards_the_most_files(write: Write) -> None:
    files = PolicyFiles([write("a.yaml", WEB)])
    checked = files.check({f"shop-{number}": b"" for number in range(5000)})
    assert [str(problem) for problem in checked.problems] == ["policies: 5001 files; 5000 at most"]
