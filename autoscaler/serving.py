"""What the service has to tell over HTTP, of the parts that `app.py` has put together."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from autoscaler import web
from autoscaler.controller import Controller
from autoscaler.coverage import coverage
from autoscaler.covering import Covering
from autoscaler.passes import Passes
from autoscaler.passing import late_after, passing
from autoscaler.policy_files import PolicyWatcher

if TYPE_CHECKING:
    from autoscaler.app import Parts


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop, put together."""

    controller: Controller
    passes: Passes
    covering: Covering
    watcher: PolicyWatcher


def site(parts: Parts, loop: Loop) -> web.Site:
    """All that is served."""
    return web.Site(
        telemetry=parts.telemetry,
        ready=lambda: ready(parts, loop.watcher),
        api=parts.settings.api,
        host=parts.settings.address.host,
        door=door(parts),
        desk=desk(parts, loop),
        inbox=parts.inbox,
        clock=parts.clock,
    )


def door(parts: Parts) -> web.Door:
    """Where agents come in."""
    agents = parts.settings.agents
    return web.Door(
        parts.hub,
        agents.token_file,
        parts.telemetry,
        lambda: coverage(parts.hub, parts.view.fleet().nodes, parts.clock()),
    )


def desk(parts: Parts, loop: Loop) -> web.Desk:
    """What the API works on."""
    return web.Desk(
        store=parts.store,
        passes=loop.passes,
        covering=loop.covering,
        policies=lambda: policies(loop.watcher),
        passing=lambda: passing(parts.view, parts.telemetry, late_after(parts.settings)),
        happenings=parts.telemetry.happenings,
        wake=loop.controller.wake,
        clock=parts.clock,
        version=version("autoscaler"),
    )


def policies(watcher: PolicyWatcher) -> web.Policies:
    """Those of files, and what is wrong with them."""
    problems = [str(each) for each in watcher.problems]
    unknown = [watcher.unknown] if watcher.unknown else []
    return web.Policies(watcher.current, watcher.loaded, (*problems, *unknown))


def ready(parts: Parts, watcher: PolicyWatcher) -> tuple[bool, str]:
    """Whether passes can be made, and if not, what is missing."""
    if not watcher.loaded:
        return False, "no policies are loaded"
    if not watcher.current.whole:
        return False, f"{watcher.unknown}; until then labels wait"
    if parts.view.at is None:
        return False, "the fleet has not been observed yet"
    longest = late_after(parts.settings)
    age = parts.clock() - parts.view.at
    if age > longest:
        return False, f"the fleet was last observed {age:.0f} s ago; the log says why"
    if parts.view.passed is None:
        return False, "no pass has been made yet"
    age = parts.clock() - parts.view.passed
    if age > longest:
        return False, f"no pass could be made and stored for {age:.0f} s; the log says why"
    return True, "ready"
