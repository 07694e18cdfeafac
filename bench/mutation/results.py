"""What became of each mistake: kept from run to run, and told in tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from bench.mutation.mutants import Module


class Fate(StrEnum):
    """How a mistake ended."""

    KILLED = "killed"
    """A test fails on it."""
    TIMEOUT = "timeout"
    """A test does not come to its end, which is found, too."""
    SURVIVED = "survived"
    """All tests that touch its lines pass."""
    UNTOUCHED = "untouched"
    """No test touches its lines."""

    @property
    def found(self) -> bool:
        """Whether the tests find it."""
        return self in (Fate.KILLED, Fate.TIMEOUT)


@dataclass
class Results:
    """Fates by module and mutant, in a file.

    What has been found stays found for as long as its module is the same: so a run that was
    ended goes on where it was, and one with more tests tries again only what had survived.
    """

    path: Path
    known: dict[str, dict[str, Fate]] = field(default_factory=dict)

    def load(self) -> None:
        """Read what an earlier run has kept."""
        if self.path.exists():
            stored = json.loads(self.path.read_text())
            self.known = {
                name: {key: Fate(fate) for key, fate in fates.items()}
                for name, fates in stored.items()
            }

    def save(self) -> None:
        """Keep it, whole or not at all."""
        self.path.parent.mkdir(exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.known))
        part.rename(self.path)

    def of(self, module: Module) -> dict[str, Fate]:
        """What is known of a module as it is now."""
        return self.known.setdefault(f"{module.name} {module.digest}", {})


def table(modules: Iterable[Module], results: Results) -> Iterator[str]:
    """One line for each module, and sums for each package and for all."""
    yield f"| module | mutants | tried | {' | '.join(Fate)} | score |"
    yield "|---|" + "--:|" * (len(Fate) + 3)
    whole: Counter[Fate] = Counter()
    every = 0
    for package, members in groupby(modules, key=lambda each: each.name.split(".")[1]):
        sums: Counter[Fate] = Counter()
        made = 0
        for module in members:
            count = Counter(results.of(module).values())
            sums += count
            made += len(module.mutants)
            yield _line(module.name.partition(".")[2], len(module.mutants), count)
        yield _line(f"**{package}**", made, sums)
        whole += sums
        every += made
    yield _line("**all**", every, whole)


def _line(name: str, made: int, count: Counter[Fate]) -> str:
    cells = [f"{made}", f"{count.total()}", *(f"{count[fate]}" for fate in Fate), score(count)]
    return f"| {name} | {' | '.join(cells)} |"


def score(count: Mapping[Fate, int]) -> str:
    """The share that is found, of all that were tried."""
    total = sum(count.values())
    found = sum(number for fate, number in count.items() if fate.found)
    return f"{100 * found / total:.1f} %" if total else "-"


def show_unfound(modules: Iterable[Module], results: Results, out: TextIO) -> None:
    """Each mistake that no test finds, as the lines that differ."""
    for module in modules:
        fates = results.of(module)
        for mutant in module.mutants:
            fate = fates.get(mutant.key)
            if fate is not None and not fate.found:
                place = f"{module.path}:{mutant.lines.start}"
                out.write(f"\n{fate} {mutant.key} {place}\n{mutant.diff}\n")
