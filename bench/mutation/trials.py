"""Does a test fail on a mistake? Asked within pytest, whose tests are collected once.

Each mistake is made in a process of its own, a copy of this one, which runs the tests that touch
its lines until one fails. This one runs no test itself, so that nothing is kept that a mistake
should change.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import FunctionType

import pytest

from bench.mutation.mutants import Module, Mutant
from bench.mutation.results import Fate, Results
from bench.mutation.touches import passes, touches

PATIENCE = 5.0
"""A mutant may take so many seconds, and so many times what its tests take else."""
SLOWNESS = 10
MOST_MEMORY = 4 << 30
SURVIVED, KILLED, BROKEN = 0, 1, 2

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How much is tried."""

    workers: int = 2
    """Mutants at a time."""
    every: int = 1
    """One of so many mutants of each module."""
    seconds: float = 5.0
    """Of tests, as long as they take when traced, for each mutant."""


@dataclass
class Running:
    """A mistake that is being tried."""

    module: Module
    mutant: Mutant
    killer: int
    """Where it writes which test has failed."""


class Trials:
    """A plugin of pytest that tries mistakes instead of running the tests once."""

    def __init__(
        self, modules: Iterable[Module], results: Results, effort: Effort, tell: Tell
    ) -> None:
        self._modules = [*modules]
        self._results = results
        self._kept = results.path.with_name("touches.json")
        self._effort = effort
        self._tell = tell
        self._running: dict[int, Running] = {}
        self._killers: dict[str, list[int]] = defaultdict(list)

    def pytest_configure(self) -> None:
        """The same examples each time, and no search for a smaller one that fails as well."""
        # Its plugin wants to be there first.
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile(
            "mutation", derandomize=True, database=None, max_examples=20, phases=phases
        )
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all that is not known to be found."""
        self._items = session.items
        for module in self._modules:
            importlib.import_module(module.name)
        self._functions = _functions({str(module.path) for module in self._modules})
        self._tell(f"{len(self._items)} tests")
        self._touches = touches(self._items, self._modules, self._effort.workers, self._kept)
        # Else each copy of this process looks through all of it for garbage.
        gc.collect()
        gc.freeze()
        try:
            for module in self._modules:
                self._try_all(module)
            while self._running:
                self._reap()
        finally:
            self._results.save()
        return True

    def _try_all(self, module: Module) -> None:
        fates = self._results.of(module)
        chosen = module.mutants[:: self._effort.every]
        todo = [each for each in chosen if not _is_found(fates.get(each.key))]
        self._tell(f"{module.name}: {len(todo)} of {len(chosen)} mutants")
        for mutant in todo:
            self._try(module, mutant, fates)
        self._results.save()

    def _try(self, module: Module, mutant: Mutant, fates: dict[str, Fate]) -> None:
        functions = self._functions[str(module.path), mutant.function]
        first = min(each.__code__.co_firstlineno for each in functions)
        whole = range(first, first + mutant.before.count("\n") + 1)
        tests = self._touches.tests(module.path, mutant, whole)
        if not tests:
            fates[mutant.key] = Fate.UNTOUCHED
            return
        while len(self._running) >= self._effort.workers:
            self._reap()
        killer, told = os.pipe()
        child = os.fork()
        if not child:
            os._exit(self._failing(functions, mutant, self._in_order(mutant, tests), told))
        os.close(told)
        self._running[child] = Running(module, mutant, killer)

    def _in_order(self, mutant: Mutant, tests: list[int]) -> list[int]:
        """First what has failed on others in the same function; none begins after the time."""
        proved = [test for test in self._killers[mutant.function] if test in tests]
        order = [*proved, *(test for test in tests if test not in proved)]
        begins = accumulate((self._touches.seconds[test] for test in order), initial=0.0)
        return [
            test for test, begun in zip(order, begins, strict=False) if begun < self._effort.seconds
        ]

    def _failing(
        self,
        functions: Iterable[FunctionType],
        mutant: Mutant,
        tests: Iterable[int],
        told: int,
    ) -> int:
        """What a copy of this process does."""
        try:
            order = [*tests]
            _limit(sum(self._touches.seconds[test] for test in order))
            mutant.apply(functions)
            for test in order:
                if not passes(self._items[test]):
                    os.write(told, str(test).encode())
                    return KILLED
        except BaseException:  # noqa: BLE001  # nothing may lead back into the parent's code
            return BROKEN
        return SURVIVED

    def _reap(self) -> None:
        child, status = os.wait()
        done = self._running.pop(child)
        code = os.waitstatus_to_exitcode(status)
        if code == BROKEN:
            raise RuntimeError(f"{done.module.name} {done.mutant.key} could not be tried")
        fate = {SURVIVED: Fate.SURVIVED, KILLED: Fate.KILLED}.get(code, Fate.TIMEOUT)
        self._results.of(done.module)[done.mutant.key] = fate
        if fate is Fate.KILLED:
            self._has_failed(done)
        os.close(done.killer)

    def _has_failed(self, done: Running) -> None:
        test, proved = int(os.read(done.killer, 20)), self._killers[done.mutant.function]
        if test in proved:
            proved.remove(test)
        proved.insert(0, test)


def _is_found(fate: Fate | None) -> bool:
    return fate is not None and fate.found


def _functions(paths: set[str]) -> Mapping[tuple[str, str], list[FunctionType]]:
    """All functions that came from these files, whoever holds them."""
    found = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename in paths:
            found[each.__code__.co_filename, each.__code__.co_qualname].append(each)
    return found


def _limit(seconds: float) -> None:
    """Whoever takes too long, or too much, is ended: a mistake may well loop for ever."""
    most = int(PATIENCE + SLOWNESS * seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    # Waiting costs no processor time; a busy machine may take long for what others do.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(10 * most)
