"""The command line, in a directory and an environment of its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import main
from autoscaler.decide import decide
from autoscaler.model import Intent, Memory, Observation, Outcome, Record
from autoscaler.policy import parse_policy
from autoscaler.store import SqliteStore
from autoscaler.testing.builders import a_metric, a_policy_document

Call = Callable[..., Result]
STORE = "store.db"
DOCUMENT = a_policy_document(
    max=20,
    metrics=[a_metric("requests"), a_metric("latency", value=0.25)],
    policy={"name": "shop-web", "services": ["shop_web"]},
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, without variables of ours."""
    for name in os.environ:
        if name.startswith("AUTOSCALER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOSCALER_STORE", STORE)
    return tmp_path


@pytest.fixture
def call() -> Call:
    """Run a command: `call("check", "policies")`."""

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    return run


def a_record(observation: Observation, memory: Memory) -> Record:
    """What a pass over an observation stores."""
    _, decision = decide(parse_policy(DOCUMENT), observation, memory)
    return Record(policy=DOCUMENT, observation=observation, memory=memory, decision=decision)


def fill_store(records: Sequence[Record], settled: Outcome | None = None) -> None:
    """Write a store as a service does that passes now; all actions end as `settled` says."""

    async def fill() -> None:
        store = await SqliteStore.open(STORE)
        for number, record in enumerate(records):
            decision = record.decision
            intents = []
            if decision.action:
                intents.append(
                    Intent(
                        id=str(number), at=decision.at, policy="shop-web", action=decision.action
                    )
                )
            await store.record(records=[record], intents=intents, at=time.time())
            if settled is not None and intents:
                await store.settle(intents[0], settled, "", decision.at, None)
        await store.close()

    asyncio.run(fill())
