"""Which tests touch which line: they are run once without a mistake, traced.

It takes longer than to try a module, so it is kept for as long as neither tests nor package change.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage

from bench.mutation.mutants import Module, Mutant

Lines = Mapping[str, Mapping[int, Sequence[int]]]
"""The numbers of the tests that touch a line, by file."""


@dataclass(frozen=True)
class Touches:
    """What the tests do without a mistake."""

    seconds: Mapping[int, float]
    """How long each test takes, traced."""
    lines: Lines

    def tests(self, path: Path, mutant: Mutant, whole: range) -> list[int]:
        """The tests that touch what is changed, else its function; first who does little else."""
        of_file = self.lines.get(str(path), {})
        for lines in (mutant.lines, whole):
            found = {test for line in lines for test in of_file.get(line, ())}
            if found:
                return sorted(found, key=self._effort.__getitem__)
        return []

    @cached_property
    def _effort(self) -> Mapping[int, float]:
        """A test that is quick and touches few lines says most for its time."""
        by_line = (tests for file in self.lines.values() for tests in file.values())
        count = Counter(test for tests in by_line for test in tests)
        return {test: seconds * count[test] for test, seconds in self.seconds.items()}


def passes(item: pytest.Item) -> bool:
    """Whether a test passes now."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def touches(
    items: Sequence[pytest.Item], modules: Sequence[Module], workers: int, kept: Path
) -> Touches:
    """What is kept, or else what is seen now. Raises RuntimeError if a test fails."""
    paths = [str(each.path) for each in modules]
    digest = _digest([*paths, *(item.nodeid for item in items)])
    if kept.exists():
        known = json.loads(kept.read_text())
        if known["digest"] == digest:
            return _read(known["parts"])
    parts = _traced_apart(items, paths, workers)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"digest": digest, "parts": parts}))
    return _read(parts)


def _digest(names: Sequence[str]) -> str:
    found = hashlib.sha256("\n".join(names).encode())
    for folder in ("autoscaler", "tests"):
        for file in sorted(Path(folder).rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()


def _read(parts: Sequence[Mapping[str, Any]]) -> Touches:
    """Of what several have seen, all."""
    seconds: dict[int, float] = {}
    lines: dict[str, dict[int, list[int]]] = {}
    for part in parts:
        seconds |= {int(test): taken for test, taken in part["seconds"].items()}
        for path, by_line in part["lines"].items():
            file = lines.setdefault(path, {})
            for line, tests in by_line.items():
                file.setdefault(int(line), []).extend(tests)
    return Touches(seconds, lines)


def _traced_apart(
    items: Sequence[pytest.Item], paths: Sequence[str], workers: int
) -> list[dict[str, Any]]:
    """Each worker, a copy of this process, takes every so manieth test."""
    told = [TemporaryFile("w+") for _ in range(workers)]  # noqa: SIM115  # several are open at a time
    children = []
    for number, file in enumerate(told):
        child = os.fork()
        if not child:
            _tell_and_end({n: items[n] for n in range(number, len(items), workers)}, paths, file)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    if any(ended):
        raise RuntimeError("the tests could not be traced")
    parts = [_parsed(file) for file in told]
    failed = [name for part in parts for name in part["failed"]]
    if failed:
        raise RuntimeError(f"without any mistake these fail: {', '.join(failed)}")
    return parts


def _parsed(file: IO[str]) -> dict[str, Any]:
    with file:
        file.seek(0)
        found: dict[str, Any] = json.load(file)
    return found


def _tell_and_end(items: Mapping[int, pytest.Item], paths: Sequence[str], told: IO[str]) -> None:
    code = 1
    try:
        json.dump(_traced(items, paths), told)
        told.flush()
        code = 0
    finally:
        os._exit(code)


def _traced(items: Mapping[int, pytest.Item], paths: Sequence[str]) -> dict[str, Any]:
    tracer = Coverage(data_file=None, include=[*paths], config_file=False)
    failed, seconds = [], {}
    tracer.start()
    for number, item in items.items():
        tracer.switch_context(str(number))
        begun = time.process_time()
        if not passes(item):
            failed.append(item.nodeid)
        seconds[number] = time.process_time() - begun
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
