"""SIGKILL before or after any call of the loop: the next process goes on as if nothing was."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autoscaler.testing.engine import FakeSwarm

Measured = Callable[[str, object], None]

LAST = 9
PROGRAM = Path(__file__).with_name("killed_loop.py")


class Programs:
    """Runs the loop against a fresh engine and store each time."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path) -> None:
        self._process, self._directory = process, directory
        self._runs = 0

    async def run(
        self, kill_at: int | None, *, lose_answers: bool = False, by_hand: bool = False
    ) -> tuple[dict[str, Any], FakeSwarm]:
        """Play all passes, killed once at a point if so told, and started again then."""
        self._runs += 1
        async with FakeSwarm() as swarm:
            swarm.create("web", replicas=2)
            swarm.faults.lose_answer = "POST /services/.*/update" if lose_answers else None
            order: dict[str, Any] = {
                "host": swarm.host,
                "store": str(self._directory / f"{self._runs}.db"),
            }
            order |= {"first": 0, "last": LAST, "kill_at": kill_at}
            order |= {"by_hand": by_hand, "given": []}
            said = await self._order(order)
            if said["killed"]:
                began = said.get("began", -1)
                order |= {"first": max(0, began), "kill_at": None}
                order |= {"given": [*range(began + 1)]}
                said = {**await self._order(order), "was_killed": True}
            return said, swarm

    async def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(120):
            answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer


@asynccontextmanager
async def programs(directory: Path) -> AsyncIterator[Programs]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), stdin=pipe, stdout=pipe
    )
    try:
        yield Programs(process, directory)
    finally:
        process.kill()
        await process.wait()


def updates(swarm: FakeSwarm) -> int:
    """Writes that the engine was sent."""
    return sum(request.path.endswith("/update") for request in swarm.writes)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lose_answers", [False, True], ids=["answered", "answers lost"])
async def test_killed_at_any_point_it_settles_and_goes_on_as_before(
    tmp_path: Path, lose_answers: bool, record_property: Measured
) -> None:
    async with programs(tmp_path) as run:
        whole, swarm = await run.run(None, lose_answers=lose_answers)
        assert not whole["killed"]
        assert whole["open"] == 0
        assert updates(swarm) == 2, "the load makes it grow once and shrink once"
        assert whole["points"] >= 40
        record_property("killed", f"at each of {whole['points']} points")
        for point in range(1, whole["points"] + 1):
            said, swarm = await run.run(point, lose_answers=lose_answers)
            assert said["was_killed"]
            assert said["memory"] == whole["memory"], f"killed at point {point}"
            assert said["open"] == 0
            assert updates(swarm) == 2, f"killed at point {point}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lose_answers", [False, True], ids=["answered", "answers lost"])
async def test_killed_at_any_point_an_order_by_hand_is_done_once_or_known_to_have_failed(
    tmp_path: Path, lose_answers: bool, record_property: Measured
) -> None:
    """A restart that may or may not have been sent is not repeated; a number is set again."""
    async with programs(tmp_path) as run:
        whole, swarm = await run.run(None, lose_answers=lose_answers, by_hand=True)
        assert whole["outcomes"] == [["restart", "done"], ["scale", "done"]]
        assert (updates(swarm), restarts(swarm), whole["standing"]) == (2, 1, 0)
        failed = 0
        for point in range(1, whole["points"] + 1):
            said, swarm = await run.run(point, lose_answers=lose_answers, by_hand=True)
            obeyed = said["memory"]["obeyed"]
            assert obeyed == whole["memory"]["obeyed"], f"killed at point {point}"
            assert (said["memory"]["replicas"], said["standing"], said["open"]) == (4, 0, 0)
            lost = ["restart", "failed"] in said["outcomes"]
            assert restarts(swarm) == 1 - lost, f"killed at point {point}"
            assert updates(swarm) == 2 - lost, f"killed at point {point}"
            failed += lost
        assert failed <= 3, "only between the intent and its act"
        record_property("killed", f"at each of {whole['points']} points")


def restarts(swarm: FakeSwarm) -> int:
    """How often the only service was restarted."""
    (service,) = swarm.cluster.services.values()
    return int(service.spec["TaskTemplate"].get("ForceUpdate", 0))
