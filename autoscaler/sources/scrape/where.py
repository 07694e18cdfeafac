"""Where the pages of a query are: at given URLs, or with the service's tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.model import Task, TaskState
from autoscaler.names import Names, Unknown
from autoscaler.ports import Query
from autoscaler.sources.scrape.fetch import Page
from autoscaler.sources.scrape.options import Options, TaskPages


@dataclass(frozen=True, slots=True)
class Place:
    """A page, or several ways to one page, of which the first that answers counts."""

    name: str
    """As a person may know it."""
    pages: tuple[Page, ...]
    task: str | None = None
    """The task whose page it is, if that is known."""


@dataclass(frozen=True, slots=True)
class Places:
    """All pages of a query."""

    places: tuple[Place, ...] = ()
    missing: frozenset[str] = frozenset()
    """Ids of tasks that run and have no page."""
    empty: str = ""
    """Why there are no pages, if there are none."""


async def find(
    options: Options, query: Query, tasks: Sequence[Task] | None, names: Names
) -> Places:
    """The pages of a query. Raises Temporary when they cannot be told."""
    if options.tasks is None:
        return Places(tuple(Place(_host(url), (Page(url),)) for url in options.urls))
    running = None if tasks is None else [task for task in tasks if _runs(task)]
    if options.tasks.address == "task":
        return _by_address(options.tasks, query.service.name, running)
    return await _by_name(options.tasks, query.service.name, running, names)


def _by_address(pages: TaskPages, service: str, running: Sequence[Task] | None) -> Places:
    if running is None:
        return Places(empty="its tasks are not known yet")
    places = [
        Place(task.id, tuple(_page(pages, one, service) for one in task.addresses), task.id)
        for task in running
        if task.addresses
    ]
    missing = frozenset(task.id for task in running if not task.addresses)
    told = "none of its tasks runs" if not running else "its tasks have no addresses of their own"
    return Places(tuple(places), missing, "" if places else told)


async def _by_name(
    pages: TaskPages, service: str, running: Sequence[Task] | None, names: Names
) -> Places:
    name = f"tasks.{service}"
    try:
        found = await names.addresses(name)
    except Unknown:
        told = f"{name} has no address: no task runs, or no network is shared with it"
        return Places(empty=told)
    owners = _owners(running or ())
    places = [Place(one, (_page(pages, one, service),), owners.get(one)) for one in found]
    named = {place.task for place in places}
    # Where no page has an owner, nothing is known of addresses, nor of who lacks one.
    known = running if any(named) else None
    missing = frozenset(task.id for task in known or () if task.id not in named)
    return Places(tuple(places), missing)


def _owners(running: Iterable[Task]) -> Mapping[str, str]:
    """Task ids by address; networks may use the same addresses, and then nobody is known."""
    owners: dict[str, str] = {}
    doubtful: set[str] = set()
    for task in running:
        doubtful |= owners.keys() & set(task.addresses)
        owners |= dict.fromkeys(task.addresses, task.id)
    return {address: task for address, task in owners.items() if address not in doubtful}


def _runs(task: Task) -> bool:
    return task.wanted and task.state is TaskState.RUNNING


def _page(pages: TaskPages, address: str, service: str) -> Page:
    host = f"[{address}]" if ":" in address else address
    url = f"{pages.scheme}://{host}:{pages.port}{pages.path}"
    return Page(url, service if pages.scheme == "https" else None)


def _host(url: str) -> str:
    """A URL's host and port, without a login."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2][:100]
