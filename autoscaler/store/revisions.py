"""Task templates of releases that ran well. Each call runs inside of the worker's transaction.

They are kept as they came and may hold secrets: the file is for its owner alone, and only
`load` answers a template, for the one who restores it.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from autoscaler.model import Revision, Template

_KEEP = """
    insert or replace into revisions (service_id, release, at, image, template)
    values (?, ?, ?, ?, ?)"""
_DROP = """
    delete from revisions where service_id = ? and release not in (
    select release from revisions where service_id = ? order by at desc, release limit ?)"""


def keep(
    connection: sqlite3.Connection, service_id: str, template: Template, at: float, most: int
) -> None:
    """Keep a template, in place of itself, and drop the oldest above `most`."""
    row = (service_id, template.release, at, template.image, template.raw)
    connection.execute(_KEEP, row)
    connection.execute(_DROP, (service_id, service_id, most))


def listed(connection: sqlite3.Connection) -> dict[str, tuple[Revision, ...]]:
    """What is kept, by service id, oldest first; without the templates."""
    found: dict[str, list[Revision]] = defaultdict(list)
    rows = connection.execute("select service_id, release, at, image from revisions order by at")
    for service_id, release, at, image in rows:
        found[service_id].append(Revision(release=release, at=at, image=image))
    return {service_id: tuple(each) for service_id, each in found.items()}


def load(connection: sqlite3.Connection, service_id: str, release: str) -> Template | None:
    """One template."""
    row = connection.execute(
        "select image, template from revisions where service_id = ? and release = ?",
        (service_id, release),
    ).fetchone()
    return Template(release=release, image=row[0], raw=row[1]) if row else None


def forget(connection: sqlite3.Connection, service_ids: Sequence[str]) -> None:
    """Drop the templates of these services."""
    rows = [(service_id,) for service_id in service_ids]
    connection.executemany("delete from revisions where service_id = ?", rows)
