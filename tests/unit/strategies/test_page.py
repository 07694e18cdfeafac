"""The examples of `docs/strategies.md` load, and ask for what their tables say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autoscaler import plugins
from autoscaler.policy import Policy, parse_policy
from autoscaler.strict_yaml import parse
from autoscaler.testing.builders import NOW, Watched, a_memory, a_service, value

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "strategies.md").read_text()
EXAMPLE = re.compile(
    r"^## (?P<title>[^\n]+)$(?:(?!^## ).)*?"
    r"^```yaml$(?P<text>.+?)^```$\s*"
    r"(?P<table>(?:^\|[^\n]*\n)+)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Row:
    """One row of an example's table."""

    title: str
    policy: Policy
    samples: dict[str, float]
    replicas: int
    asks: int

    def __str__(self) -> str:
        seen = " ".join(f"{name}={number:g}" for name, number in self.samples.items())
        return f"{self.title}: {seen} at {self.replicas}"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows() -> list[Row]:
    found = []
    for title, text, table in EXAMPLE.findall(PAGE):
        document = {"name": "example", "services": ["web"], **parse(text, title).data}
        policy = parse_policy(document)
        head, _, *lines = table.splitlines()
        for line in lines:
            said = dict(zip(cells(head), cells(line), strict=True))
            replicas, asks = int(said.pop("replicas")), int(said.pop("asks for"))
            samples = {name: float(number) for name, number in said.items()}
            found.append(Row(title, policy, samples, replicas, asks))
    return found


ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_example_asks_for_what_its_table_says(row: Row) -> None:
    memory = a_memory(row.replicas, zeroed=row.replicas == 0)
    watched = Watched(row.policy, a_service(row.replicas), memory)
    # Bands may want several points. Nobody carries out what is decided: the size stays.
    for number in range(3):
        samples = {name: value(n, at=NOW + number) for name, n in row.samples.items()}
        decision = watched.sees(samples)
        watched.service = a_service(row.replicas)
        watched.memory = replace(memory, strategies=watched.memory.strategies)
    assert decision.wanted == row.asks


def test_every_strategy_has_an_example() -> None:
    used = {
        name
        for row in ROWS
        for metric in (row.policy.scale.metrics if row.policy.scale else ())
        for name in plugins.available("strategies")
        if type(metric.strategy) is plugins.model("strategies", name)
    }
    own = {name for name in plugins.available("strategies") if _is_own(name)}
    assert used == own


def _is_own(name: str) -> bool:
    return plugins.model("strategies", name).__module__.startswith("autoscaler.")


def test_every_example_has_a_table() -> None:
    assert len({row.title for row in ROWS}) == PAGE.count("```yaml")


def test_its_links_lead_somewhere() -> None:
    titles = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    anchors = {title.lower().replace(" ", "-") for title in titles}
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        else:
            assert (DOCS / link).exists(), link
