"""Task templates of releases that ran well. Changes run inside of the writer's transaction.

They are kept as they came and may hold secrets: the database is for the service alone, and only
`load` answers a template, for the one who restores it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from autoscaler.model import Revision, Template
from autoscaler.store.postgres.address import Connection

_KEEP = """
    insert into revisions (service_id, release, at, image, template) values ($1, $2, $3, $4, $5)
    on conflict (service_id, release) do update
    set at = excluded.at, image = excluded.image, template = excluded.template"""
_DROP = """
    delete from revisions where service_id = $1 and release not in (
    select release from revisions where service_id = $1 order by at desc, release limit $2)"""


async def keep(
    connection: Connection, service_id: str, template: Template, at: float, most: int
) -> None:
    """Keep a template, in place of itself, and drop the oldest above `most`."""
    row = (service_id, template.release, at, template.image, template.raw)
    await connection.execute(_KEEP, *row)
    await connection.execute(_DROP, service_id, most)


async def listed(connection: Connection) -> dict[str, tuple[Revision, ...]]:
    """What is kept, by service id, oldest first; without the templates."""
    found: dict[str, list[Revision]] = defaultdict(list)
    for service_id, release, at, image in await connection.fetch(
        "select service_id, release, at, image from revisions order by at"
    ):
        found[service_id].append(Revision(release=release, at=at, image=image))
    return {service_id: tuple(each) for service_id, each in found.items()}


async def load(connection: Connection, service_id: str, release: str) -> Template | None:
    """One template."""
    row = await connection.fetchrow(
        "select image, template from revisions where service_id = $1 and release = $2",
        service_id,
        release,
    )
    return Template(release=release, image=row[0], raw=row[1]) if row else None


async def forget(connection: Connection, service_ids: Sequence[str]) -> None:
    """Drop the templates of these services."""
    await connection.execute("delete from revisions where service_id = any($1)", list(service_ids))
