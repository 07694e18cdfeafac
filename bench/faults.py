"""From fault to cure: `python -m bench.faults REPORT` makes docs/fault-times.md.

The report is what pytest writes of a run of the end-to-end test, on three private managers:

    pytest -n 0 tests/e2e/test_cluster.py --require-swarm --junitxml=REPORT

What was measured is kept in `results/faults.json`; without a report the page is made of that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "faults.json"
PAGE = ROOT / "docs" / "fault-times.md"

SETTINGS = (
    "`bake: 5s`, and `max_skew: 1`, `stable: 10s`, `for: 10s` and `cooldown: 30s` of `imbalance`"
)
"""What the test's policy states beside rules and cures; it is kept with what was measured."""

Measured = dict[str, Any]

_HEAD = """\
<!-- Written by `python -m bench.faults` from a run; run it again instead. -->

# From fault to cure

Two services of three tasks each, alike but for one label: a policy covers the first one, and the
second is left to Swarm alone. Both fall ill at the same moment, in a Swarm of three managers with
the stack of [deploy.md](deploy.md). Seconds from the fault on, measured in one run by
[test_cluster](../tests/e2e/test_cluster.py), with a pass every {interval}:

| Fault | Told after | by the settings within | Cured after | By | Swarm alone |
|---|---|---|---|---|---|
"""

_FOOT = """
What the faults are, the test says. The policy has default settings, but for
{settings}, so that a run does not take
half an hour. A task that is killed is Swarm's business: nobody is told, and nothing is done.
`max_attempts` were used up for good by a cause that was gone when the last attempt had failed.
Where Swarm alone brought no cure, the tasks are those that it said were running at the end of the
watch: for it a task runs that is alive, whatever it does, of whichever release, wherever it is.

In the log of the controller:

{told}

Seen on {machine}, with other programs at work.
Once more: `pytest -n 0 tests/e2e/test_cluster.py --require-swarm --junitxml=report.xml`, then
`python -m bench.faults report.xml`.
"""


def main() -> None:
    """Read a report if there is one, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", nargs="?", type=Path, help="what pytest --junitxml wrote")
    report = parser.parse_args().report
    if report is not None:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(measured(report), indent=2) + "\n")
    PAGE.write_text(page(json.loads(RESULTS.read_text())))


def measured(report: Path) -> Measured:
    """What a run has measured. Raises ValueError when one of its tests did not pass."""
    root = ElementTree.parse(report).getroot()  # noqa: S314 - our own file
    if root.find(".//failure") is not None or root.find(".//error") is not None:
        raise ValueError(f"{report}: not all of its tests have passed")
    faults = [
        json.loads(found.get("value", ""))
        for found in root.iter("property")
        if found.get("name") == "fault"
    ]
    return {"machine": _machine(), "settings": SETTINGS, "faults": faults}


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release().split('-')[0]}"


def page(run: Measured) -> str:
    """The page of a run."""
    faults = run["faults"]
    head = _HEAD.format(interval=faults[0]["interval"])
    told = "\n".join(f"* {fault['fault']}: `{fault['told']}`" for fault in faults if fault["told"])
    return (
        head
        + "".join(_rows(faults))
        + _FOOT.format(told=told, machine=run["machine"], settings=run["settings"])
    )


def _rows(faults: Iterable[Measured]) -> Iterable[str]:
    for seen in faults:
        promised = seen.get("promised") or "-"
        cells = (seen["fault"], _seconds(seen["detected"]), promised, _seconds(seen["cured"]))
        yield f"| {' | '.join(cells)} | {seen['act'] or 'Swarm'} | {_alone(seen)} |\n"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _alone(seen: Measured) -> str:
    if seen["alone"] is not None:
        return f"{seen['alone']:.1f} s"
    return f"not within {seen['watched']:.0f} s: {seen['alone_running']} of 3 tasks run"


if __name__ == "__main__":
    main()
