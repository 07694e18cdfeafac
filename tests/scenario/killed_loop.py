"""The loop as a program that kills itself at a given point; `test_killed_anywhere` runs it.

It reads lines like `{"host": "unix:///...", "store": "/...", "first": 0, "last": 9,
"kill_at": 7, "by_hand": true, "given": []}`. For each it forks a child that plays the passes
`first` to `last` against the engine at `host` and dies by SIGKILL at the `kill_at`-th point: before
or after any call to the orchestrator or the store. `by_hand` is whether somebody gives orders, and
`given` the passes of which they were given already. It answers with the passes that were begun, the
points that were passed, and what was remembered at the end, if the end was reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any, cast

from autoscaler import records
from autoscaler.model import Order, OrderKind, Quality, Sample
from autoscaler.orchestrators.swarm import SwarmOrchestrator, SwarmSettings
from autoscaler.ports import Orchestrator, Store
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_metric, a_policy_document
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.scenario import Scenario

START = 1_700_000_000.0
SECONDS = 15.0
RISE, FALL = 2, 4
"""The passes at which the load rises and falls."""
# The stabilization would let it shrink at the seventh pass, the cooldown not before the eighth.
POLICY = a_policy_document(
    min=1,
    max=10,
    metrics=[a_metric("load", average_value=100)],
    behavior={"scale_down": {"stabilization": "1m"}},
    cooldown={"down": "1m30s"},
)
ORDERS = {
    1: Order(kind=OrderKind.SCALE, service="web", at=START + 15, actor="ann", replicas=4),
    4: Order(kind=OrderKind.RESTART, service="web", at=START + 60, actor="ann"),
}
"""What a person orders before a pass, where `by_hand` says so; the load stays low then."""


class Points:
    """Counts the points that the program passes, and kills it at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.passed = 0
        self._kill_at = kill_at

    def pass_one(self) -> None:
        """One more."""
        self.passed += 1
        if self.passed == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """An adapter with a point before and after each call."""

    def __init__(self, inner: object, points: Points) -> None:
        self._inner, self._points = inner, points

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **keywords: Any) -> Any:
            self._points.pass_one()
            answer = await getattr(self._inner, name)(*arguments, **keywords)
            self._points.pass_one()
            return answer

        return call


def main() -> None:
    """Fork a child for each line."""
    for line in sys.stdin:
        print(json.dumps(fork(json.loads(line))), flush=True)  # noqa: T201


def fork(order: dict[str, Any]) -> dict[str, Any]:
    """What a child said before it ended."""
    readable, writable = os.pipe()
    if os.fork() == 0:
        os.close(readable)
        with os.fdopen(writable, "w") as told:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            asyncio.run(play(order, told))
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as told:
        lines = [json.loads(line) for line in told]
    _, status = os.wait()
    said = {key: value for line in lines for key, value in line.items()}
    return {"killed": os.WIFSIGNALED(status), **said}


async def play(order: dict[str, Any], told: Any) -> None:
    """The passes from `first` to `last`, with the load that belongs to each."""
    clock, points = ManualClock(START + SECONDS * order["first"]), Points(order["kill_at"])
    swarm = SwarmOrchestrator(SwarmSettings(host=order["host"]))
    store = await SqliteStore.open(order["store"])
    scene = Scenario(
        policies=[POLICY],
        answer=lambda _query, _service: load_at(START if order["by_hand"] else clock()),
        store=cast("Store", Watched(store, points)),
        clock=clock,
    )
    scene.orchestrator = cast("Orchestrator", Watched(swarm, points))
    async with scene:
        for number in range(order["first"], order["last"] + 1):
            say(told, began=number)
            if order["by_hand"] and number in ORDERS and number not in order["given"]:
                await store.give(ORDERS[number])
            await scene.cycle(seconds=0.0)
            clock.advance(SECONDS)
        memory = next(iter(scene.memories.values()))
        say(
            told,
            points=points.passed,
            memory=json.loads(records.dump(memory)),
            open=len(await store.open_intents()),
            standing=len(await store.orders()),
            outcomes=[
                (decision.action.kind, outcome)
                for decision, outcome in await store.history()
                if decision.action is not None
            ],
        )
    await swarm.close()


def load_at(now: float) -> Sample:
    """Low, then high, then low again."""
    number = (now - START) / SECONDS
    value = 600.0 if RISE <= number < FALL else 150.0
    return Sample(quality=Quality.VALUE, value=value, at=now)


def say(told: Any, **words: Any) -> None:
    """To the parent; what was said survives a kill."""
    told.write(json.dumps(words) + "\n")
    told.flush()


if __name__ == "__main__":
    main()
