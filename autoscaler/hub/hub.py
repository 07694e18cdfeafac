"""The controller's end of every conversation with a node's agent.

What agents say are hints, like the engine's own events: they wake passes, and are never
acted on by themselves. An agent that is silent is gone, and nothing follows from it but that
less is seen. Of two agents that claim one node the first is kept while it is heard, and
nothing is asked of that node until the dispute is over.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection

from autoscaler.agent.channel import Channel, Closed
from autoscaler.agent.messages import (
    Answer,
    Containers,
    Events,
    Goodbye,
    Happened,
    Hello,
    Kind,
    Refused,
    Statistics,
    Stop,
    Welcome,
    encode,
    from_agent,
)
from autoscaler.errors import Temporary
from autoscaler.hub.talk import Said, Talk
from autoscaler.model import Action, NodeUsage, TaskUsage
from autoscaler.ports import Clock
from autoscaler.telemetry import Telemetry

HELLO_WITHIN = 5.0
"""Seconds that a new agent may take to say who it is."""
MOST_AGENTS = 1000
MOST_FAULTS = 20
"""Messages not understood, and the conversation is over."""
DISPUTED_FOR = 60.0
"""Seconds after a second agent claimed a node for which nothing is asked of the node."""
SHOWN_AFTER = 1.0
"""Seconds after a container's end at which the managers show it too."""
MOST_OOM = 500
"""Services, and tasks of each, of which it is remembered that memory ran out."""

Hear = Callable[[NodeUsage], None]


