"""The pages about a Swarm of one's own say what is there, and what was measured."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from autoscaler.cli import main
from bench import faults

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy.md"


@pytest.mark.parametrize("page", [DEPLOY, faults.PAGE], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_policy_of_the_page_is_right(tmp_path: Path) -> None:
    found = re.search(r"<<'END'\n(.*?)END\n", DEPLOY.read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "shop.yaml").write_text(found[1])
    done = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert done.exit_code == 0, done.output


def test_the_times_are_those_that_were_measured() -> None:
    measured = json.loads(faults.RESULTS.read_text())
    assert faults.PAGE.read_text() == faults.page(measured)
