"""Defects of Nomad's autoscaler and of Nomad, each with the issue that tells of it.

Numbers are those of hashicorp/nomad-autoscaler unless another project is named.
"""

from __future__ import annotations

from typing import Any

from tests.simulation.incidents.incident import incident
from tests.simulation.incidents.stage import AT_ONCE, Stage, load
from tests.simulation.plan import GOOD, MISSING

HOUR = 3600.0


def band(**band: float) -> dict[str, Any]:
    """A metric with a band in which nothing is to be done."""
    return {"name": "load", "query": "load_web", "step": {"steps": [band]}}


@incident("#1211: scaled to the min whenever a check said nothing", "no opinion is no vote")
async def no_opinion(stage: Stage, braked: bool) -> None:
    stage.service("web", 8, min=1, metrics=[band(lower=5000, change=2)])
    await stage.begin()
    await stage.wait(HOUR)
    stage.must(stage.replicas("web") == 8, "between bands it stays as it is")


@incident("#1194, #1213: from 5 to 5, for ever", "what asks for no change is not written")
async def from_to(stage: Stage, braked: bool) -> None:
    for number in range(5):
        stage.service(f"web{number}", 5)
    await stage.begin()
    stage.tell_all(540.0)
    await stage.wait(HOUR)
    stage.must(not stage.writes, "a number that is there already is not set")


@incident(
    "#540: counts tasks that run, and orders more of what is starting",
    "what was asked for counts, though it does not run yet",
)
async def counts_running(stage: Stage, braked: bool) -> None:
    stage.service("web", 4, max=40)
    await stage.begin(nodes=2)
    for node in stage.world.swarm.cluster.nodes.values():
        # Nothing that is new comes to run.
        stage.world.swarm.set_node(node, availability="pause")
    stage.tell("load_web", 800.0)
    await stage.wait(900)
    stage.must(stage.replicas("web") <= 8, "eight were asked for, eight are enough")
    for node in stage.world.swarm.cluster.nodes.values():
        stage.world.swarm.set_node(node, availability="active")
    await stage.wait(120)
    stage.must(stage.replicas("web") == 8, "and they come")


@incident("#610: the same action twice", "a sample is acted on once, however often it is looked at")
async def twice(stage: Stage, braked: bool) -> None:
    stage.service("web", 5, metrics=[band(lower=900, change=3)])
    await stage.begin()
    stage.world.swarm.double_events()
    stage.tell("load_web", 1000.0)
    for _ in range(30):
        await stage.wait(1)
        stage.world.swarm.update(stage.engine("web"), Labels={"touched": str(stage.world.now)})
    stage.must(len(stage.writes) <= 3, "no more actions than there were passes with new samples")


@incident(
    "#413: a small change of the metric doubled the count",
    "steps are as large as the policy allows",
    without="max_scale_up",
)
async def doubled(stage: Stage, braked: bool) -> None:
    target = {"value": 1, **({"max_scale_up": 2} if braked else {})}
    metrics = [{"name": "latency", "query": "latency", "target": target}]
    stage.service("web", 6, max=40, metrics=metrics)
    stage.tell("latency", 1.0)
    await stage.begin()
    stage.tell("latency", 2.1)
    await stage.wait(20)
    stage.must(stage.replicas("web") <= 10, "two more at a time, twice at most")


@incident(
    "hashicorp/nomad #14669, #273: scaled in the middle of a deployment",
    "nothing is scaled while an update is under way",
)
async def in_a_deployment(stage: Stage, braked: bool) -> None:
    stage.service("web", 6)
    await stage.begin()
    stage.deploy("web", MISSING)
    await stage.wait(5)
    stage.tell("load_web", 1200.0)
    await stage.wait(300)
    stage.must(not stage.writes, "an update that hangs is not written over")
    stage.deploy("web", GOOD)
    await stage.wait(300)
    stage.must(stage.replicas("web") == 12, "after it the service follows its load")


@incident("#514, #410, #642, #519: sits idle for good after an outage", "the loop is the retry")
async def sits_idle(stage: Stage, braked: bool) -> None:
    stage.service("web", 4)
    await stage.begin()
    stage.world.prometheus.refuses = True
    await stage.world.swarm.stop()
    await stage.wait(1800)
    await stage.world.swarm.start()
    stage.world.prometheus.refuses = False
    stage.tell("load_web", 700.0)
    await stage.wait(60)
    stage.must(stage.replicas("web") == 7, "one pass after all is back it acts")


@incident("#1133: dies of a target that is not there", "a service may come later, or never")
async def not_there(stage: Stage, braked: bool) -> None:
    stage.service("web", 4)
    stage.service("later", 2)
    await stage.begin()
    stage.world.swarm.remove(stage.engine("later"))
    await stage.wait(120)
    await stage.world.product.restart()
    stage.tell("load_web", 600.0)
    await stage.wait(120)
    stage.must(stage.replicas("web") == 6, "the others are looked after")
    stage.world.create(stage.world.services["later"], 2)
    stage.tell("load_later", 500.0)
    await stage.wait(360)
    stage.must(stage.replicas("later") == 5, "and it, once it is there")


