"""An event loop without files and threads: what happens depends on nothing but the program.

Threads' work is done at once, where it is handed over, and may be said to have taken its time:
`took` is called by what stands for a slow disk or a slow server.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

FOR_EVER = float("inf")


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its time jumps to the next timer when nothing is ready."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_NoFiles(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.now

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        """There is no other thread."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Any, *args: Any
    ) -> Any:
        """Done at once; its end shows after the time that it took."""
        return asyncio.wrap_future(Inline().submit(func, *args), loop=self)


class _NoFiles(selectors.BaseSelector):
    """Nothing is ever ready to be read."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._keys[fileobj] = key = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen: there is no timer, and nothing is ready")
        self._loop.now += max(0.0, timeout)
        return []

    def close(self) -> None:
        self._keys.clear()


class Taken:
    """How long the work that is being done takes."""

    seconds = 0.0


_taken = Taken()


def took(seconds: float) -> None:
    """What is being done for a thread takes so much longer; `FOR_EVER`: it never ends."""
    _taken.seconds += seconds


class Inline(Executor):
    """Works where it is called, and answers after the time that it took."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """What was submitted is done when this returns, though its answer may come later."""
        done: Future[Any] = Future()
        _taken.seconds = 0.0
        tell = outcome(done, fn, *args, **kwargs)
        if _taken.seconds <= 0:
            tell()
        elif _taken.seconds < FOR_EVER:
            asyncio.get_running_loop().call_later(_taken.seconds, _tell_late, done, tell)
        return done


def outcome(
    done: Future[Any], fn: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Callable[[], None]:
    """Do it; what tells the future how it went."""
    try:
        answer = fn(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - it belongs to the caller
        return partial(done.set_exception, error)
    return partial(done.set_result, answer)


def _tell_late(done: Future[Any], tell: Callable[[], None]) -> None:
    if done.set_running_or_notify_cancel():
        tell()
