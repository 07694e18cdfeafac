"""Clocks that others have tripped over."""

from __future__ import annotations

from tests.simulation.incidents.incident import incident
from tests.simulation.incidents.stage import AT_ONCE, Stage, load

BEFORE_WINTER = 1_729_986_600.0
"""2024-10-27 01:50 in Berlin, where the hour from two to three comes twice in that night."""
BEFORE_SUMMER = 1_711_845_600.0
"""2024-03-31 01:40 in Berlin, where there is no half past two in that night."""
MINUTE = 60.0
BACKUP = {
    "name": "backup",
    "cron": "30 2 * * *",
    "duration": "20m",
    "timezone": "Europe/Berlin",
    "min": 9,
}


@incident("APScheduler: twice in the hour that comes twice", "a window of a night opens once")
async def repeated_hour(stage: Stage, braked: bool) -> None:
    stage.service("web", 4, schedules=[BACKUP])
    await stage.begin(at=BEFORE_WINTER)
    await stage.wait(45 * MINUTE - 360)
    stage.must(stage.replicas("web") == 9, "it is open from half past two on")
    await stage.wait(20 * MINUTE)
    stage.must(stage.replicas("web") == 4, "for twenty minutes")
    written = len(stage.writes)
    await stage.wait(60 * MINUTE)
    stage.must(len(stage.writes) == written, "and not again an hour later")


@incident("cron: never in the hour that is left out", "a window of a night opens, if later")
async def skipped_hour(stage: Stage, braked: bool) -> None:
    stage.service("web", 4, schedules=[BACKUP])
    await stage.begin(at=BEFORE_SUMMER)
    await stage.wait(120 * MINUTE)
    counts = [each.replicas_after for each in stage.writes]
    stage.must(counts == [9, 4], "once up and once down in that night")


@incident(
    "NTP: a clock that was wrong by an hour",
    "a jump of the clock removes nothing before a whole window was watched",
    without="the window",
)
async def jump(stage: Stage, braked: bool) -> None:
    behavior = {"scale_down": {"stabilization": "10m"}} if braked else AT_ONCE
    stage.service("web", 10, metrics=[load("web")], behavior=behavior)
    await stage.begin()
    stage.tell("load_web", 200.0)
    await stage.wait(2 * MINUTE)
    stage.world.clock.now += 3600.0
    await stage.wait(8 * MINUTE)
    stage.must(stage.replicas("web") == 10, "ten minutes have not passed")
    await stage.wait(5 * MINUTE)
    stage.must(stage.replicas("web") == 2, "now they have")


CLOCKS = (repeated_hour, skipped_hour, jump)
