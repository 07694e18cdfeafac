"""The page about the API names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoscaler.settings import Scope
from autoscaler.testing.desk import a_desk
from autoscaler.testing.scenario import Scenario
from autoscaler.web.api import endpoints

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "api.md"


async def test_every_request_of_the_page_is_there_and_the_other_way_round() -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /[^`]*)`", PAGE.read_text(), re.MULTILINE))
    async with Scenario() as scene:
        served = {f"{each.method} {each.path}" for each in endpoints(a_desk(scene))}
    assert told == served


def test_every_scope_is_told_of() -> None:
    told = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert told == [scope.value for scope in Scope]


@pytest.mark.parametrize("page", ["api.md", "security.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (DOCS / page).read_text())
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
