"""What wakes a pass: the ticker, the engine's events, a reload.

Triggers never decide. A tick looks at the whole fleet and asks all sources; a wake-up
refreshes one service and passes over it with the samples that are known. Wake-ups are
coalesced, and an event that is lost costs latency only: the next tick sees all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from autoscaler import garbage
from autoscaler.errors import Gone, Temporary
from autoscaler.keeping import Proof
from autoscaler.model import Fleet, Intent, NodeState, Outcome, Service
from autoscaler.policy_files import LoadedPolicy
from autoscaler.ports import Clock, Orchestrator, Source
from autoscaler.reconciler import Reconciler
from autoscaler.sampling import sample
from autoscaler.telemetry import Telemetry
from autoscaler.turns import Turns
from autoscaler.view import Samples, View

MOST_SINGLE_WAKES = 50
"""Above this many services to refresh one by one, the whole fleet is looked at."""
SMALL_FLEET = 1000
"""Services up to which that look alone is cheaper than a look at each of so many besides."""
ACTS_FIRST = 0.5
"""Seconds for which looks wait for actions under way: our own writes are events, too."""
CONFLICT_PAUSE = 0.2
"""Seconds before a service is looked at again after somebody else wrote it first."""
UNCLEAR_PAUSE = 1.0
"""Seconds between looks at a service of which it is not clear who changed it."""
QUICK_READ = 0.5
"""Seconds that a service waits for sources when it, or what it asks, is new; ticks ask again."""
WAKE_GAP = 0.05
"""Seconds between looks at single services, so that a storm of events is one look."""
SHORTEST_GAP = 0.5
"""Seconds between looks at the whole fleet, however many events ask for one."""

Covering = Callable[[Service], Sequence[LoadedPolicy]]


class Controller:
    """Runs passes, for ever, until its tasks are cancelled."""

    def __init__(
        self,
        *,
        orchestrator: Orchestrator,
        sources: Mapping[str, Source],
        reconciler: Reconciler,
        view: View,
        covering: Covering,
        telemetry: Telemetry,
        clock: Clock,
        interval: float,
        observe_within: float = 25.0,
        read_within: float = 10.0,
        act_concurrency: int = 16,
    ) -> None:
        self._orchestrator = orchestrator
        self._sources = sources
        self._reconciler = reconciler
        self._view = view
        self._covering = covering
        self._telemetry = telemetry
        self._clock = clock
        self._interval = interval
        self._observe_within = observe_within
        self._read_within = read_within
        self._slots = asyncio.Semaphore(act_concurrency)
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._tick_now = asyncio.Event()
        self._next_tick = float("-inf")
        self._pauses: dict[str, float] = {}
        self._acts: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None

    def start(self, group: asyncio.TaskGroup) -> Sequence[asyncio.Task[None]]:
        """Start the long-lived tasks; they end by being cancelled."""
        self.use(group)
        return [
            group.create_task(self._tick(), name="ticker"),
            group.create_task(self._wake_ups(), name="wake-ups"),
            group.create_task(self._listen(), name="event listener"),
        ]

    def use(self, group: asyncio.TaskGroup) -> None:
        """Where actions run."""
        self._group = group

    async def drain(self, seconds: float) -> None:
        """Let actions under way end, for so long at most; then cancel them.

        An action that is cut off stays an open intent and is settled at the next start.
        """
        if self._acts:
            _, late = await asyncio.wait(self._acts, timeout=seconds)
            for task in late:
                task.cancel()

    def wake(self, service_id: str | None = None) -> None:
        """Look at one service soon, or at the whole fleet."""
        if service_id is None or len(self._due) >= MOST_SINGLE_WAKES:
            self._tick_now.set()
            if len(self._view.services) <= SMALL_FLEET:
                self._due.clear()
        else:
            self._due.add(service_id)
            self._woken.set()

    async def cycle(self, *, ask_all: bool = True) -> None:
        """Observe the fleet, ask the sources, pass over every service."""
        started = self._clock()
        fleet = await self._snapshot()
        for service in self._view.adopt(fleet):
            self._telemetry.gone(service.name)
        ready = sum(node.state is NodeState.READY for node in fleet.nodes.values())
        self._telemetry.observed(self._clock() - started, ready)
        services = list(self._view.services.values())
        self._view.answer(await self._sample(self._to_ask(services, ask_all=ask_all)))
        await self._pass(services)
        self._view.passed = self._clock()
        await self._reconciler.collect(fleet.services)
        self._telemetry.passed(self._clock() - started, len(services))

    def _to_ask(self, services: Sequence[Service], *, ask_all: bool) -> Sequence[Service]:
        """However many events come between two ticks, they ask for what is new only."""
        if ask_all:
            return services
        return [service for service in services if self._asks_anew(service)]

    async def _snapshot(self) -> Fleet:
        try:
            async with asyncio.timeout(self._observe_within):
                return await self._orchestrator.snapshot()
        except TimeoutError as error:
            told = f"the cluster was not observed within {self._observe_within:g} s"
            raise Temporary(told) from error

    async def refresh(self, service_id: str) -> None:
        """Observe one service, and pass over it."""
        at = self._clock()
        try:
            async with asyncio.timeout(self._observe_within):
                service, tasks = await self._orchestrator.inspect(service_id)
        except Gone:
            self._gone(service_id)
            return
        self._view.refresh(service, tasks, at)
        if self._asks_anew(service):
            within = min(QUICK_READ, self._read_within)
            self._view.answer(await self._sample([service], within))
        await self._pass([service])
        self._mind_windows()

    def _asks_anew(self, service: Service) -> bool:
        """Whether the service, or what its policy asks about it, is new."""
        samples, policies = self._view.samples.get(service.id), self._covering(service)
        if not policies:
            return False
        return samples is None or not samples.answer(policies[0].policy)

    def _mind_windows(self) -> None:
        """A schedule that is new to us may open before the next tick."""
        loop = asyncio.get_running_loop()
        opens = loop.time() + self._reconciler.next_window() - self._clock()
        if opens < self._next_tick:
            self._next_tick = opens
            loop.call_at(opens, self.wake)

    def _gone(self, service_id: str) -> None:
        if (dropped := self._view.drop(service_id)) is not None:
            self._telemetry.gone(dropped.name)

    async def _sample(
        self, services: Iterable[Service], within: float | None = None
    ) -> Mapping[str, Samples]:
        """Ask about the services that exactly one policy covers."""
        covered, turns = [], Turns()
        for service in services:
            await turns.next()
            policies = self._covering(service)
            if len(policies) == 1 and not policies[0].problems:
                covered.append((policies[0].policy, service))
        tasks, now, within = self._view.tasks, self._clock(), within or self._read_within
        return await sample(covered, self._sources, tasks, now, within, self._reconciler.remembered)

    async def _pass(self, services: Sequence[Service]) -> None:
        await self._reconciler.heed()
        for intent in await self._reconciler.reconcile(services, self._covering):
            self._spawn(intent)
        for proof in self._reconciler.proved():
            self._keep(proof)
        for service in services:
            if self._reconciler.unclear(service.id):
                # Others of its stack may be written meanwhile, which wakes them, not this one.
                asyncio.get_running_loop().call_later(UNCLEAR_PAUSE, self.wake, service.id)

    def _spawn(self, intent: Intent) -> None:
        name = intent.action.service
        work = self._guarded("action", self._act(intent), service=name)
        self._run(work, f"{intent.action.kind} {name}")

    def _keep(self, proof: Proof) -> None:
        async def within_slot() -> None:
            async with self._slots, asyncio.timeout(self._observe_within):
                await self._reconciler.keep(proof)

        name = proof.service.name
        self._run(self._guarded("revision", within_slot(), service=name), f"keep {name}")

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._group is None:
            raise RuntimeError("start() or use() comes first")
        task = self._group.create_task(work, name=name)
        self._acts.add(task)
        task.add_done_callback(self._acts.discard)

    async def _act(self, intent: Intent) -> None:
        async with self._slots:
            outcome = await self._reconciler.act(intent)
        if outcome in (Outcome.CONFLICT, Outcome.UNKNOWN):
            self._look_again(intent.action.service_id)
        else:
            self._pauses.pop(intent.action.service_id, None)

    def _look_again(self, service_id: str) -> None:
        """Soon; ever later where it goes on like that."""
        pause = self._pauses.get(service_id, CONFLICT_PAUSE)
        self._pauses[service_id] = min(2 * pause, self._interval)
        asyncio.get_running_loop().call_later(pause, self.wake, service_id)

    async def _tick(self) -> None:
        """A cycle at each multiple of the interval; between them a look when asked for one."""
        loop = asyncio.get_running_loop()
        due, settled = loop.time(), False
        while True:
            if not (on_time := loop.time() >= due):
                await self._let_act()
            self._tick_now.clear()
            await self._guarded("cycle", self.cycle(ask_all=on_time))
            if not settled and self._view.at is not None:
                garbage.settle()
                settled = True
            if on_time:
                due = max(due + self._interval, loop.time())
            opens = loop.time() + self._reconciler.next_window() - self._clock()
            self._next_tick = min(due, opens)
            await asyncio.sleep(min(SHORTEST_GAP, self._interval))
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_tick):
                    await self._tick_now.wait()

    async def _wake_ups(self) -> None:
        while True:
            await self._woken.wait()
            await self._let_act()
            self._woken.clear()
            due, self._due = self._due, set()
            await asyncio.gather(*(self._wake_up(service_id) for service_id in due))
            await asyncio.sleep(WAKE_GAP)

    async def _let_act(self) -> None:
        if self._acts:
            await asyncio.wait(self._acts, timeout=ACTS_FIRST)

    async def _wake_up(self, service_id: str) -> None:
        name = known.name if (known := self._view.services.get(service_id)) else service_id
        await self._guarded("wake-up", self.refresh(service_id), service=name)

    async def _listen(self) -> None:
        """Events are hints: about a service, or that the whole fleet must be looked at."""
        while True:
            await self._guarded("event stream", self._follow_events())
            # The stream reconnects by itself; that it ended at all is a fault of its own.
            await asyncio.sleep(1.0)

    async def _follow_events(self) -> None:
        connected = False
        async for event in self._orchestrator.events():
            if event.kind == "stream" and connected:
                self._telemetry.stream_reconnected(event.attributes.get("reason", ""))
            connected = True
            self.wake(event.service_id)

    async def _guarded(self, where: str, work: Awaitable[None], *, service: str = "") -> None:
        """The one place that catches broadly: the loop is the retry."""
        try:
            await work
        except Exception as error:  # noqa: BLE001
            self._telemetry.error(where, error, service=service)
        else:
            self._telemetry.well(where, service=service)
