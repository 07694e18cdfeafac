"""The composition root: settings → adapters → controller, in one TaskGroup.

Everyone else receives what is built here; tests hand in their own parts.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from autoscaler import named_files, web
from autoscaler.adapters import adapter, build_notifiers, build_sources
from autoscaler.agent import process as agent_process
from autoscaler.anew import Anew
from autoscaler.brake import Brake, BrakeLimits
from autoscaler.controller import Controller
from autoscaler.covering import Covering
from autoscaler.decide import recall
from autoscaler.errors import Permanent
from autoscaler.hub import Hub
from autoscaler.inbox import Inbox
from autoscaler.inside import keep_agent
from autoscaler.loop_lag import watch_loop_lag
from autoscaler.model import Orders, Record
from autoscaler.notifications import Notifications
from autoscaler.passes import Passes
from autoscaler.policy_files import (
    LoadedPolicy,
    PolicyFiles,
    PolicySet,
    PolicyWatcher,
    nothing_kept,
)
from autoscaler.ports import Clock, HearsUsage, Notifier, Orchestrator, PolicyKeeper, Source, Store
from autoscaler.reconciler import Reconciler
from autoscaler.sampling import sample
from autoscaler.serving import Loop, site
from autoscaler.settings import Settings
from autoscaler.signals import stop_on_signals, tell_stopped
from autoscaler.stores import store_of
from autoscaler.telemetry import Telemetry, configure_logging
from autoscaler.view import View
from autoscaler.with_agents import WithAgents

STOP_TIME = 2.0
"""Seconds that actions under way are given to end when the service is told to stop."""
STOP_SHARE = 0.9
"""The part of an action's deadline that an agent may take to stop a container."""


@dataclass
class Parts:
    """What the service is made of."""

    settings: Settings
    orchestrator: Orchestrator
    sources: Mapping[str, Source]
    store: Store
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    telemetry: Telemetry = field(default_factory=Telemetry)
    clock: Clock = time.time
    view: View = field(default_factory=View)
    hub: Hub = field(init=False)
    inbox: Inbox = field(init=False)
    notifications: Notifications = field(init=False)

    def __post_init__(self) -> None:
        """The hub, the inbox, and what is told to people, count on the same telemetry and clock."""
        settings, telemetry, clock = self.settings, self.telemetry, self.clock
        self.inbox = Inbox(self.store, self.sources, telemetry, clock)
        self.hub = Hub(telemetry, clock, settings.agents.silent_after)
        self.notifications = Notifications(
            self.notifiers, settings.notify, telemetry, clock, settings.public_url or ""
        )


@asynccontextmanager
async def build(
    settings: Settings,
    *,
    read_only: bool = False,
    give_way: Callable[[Permanent], None] | None = None,
) -> AsyncIterator[Parts]:
    """The real adapters; they are closed in reverse order at the end.

    With `give_way` it is for a controller, which hears by it that another one acts now.
    """
    async with AsyncExitStack() as stack:
        store = await store_of(settings, read_only=read_only, or_empty=read_only, acting=give_way)
        stack.push_async_callback(store.close)
        orchestrator = adapter("orchestrators", settings.orchestrator)
        stack.push_async_callback(orchestrator.close)
        sources = build_sources(settings)
        for source in sources.values():
            stack.push_async_callback(source.close)
        notifiers = build_notifiers(settings)
        for notifier in notifiers.values():
            stack.push_async_callback(notifier.close)
        yield Parts(settings, orchestrator, sources, store, notifiers)


async def run(settings: Settings) -> None:
    """The service, until SIGTERM or SIGINT. Raises Permanent if another controller acts instead."""
    configure_logging(settings.log.format, settings.log.level)
    named_files.tell(named_files.of_controller(settings))
    stop, successor = stop_on_signals(), list[Permanent]()

    def give_way(error: Permanent) -> None:
        successor.append(error)
        stop.set()

    async with build(settings, give_way=give_way) as parts:
        await serve(parts, stop)
    if successor:
        raise successor[0]
    tell_stopped()


async def run_agent(settings: Settings) -> None:
    """The agent of a node, until SIGTERM or SIGINT."""
    configure_logging(settings.log.format, settings.log.level)
    named_files.tell(named_files.of_agent(settings))
    await agent_process.run(settings, stop_on_signals())
    tell_stopped()


async def serve(parts: Parts, stop: asyncio.Event) -> None:
    """Run the given parts until `stop` is set; then end cleanly within three seconds."""
    settings = parts.settings
    watcher = PolicyWatcher(
        settings.policy_paths,
        settings.source_plugins,
        notifiers=settings.notifiers,
        kept=keeper(parts),
    )
    loop = await assemble(parts, watcher)
    await watcher.begin()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, watcher.reload)
    application = web.build(site(parts, loop))
    server = web.serve(application, *settings.address, tls=web.tls(settings.api))
    async with server, asyncio.TaskGroup() as group:
        lag = group.create_task(watch_loop_lag(parts.telemetry), name="loop lag")
        await work(parts, loop, stop)
        lag.cancel()


