"""Carries stored intents out, and sees to it that each one's end is known and stored.

An intent stays open until its outcome is read, and an outcome stays owed until the store has
it. Which intents there are is found in `reconciler.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autoscaler.decide import recall
from autoscaler.errors import (
    AutoscalerError,
    Conflict,
    Gone,
    OutcomeUnknown,
    Refused,
    Temporary,
)
from autoscaler.memories import Memories
from autoscaler.model import Act, Action, Decision, Intent, Memory, Outcome, Service
from autoscaler.outcomes import judge
from autoscaler.passes import Passes
from autoscaler.ports import Clock, Orchestrator, Store
from autoscaler.revisions import differences
from autoscaler.telemetry import Telemetry

SETTLED_AT_ONCE = 16
"""Services that are read at the same time to learn how actions ended."""
PAID_AT_ONCE = 100
"""Outcomes that are given to the store together."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An outcome that the store has not taken yet."""

    intent: Intent
    outcome: Outcome
    detail: str
    at: float
    remembered: bool = False
    """Whether a memory follows from it."""


class Acts:
    """Acts that are being done, whose end is open, or whose outcome is owed to the store."""

    def __init__(
        self,
        passes: Passes,
        memories: Memories,
        orchestrator: Orchestrator,
        store: Store,
        telemetry: Telemetry,
        clock: Clock,
        intents: Iterable[Intent] = (),
        act_within: float = 25.0,
    ) -> None:
        """`intents` are those whose end an earlier run left open."""
        self._passes = passes
        self._memories = memories
        self._orchestrator = orchestrator
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._act_within = act_within
        self.busy: set[str] = set()
        """Ids of services that an action is under way for."""
        self.open = {intent.action.service_id: intent for intent in intents}
        """By service id, the action whose end is not known."""
        for intent in self.open.values():
            # What may have been removed counts until it is known.
            passes.brake.begin(intent.action.service_id, intent.action.change)
            passes.heal_brake.begin(intent.action, intent.at)
        self._owed: list[Owed] = []
        self._errors: dict[str, AutoscalerError] = {}
        """Why acts were not done, by the ids of their intents, until that is remembered."""
        self._paying = asyncio.Lock()

    def reserve(self, decision: Decision) -> None:
        """Later services of the same pass see what earlier ones take from the brake.

        Whatever wakes the service before its action is done leaves it alone.
        """
        action = decision.action
        if action is not None:
            self.busy.add(action.service_id)
            self._passes.brake.begin(action.service_id, action.change)
            self._passes.heal_brake.begin(action, decision.at)

    def end(self, action: Action, *, done: bool) -> None:
        """Free the service again; what was reserved and not done is given back.

        What a person has taken away does not count against the policies.
        """
        self.busy.discard(action.service_id)
        counts = done and action.order is None
        self._passes.brake.end(action.service_id, self._clock(), done=counts)

    def owe_unsent(self, intents: Iterable[Intent], at: float) -> None:
        """They may be stored, and are not sent: a later start must not wonder."""
        told = "it was not sent: the store did not answer in time"
        self._owed += [Owed(each, Outcome.FAILED, told, at) for each in intents]

    async def give_up(self, service_id: str, now: float) -> None:
        """Nothing can be read of a service that has been gone for long."""
        intent = self.open.pop(service_id, None)
        if intent is not None:
            await self._finish(intent, Outcome.FAILED, "the service is gone", now)

    async def act(self, intent: Intent) -> Outcome:
        """Do what was stored, and store how it ended."""
        started = self._clock()
        others_at = self._passes.others_wrote_at(intent.action.service_id)
        service, outcome, detail = await self._apply(intent)
        now = self._clock()
        if outcome is Outcome.UNKNOWN:
            self.open[intent.action.service_id] = intent
        self._telemetry.acted(
            intent, outcome, detail, now - started, self._latency(intent, started)
        )
        if service is not None:
            self._passes.view.refresh(service, None, now)
            self._passes.we_wrote(service, others_at)
        if outcome is Outcome.UNKNOWN:
            self.busy.discard(intent.action.service_id)
        else:
            await self._finish(intent, outcome, detail, now)
        return outcome

    async def _apply(self, intent: Intent) -> tuple[Service | None, Outcome, str]:
        try:
            async with asyncio.timeout(self._act_within):
                return await self._do(intent.action)
        except TimeoutError:
            return None, Outcome.UNKNOWN, f"no answer within {self._act_within:g} s"
        except Conflict as error:
            return None, Outcome.CONFLICT, str(error)
        except OutcomeUnknown as error:
            return None, Outcome.UNKNOWN, str(error)
        except AutoscalerError as error:
            self._errors[intent.id] = error
            return None, Outcome.FAILED, str(error)
        except Exception as error:  # noqa: BLE001
            # The adapter's fault, and nobody knows how far it came.
            self._telemetry.error("action", error, service=intent.action.service)
            return None, Outcome.UNKNOWN, repr(error)

    async def _do(self, action: Action) -> tuple[Service, Outcome, str]:
        if action.kind is not Act.ROLLBACK:
            return await self._orchestrator.apply(action), Outcome.DONE, ""
        template = await self._store.template(action.service_id, action.release)
        if template is None:
            raise Refused(f"release {action.release} is not kept any more")
        before = await self._orchestrator.template(action.service_id)
        told = differences(before, template)
        if not template.pinned:
            told.append("its image has no digest: it is what the tag means now")
        return await self._orchestrator.restore(action, template), Outcome.DONE, "; ".join(told)

    async def _finish(self, intent: Intent, outcome: Outcome, detail: str, now: float) -> None:
        """Remember how an act ended, and store it, now or as soon as that is possible."""
        key = intent.action.service_id
        memory = self._remembered(intent, outcome, now)
        if memory is not None:
            self._memories.keep(key, memory)
        self.end(intent.action, done=outcome is Outcome.DONE)
        remembered = memory is not None or intent.action.order is not None
        self._owed.append(Owed(intent, outcome, detail, now, remembered))
        await self.pay()

    def _remembered(self, intent: Intent, outcome: Outcome, now: float) -> Memory | None:
        """What is known after an act; None where nothing has changed."""
        memory, action = self._memories.of(intent.action.service_id), intent.action
        if outcome is Outcome.DONE:
            return recall.after(memory, action, now)
        error = self._errors.pop(intent.id, None)
        if outcome is not Outcome.FAILED or not (action.heals or action.order):
            return None
        if isinstance(error, Temporary):
            # An order stands until its time is over: the next pass tries again.
            return None if action.order else recall.unsent(memory, str(error), now)
        if not action.heals:
            return recall.obeyed(memory, action) if error else None
        # A cure that was refused counts as tried: it waits its turn like one that did not help.
        known = recall.refused if isinstance(error, Refused) else recall.tried
        return known(memory, action, now, str(error or ""))

    async def pay(self) -> None:
        """Store the outcomes that are known and not stored yet, oldest first.

        One at a time pays for all: the acts that end meanwhile are stored together.
        """
        async with self._paying:
            while self._owed:
                due = self._owed[:PAID_AT_ONCE]
                stored = await asyncio.gather(*map(self._pay, due))
                paid = [*stored, False].index(False)
                del self._owed[:paid]
                if paid < len(due):
                    return

    async def _pay(self, owed: Owed) -> bool:
        """Whether the store has taken it. It may have had it before: the last word counts."""
        try:
            memory = self._memory(owed)
            await self._store.settle(owed.intent, owed.outcome, owed.detail, owed.at, memory)
        except AutoscalerError as error:
            self._telemetry.store_failed(error)
            return False
        self._telemetry.well("store")
        return True

    def _memory(self, owed: Owed) -> Memory | None:
        """As it is now: later passes may have stored what a memory of that time does not hold."""
        return self._passes.memories.get(owed.intent.action.service_id) if owed.remembered else None

    async def settle(self, services: Iterable[Service]) -> dict[str, str]:
        """Read how earlier acts ended; answer what still cannot be told, by service id."""
        unsettled = {}
        intents = [self.open[service.id] for service in services if service.id in self.open]
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
        outcome, detail = await self._read(intent, at)
        if outcome is None:
            return detail
        if self.open.get(key) is not intent:
            return None  # another pass was quicker
        del self.open[key]
        memory, action = self._memories.of(key), intent.action
        if action.order is not None:
            if action.heals or outcome is not Outcome.FAILED:
                # It may show yet, or others wrote over it: nothing is restarted twice. A number
                # of replicas that was not set may be set again.
                self._memories.keep(key, recall.obeyed(memory, action))
        elif outcome is Outcome.FAILED and not action.heals:
            self._memories.keep(key, recall.doubted(memory, action, at))
        self._telemetry.settled(intent, outcome, detail)
        await self._finish(intent, outcome, detail, intent.at)
        return None

    async def _read(self, intent: Intent, at: float) -> tuple[Outcome | None, str]:
        """How an act ended and how that is known, or why it is not known."""
        action = intent.action
        try:
            async with asyncio.timeout(self._act_within):
                service, tasks = await self._orchestrator.inspect(action.service_id)
        except Gone as error:
            return Outcome.FAILED, str(error)
        except (AutoscalerError, TimeoutError) as error:
            told = str(error) or "no answer"
        except Exception as error:  # noqa: BLE001
            # The adapter's fault with one service; the others do not wait for it.
            self._telemetry.error("action", error, service=action.service)
            told = repr(error)
        else:
            self._passes.view.refresh(service, tasks, at)
            outcome = judge(intent, service, tasks, at)
            open_still = f"the last action ({action.told}) may still be under way"
            return outcome, open_still if outcome is None else "settled by reading"
        return None, f"whether the last action ({action.told}) was done is not known: {told}"

    def _latency(self, intent: Intent, started: float) -> float | None:
        """Seconds from the newest sample behind an action to its call."""
        samples = self._passes.view.samples.get(intent.action.service_id)
        times = [s.at for s in samples.metrics.values() if s.at is not None] if samples else []
        return started - max(times) if times else None
