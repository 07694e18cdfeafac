"""Several Alertmanagers, and the Prometheus that raises alerts at all of them."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from functools import partial
from typing import Self

from aiohttp import web

from autoscaler.ports import Clock
from autoscaler.testing.alertmanager.held import Held
from autoscaler.testing.alertmanager.member import Member
from autoscaler.testing.alertmanager.notices import Notice
from autoscaler.testing.alertmanager.route import Route
from autoscaler.testing.network import Network

RESENT = 60.0
"""Seconds after which Prometheus sends an alert again that fires on."""
LASTS = 4 * RESENT
"""Seconds after which an alert ends of which Prometheus says nothing any more."""
ENDS_RESENT = 900.0
"""Seconds for which Prometheus goes on to send that an alert has ended."""


class Pair:
    """Members in a network, `alertmanager1` and so on; each of them waits for those before it."""

    def __init__(
        self, route: Route, clock: Clock, network: Network, rng: random.Random, count: int = 2
    ) -> None:
        self._clock = clock
        self._network = network
        self._firing: dict[str, Held] = {}
        self._ended: dict[str, Held] = {}
        self._apart = False
        self.silent = False
        """Prometheus sends nothing."""
        names = [f"alertmanager{number + 1}" for number in range(count)]
        self.members = [
            Member(route, clock, rng, partial(network.connector, name), position, name)
            for position, name in enumerate(names)
        ]
        for member in self.members:
            member.on_notice = partial(self._gossip, member)
        self._runners: list[web.AppRunner] = []
        self._resending: asyncio.Task[None] | None = None

    @property
    def apart(self) -> bool:
        """Whether the members hear nothing of each other, so that each of them tells."""
        return self._apart

    @apart.setter
    def apart(self, apart: bool) -> None:
        self._apart = apart
        for member in self.members if not apart else ():
            for other in self.members:
                member.notices.hear_all(other.notices)

    def stop(self, number: int) -> None:
        """One member is gone, and nobody listens where it was; idempotent."""
        self.members[number].stop()
        self._network.close(self.members[number].name)

    def start(self, number: int) -> None:
        """It is back, and hears from the others what was told; alerts come when they are resent."""
        member = self.members[number]
        member.start()
        self._network.listen(member.name, self._runners[number])
        for other in self.members if not self._apart else ():
            member.notices.hear_all(other.notices)

    def fire(self, name: str, **labels: str) -> None:
        """An alert fires until it is ended."""
        now = self._clock()
        stated = {"alertname": name, **labels}
        notes = {"summary": f"{name} fires"}
        alert = Held(stated, now, now + LASTS, now, notes, "http://prometheus:9090/graph")
        if alert.fingerprint not in self._firing:
            self._ended.pop(alert.fingerprint, None)
            self._firing[alert.fingerprint] = alert
            self._send([alert])

    def end(self, name: str, **labels: str) -> None:
        """It does not fire any more; nothing, if it did not."""
        now = self._clock()
        key = Held({"alertname": name, **labels}, now, now, now).fingerprint
        known = self._firing.pop(key, None)
        if known is not None:
            self._ended[key] = replace(known, ends_at=now, updated_at=now)
            self._send([self._ended[key]])

    async def __aenter__(self) -> Self:
        for member in self.members:
            runner = web.AppRunner(member.application(), access_log=None)
            await runner.setup()
            self._network.listen(member.name, runner)
            self._runners.append(runner)
        self._resending = asyncio.create_task(self._resend(), name="prometheus sends alerts")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._resending is not None:
            self._resending.cancel()
        for number, runner in enumerate(self._runners):
            self.stop(number)
            await runner.cleanup()

    async def _resend(self) -> None:
        """What fires is prolonged; what has ended is told for a while."""
        while True:
            await asyncio.sleep(RESENT)
            now = self._clock()
            for key, alert in list(self._ended.items()):
                if now - alert.ends_at > ENDS_RESENT:
                    del self._ended[key]
            for key, alert in self._firing.items():
                self._firing[key] = replace(alert, ends_at=now + LASTS, updated_at=now)
            self._send([*self._firing.values(), *self._ended.values()])

    def _send(self, alerts: list[Held]) -> None:
        for member in self.members if not self.silent else ():
            member.put(alerts)

    def _gossip(self, teller: Member, key: str, notice: Notice) -> None:
        for member in self.members if not self._apart else ():
            if member is not teller and member.up:
                member.notices.hear(key, notice)