async def work(parts: Parts, loop: Loop, stop: asyncio.Event) -> None:
    """All that goes on behind the address, until `stop` is set."""
    settings, watcher = parts.settings, loop.watcher
    async with asyncio.TaskGroup() as group:
        tasks = [
            *loop.controller.start(group),
            *parts.notifications.start(group),
            group.create_task(watcher.watch(), name="policy watcher"),
            group.create_task(parts.inbox.work(), name="alerts"),
            group.create_task(keep_agent(parts.hub, settings, parts.telemetry), name="own agent"),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await loop.controller.drain(STOP_TIME)


def keeper(parts: Parts) -> Callable[[], Awaitable[Mapping[str, bytes]]]:
    """Whom to ask for the policies that the cluster keeps."""
    cluster = parts.orchestrator
    if parts.settings.policies_in_cluster and isinstance(cluster, PolicyKeeper):
        return cluster.policies
    return nothing_kept


async def assemble(parts: Parts, watcher: PolicyWatcher) -> Loop:
    """The loop, with what an earlier run remembered."""
    passes = await remembered(parts)
    covering = Covering(
        lambda: watcher.current if watcher.loaded else None, parts.settings.source_plugins
    )
    passes.agents = parts.hub.stoppers
    within = STOP_SHARE * parts.settings.deadlines.act
    orchestrator = WithAgents(parts.orchestrator, parts.hub, within)
    reconciler = Reconciler(
        passes,
        orchestrator,
        parts.store,
        parts.telemetry,
        parts.clock,
        await parts.store.open_intents(),
        act_within=parts.settings.deadlines.act,
    )
    controller = Controller(
        orchestrator=orchestrator,
        sources=parts.sources,
        reconciler=reconciler,
        view=parts.view,
        covering=covering,
        telemetry=parts.telemetry,
        clock=parts.clock,
        interval=parts.settings.interval,
        observe_within=parts.settings.deadlines.observe,
        read_within=parts.settings.deadlines.read,
        act_concurrency=parts.settings.act_concurrency,
    )
    await parts.inbox.recall()
    parts.inbox.anew = Anew(
        parts.view, covering, parts.sources, parts.telemetry, parts.clock, controller.wake
    )
    parts.hub.wake = controller.wake
    parts.hub.hear = [s.hear for s in parts.sources.values() if isinstance(s, HearsUsage)]
    watcher.on_loaded = lambda loaded: _loaded(parts, controller, loaded)
    watcher.on_failed = lambda problems: parts.telemetry.policies_failed([*map(str, problems)])
    watcher.on_unknown = lambda error: parts.telemetry.error("policies of the cluster", error)
    watcher.on_known = lambda: parts.telemetry.well("policies of the cluster")
    return Loop(controller, passes, covering, watcher)


def _loaded(parts: Parts, controller: Controller, loaded: PolicySet) -> None:
    parts.notifications.follow(loaded)
    parts.telemetry.policies_loaded(len(loaded.policies))
    controller.wake()


async def remembered(parts: Parts) -> Passes:
    """The passes, with the memories of the store and the brake that follows from them."""
    stored = await parts.store.memories()
    passed_at = await parts.store.passed_at() or 0.0
    now = parts.clock()
    longest = 2 * parts.settings.interval + 10.0
    away = max(recall.AWAY, longest)
    memories = {key: recall.awake(memory, passed_at, now, away) for key, memory in stored.items()}
    brake = parts.settings.brake
    limits = BrakeLimits(brake.percent, brake.at_least, brake.period, brake.max_total_replicas)
    passes = Passes(
        parts.view,
        Brake(limits, memories.values()),
        memories,
        longest_sample_age=longest,
        started=now,
    )
    passes.revisions.update(await parts.store.revisions())
    return passes


class Planned(NamedTuple):
    """What one pass would do."""

    records: list[Record]
    idle: tuple[LoadedPolicy, ...]
    """Policies that cover no service of the cluster."""


async def plan(settings: Settings, service: str | None = None) -> Planned:
    """One pass against the real cluster and metrics that changes and stores nothing."""
    async with build(settings, read_only=True) as parts:
        files = PolicyFiles(settings.policy_paths, settings.source_plugins, settings.notifiers)
        policies = files.load(await keeper(parts)())
        passes = await remembered(parts)
        await parts.inbox.recall()
        passes.orders = Orders.of(await parts.store.orders())
        parts.view.adopt(await parts.orchestrator.snapshot())
        covering = Covering(lambda: policies, settings.source_plugins)
        records = await _plan(parts, passes, covering, service)
        return Planned(records, policies.idle(parts.view.services.values()))


async def _plan(parts: Parts, passes: Passes, covering: Covering, name: str | None) -> list[Record]:
    chosen = [s for s in parts.view.services.values() if name is None or s.name == name]
    covered = {s.id: found for s in chosen if (found := covering(s))}
    asked = [(covered[s.id][0].policy, s) for s in chosen if len(covered.get(s.id, ())) == 1]
    now = parts.clock()
    within = parts.settings.deadlines.read
    parts.view.samples |= await sample(
        asked, parts.sources, parts.view.tasks, now, within, passes.memories
    )
    batch = passes.begin(parts.clock())
    return [batch.over(s, covered[s.id]).record for s in chosen if s.id in covered]
