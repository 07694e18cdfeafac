"""An event loop in which time passes only while nothing else is to be done.

@in_virtual_time
async def test_a_minute_takes_no_time() -> None:
    await asyncio.sleep(60)

What other threads do takes real time: `by_threads` and `Threaded` tell the loop to wait for it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from autoscaler.testing.clock import ManualClock

P = ParamSpec("P")
T = TypeVar("T")

_THREADS_WITHIN = 180.0
"""Real seconds after which a thread that does not come back is a fault."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer when nothing is ready."""

    def __init__(self) -> None:
        self.now = 0.0
        self.elsewhere = 0
        """Calls that other threads are at work for."""
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.now


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else the time jumps, unless a thread must be waited for."""
        if self._loop.elsewhere and timeout != 0:
            return self._wait_for_threads()
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing will ever happen: no timer, no thread, nothing ready")
        if not ready:
            self._loop.now += timeout or 0.0
        return ready

    def _wait_for_threads(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(_THREADS_WITHIN)
        if not ready:
            raise RuntimeError(f"a thread did not come back within {_THREADS_WITHIN:g} s")
        return ready


class LoopClock(ManualClock):
    """Unix seconds that pass as the running loop's do."""

    def __call__(self) -> float:
        return self.now + asyncio.get_running_loop().time()


class Threaded:
    """Any object whose coroutines are answered by threads, in a virtual loop."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: object, **kwargs: object) -> object:
            return await by_threads(method(*args, **kwargs))

        return call


async def by_threads(work: Awaitable[T]) -> T:
    """Await what other threads are at work for; time stands still meanwhile."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.elsewhere += 1
    try:
        return await work
    finally:
        loop.elsewhere -= 1


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test in a loop of its own, in which waiting takes no time."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


async def eventually(condition: Callable[[], bool], within: float = 3600.0) -> None:
    """Wait, in small steps, until it holds; raise TimeoutError after so many virtual seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - it may hold by anything that happens
            await asyncio.sleep(0.01)
