"""Does a test fail on a mistake? Asked within pytest, whose tests are collected once.

A first process runs all tests and notes which of them touch which lines. Then each mistake is
made in a process of its own, a copy of this one, which runs the tests that touch its lines until
one fails. This one runs no test itself, so that nothing is kept that a mistake should change.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import FunctionType

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage

from bench.mutation.mutants import Module, Mutant
from bench.mutation.results import Fate, Results

PATIENCE = 5.0
"""A mutant may take so many seconds, and so many times what its tests take else."""
SLOWNESS = 10
MOST_MEMORY = 4 << 30
SURVIVED, KILLED, BROKEN = 0, 1, 2

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Touches:
    """What the tests do without a mistake."""

    seconds: Sequence[float]
    """How long each takes."""
    lines: Mapping[str, Mapping[int, frozenset[int]]]
    """The numbers of the tests that touch a line, by file."""

    def tests(self, path: str, mutant: Mutant, whole: range) -> set[int]:
        """The tests that touch what is changed, else those that touch its function."""
        of_file = self.lines.get(path, {})
        for lines in (mutant.lines, whole):
            found = set().union(*(of_file.get(line, frozenset()) for line in lines))
            if found:
                return found
        return set()


@dataclass
class Running:
    """A mistake that is being tried."""

    module: Module
    mutant: Mutant
    killer: int
    """Where it writes which test has failed."""


class Trials:
    """A plugin of pytest that tries mistakes instead of running the tests once."""

    def __init__(self, modules: Iterable[Module], results: Results, workers: int, tell: Tell):
        self._modules = [*modules]
        self._results = results
        self._workers = workers
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
        self._tell(f"{len(self._items)} tests are run and traced")
        self._touches = _measured(self._items, [str(each.path) for each in self._modules])
        # Else each copy of this process looks through all of it for garbage.
        gc.collect()
        gc.freeze()
        for module in self._modules:
            self._try_all(module)
        while self._running:
            self._reap()
        self._results.save()
        return True

    def _try_all(self, module: Module) -> None:
        fates = self._results.of(module)
        todo = [each for each in module.mutants if not _is_found(fates.get(each.key))]
        self._tell(f"{module.name}: {len(todo)} of {len(module.mutants)} mutants")
        for mutant in todo:
            self._try(module, mutant, fates)
        self._results.save()

    def _try(self, module: Module, mutant: Mutant, fates: dict[str, Fate]) -> None:
        path = str(module.path)
        functions = self._functions[path, mutant.function]
        first = min(each.__code__.co_firstlineno for each in functions)
        whole = range(first, first + mutant.before.count("\n") + 1)
        tests = self._touches.tests(path, mutant, whole)
        if not tests:
            fates[mutant.key] = Fate.UNTOUCHED
            return
        while len(self._running) >= self._workers:
            self._reap()
        killer, told = os.pipe()
        child = os.fork()
        if not child:
            os._exit(self._failing(functions, mutant, self._in_order(mutant, tests), told))
        os.close(told)
        self._running[child] = Running(module, mutant, killer)

    def _in_order(self, mutant: Mutant, tests: set[int]) -> list[int]:
        """First what has failed on other mistakes in the same function, then what is quick."""
        proved = [test for test in self._killers[mutant.function] if test in tests]
        return [*proved, *sorted(tests - {*proved}, key=self._touches.seconds.__getitem__)]

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
                if not _passes(self._items[test]):
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


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _limit(seconds: float) -> None:
    """Whoever takes too long, or too much, is ended: a mistake may well loop for ever."""
    most = int(PATIENCE + SLOWNESS * seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    # Waiting costs no processor time; a busy machine may take long for what others do.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(10 * most)


def _measured(items: Sequence[pytest.Item], paths: Sequence[str]) -> Touches:
    """Run all tests, traced, in a copy of this process. Raises RuntimeError if one fails."""
    with TemporaryFile("w+") as told:
        child = os.fork()
        if not child:
            code = BROKEN
            try:
                json.dump(_traced(items, paths), told)
                told.flush()
                code = SURVIVED
            finally:
                os._exit(code)
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("the tests could not be traced")
        told.seek(0)
        found = json.load(told)
    if found["failed"]:
        raise RuntimeError(f"without any mistake these fail: {', '.join(found['failed'])}")
    lines = {
        path: {int(line): frozenset(tests) for line, tests in by_line.items()}
        for path, by_line in found["lines"].items()
    }
    return Touches(found["seconds"], lines)


def _traced(items: Sequence[pytest.Item], paths: Sequence[str]) -> dict[str, object]:
    tracer = Coverage(data_file=None, include=[*paths], config_file=False)
    failed, seconds = [], []
    tracer.start()
    for number, item in enumerate(items):
        tracer.switch_context(str(number))
        begun = time.process_time()
        if not _passes(item):
            failed.append(item.nodeid)
        seconds.append(time.process_time() - begun)
    tracer.stop()
    data = tracer.get_data()
    lines = {
        path: {
            line: [int(test) for test in tests if test]
            for line, tests in data.contexts_by_lineno(path).items()
        }
        for path in paths
    }
    return {"failed": failed, "seconds": seconds, "lines": lines}
