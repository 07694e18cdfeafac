"""Carries passes out: decide, record, act, record.

An intent is stored before the act and its outcome after it, so that a crash in between is
settled by reading. What a pass decides is found in `passes.py`, how an act ends in `acts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from autoscaler.acts import Acts
from autoscaler.decide import others, recall
from autoscaler.errors import AutoscalerError, OutcomeUnknown
from autoscaler.heeding import Heeding
from autoscaler.keeping import Keeping, Proof
from autoscaler.memories import Memories
from autoscaler.model import (
    Decision,
    Intent,
    Memory,
    Outcome,
    Record,
    Service,
)
from autoscaler.news import gist, happens
from autoscaler.passed import Passed
from autoscaler.passes import Batch, Passes
from autoscaler.policy_files import LoadedPolicy
from autoscaler.ports import Clock, Orchestrator, Store
from autoscaler.redaction import fit_to_keep
from autoscaler.telemetry import Telemetry
from autoscaler.turns import Turns

FORGET_AFTER = 3600.0
"""Seconds that a service must be gone before what is known of it is dropped."""
SHOWS_WITHIN = others.PATIENCE + 2.0
"""Seconds after a change by somebody else in which looks are worth while."""

Covering = Callable[[Service], Sequence[LoadedPolicy]]


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
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._memories = Memories(passes.memories)
        self._acts = Acts(
            passes, self._memories, orchestrator, store, telemetry, clock, intents, act_within
        )
        self._heeding = Heeding(passes, store, telemetry, clock)
        self._keeping = Keeping(passes, orchestrator, store)
        self._news: dict[str, tuple[object, ...]] = {}
        self._absent: dict[str, float] = {}
        self._batches: list[Batch] = []

    async def heed(self) -> None:
        """Take in what people have ordered by hand; raises what the store raises."""
        with self._counting_faults_of_the_store():
            await self._heeding.read()

    async def reconcile(self, services: Iterable[Service], covering: Covering) -> Sequence[Intent]:
        """Decide on each service and store it; answer what is now to be done, by `act`."""
        free = [service for service in services if service.id not in self._acts.busy]
        await self._acts.pay()
        unsettled = await self._acts.settle(free)
        now = self._clock()
        news: list[Passed] = []
        try:
            await self._pass_all(free, covering, unsettled, now, news)
            intents = [intent for item in news if (intent := item.intent) is not None]
            await self._record(news, intents, now)
            await self._heeding.tidy()
        except BaseException as error:
            if isinstance(error, OutcomeUnknown):
                self._acts.owe_unsent(intents, now)
            for action in filter(None, (item.decision.action for item in news)):
                self._acts.end(action, done=False)
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
        self._passes.heal_brake.watches(service.id, covered=bool(policies))
        if not policies:
            self._uncovered(service)
        if not policies or service.id in self._acts.busy or service.id in batch.overtaken:
            return ()
        if service.id in self._acts.open and unsettled is None:
            # Its action ended without an answer since the pass began: the next one reads first.
            return ()
        passed = self._pass_one(batch, service, policies, unsettled)
        if passed is None:
            return ()
        self._keeping.note(policies[0].policy, passed)
        self._acts.reserve(passed.decision)
        self._memories.keep(service.id, passed.memory)
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
        self._heeding.uncovered(service)
        before = self._memories.of(service.id)
        after = recall.unwatched(before)
        if after is not before:
            self._memories.keep(service.id, after)
        if self._news.pop(service.id, None) is not None:
            self._telemetry.gone(service.name)

    async def _record(self, news: Sequence[Passed], intents: Sequence[Intent], now: float) -> None:
        """One transaction: what changed in memory, what is new, what will be done."""
        await self._store_all([fit_to_keep(item.record) for item in news], intents, now)
        self._telemetry.well("store")
        self._news |= {item.decision.service_id: self._gist(item.decision) for item in news}

    async def _store_all(
        self, records: Sequence[Record], intents: Sequence[Intent], now: float
    ) -> None:
        """What cannot be stored now is kept for the next time; nothing is done meanwhile."""
        memories = self._memories.take()
        try:
            with self._counting_faults_of_the_store():
                await self._store.record(
                    memories=memories, records=records, intents=intents, at=now
                )
        except BaseException:
            self._memories.give_back(memories)
            raise

    @contextmanager
    def _counting_faults_of_the_store(self) -> Iterator[None]:
        """They fail the whole pass; by what, must be seen apart from other failures of a pass."""
        try:
            yield
        except AutoscalerError as error:
            self._telemetry.store_failed(error)
            raise

    def _is_news(self, decision: Decision) -> bool:
        known = self._news.get(decision.service_id)
        return happens(decision) or known != self._gist(decision)

    def _gist(self, decision: Decision) -> tuple[object, ...]:
        return gist(decision, self._news.get(decision.service_id, ()))

    def _tell(self, passed: Passed, *, is_news: bool) -> None:
        decision = passed.decision
        low, high = decision.min, decision.max
        self._telemetry.decided(
            decision,
            news=is_news,
            samples=passed.record.observation.samples,
            bounds=None if low is None or high is None else (low, high),
        )

    def unclear(self, service_id: str) -> bool:
        """Whether somebody changed a service, and a look may soon show who.

        Where nobody decides about the service, no look shows it.
        """
        changed = self._memories.of(service_id).changed
        return changed is not None and self._clock() <= changed.at + SHOWS_WITHIN

    @property
    def remembered(self) -> Mapping[str, Memory]:
        """What is remembered, by service id."""
        return self._passes.memories

    def next_window(self) -> float:
        """When a schedule opens or closes next, or an order is over; infinite for never.

        In Unix seconds.
        """
        return min(self._passes.calendar.next_change(self._clock()), self._heeding.next_end())

    def proved(self) -> Sequence[Proof]:
        """Releases that have proved themselves, whose templates are now to be kept."""
        return self._keeping.take()

    async def keep(self, proof: Proof) -> None:
        """Keep a template; raises what the orchestrator and the store raise."""
        await self._keeping.keep(proof)

    async def act(self, intent: Intent) -> Outcome:
        """Do what was stored, and store how it ended."""
        outcome = await self._acts.act(intent)
        if intent.action.order is not None:
            await self._heeding.tidy()
        return outcome

    async def collect(self, present: Container[str]) -> None:
        """Forget services that have been gone for long; a sudden drop may be a mistake."""
        now = self._clock()
        known = {*self._passes.memories, *self._acts.open}
        self._absent = {key: self._absent.get(key, now) for key in known if key not in present}
        old = [key for key, since in self._absent.items() if now - since > FORGET_AFTER]
        for key in old:
            await self._acts.give_up(key, now)
        if old:
            await self._store.forget(old)
        for key in old:
            self._memories.forget(key)
            self._passes.forget(key)
            self._news.pop(key, None)
