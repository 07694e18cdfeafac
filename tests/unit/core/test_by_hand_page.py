"""The page about orders by hand names every guard, and says truly what it does to an order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoscaler.decide.guards import GUARDS
from autoscaler.decide.heal_guards import HEAL_GUARDS
from autoscaler.decide.order_guards import FINAL, ORDER_GUARDS

PAGE = (Path(__file__).parents[3] / "docs" / "by-hand.md").read_text()
ROWS = re.findall(r"^\| (`[^|]+`) \| (\w+)(?: (\w+))?", PAGE, re.MULTILINE)
SAYS = {
    name: " ".join(words).strip()
    for names, *words in ROWS
    for name in re.findall(r"`(\w+)`", names)
}
HOLD = {guard.__name__ for guard in ORDER_GUARDS}
ALIASES = {
    "unsettled": "open_outcome",
    "rollout": "rollout_under_way",
    "without_replicas": "as_it_is",
}
"""Guards of scales and cures whose part another one plays for orders."""


@pytest.mark.parametrize("guard", [*GUARDS, *HEAL_GUARDS, *ORDER_GUARDS])
def test_the_table_says_what_each_guard_does_to_an_order(guard: object) -> None:
    name = guard.__name__  # type: ignore[attr-defined]
    plays = ALIASES.get(name, name)
    if plays not in HOLD:
        assert SAYS[name] == "passes"
    elif plays in FINAL:
        assert SAYS[name].split()[0] in ("is", "ends")
    else:
        assert SAYS[name].split()[0] == "waits"


def test_what_ends_an_order_is_one_of_its_guards() -> None:
    assert HOLD >= FINAL
