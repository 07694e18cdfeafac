"""Outages that healing made or made worse, told by those who had them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from autoscaler.model import OrderKind
from autoscaler.testing.engine import Behaviour
from tests.simulation.incidents.incident import incident
from tests.simulation.incidents.stage import Stage
from tests.simulation.plan import GOOD

RESTARTS = {"rule": "crash_loop", "failures": 2, "within": "5m", "then": "restart"}


@incident(
    "Google Cloud, 2019-06-02: maintenance in several places at once",
    "while most nodes are lost nothing is cured",
    without="most of the lost nodes",
)
async def google(stage: Stage, braked: bool) -> None:
    stage.service("net", 6, heal=[RESTARTS])
    stage.service("web", 6)
    await stage.begin(nodes=7)
    for node in list(stage.world.swarm.cluster.nodes.values())[1 : 6 if braked else 2]:
        stage.world.swarm.set_node(node, state="down")
    await _crashes(stage, "net", 3)
    stage.must(not stage.writes, "nothing is restarted or removed in the middle of it")


async def _crashes(stage: Stage, name: str, times: int) -> None:
    """Some tasks of a service end, one after the other."""
    for _ in range(times):
        await stage.wait(30)
        running = [t for t in stage.world.swarm.tasks(stage.engine(name)) if t.state == "running"]
        if running:
            stage.world.swarm.kill(running[0], 1)
    await stage.wait(30)


@incident(
    "Slack, 2021-01-04: cured under the hands of who investigated",
    "a service that somebody has paused is not cured",
    without="the pause",
)
async def slack_investigation(stage: Stage, braked: bool) -> None:
    stage.service("web", 6, heal=[RESTARTS])
    await stage.begin()
    if braked:
        await stage.order(OrderKind.PAUSE, "web")
    await _crashes(stage, "web", 4)
    await stage.wait(600)
    stage.must(not stage.writes, "whoever looks into it is not disturbed")


@incident(
    "AWS us-east-1, 2025-10-20: health checks that came and went took capacity away",
    "a service that flaps is cured a few times, then left to people",
    without="quarantine and back-off",
)
async def aws_flapping(stage: Stage, braked: bool) -> None:
    rest: dict[str, Any] = {"min_available": 3}
    if not braked:
        rest |= {"quarantine_after": 100, "backoff": "1s", "backoff_max": "1s", "well_after": "1s"}
    cured = {**RESTARTS, "cooldown": "1m"}
    policy = {"disruption": rest}
    stage.service("balancer", 4, min=4, heal=[cured], policy=policy, on_failure="continue")
    await stage.begin()
    for _ in range(10):
        await _crashes(stage, "balancer", 2)
    stage.must(len(stage.heals()) <= 3, "it is cured three times at most")


@incident(
    "Azure, 2012-02-29: a date in the software, and the machines were blamed",
    "a cure that did not help three services is tried on no fourth",
    without="the common cause",
)
async def azure(stage: Stage, braked: bool) -> None:
    names = [f"guest{number}" for number in range(12)]
    for name in names:
        stage.service(name, 2, heal=[{**RESTARTS, "cooldown": "30m"}])
    await stage.begin()
    if braked:
        # What runs goes on; what is started from this date on fails.
        stage.world.swarm.image(GOOD, Behaviour.FAILS)
    for name in names[:5]:
        await _crashes(stage, name, 3)
        await stage.wait(90)
    cured = {each.service for each in stage.heals()}
    stage.must(len(cured) <= 3, "the cause is none of the services' own")


@incident(
    "Amazon EBS, 2011-04-21: all looked for a new place at once",
    "after a blip of the network services are moved one at a time, once nodes are stable",
    without="the wait for stable nodes",
)
async def ebs(stage: Stage, braked: bool) -> None:
    entry: dict[str, Any] = {"rule": "imbalance", "max_skew": 1, "then": "rebalance"}
    if not braked:
        entry |= {"stable": "0s", "for": "0s"}
    for number in range(5):
        stage.service(f"volume{number}", 6, heal=[entry])
    await stage.begin(nodes=3)
    for node in list(stage.world.swarm.cluster.nodes.values())[1:]:
        stage.world.swarm.set_node(node, state="down")
    await stage.wait(60)
    for node in list(stage.world.swarm.cluster.nodes.values())[1:]:
        stage.world.swarm.set_node(node, state="ready")
    await stage.wait(240)
    stage.must(not stage.writes, "nothing is moved before the network has proved itself")
    await stage.wait(1800)
    times = [each.at for each in stage.heals()]
    stage.must(bool(times), "it is spread again in the end")
    gaps = [later - earlier for earlier, later in pairwise(times)]
    stage.must(all(gap >= 10.0 for gap in gaps), "one service at a time")


CURES = (google, slack_investigation, aws_flapping, azure, ebs)