@incident("#516: NaN ends the evaluation", "a metric that is not a number does not stop the others")
async def not_a_number(stage: Stage, braked: bool) -> None:
    ratio = {"name": "ratio", "query": "ratio", "target": {"value": 0.5}}
    stage.service("web", 4, metrics=[load("web"), ratio])
    stage.tell("ratio", 0.5)
    await stage.begin()
    stage.tell("ratio", float("nan"))
    stage.tell("load_web", 100.0)
    await stage.wait(900)
    stage.must(stage.replicas("web") == 4, "nothing shrinks meanwhile")
    stage.tell("load_web", 700.0)
    await stage.wait(60)
    stage.must(stage.replicas("web") == 7, "and it grows by the one that is known")


@incident("#577: without metrics the limits did not hold", "min and max hold without metrics")
async def limits(stage: Stage, braked: bool) -> None:
    stage.service("web", 4, min=3, max=9, cooldown={"manual": "1m"})
    await stage.begin()
    stage.world.prometheus.refuses = True
    stage.world.swarm.scale(stage.engine("web"), 14)
    await stage.wait(180)
    stage.must(stage.replicas("web") == 9, "no more than the max")
    stage.world.swarm.scale(stage.engine("web"), 1)
    await stage.wait(180)
    stage.must(stage.replicas("web") == 3, "no less than the min")


@incident(
    "0.4.8: on_error = ignore ended the evaluation, or voted",
    "a metric that is ignored is as if it were not there",
    without="on_error: ignore",
)
async def ignored(stage: Stage, braked: bool) -> None:
    broken = {"name": "broken", "query": "broken", "target": {"value": 1}}
    if braked:
        broken["on_error"] = "ignore"
    stage.service("web", 6, metrics=[load("web"), broken])
    await stage.begin()
    stage.tell("load_web", 300.0)
    await stage.wait(600)
    stage.must(stage.replicas("web") == 3, "the other one decides")


@incident(
    "0.4.8: after a restart the rest of an out-of-band change was forgotten",
    "what a person set stands for its time, over a restart too",
    without="the cooldown",
)
async def rest_forgotten(stage: Stage, braked: bool) -> None:
    stage.service("web", 6, cooldown={"manual": "10m" if braked else "0s"})
    await stage.begin()
    stage.world.swarm.scale(stage.engine("web"), 9)
    await stage.wait(60)
    await stage.world.product.restart()
    await stage.wait(420)
    stage.must(stage.replicas("web") == 9, "a person has set it to nine")
    await stage.wait(600)
    stage.must(stage.replicas("web") == 6, "then the metrics decide again")


@incident("#144: a dry run that scaled", "a dry run writes nothing", without="the dry run")
async def dry_run(stage: Stage, braked: bool) -> None:
    stage.service("web", 4, policy={"mode": "dry-run" if braked else "active"})
    await stage.begin()
    stage.tell("load_web", 1000.0)
    await stage.wait(600)
    stage.must(not stage.writes, "it only says what it would do")


@incident("CHANGELOG: a negative count", "no step leads below the min")
async def negative(stage: Stage, braked: bool) -> None:
    stage.service("web", 3, min=0, metrics=[band(upper=50, change=-5)], behavior=AT_ONCE)
    await stage.begin()
    stage.tell("load_web", 10.0)
    await stage.wait(300)
    stage.must(stage.replicas("web") == 0, "five fewer than three are none")


@incident("CHANGELOG: a reload stopped policies", "a file with a mistake changes nothing")
async def bad_reload(stage: Stage, braked: bool) -> None:
    stage.service("web", 4)
    await stage.begin()
    (stage.world.policies / "all.yaml").write_text(
        "version: 1\npolicies: [{name: web, servces: []}]"
    )
    stage.world.product.reload()
    await stage.wait(60)
    stage.tell("load_web", 800.0)
    await stage.wait(60)
    stage.must(stage.replicas("web") == 8, "the policies that were loaded before are in force")


@incident(
    "hashicorp/nomad #9839, #25037: a deployment reset the count",
    "what a deploy of the stack resets is put back",
    without="on_redeploy: restore",
)
async def reset(stage: Stage, braked: bool) -> None:
    names = ("shop_web", "shop_api")
    for name in names:
        stage.service(name, 3, on_redeploy="restore" if braked else "accept")
    await stage.begin()
    for name in names:
        _label(stage, name)
    stage.tell_all(900.0)
    await stage.wait(400)
    assert stage.replicas("shop_web") == 9
    stage.world.prometheus.refuses = True
    await stage.wait(60)
    for name in names:
        stage.world.swarm.scale(stage.engine(name), 3)
    await stage.wait(120)
    stage.must(stage.replicas("shop_web") == 9, "nine there were, whatever metrics say by now")


def _label(stage: Stage, name: str) -> None:
    """As if it were of a stack."""
    labels = {"com.docker.stack.namespace": "shop"}
    stage.world.swarm.update(stage.engine(name), Labels=labels)


@incident(
    "#1039: a connection for each policy and job", "what a pass asks does not grow with services"
)
async def connections(stage: Stage, braked: bool) -> None:
    for number in range(25):
        stage.service(f"web{number}", 1)
    await stage.begin()
    before = stage.asked
    await stage.wait(150)
    asked = stage.asked - before
    stage.must(asked <= 10 * 8, f"ten passes over 25 services asked {asked} times")


DEFECTS = (
    no_opinion,
    from_to,
    counts_running,
    twice,
    doubled,
    in_a_deployment,
    sits_idle,
    not_there,
    not_a_number,
    limits,
    ignored,
    rest_forgotten,
    dry_run,
    negative,
    bad_reload,
    reset,
    connections,
)
