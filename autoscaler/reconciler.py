"""Carries passes out: decide, record, act, record.

An intent is stored before the act and its outcome after it, so that a crash in between is
settled by reading. What a pass decides is found in `passes.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.decide import recall
from autoscaler.errors import AutoscalerError, Conflict, Gone, OutcomeUnknown
from autoscaler.model import (
    Action,
    Decision,
    Intent,
    Memory,
    Orders,
    Outcome,
    Record,
    Service,
)
from autoscaler.news import ages, differ, gist, happens
from autoscaler.outcomes import judge
from autoscaler.passes import Batch, Passed, Passes
from autoscaler.policy_files import LoadedPolicy
from autoscaler.ports import Clock, Orchestrator, Store
from autoscaler.telemetry import Telemetry
from autoscaler.turns import Turns

SETTLED_AT_ONCE = 16
"""Services that are read at the same time to learn how actions ended."""
FORGET_AFTER = 3600.0
"""Seconds that a service must be gone before what is known of it is dropped."""

Covering = Callable[[Service], Sequence[LoadedPolicy]]


@dataclass(frozen=True, slots=True)
class Owed:
    """An outcome that the store has not taken yet."""

    intent: Intent
    outcome: Outcome
    detail: str
    at: float
    memory: Memory | None


class Reconciler:
    """Stores decisions and carries them out, one action per service at a time."""

    def __init__(
        self,
        passes: Passes,
        orchestrator: Orchestrator,
        store: Store,
        telemetry: Telemetry,
        clock: Clock,
        intents: Iterable[Intent] = (),
        act_within: float = 25.0,
    ) -> None:
        self._passes = passes
        self._orchestrator = orchestrator
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._act_within = act_within
        self._busy: set[str] = set()
        self._open = {intent.action.service_id: intent for intent in intents}
        for intent in self._open.values():
            # What may have been removed counts until it is known.
            passes.brake.begin(intent.action.service_id, intent.action.change)
        self._owed: list[Owed] = []
        self._unstored: dict[str, Memory] = {}
        self._news: dict[str, tuple[object, ...]] = {}
        self._absent: dict[str, float] = {}
        self._batches: list[Batch] = []

    async def heed(self) -> None:
        """Take in what people have ordered by hand; raises what the store raises."""
        self._passes.orders = Orders.of(await self._store.orders())

    async def reconcile(self, services: Iterable[Service], covering: Covering) -> Sequence[Intent]:
        """Decide on each service and store it; answer what is now to be done, by `act`."""
        free = [service for service in services if service.id not in self._busy]
        await self._pay()
        unsettled = await self._settle_all(free)
        now = self._clock()
        news: list[Passed] = []
        try:
            await self._pass_all(free, covering, unsettled, now, news)
            intents = [intent for item in news if (intent := item.intent) is not None]
            await self._record(news, intents, now)
        except BaseException as error:
            if isinstance(error, OutcomeUnknown):
                # They may be stored, and are not sent: a later start must not wonder.
                told = "it was not sent: the store did not answer in time"
                self._owed += [Owed(each, Outcome.FAILED, told, now, None) for each in intents]
            for action in filter(None, (item.decision.action for item in news)):
                self._end(action, done=False)
            raise
        return intents

    async def _pass_all(
        self,
        services: Iterable[Service],
        covering: Covering,
        unsettled: Mapping[str, str],
        now: float,
        news: list[Passed],
    ) -> None:
        """Of all passes only what is new is kept; between two of them others have their turn."""
        batch, turns = self._passes.begin(now), Turns()
        self._batches.append(batch)
        try:
            for listed in services:
                await turns.next()
                # Since it was listed an act of ours may have ended: looked at as it was before,
                # our own change would pass for a person's.
                service = self._passes.view.services.get(listed.id)
                if service is not None:
                    news += self._pass_over(batch, service, covering, unsettled.get(service.id))
        finally:
            self._batches.remove(batch)

    def _pass_over(
        self, batch: Batch, service: Service, covering: Covering, unsettled: str | None
    ) -> Sequence[Passed]:
        """The pass over a service, if it is new what came of it."""
        policies = covering(service)
        if not policies:
            self._uncovered(service)
        if not policies or service.id in self._busy or service.id in batch.overtaken:
            return ()
        if service.id in self._open and unsettled is None:
            # Its action ended without an answer since the pass began: the next one reads first.
            return ()
        passed = self._pass_one(batch, service, policies, unsettled)
        if passed is None:
            return ()
        self._reserve(passed.decision)
        self._remember(passed)
        is_news = self._is_news(passed.decision)
        self._tell(passed, is_news=is_news)
        return (passed,) if is_news else ()

    def _pass_one(
        self,
        batch: Batch,
        service: Service,
        policies: Sequence[LoadedPolicy],
        unsettled: str | None,
    ) -> Passed | None:
        """A plugin's fault is its policy's alone: the other services go on."""
        for other in self._batches:
            if other is not batch:
                other.overtaken.add(service.id)
        try:
            passed = batch.over(service, policies, unsettled)
        except Exception as error:  # noqa: BLE001
            self._telemetry.error("pass", error, service=service.name)
            return None
        self._telemetry.well("pass", service=service.name)
        return passed

    def _uncovered(self, service: Service) -> None:
        if self._news.pop(service.id, None) is not None:
            self._telemetry.gone(service.name)

    def _reserve(self, decision: Decision) -> None:
        """Later services of the same pass see what earlier ones take from the brake.

        Whatever wakes the service before its action is done leaves it alone.
        """
        action = decision.action
        if action is not None:
            self._busy.add(action.service_id)
            self._passes.brake.begin(action.service_id, action.change)
            self._passes.heal_brake.begin(action, decision.at)

    async def _record(self, news: Sequence[Passed], intents: Sequence[Intent], now: float) -> None:
        """One transaction: what changed in memory, what is new, what will be done."""
        await self._store_all([item.record for item in news], intents, now)
        self._telemetry.well("store")
        self._news |= {item.decision.service_id: gist(item.decision) for item in news}

    def _remember(self, passed: Passed) -> None:
        key, memories = passed.decision.service_id, self._passes.memories
        before = memories.get(key)
        memories[key] = passed.memory
        if before is None or differ(before, passed.memory):
            self._unstored[key] = passed.memory

    async def _store_all(
        self, records: Sequence[Record], intents: Sequence[Intent], now: float
    ) -> None:
        """What cannot be stored now is kept for the next time; nothing is done meanwhile."""
        memories, self._unstored = self._unstored, {}
        try:
            await self._store.record(memories=memories, records=records, intents=intents, at=now)
        except BaseException:
            self._unstored = memories | self._unstored
            raise

    def _is_news(self, decision: Decision) -> bool:
        return happens(decision) or self._news.get(decision.service_id) != gist(decision)

    def _tell(self, passed: Passed, *, is_news: bool) -> None:
        decision = passed.decision
        low, high = decision.min, decision.max
        self._telemetry.decided(
            decision,
            news=is_news,
            ages=ages(passed.record.observation),
            bounds=None if low is None or high is None else (low, high),
        )

    def unclear(self, service_id: str) -> bool:
        """Whether somebody changed a service, and it is not clear yet who."""
        memory = self._passes.memories.get(service_id)
        return memory is not None and memory.changed is not None

    def next_window(self) -> float:
        """When a schedule opens or closes next, in Unix seconds; infinite for never."""
        return self._passes.calendar.next_change(self._clock())

    async def act(self, intent: Intent) -> Outcome:
        """Do what was stored, and store how it ended."""
        started = self._clock()
        service, outcome, detail = await self._apply(intent)
        now = self._clock()
        if outcome is Outcome.UNKNOWN:
            self._open[intent.action.service_id] = intent
        self._telemetry.acted(
            intent.action, outcome, detail, now - started, self._latency(intent, started)
        )
        if service is not None:
            self._passes.view.refresh(service, None, now)
            self._passes.own_writes[service.id] = service.version
        if outcome is Outcome.UNKNOWN:
            self._busy.discard(intent.action.service_id)
        else:
            await self._finish(intent, outcome, detail, now)
        return outcome

    async def _apply(self, intent: Intent) -> tuple[Service | None, Outcome, str]:
        try:
            async with asyncio.timeout(self._act_within):
                return await self._orchestrator.apply(intent.action), Outcome.DONE, ""
        except TimeoutError:
            return None, Outcome.UNKNOWN, f"no answer within {self._act_within:g} s"
        except Conflict as error:
            return None, Outcome.CONFLICT, str(error)
        except OutcomeUnknown as error:
            return None, Outcome.UNKNOWN, str(error)
        except AutoscalerError as error:
            return None, Outcome.FAILED, str(error)
        except Exception as error:  # noqa: BLE001
            # The adapter's fault, and nobody knows how far it came.
            self._telemetry.error("action", error, service=intent.action.service)
            return None, Outcome.UNKNOWN, repr(error)

    async def _finish(self, intent: Intent, outcome: Outcome, detail: str, now: float) -> None:
        """Remember how an act ended, and store it, now or as soon as that is possible."""
        key = intent.action.service_id
        memory = None
        # A cure that was refused counts as tried: it waits its turn like one that did not help.
        if outcome is Outcome.DONE or (outcome is Outcome.FAILED and intent.action.heals):
            memory = recall.after(self._passes.memories.get(key, Memory()), intent.action, now)
            self._passes.memories[key] = memory
            self._unstored[key] = memory
        self._end(intent.action, done=outcome is Outcome.DONE)
        self._owed.append(Owed(intent, outcome, detail, now, memory))
        await self._pay()

    async def _pay(self) -> None:
        """Store the outcomes that are known and not stored yet, oldest first."""
        while self._owed:
            owed = self._owed[0]
            try:
                await self._store.settle(
                    owed.intent, owed.outcome, owed.detail, owed.at, owed.memory
                )
            except AutoscalerError as error:
                self._telemetry.store_failed(error)
                return
            self._telemetry.well("store")
            if owed in self._owed:
                self._owed.remove(owed)

    async def collect(self, present: Container[str]) -> None:
        """Forget services that have been gone for long; a sudden drop may be a mistake."""
        now, memories = self._clock(), self._passes.memories
        known = {**memories, **self._open}
        self._absent = {key: self._absent.get(key, now) for key in known if key not in present}
        old = [key for key, since in self._absent.items() if now - since > FORGET_AFTER]
        for key in old:
            if key in self._open:
                intent = self._open.pop(key)
                await self._finish(intent, Outcome.FAILED, "the service is gone", now)
        if old:
            await self._store.forget(old)
        for key in old:
            memories.pop(key, None)
            self._passes.passed.pop(key, None)
            self._passes.own_writes.pop(key, None)
            self._news.pop(key, None)
            self._unstored.pop(key, None)

    async def _settle_all(self, services: Iterable[Service]) -> dict[str, str]:
        """Read how earlier acts ended; answer what still cannot be told, by service id."""
        unsettled = {}
        intents = [self._open[service.id] for service in services if service.id in self._open]
        for intent, told in zip(intents, await self._read_all(intents), strict=True):
            if told is not None:
                unsettled[intent.action.service_id] = told
        return unsettled

    async def _read_all(self, intents: Sequence[Intent]) -> Sequence[str | None]:
        """A few at a time: a cluster in trouble shall not hold up the fleet for long."""
        slots = asyncio.Semaphore(SETTLED_AT_ONCE)

        async def one(intent: Intent) -> str | None:
            async with slots:
                return await self._settle(intent)

        return await asyncio.gather(*(one(intent) for intent in intents))

    async def _settle(self, intent: Intent) -> str | None:
        """Read how an act ended; words where that cannot be told."""
        key, at = intent.action.service_id, self._clock()
        try:
            async with asyncio.timeout(self._act_within):
                service, tasks = await self._orchestrator.inspect(key)
        except Gone as error:
            outcome, detail = Outcome.FAILED, str(error)
        except (AutoscalerError, TimeoutError) as error:
            told = str(error) or "no answer"
            return f"whether the last action ({intent.action.told}) was done is not known: {told}"
        else:
            self._passes.view.refresh(service, tasks, at)
            outcome, detail = judge(intent, service), "settled by reading"
        if self._open.get(key) is not intent:
            return None  # another pass was quicker
        del self._open[key]
        if outcome is Outcome.FAILED and not intent.action.heals:
            memory = self._passes.memories.get(key, Memory())
            self._passes.memories[key] = recall.doubted(memory, intent.action, at)
            self._unstored[key] = self._passes.memories[key]
        await self._finish(intent, outcome, detail, intent.at)
        return None

    def _end(self, action: Action, *, done: bool) -> None:
        self._busy.discard(action.service_id)
        self._passes.brake.end(action.service_id, self._clock(), done=done)

    def _latency(self, intent: Intent, started: float) -> float | None:
        """Seconds from the newest sample behind an action to its call."""
        samples = self._passes.view.samples.get(intent.action.service_id)
        times = [s.at for s in samples.metrics.values() if s.at is not None] if samples else []
        return started - max(times) if times else None
