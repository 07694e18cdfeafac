"""The contract of the Store port for the templates of known-good releases.

class TestMyStore(RevisionsContract):
    async def open(self, place: Path) -> Store:
        return await MyStore.open(place / "store")
"""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.errors import Permanent
from autoscaler.model import Memory, Revision, Template
from autoscaler.testing.contracts.opening import OpensStore


def a_template(release: str, value: str = "s3cr3t") -> Template:
    """The template of a release, with a secret in it."""
    return Template(release=release, image=f"app:{release}", raw=f'{{"Env":["PASSWORD={value}"]}}')


@pytest.mark.asyncio
class RevisionsContract(OpensStore):
    """Templates are kept over restarts, a few of each service, and answered one at a time."""

    async def test_a_template_is_kept_over_a_restart_word_for_word(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.keep("web-id", a_template("r1"), 1.5, 5)
        async with self.opened(tmp_path) as store:
            assert await store.template("web-id", "r1") == a_template("r1")
            assert await store.template("web-id", "r2") is None
            assert await store.template("other-id", "r1") is None

    async def test_the_list_names_releases_and_holds_no_templates(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.keep("web-id", a_template("r2"), 2.5, 5)
            await store.keep("web-id", a_template("r1"), 1.5, 5)
            await store.keep("db-id", a_template("r1"), 3.5, 5)
            found = await store.revisions()
        assert found == {
            "web-id": (
                Revision(release="r1", at=1.5, image="app:r1"),
                Revision(release="r2", at=2.5, image="app:r2"),
            ),
            "db-id": (Revision(release="r1", at=3.5, image="app:r1"),),
        }
        assert "s3cr3t" not in repr(found)

    async def test_of_each_service_the_newest_are_kept(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.keep("db-id", a_template("r0"), 0.5, 3)
            for number in range(1, 9):
                await store.keep("web-id", a_template(f"r{number}"), float(number), 3)
            found = await store.revisions()
            assert [each.release for each in found["web-id"]] == ["r6", "r7", "r8"]
            assert [each.release for each in found["db-id"]] == ["r0"]
            assert await store.template("web-id", "r5") is None

    async def test_a_release_that_proves_itself_again_is_the_newest(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            for number, release in enumerate(["r1", "r2", "r1"]):
                await store.keep("web-id", a_template(release), float(number), 5)
            found = (await store.revisions())["web-id"]
        assert [(each.release, each.at) for each in found] == [("r2", 1.0), ("r1", 2.0)]

    async def test_one_that_is_too_large_is_refused_and_the_others_stay(
        self, tmp_path: Path
    ) -> None:
        async with self.opened(tmp_path) as store:
            await store.keep("web-id", a_template("r1"), 1.0, 5)
            with pytest.raises(Permanent, match="r2 is not kept"):
                await store.keep("web-id", a_template("r2", "x" * 2**21), 2.0, 5)
            assert [each.release for each in (await store.revisions())["web-id"]] == ["r1"]

    async def test_with_a_service_its_templates_are_forgotten(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.record(memories={"web-id": Memory(replicas=1)})
            await store.keep("web-id", a_template("r1"), 1.0, 5)
            await store.keep("db-id", a_template("r1"), 1.0, 5)
            await store.forget(["web-id"])
            assert set(await store.revisions()) == {"db-id"}
            assert await store.template("web-id", "r1") is None
