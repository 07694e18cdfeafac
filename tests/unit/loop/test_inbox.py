"""Alerts are stored, then told to sources; services are woken by what is new about them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from autoscaler.anew import Anew
from autoscaler.covering import Covering
from autoscaler.errors import Temporary
from autoscaler.inbox import Inbox
from autoscaler.model import Alert, Fleet, Quality, Receipt, Sample
from autoscaler.policy_files import PolicySet
from autoscaler.ports import Tell
from autoscaler.sampling import sample
from autoscaler.sources.alertmanager import AlertmanagerSource
from autoscaler.store import SqliteStore
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import a_policy_document, a_service
from autoscaler.testing.clock import ManualClock
from autoscaler.testing.contracts.alerts import NOW, firing, resolved
from autoscaler.testing.scenario import load
from autoscaler.testing.scripted_source import ScriptedSource, constant
from autoscaler.view import View

WEB = a_service(name="shop_web", id="web-id")
OTHER = a_service(name="other", id="other-id")
HEAL = {
    "name": "slow",
    "rule": "alert",
    "source": "alertmanager",
    "match": {"alertname": "Slow"},
    "service_label": "service",
    "then": "restart",
}
METRIC = {"name": "load", "query": "load", "target": {"value": 1}}
POLICY = a_policy_document(policy={"services": ["*"], "heal": [HEAL]})


class Asked(AlertmanagerSource):
    """A source whose Alertmanager answers as a test says."""

    listed: Sequence[Alert] | Exception | None = None
    asked: asyncio.Queue[None]

    async def firing_alerts(self) -> Sequence[Alert] | None:
        self.asked.put_nowait(None)
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed


class Played:
    """An inbox with all that is behind it."""

    def __init__(self, store: SqliteStore) -> None:
        self.clock = ManualClock(NOW)
        self.telemetry = Telemetry(self.clock)
        self.source = Asked(Asked.Settings(), self.clock)
        self.source.asked = asyncio.Queue()
        self.other = ScriptedSource(constant(1.0))
        self.sources: dict[str, Any] = {"alertmanager": self.source, "prometheus": self.other}
        self.inbox = Inbox(store, self.sources, self.telemetry, self.clock)
        self.view = View()
        self.view.adopt(Fleet(at=NOW, services={one.id: one for one in (WEB, OTHER)}))
        self.policies = PolicySet((load(POLICY),))
        self.covering = Covering(lambda: self.policies, {})
        self.woken: list[str] = []
        self.wakes: asyncio.Queue[str] = asyncio.Queue()
        wake = self.wakes.put_nowait
        self.inbox.anew = Anew(
            self.view, self.covering, self.sources, self.telemetry, self.clock, wake
        )

    async def tick(self) -> None:
        """All sources are asked about everything."""
        covered = [(self.covering(one)[0].policy, one) for one in (WEB, OTHER)]
        self.view.answer(await sample(covered, self.sources, {}, self.clock()))

    async def works(self) -> None:
        """The inbox works until a service is woken."""
        work = asyncio.create_task(self.inbox.work())
        async with asyncio.timeout(120):
            self.woken.append(await self.wakes.get())
        while not self.wakes.empty():
            self.woken.append(self.wakes.get_nowait())
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work

    def asks_prometheus(self) -> None:
        """The policy asks for a metric, too."""
        scale = {"min": 1, "max": 9, "metrics": [METRIC]}
        self.policies = PolicySet(
            (load(a_policy_document(policy={"services": ["*"], "scale": scale})),)
        )
        sources = self.sources
        wake = self.wakes.put_nowait
        self.inbox.anew = Anew(self.view, self.covering, sources, self.telemetry, self.clock, wake)

    def metric(self, service_id: str) -> Sample:
        return self.view.samples[service_id].metrics["load"]

    def symptom(self, service_id: str = "web-id") -> Sample:
        return self.view.samples[service_id].symptoms["slow"]


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(":memory:")
    yield store
    await store.close()


@pytest.fixture
async def played(store: SqliteStore) -> Played:
    return Played(store)


async def test_an_alert_wakes_its_service_with_an_answer_of_its_source_alone(
    played: Played,
) -> None:
    await played.tick()
    asked = len(played.other.asked)
    before = played.view.samples["web-id"]
    assert played.symptom().quality is Quality.NO_DATA
    played.clock.now += 5
    (told,) = await played.inbox.take([firing()])
    assert told.receipt is Receipt.ACCEPTED
    await played.works()
    assert played.woken == ["web-id"]
    assert played.symptom().value == 1.0
    assert played.symptom("other-id").quality is Quality.NO_DATA
    assert len(played.other.asked) == asked
    after = played.view.samples["web-id"]
    assert (after.metrics, after.at) == (before.metrics, before.at)


async def test_what_was_told_twice_wakes_once_and_an_end_wakes_nobody(played: Played) -> None:
    await played.tick()
    await played.inbox.take([firing()])
    await played.inbox.take([firing()])
    await played.inbox.take([resolved(firing())])
    await played.works()
    assert played.woken == ["web-id"]
    assert played.symptom().quality is Quality.PARTIAL


async def test_what_was_told_before_a_start_is_known_after_it(store: SqliteStore) -> None:
    before, after = Played(store), Played(store)
    await store.record(at=NOW - 30)
    await before.inbox.take([firing()])
    await after.inbox.recall()
    await after.tick()
    assert after.symptom().value == 1.0


async def test_after_a_long_absence_it_must_be_told_again(store: SqliteStore) -> None:
    before, after = Played(store), Played(store)
    await store.record(at=NOW - 1000)
    await before.inbox.take([firing()])
    await after.inbox.recall()
    await after.tick()
    assert after.symptom().quality is Quality.NO_DATA
    await after.inbox.take([firing()])
    await after.tick()
    assert after.symptom().value == 1.0


async def test_at_a_start_it_is_asked_what_fires_and_that_is_stored(
    played: Played, store: SqliteStore
) -> None:
    await played.tick()
    played.source.listed = [firing()]
    await played.works()
    assert played.symptom().value == 1.0
    assert list(await store.alerts()) == [firing()]
    assert played.symptom("web-id").alerts == (firing().identity,)


async def test_an_alert_that_was_told_before_keeps_its_name_when_it_is_asked_for(
    store: SqliteStore,
) -> None:
    before, after = Played(store), Played(store)
    await before.inbox.take([firing()])
    await after.inbox.recall()
    after.source.listed = [replace(firing(), starts_at=NOW - 5)]
    await after.tick()
    await after.works()
    await after.tick()
    assert after.symptom().alerts == (firing().identity,)


async def test_it_is_asked_again_while_nobody_answers(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoscaler.inbox.ASK_AGAIN", 0.01)
    await played.tick()
    played.source.listed = Temporary("no Alertmanager tells what fires")
    work = asyncio.create_task(played.inbox.work())
    await asyncio.sleep(0.05)
    assert played.symptom().quality is Quality.NO_DATA
    played.source.listed = [firing()]
    await played.works()
    work.cancel()
    assert 'autoscaler_errors_total{where="alerts"}' in played.telemetry.render().decode()


@pytest.mark.parametrize("fires", [True, False])
async def test_whether_one_that_was_told_to_have_ended_still_fires_is_asked(
    played: Played, store: SqliteStore, monkeypatch: pytest.MonkeyPatch, *, fires: bool
) -> None:
    """What comes after its end may be late, or the end may not have been one."""
    monkeypatch.setattr("autoscaler.inbox.ASK_AGAIN", 0.01)
    await played.tick()
    played.source.listed = []
    work = asyncio.create_task(played.inbox.work())
    await played.inbox.take([firing(), resolved(firing())])
    await played.source.asked.get()
    played.source.listed = [firing()] if fires else []
    (told,) = await played.inbox.take([firing()])
    assert told.receipt is Receipt.IGNORED
    async with asyncio.timeout(120):
        await played.source.asked.get()
        if fires:
            assert await played.wakes.get() == "web-id"
    await asyncio.sleep(0.05)
    assert played.source.asked.empty()
    (stands,) = await store.alerts()
    assert stands.firing is fires
    work.cancel()


class Telling(ScriptedSource):
    """A source that says when to ask it."""

    tell: Tell

    def on_news(self, tell: Tell) -> None:
        self.tell = tell


async def test_a_source_s_news_wake_the_services_about_which_it_says_something_else(
    played: Played,
) -> None:
    said = {"shop_web": 1.0, "other": 1.0}
    source = Telling(lambda _query, name: Sample(quality=Quality.VALUE, value=said[name]))
    played.sources["prometheus"] = source
    played.asks_prometheus()
    await played.tick()
    work = asyncio.create_task(played.inbox.work())
    said["shop_web"] = 2.0
    source.tell(["web-id", "other-id", "unknown"])
    async with asyncio.timeout(120):
        assert await played.wakes.get() == "web-id"
    assert played.metric("web-id").value == 2.0
    assert played.wakes.empty()
    work.cancel()


async def test_a_source_that_fails_at_hearing_does_not_keep_alerts_from_being_stored(
    played: Played, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of the source")

    with capture_logs() as lines:
        with monkeypatch.context() as faulty:
            faulty.setattr(played.source, "hear_alerts", fails)
            (told,) = await played.inbox.take([firing()])
        assert told.receipt is Receipt.ACCEPTED
        assert list(await store.alerts()) == [firing()]
        await played.inbox.take([firing("Full")])
    assert [line["event"] for line in lines] == ["failed", "recovered"]


async def test_a_source_that_cannot_be_asked_for_news_is_told_well_when_it_can(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoscaler.anew.GAP", 0.001)
    await played.tick()

    async def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of ours")

    with capture_logs() as lines:
        with monkeypatch.context() as faulty:
            faulty.setattr("autoscaler.anew.sample", fails)
            await played.inbox.take([firing()])
            work = asyncio.create_task(played.inbox.work())
            async with asyncio.timeout(120):
                while not lines:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        await played.inbox.take([replace(firing(), fingerprint="another")])
        async with asyncio.timeout(120):
            assert await played.wakes.get() == "web-id"
        work.cancel()
    told = [(line["event"], line["where"]) for line in lines]
    assert told == [("failed", "news of alertmanager"), ("recovered", "news of alertmanager")]
