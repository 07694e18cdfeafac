"""Reloads policies when their files, or those that the cluster keeps, change: all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import watchfiles

from autoscaler.errors import AutoscalerError
from autoscaler.policy_files.loading import PolicyFiles
from autoscaler.policy_files.policy_set import PolicySet
from autoscaler.problems import Problem, Problems

Hints = Callable[[PolicyFiles, float], AsyncGenerator[None, None]]
Kept = Mapping[str, bytes]
"""Policy files that the cluster keeps, by name."""


async def nothing_kept() -> Kept:
    """No cluster keeps policies."""
    return {}


@dataclass(frozen=True)
class _Seen:
    """What there was to load; equal to another one if nothing has changed."""

    files: object
    kept: Kept | None
    """What the cluster keeps, as it is known last; None while it never was."""


class PolicyWatcher:
    """Holds the policies in force and follows their files.

    The files are looked at when the system says that something changed, and every `poll`
    seconds in any case: network file systems and some mounts never say, nor does a cluster of
    what it keeps. A set with a problem changes nothing: `current` stays, and `problems` says
    why until a good set is loaded. While a cluster does not say what it keeps, what it kept last
    holds on; at a start those of files hold alone, and the set says that it is not whole.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        sources: Mapping[str, str] = MappingProxyType({}),
        *,
        notifiers: Collection[str] | None = None,
        kept: Callable[[], Awaitable[Kept]] = nothing_kept,
        poll: float = 15.0,
        retry: float = 2.0,
        hints: Hints | None = None,
    ) -> None:
        """`notifiers` are those that policies may name; None: any.

        `kept` asks the cluster; it raises an AutoscalerError when that cannot be told. Until it
        could for the first time it is asked again every `retry` seconds."""
        self.files = PolicyFiles(paths, sources, notifiers)
        self.current = PolicySet()
        """The policies in force; empty until the first good set is loaded."""
        self.loaded = False
        """Whether any set was ever good."""
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the files as they are now; `current` is then an older set."""
        self.on_loaded: Callable[[PolicySet], object] = lambda _: None
        self.on_failed: Callable[[Sequence[str]], object] = lambda _: None
        self.on_unknown: Callable[[AutoscalerError], object] = lambda _: None
        """The cluster was asked what it keeps, and did not say."""
        self.on_known: Callable[[], object] = lambda: None
        """It did."""
        self.unknown = ""
        """Why it did not; empty when it did."""
        self._ask_kept = kept
        self._poll, self._retry = poll, retry
        self._hints = hints or file_hints
        self._asked = asyncio.Event()
        self._seen: _Seen | None = None
        self._kept: Kept | None = None

    def reload(self) -> None:
        """Ask `watch` to load the files again, changed or not; for a signal handler."""
        self._asked.set()

    async def begin(self) -> None:
        """Load the files for the first time. Raises Problems, with which no process starts.

        What the cluster keeps may be long in coming: then `watch` loads all, and begins with it.
        """
        if self._ask_kept is not nothing_kept:
            await asyncio.to_thread(self.files.load)
        elif not await self.load():
            raise Problems(self.problems)

    async def load(self) -> bool:
        """Load everything now; whether the set was good and is in force."""
        # Taken before reading: what is written meanwhile then differs from it.
        self._seen = await self._look()
        kept = self._seen.kept
        checked = await asyncio.to_thread(self.files.check, kept or {})
        self.problems = checked.problems
        if self.problems:
            self.on_failed([str(problem) for problem in self.problems])
            return False
        self.current, self.loaded = replace(checked.policies, whole=kept is not None), True
        self.on_loaded(self.current)
        return True

    async def _look(self) -> _Seen:
        files = await asyncio.to_thread(self.files.fingerprint)
        try:
            self._kept = await self._ask_kept()
        except AutoscalerError as error:
            self.unknown = f"it is not known what policies the cluster keeps: {error}"
            self.on_unknown(error)
        else:
            self.unknown = ""
            self.on_known()
        return _Seen(files, self._kept)

    async def watch(self) -> None:
        """Load the files whenever they change or `reload` asks, for ever; at first too,
        unless `load` was called before."""
        if self._seen is None:
            self._asked.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notice(), name="policy file changes")
            while True:
                if await self._is_due():
                    self._asked.clear()
                    await self.load()

    async def _is_due(self) -> bool:
        """Wait until there may be something to load; whether there is."""
        known = self._seen is None or self._seen.kept is not None
        try:
            async with asyncio.timeout(None if known else self._retry):
                await self._asked.wait()
        except TimeoutError:
            return await self._look() != self._seen
        return True

    async def _notice(self) -> None:
        async with aclosing(self._hints(self.files, self._poll)) as hints:
            async for _ in hints:
                if await self._look() != self._seen:
                    self._asked.set()


async def file_hints(files: PolicyFiles, poll: float) -> AsyncGenerator[None, None]:
    """Comes back when something changed near the files, at the latest every `poll` seconds."""
    while True:
        watched = await asyncio.to_thread(files.directories)
        try:
            async with aclosing(_system_hints(watched, poll)) as hints:
                async for _ in hints:
                    yield
                    if await asyncio.to_thread(files.directories) != watched:
                        break
        # No such directory any more, or the system has no watch left to give.
        except (OSError, RuntimeError):
            await asyncio.sleep(poll)
            yield


async def _system_hints(directories: list[Path], poll: float) -> AsyncGenerator[None, None]:
    if not directories:
        raise FileNotFoundError("there is no directory to watch")
    async for _ in watchfiles.awatch(
        *directories,
        watch_filter=None,
        recursive=False,
        debounce=200,
        rust_timeout=int(poll * 1000),
        yield_on_timeout=True,
    ):
        yield
