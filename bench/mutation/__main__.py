"""Make mistakes in what decides, and see whether its own tests find them.

python -m bench.mutation                        # all modules; takes long
python -m bench.mutation decide.pace healing    # a module, a package
python -m bench.mutation --only-tell            # what is known already
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.mutation.mutants import Module
from bench.mutation.results import Results, show_unfound, table
from bench.mutation.trials import Effort, Trials

ROOT = Path(__file__).parents[2]
PACKAGES = ("decide", "strategies", "healing")
TESTS = ("tests/unit/core", "tests/unit/strategies", "tests/unit/healing")
KEPT = ROOT / ".mutation" / "results.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try what is not known yet, then tell what is."""
    options = _options().parse_args(arguments)
    results = Results(KEPT)
    results.load()
    modules = _modules(options.modules or PACKAGES)
    if not options.only_tell:
        # Whatever a mistake prints or logs is nobody's business.
        asked = [*TESTS, "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header"]
        effort = Effort(options.workers, options.every, options.seconds)
        if pytest.main(asked, [Trials(modules, results, effort, _tell)]):
            return 1
    print("\n".join(table(modules, results)))
    show_unfound(modules, results, sys.stdout)
    return 0


def _tell(line: str) -> None:
    sys.__stderr__.write(f"{line}\n") if sys.__stderr__ else None


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as in decide.pace, healing")
    usual = Effort()
    parser.add_argument("--workers", type=int, default=usual.workers, help="mutants at a time")
    parser.add_argument("--every", type=int, default=usual.every, help="one mutant of so many")
    parser.add_argument(
        "--seconds", type=float, default=usual.seconds, help="of tests, at most, for each mutant"
    )
    parser.add_argument("--only-tell", action="store_true", help="try nothing")
    return parser


def _modules(names: Sequence[str]) -> list[Module]:
    """The modules of these names. Raises SystemExit where there are none."""
    found = []
    for name in names:
        place = ROOT / "autoscaler" / name.replace(".", "/")
        files = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        if not all(file.exists() for file in files):
            raise SystemExit(f"there is no autoscaler.{name}")
        found += [Module(_dotted(file), file) for file in files]
    return [*dict.fromkeys(found)]


def _dotted(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


if __name__ == "__main__":
    sys.exit(main())