class Hub:
    """Listens to agents, and asks them."""

    def __init__(self, telemetry: Telemetry, clock: Clock, silent_after: float = 15.0) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._silent_after = silent_after
        self._nodes: dict[str, Said] = {}
        self._ids = itertools.count(1)
        self._later: set[str] = set()
        self.wake: Callable[[str], None] = lambda service: None
        """Called with the id of a service that something happened to."""
        self.out_of_memory: dict[str, frozenset[str]] = {}
        """Ids of the tasks in whose containers memory ran out lately, by service id."""
        self.hear: list[Hear] = []
        """Called with what tasks of a node use."""

    async def attend(self, channel: Channel, peer: str, *, spare: bool = False) -> None:
        """Hold one conversation, from the agent's hello to its end.

        A spare agent gives way to another one of its node. Never raises but CancelledError.
        """
        try:
            hello = await self._greeted(channel)
            said, talk = await self._admit(channel, hello, spare=spare)
        except (Refused, Closed, TimeoutError) as error:
            await self._turn_away(channel, peer, error, told=not spare)
            return
        try:
            await channel.send(encode(Welcome(since=said.newest)))
            self._telemetry.agent_came(hello.node, hello.hostname, peer, len(self.talking()))
            await self._listen(said, talk)
            reason = "it left"
        except (Closed, TimeoutError) as error:
            reason = str(error) or f"silent for {self._silent_after:g} s"
        finally:
            replaced = said.talk is not talk
            self._leave(said, talk)
            await channel.close()
        if not replaced:
            self._telemetry.agent_went(hello.node, hello.hostname, reason, len(self.talking()))

    async def stop(self, action: Action, within: float) -> None:
        """Have the container of an action's task stopped by the agent of its node.

        Raises Temporary when it was not stopped, Permanent when the agent refuses, and
        OutcomeUnknown when no answer came within so many seconds.
        """
        talk = self._able(action.node)
        if talk is None:
            raise Temporary(f"no agent of node {action.node} stops containers now")
        request = Stop(
            id=f"{self._clock():.6f}-{next(self._ids)}",
            within=within,
            service=action.service_id,
            task=action.task,
            container=action.container,
        )
        await talk.ask(request)

    def stoppers(self) -> Collection[str]:
        """Ids of the nodes whose agent stops a container on request."""
        return {node for node in self._nodes if self._able(node) is not None}

    def talking(self) -> Collection[str]:
        """Ids of the nodes whose agent is there."""
        return {node for node, said in self._nodes.items() if said.talk is not None}

    def said(self, node: str) -> Said | None:
        """What the agents of a node said last."""
        return self._nodes.get(node)

    async def _greeted(self, channel: Channel) -> Hello:
        async with asyncio.timeout(HELLO_WITHIN):
            first = from_agent(await channel.receive())
        if not isinstance(first, Hello):
            raise Refused("unknown", f"{first.type} instead of a hello")
        return first

    async def _admit(self, channel: Channel, hello: Hello, *, spare: bool) -> tuple[Said, Talk]:
        """Raises Refused when the node has an agent already, or there are too many."""
        said = self._nodes.get(hello.node)
        if said is None and len(self._nodes) >= MOST_AGENTS and not self._forget():
            raise Refused("full", f"{MOST_AGENTS} agents are here already")
        if said is not None and said.talk is not None:
            await self._dispute(said, said.talk, hello, spare=spare)
        said = self._nodes.setdefault(hello.node, Said(hello))
        said.hello, said.heard = hello, self._clock()
        talk = said.talk = Talk(channel, hello, spare)
        return said, talk

    async def _dispute(self, said: Said, there: Talk, hello: Hello, *, spare: bool) -> None:
        """The agent that is there stays, unless it is the same one again, or a spare one."""
        if there.hello.instance == hello.instance or (there.spare and not spare):
            said.talk = None
            await there.channel.close()
            return
        if not spare:
            said.disputed = self._clock()
        raise Refused("claimed", f"node {hello.hostname} has an agent already")

    def _forget(self) -> bool:
        """Forget a node without an agent; whether there was one."""
        gone = next((node for node, said in self._nodes.items() if said.talk is None), None)
        if gone is None:
            return False
        del self._nodes[gone]
        return True

    async def _turn_away(
        self, channel: Channel, peer: str, error: Exception, *, told: bool
    ) -> None:
        reason = error.reason if isinstance(error, Refused) else "silent"
        if told:
            self._telemetry.agent_refused(reason, peer, str(error) or "no hello in time")
        try:
            await channel.send(encode(Goodbye(reason=str(error)[:500] or "no hello in time")))
        except Closed:
            return
        finally:
            await channel.close()

    async def _listen(self, said: Said, talk: Talk) -> None:
        while said.talk is talk:
            async with asyncio.timeout(self._silent_after):
                try:
                    message = from_agent(await talk.channel.receive())
                except Refused as error:
                    self._count_fault(talk, error)
                    continue
            said.heard = self._clock()
            self._take(said, talk, message)

    def _count_fault(self, talk: Talk, error: Refused) -> None:
        talk.faults += 1
        self._telemetry.agent_refused(error.reason, talk.hello.hostname, str(error))
        if talk.faults >= MOST_FAULTS:
            raise Closed(f"{talk.faults} messages were not understood") from error

    def _take(self, said: Said, talk: Talk, message: object) -> None:
        if isinstance(message, Events):
            for event in message.events:
                self._note(said, event)
        elif isinstance(message, Containers):
            self._compare(said, message)
        elif isinstance(message, Statistics):
            self._pass_on(said.hello.node, message)
        elif isinstance(message, Answer):
            talk.hear(message)

    def _note(self, said: Said, event: Happened) -> None:
        """Wake the service; later too, when the managers know of it, for they know later."""
        # A time that has not come yet would hide all that happens until then.
        said.newest = max(said.newest, min(event.at, int(self._clock() * 1e9)))
        what = f"{event.kind.value} {event.health}"
        if not said.recent.add(("container", event.container, what, event.at)):
            return
        self._telemetry.agent_event(event.kind.value)
        if event.kind is Kind.OOM:
            self._remember_oom(event)
        self.wake(event.service)
        if event.kind is Kind.DIE and event.service not in self._later:
            self._later.add(event.service)
            asyncio.get_running_loop().call_later(SHOWN_AFTER, self._wake_later, event.service)

    def _remember_oom(self, event: Happened) -> None:
        """Of each service the last ones; the oldest service makes room."""
        known = self.out_of_memory.pop(event.service, frozenset())
        kept = known if len(known) < MOST_OOM else frozenset[str]()
        self.out_of_memory[event.service] = kept | {event.task}
        if len(self.out_of_memory) > MOST_OOM:
            del self.out_of_memory[next(iter(self.out_of_memory))]

    def _wake_later(self, service: str) -> None:
        self._later.discard(service)
        self.wake(service)

    def _compare(self, said: Said, message: Containers) -> None:
        """A list shows what no event told."""
        now = {one.container: one.service for one in message.running}
        changed = now.keys() ^ said.containers.keys()
        for service in {now.get(key) or said.containers[key] for key in changed}:
            self.wake(service)
        said.containers = now

    def _pass_on(self, node: str, message: Statistics) -> None:
        tasks = tuple(
            TaskUsage(
                task_id=one.task,
                service_id=one.service,
                at=one.at,
                cpu=one.cpu,
                memory=one.memory,
            )
            for one in message.used
        )
        usage = NodeUsage(node_id=node, cores=message.cores, memory=message.memory, tasks=tasks)
        for hear in self.hear:
            hear(usage)

    def _leave(self, said: Said, talk: Talk) -> None:
        talk.end()
        if said.talk is talk:
            said.talk = None

    def _able(self, node: str) -> Talk | None:
        """The conversation in which a stop can be asked for."""
        said = self._nodes.get(node)
        if said is None or said.talk is None or "stop" not in said.talk.hello.verbs:
            return None
        return None if self._clock() < said.disputed + DISPUTED_FOR else said.talk
