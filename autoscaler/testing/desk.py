"""The API over a scenario: real parts, in memory."""

from __future__ import annotations

from autoscaler.passing import passing
from autoscaler.policy_files import PolicySet
from autoscaler.settings import Api
from autoscaler.testing.scenario import Scenario
from autoscaler.web import Desk, Policies, Site


def a_desk(scene: Scenario) -> Desk:
    """What the API works on."""
    return Desk(
        store=scene.store,
        passes=scene.passes,
        covering=scene.covering,
        policies=lambda: Policies(PolicySet(tuple(scene.policies)), True, ()),
        passing=lambda: passing(scene.view, scene.telemetry, 70.0),
        happenings=scene.telemetry.happenings,
        wake=scene.controller.wake,
        clock=scene.clock,
        version="0.0.0",
    )


def a_site(scene: Scenario, api: Api, host: str = "127.0.0.1") -> Site:
    """All that is served, but for the door of agents."""
    return Site(
        telemetry=scene.telemetry,
        ready=lambda: (True, "ready"),
        api=api,
        host=host,
        desk=a_desk(scene),
    )
