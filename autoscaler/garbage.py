"""How the interpreter looks for circles of garbage, once the fleet is known.

What a pass leaves behind goes by reference counts. Circles are few, and to look for them
among all values of a large fleet, several times in a cycle, takes a fifth of its time and
keeps the event loop each time.
"""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 5, 100)
"""Young values before the first look at them, first looks before a second at what is left,
and second looks before one at everything that is not settled."""


def settle() -> None:
    """What there is after a first cycle stays for long: it is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
