"""What is kept is shown, and no secret of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from autoscaler.cli import main
from autoscaler.model import Template
from autoscaler.revisions import MOST_TOLD, differences
from autoscaler.store import SqliteStore
from autoscaler.testing.contracts.store import make_record


def template(image: str = "app:1", env: tuple[str, ...] = (), **more: Any) -> Template:
    document = {"ContainerSpec": {"Image": image, "Env": list(env)}, **more}
    return Template(release=image, image=image, raw=json.dumps(document))


def test_the_image_is_shown_and_of_variables_the_names_only() -> None:
    old = template("app:1", ("PASSWORD=one", "MODE=a", "GONE=x"))
    new = template("app:2", ("PASSWORD=two", "MODE=a"))
    assert differences(old, new) == [
        "ContainerSpec.Env: GONE, PASSWORD",
        "ContainerSpec.Image: app:1 -> app:2",
    ]


def test_of_all_else_the_place_is_named_and_a_restart_is_no_difference() -> None:
    old = template(ForceUpdate=1, Resources={"Limits": {"MemoryBytes": 1}}, Secret="s3cr3t")
    new = template(ForceUpdate=2, Resources={"Limits": {"MemoryBytes": 2}}, Placement={"a": "b"})
    assert differences(old, new) == [
        "Placement added",
        "Resources.Limits.MemoryBytes changed",
        "Secret removed",
    ]


def test_no_more_places_than_can_be_read_are_named() -> None:
    more: dict[str, Any] = {f"Field{number}": number for number in range(MOST_TOLD + 5)}
    new = template(**more)
    told = differences(template(), new)
    assert (len(told), told[-1]) == (MOST_TOLD + 1, "5 more")


def test_what_cannot_be_read_is_told_of_as_a_whole() -> None:
    assert differences(Template(release="r", raw="{s3cr3t"), template()) == ["all of it changed"]


async def fill(path: Path, *templates: Template) -> None:
    store = await SqliteStore.open(path)
    await store.record(records=[make_record("web", 1.0)])
    for number, each in enumerate(templates):
        await store.keep("web-id", each, float(number), 5)
    await store.close()


def asked(path: Path, *options: str) -> str:
    result = CliRunner().invoke(main, ["revisions", "web", f"--store={path}", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_lists_what_is_kept_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old, new = template("app:1", ("TOKEN=s3cr3t",)), template("app:2", ("TOKEN=s3cr3t2",))
    asyncio.run(fill(path, old, new))
    assert [(each["release"], each["changes"]) for each in json.loads(asked(path, "--json"))] == [
        ("app:2", ["ContainerSpec.Env: TOKEN", "ContainerSpec.Image: app:1 -> app:2"]),
        ("app:1", []),
    ]
    shown = asked(path)
    assert shown.index("app:2") < shown.rindex("app:1")
    assert "s3cr3t" not in shown


def test_the_command_says_so_when_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    asyncio.run(fill(path))
    assert "No release of web is kept" in asked(path)
