"""`python -m tests.conformance`: the cases of others, run against this project's code.

The cases are not part of the project: AUTOSCALER_CONFORMANCE_DATA names the folder that
holds `hpa_cases.json`, of Kubernetes, and `nomad_cases.json`, of Nomad's autoscaler.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.conformance import hpa, nomad

VARIABLE = "AUTOSCALER_CONFORMANCE_DATA"


def _hpa(document: dict[str, Any]) -> tuple[list[str], bool]:
    return hpa.report(document["cases"])


SUITES = {"hpa_cases.json": _hpa, "nomad_cases.json": nomad.report}


def main() -> int:
    """0 when enough passes, 1 when not, 2 without cases."""
    folder = Path(os.environ.get(VARIABLE, ""))
    files = [name for name in SUITES if VARIABLE in os.environ and (folder / name).exists()]
    if not files:
        sys.stderr.write(f"{VARIABLE} names no folder with {' or '.join(SUITES)}\n")
        return 2
    reports = [SUITES[name](json.loads((folder / name).read_text())) for name in files]
    sys.stdout.write("".join(f"{line}\n" for lines, _ in reports for line in lines))
    return 0 if all(enough for _, enough in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
