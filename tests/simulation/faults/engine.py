"""What may happen between the product and the engine's API."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from autoscaler.testing.engine import services
from autoscaler.testing.engine.faults import Canned, Request
from autoscaler.testing.engine.spoiling import Spoil, cut, dripping, given_up, late, rewritten
from tests.simulation.faults.fault import Coursed, fault

if TYPE_CHECKING:
    from tests.simulation.world import World

Course = AsyncGenerator[None, None]

SAID = {
    400: "json: cannot unmarshal string into Go value of type uint64",
    404: "page not found",
    409: "name conflicts with an existing object",
    429: "too many requests",
    500: "rpc error: code = Unknown desc = something went wrong",
    503: "service unavailable",
}
SWARM = "(GET|POST) /(services|tasks|nodes|networks|configs)"
LISTS = "/(services|tasks|nodes)"
PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
TOO_LATE = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
HUGE = 65 * 1024 * 1024
"""Bytes of a body above what the product reads."""


def _answers(status: int) -> Coursed:
    @fault(f"engine answers {status}")
    async def answering(world: World) -> Course:
        pattern = f"(?#{status})/"
        body = json.dumps({"message": SAID[status]})
        world.swarm.faults.answers[pattern] = Canned(status, body)
        yield
        world.swarm.faults.answers.pop(pattern, None)

    return answering


def _spoils(name: str, spoil: Spoil, which: str = "(GET|POST) ") -> Coursed:
    @fault(name)
    async def spoiling(world: World) -> Course:
        pattern = f"(?#{name}){which}(?!.*/events)"
        world.swarm.faults.spoil[pattern] = spoil
        yield
        world.swarm.faults.spoil.pop(pattern, None)

    return spoiling


@fault("engine refuses connections")
async def refuses(world: World) -> Course:
    """As while its daemon restarts: what it remembers of events is lost."""
    async with world.swarm.down():
        yield


@fault("engine hangs")
async def hangs(world: World) -> Course:
    world.swarm.faults.hang = "/"
    yield
    world.swarm.faults.hang = None


@fault("connection closed before anything is done")
async def drops(world: World) -> Course:
    world.swarm.faults.drop = "(GET|POST) "
    yield
    world.swarm.faults.drop = None


@fault("answers to writes are lost")
async def loses_answers(world: World) -> Course:
    world.swarm.faults.lose_answer = "POST "
    yield
    world.swarm.faults.lose_answer = None


@fault("wrong content type")
async def a_page(world: World) -> Course:
    """A proxy's page, with the status of a success."""
    pattern = "(?#page)GET "
    world.swarm.faults.answers[pattern] = Canned(200, PAGE, "text/html")
    yield
    world.swarm.faults.answers.pop(pattern, None)


@fault("somebody else writes first")
async def conflicts(world: World) -> Course:
    """Each write of the product comes just after one that changed nothing but the version."""

    async def write_first(request: Request) -> None:
        key = request.path.split("/")[2] if request.path.startswith("/services/") else ""
        service = world.swarm.cluster.services.get(key)
        if request.method == "POST" and request.path.endswith("/update") and service:
            version = str(service.index)
            services.update(world.swarm.cluster, key, service.spec, version=version)

    world.swarm.faults.before = write_first
    yield
    world.swarm.faults.before = None


@fault("engine speaks an older API")
async def downgraded(world: World) -> Course:
    """Another manager, not yet updated, answers at the same address."""
    world.swarm.speak("1.40")
    yield
    world.swarm.speak("1.41")


@fault("no leader")
async def leaderless(world: World) -> Course:
    world.swarm.faults.no_leader = True
    yield
    world.swarm.faults.no_leader = False


@fault("leader lost in the middle of writes")
async def loses_leader(world: World) -> Course:
    world.swarm.faults.lost_leader = True
    yield
    world.swarm.faults.lost_leader = False


@fault("new leader, nodes unknown")
async def forgets_nodes(world: World) -> Course:
    """It knows of no node how it is until that has reported, nor how often tasks were restarted."""
    world.swarm.change_leader()
    yield


@fault("engine is no manager any more")
async def demoted(world: World) -> Course:
    world.swarm.faults.not_a_manager = True
    yield
    world.swarm.faults.not_a_manager = False


FAULTS = (
    *(_answers(status) for status in SAID),
    refuses,
    hangs,
    drops,
    loses_answers,
    _spoils("connection reset in the body", cut(reset=True)),
    _spoils("half a body", cut()),
    _spoils("slow body", dripping(8.0)),
    _spoils("answers come late", late(3.0)),
    _spoils("managers give up after 20 s", given_up(20.0, TOO_LATE), SWARM),
    _spoils("torn JSON", rewritten(lambda body: body[:-3]), f"GET {LISTS}"),
    _spoils("huge body", rewritten(lambda body: body + b" " * HUGE), "GET /nodes$"),
    _spoils("inventory is suddenly empty", rewritten(lambda _: b"[]"), "GET /(services|tasks)$"),
    a_page,
    conflicts,
    downgraded,
    leaderless,
    loses_leader,
    forgets_nodes,
    demoted,
)
