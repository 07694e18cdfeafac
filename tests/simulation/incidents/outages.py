"""Outages that automation made or made worse, told by those who had them.

Each scene is the part that an autoscaler for Swarm could play in it.
"""

from __future__ import annotations

from autoscaler.model import OrderKind
from autoscaler.testing.engine import services
from autoscaler.testing.engine.faults import Request
from tests.simulation.incidents.incident import incident
from tests.simulation.incidents.stage import AT_ONCE, Stage, load
from tests.simulation.plan import GOOD

WIDE_OPEN = {"percent": 100.0, "at_least": 1000}
"""A fleet's brake that holds nothing."""


@incident(
    "Reddit, 2016-08-11: switched off, and switched on again by a package manager",
    "a pause holds over a restart of the process",
    without="the pause",
)
async def reddit_pause(stage: Stage, braked: bool) -> None:
    for number in range(4):
        stage.service(f"app{number}", 8)
    await stage.begin()
    if braked:
        await stage.order(OrderKind.PAUSE)
    await stage.wait(60)
    await stage.world.product.restart()
    stage.tell_all(0.0)
    await stage.wait(900)
    stage.must(not stage.writes, "what somebody has paused is left alone")
    await stage.resume()
    await stage.wait(60)
    stage.must(0 < stage.removed() <= 10, "once it is resumed it goes on, within the brake")


@incident(
    "Reddit, 2016-08-11: half of the inventory was read",
    "of what is suddenly too much, no more than a tenth goes within five minutes",
    without="the fleet's brake",
)
async def reddit_inventory(stage: Stage, braked: bool) -> None:
    for number in range(10):
        stage.service(f"app{number}", 12)
    await stage.begin(brake={} if braked else WIDE_OPEN)
    stage.tell_all(0.0)
    await stage.wait(16)
    stage.must(stage.removed() <= 12, "in 16 s a tenth at most is removed")
    await stage.wait(240)
    stage.must(stage.removed() <= 12, "in five minutes a tenth at most is removed")
    stage.tell_all(1200.0)
    await stage.wait(60)
    stage.must(stage.total() >= 118, "what was removed comes back with the numbers")


@incident(
    "Amazon S3, 2017-02-28: a tool removed too much at once",
    "a mistake in a policy takes a fleet down slowly enough to be seen",
    without="the fleet's brake",
)
async def s3(stage: Stage, braked: bool) -> None:
    for number in range(6):
        stage.service(f"index{number}", 20)
    await stage.begin(brake={} if braked else WIDE_OPEN)
    for number in range(6):
        name = f"index{number}"
        stage.rewrite(name, scale={"min": 1, "max": 2, "metrics": [load(name)]})
    await stage.wait(240)
    stage.must(stage.total() >= 108, "nine tenths are still there when somebody sees it")


@incident(
    "Slack, 2021-01-04: idle because everybody waited",
    "one low metric shrinks nothing while another one is high",
    without="the metric of those who wait",
)
async def slack_idle(stage: Stage, braked: bool) -> None:
    waits = {"name": "waits", "query": "waits", "target": {"value": 0.5}}
    metrics = [load("web"), waits] if braked else [load("web")]
    stage.service("web", 10, metrics=metrics)
    stage.tell("waits", 0.5)
    await stage.begin()
    stage.tell("load_web", 200.0)
    stage.tell("waits", 0.52)
    await stage.wait(1800)
    stage.must(stage.replicas("web") >= 10, "threads that wait for the network are no idle ones")


@incident(
    "Slack, 2021-01-04: 1,200 servers at once",
    "a step up is no larger than rates and the fleet's largest size allow",
    without="the rates and the fleet's largest size",
)
async def slack_surge(stage: Stage, braked: bool) -> None:
    stage.service("web", 10, max=2000, behavior={} if braked else AT_ONCE)
    await stage.begin(brake={"max_total_replicas": 60} if braked else {})
    stage.tell("load_web", 121_000.0)
    await stage.wait(20)
    stage.must(stage.replicas("web") <= 40, "what provides servers is not asked for all at once")
    await stage.wait(300)
    stage.must(stage.replicas("web") <= 60, "the fleet has a largest size")


@incident(
    "AWS us-east-1, 2025-10-19: an old plan was applied",
    "what was decided before somebody else wrote is not written over it",
)
async def aws_old_plan(stage: Stage, braked: bool) -> None:
    stage.service("dns", 4)
    await stage.begin()
    cluster, service = stage.world.swarm.cluster, stage.engine("dns")
    overtaken: list[int] = []

    async def overtake(request: Request) -> None:
        """Between the check and the write another enactor scales, once."""
        if request.method == "POST" and not overtaken:
            overtaken.append(service.index)
            spec = {**service.spec, "Mode": {"Replicated": {"Replicas": 7}}}
            services.update(cluster, service.id, spec, version=str(service.index))

    stage.world.swarm.faults.before = overtake
    stage.tell("load_dns", 600.0)
    await stage.wait(60)
    stage.must(bool(overtaken), "there was a plan to be overtaken")
    stage.must(stage.replicas("dns") == 7, "the newer plan stands")


@incident(
    "GitHub, 2018-10-21: 43 seconds of partition, a day of repair",
    "a blip in which nothing can be seen changes nothing",
    without="patience",
)
async def github(stage: Stage, braked: bool) -> None:
    missing = {"fallback": 2, "after": "15s", "behavior": "static"}
    stage.service("mysql", 8, on_missing="hold" if braked else missing)
    await stage.begin()
    stage.world.prometheus.refuses = True
    stage.world.network.hold("engine")
    await stage.wait(43)
    stage.world.network.let_go("engine")
    if braked:
        stage.world.prometheus.refuses = False
    await stage.wait(900)
    stage.must(not stage.writes, "nothing has failed over")


@incident(
    "KEDA #3065, 2022: an empty answer at the peak",
    "no series is no zero",
    without="the difference between nothing and zero",
)
async def keda(stage: Stage, braked: bool) -> None:
    words = {} if braked else {"on_empty": "zero"}
    stage.service("queue", 20, metrics=[load("queue", **words)])
    await stage.begin()
    gauge = stage.world.prometheus.gauges.pop("load_queue")
    await stage.wait(900)
    stage.must(stage.replicas("queue") == 20, "it stays as large as it was")
    stage.world.prometheus.gauges["load_queue"] = gauge
    await stage.wait(120)
    stage.must(not stage.writes, "and it needs what it has")


@incident(
    "Flagger: Prometheus is down, and a good release is rolled back",
    "an error is no failed check",
    without="the difference between an error and a failure",
)
async def flagger(stage: Stage, braked: bool) -> None:
    checks = [{"name": "errors", "query": "errors", "max": 0.05}]
    release = {"bake": "1m", "watch": "5m", "warmup": "15s", "interval": "15s", "checks": checks}
    stage.service("shop", 4, policy={"release": release})
    stage.tell("errors", 0.01)
    await stage.begin()
    stage.deploy("shop", GOOD)
    await stage.wait(40)
    if braked:
        stage.world.prometheus.refuses = True
    else:
        stage.tell("errors", 0.9)
    await stage.wait(900)
    stage.must(not stage.writes, "nobody has shown that the release is bad")


OUTAGES = (
    reddit_pause,
    reddit_inventory,
    s3,
    slack_idle,
    slack_surge,
    aws_old_plan,
    github,
    keda,
    flagger,
)
