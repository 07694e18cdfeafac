"""Reloads policies when their files change: the whole set or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import MappingProxyType

import watchfiles

from autoscaler.policy_files.loading import PolicyFiles
from autoscaler.policy_files.policy_set import PolicySet
from autoscaler.problems import Problem

Hints = Callable[[PolicyFiles, float], AsyncGenerator[None, None]]


class PolicyWatcher:
    """Holds the policies in force and follows their files.

    The files are looked at when the system says that something changed, and every `poll`
    seconds in any case: network file systems and some mounts never say. A set with a problem
    changes nothing: `current` stays, and `problems` says why until a good set is loaded.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        sources: Mapping[str, str] = MappingProxyType({}),
        *,
        poll: float = 15.0,
        hints: Hints | None = None,
    ) -> None:
        self.files = PolicyFiles(paths, sources)
        self.current = PolicySet()
        """The policies in force; empty until the first good set is loaded."""
        self.loaded = False
        """Whether any set was ever good."""
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the files as they are now; `current` is then an older set."""
        self.on_loaded: Callable[[PolicySet], object] = lambda _: None
        self.on_failed: Callable[[Sequence[str]], object] = lambda _: None
        self._poll = poll
        self._hints = hints or file_hints
        self._asked = asyncio.Event()
        self._seen: object = None

    def reload(self) -> None:
        """Ask `watch` to load the files again, changed or not; for a signal handler."""
        self._asked.set()

    async def load(self) -> bool:
        """Load the files now; whether the set was good and is in force."""
        # Taken before reading: what is written meanwhile then differs from it.
        self._seen = await asyncio.to_thread(self.files.fingerprint)
        checked = await asyncio.to_thread(self.files.check)
        self.problems = checked.problems
        if checked.problems:
            self.on_failed([str(problem) for problem in checked.problems])
            return False
        self.current, self.loaded = checked.policies, True
        self.on_loaded(checked.policies)
        return True

    async def watch(self) -> None:
        """Load the files whenever they change or `reload` asks, for ever; at first too,
        unless `load` was called before."""
        if self._seen is None:
            self._asked.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notice(), name="policy file changes")
            while True:
                await self._asked.wait()
                self._asked.clear()
                await self.load()

    async def _notice(self) -> None:
        async with aclosing(self._hints(self.files, self._poll)) as hints:
            async for _ in hints:
                seen = await asyncio.to_thread(self.files.fingerprint)
                if seen != self._seen:
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
