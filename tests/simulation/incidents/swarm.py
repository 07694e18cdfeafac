"""Traps of Swarm's own API, and who fell into them."""

from __future__ import annotations

from tests.simulation.incidents.incident import incident
from tests.simulation.incidents.stage import Stage
from tests.simulation.plan import CRASHING, GOOD, MISSING


@incident(
    "docker-py: the first scale after a deploy restarted every task",
    "a scale keeps the tasks that run",
)
async def restarted_by_a_scale(stage: Stage, braked: bool) -> None:
    stage.service("web", 4)
    await stage.begin()
    before = {task.id for task in stage.world.swarm.tasks(stage.engine("web"))}
    stage.tell("load_web", 700.0)
    await stage.wait(60)
    after = {task.id for task in stage.world.swarm.tasks(stage.engine("web"))}
    stage.must(stage.replicas("web") == 7, "it is scaled")
    stage.must(before <= after, "and those that ran are the same")


@incident(
    "swarmkit: a scale in the middle of an update spoils Swarm's own rollback",
    "Swarm's rollback of a bad release ends with the good one",
)
async def spoilt_rollback(stage: Stage, braked: bool) -> None:
    stage.service("web", 4, on_failure="rollback")
    await stage.begin()
    stage.deploy("web", MISSING)
    stage.tell("load_web", 800.0)
    await stage.wait(300)
    image = stage.engine("web").template["ContainerSpec"]["Image"]
    stage.must(image == GOOD, "the good release is back")
    stage.must(stage.replicas("web") == 8, "and then the service follows its load")
    stage.must(stage.world.swarm.running(stage.engine("web")) == 8, "with tasks that run")


@incident(
    "swarmkit: PreviousSpec is lost with the next scale",
    "a release that fails after a scale is taken back, with the replicas of now",
    without="the own memory of releases",
)
async def previous_spec(stage: Stage, braked: bool) -> None:
    entry = {"rule": "crash_loop", "failures": 3, "then": "rollback"}
    release = {"bake": "1m" if braked else "168h"}
    stage.service("web", 4, heal=[entry], policy={"release": release}, on_failure="continue")
    await stage.begin()
    stage.deploy("web", CRASHING)
    await stage.wait(20)
    stage.world.swarm.scale(stage.engine("web"), 6)
    await stage.wait(600)
    image = stage.engine("web").template["ContainerSpec"]["Image"]
    stage.must(image == GOOD, "the release that ran well is back")
    stage.must(stage.replicas("web") >= 4, "not with fewer replicas than it had")


@incident(
    "Traefik #3904: a Swarm without a leader, and connections until there were no more",
    "while there is no leader nothing is asked for more often than else",
)
async def no_leader(stage: Stage, braked: bool) -> None:
    stage.service("web", 4)
    await stage.begin()
    before = stage.asked
    stage.world.swarm.faults.no_leader = True
    stage.tell("load_web", 900.0)
    await stage.wait(600)
    asked = stage.asked - before
    stage.must(asked <= 4 * 40, f"it asked {asked} times in 40 passes")
    stage.world.swarm.faults.no_leader = False
    await stage.wait(30)
    stage.must(stage.replicas("web") == 9, "one pass after there is one it acts")


TRAPS = (restarted_by_a_scale, spoilt_rollback, previous_spec, no_leader)
