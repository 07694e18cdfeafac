"""What the pages say is there: files they link to, guards they list, policies they show."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from autoscaler.cli import main
from autoscaler.decide.guards import GUARDS

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md"]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    file = ROOT / page
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", file.read_text())
    local = [link for link in links if not link.startswith("http")]
    assert [link for link in local if not (file.parent / link).exists()] == []


def test_the_readme_lists_the_guards_in_their_order() -> None:
    section = (ROOT / "README.md").read_text().partition("## How it decides")[2]
    names = re.findall(r"`(\w+)`", section.partition("`explain`")[0])
    assert names == [guard.__name__ for guard in GUARDS]


def test_the_policy_of_the_readme_is_right(tmp_path: Path) -> None:
    found = re.search(r"<<'END'\n(.*?)END\n", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    (tmp_path / "shop.yaml").write_text(found[1])
    done = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert done.exit_code == 0, done.output


def test_every_package_has_its_place_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = {path.parent.name for path in (ROOT / "autoscaler").glob("*/__init__.py")}
    assert [name for name in sorted(folders) if f"`{name}/`" not in page] == []
