"""One Alertmanager: it holds alerts, groups them, and tells a webhook of each group."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web

from autoscaler.ports import Clock
from autoscaler.testing.alertmanager.held import Held, posted
from autoscaler.testing.alertmanager.notices import Notice, Notices
from autoscaler.testing.alertmanager.route import Route

Connector = Callable[[], aiohttp.BaseConnector]

_FIRST_RETRY, _LATER, _LONGEST_RETRY, _SPREAD = 0.5, 1.5, 60.0, 0.5
_SHORTEST_TRY = 10.0
_AGENT = {"Content-Type": "application/json", "User-Agent": "Alertmanager/0.25.0"}


class Member:
    """Sends through connections of its own; `served` is its API."""

    def __init__(
        self,
        route: Route,
        clock: Clock,
        rng: random.Random,
        connector: Connector = aiohttp.TCPConnector,
        position: int = 0,
        name: str = "alertmanager",
    ) -> None:
        """`position` is that in the cluster: the first one does not wait for others."""
        self.route = route
        self.position = position
        self.name = name
        self.on_notice: Callable[[str, Notice], None] = lambda key, notice: None
        """Hears of each notice that was sent: the others of the cluster."""
        self.notices = Notices()
        self.up = True
        self._clock = clock
        self._random = rng
        self._connector = connector
        self._alerts: dict[str, Held] = {}
        self._groups: dict[str, dict[str, Held]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def application(self) -> web.Application:
        """`GET` and `POST /api/v2/alerts`."""
        served = web.Application()
        served.router.add_get("/api/v2/alerts", self._list)
        served.router.add_post("/api/v2/alerts", self._take)
        return served

    def put(self, alerts: Iterable[Held]) -> None:
        """Alerts as a Prometheus sends them, again and again."""
        for alert in alerts if self.up else ():
            key = alert.fingerprint
            held = self._alerts[key] = alert.merged(self._alerts.get(key))
            group = self.route.group_of(alert.labels)
            name = self.route.key_of(group)
            self._groups.setdefault(name, {})[key] = held
            if name not in self._tasks:
                waits = held.starts_at + self.route.group_wait >= self._clock()
                tend = self._tend(name, group, self.route.group_wait if waits else 0.0)
                self._tasks[name] = asyncio.create_task(tend, name=f"{self.name} {name}")

    def stop(self) -> None:
        """Lose the alerts; what was told is remembered. Idempotent."""
        self.up = False
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._groups.clear()
        self._alerts.clear()

    def start(self) -> None:
        """Be there again; alerts come when they are sent next."""
        self.up = True

    async def _tend(self, key: str, group: Mapping[str, str], wait: float) -> None:
        """Tell of a group as long as there is anything in it."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(wait)
        while self._groups.get(key):
            began, now = loop.time(), self._clock()
            alerts = dict(self._groups[key])
            if await self._flush(key, group, alerts, now):
                self._forget(key, alerts, now)
            await asyncio.sleep(max(0.0, began + self.route.group_interval - loop.time()))
        self._groups.pop(key, None)
        self._tasks.pop(key, None)

    def _forget(self, key: str, told: Mapping[str, Held], now: float) -> None:
        """What was told to have ended, if it has not come back meanwhile."""
        for name, alert in told.items():
            if not alert.fires(now) and self._groups[key].get(name) is alert:
                del self._groups[key][name]
                self._alerts.pop(name, None)

    async def _flush(
        self, key: str, group: Mapping[str, str], alerts: Mapping[str, Held], now: float
    ) -> bool:
        """Tell, unless another member has; whether all is told."""
        wait = self.position * self.route.peer_timeout
        try:
            async with asyncio.timeout(max(self.route.group_interval, _SHORTEST_TRY) + wait):
                await asyncio.sleep(wait)
                firing = frozenset(name for name, each in alerts.items() if each.fires(now))
                resolved = frozenset(alerts) - firing
                since = self._clock() - self.route.repeat_interval
                if not self.notices.due(key, firing, resolved, since):
                    return True
                if not await self._send(self._document(key, group, alerts, now)):
                    return False
        except TimeoutError:
            return False
        notice = Notice(self._clock(), firing, resolved)
        self.notices.hear(key, notice)
        self.on_notice(key, notice)
        return True

    async def _send(self, document: Mapping[str, Any]) -> bool:
        """Until it is taken, or refused for good."""
        pause = _FIRST_RETRY
        while True:
            status = await self._post(document)
            if status // 100 != 5:
                return status // 100 == 2
            await asyncio.sleep(pause * self._random.uniform(1 - _SPREAD, 1 + _SPREAD))
            pause = min(pause * _LATER, _LONGEST_RETRY)

    async def _post(self, document: Mapping[str, Any]) -> int:
        """A status; 599 where no answer came."""
        login = {"Authorization": f"Bearer {self.route.token}"} if self.route.token else {}
        with suppress(aiohttp.ClientError, OSError):
            async with (
                aiohttp.ClientSession(
                    connector=self._connector(), headers={**_AGENT, **login}
                ) as session,
                session.post(self.route.url, json=document) as answer,
            ):
                return answer.status
        return 599

    def _document(
        self, key: str, group: Mapping[str, str], alerts: Mapping[str, Held], now: float
    ) -> dict[str, Any]:
        """What is posted, as of the moment at which it was looked at."""
        told = sorted(alerts.values(), key=lambda each: sorted(each.labels.items()))
        fires = any(each.fires(now) for each in told)
        return {
            "receiver": self.route.receiver,
            "status": "firing" if fires else "resolved",
            "alerts": [each.sent(now) for each in told],
            "groupLabels": dict(group),
            "commonLabels": _common(each.labels for each in told),
            "commonAnnotations": _common(each.annotations for each in told),
            "externalURL": f"http://{self.name}:9093",
            "version": "4",
            "groupKey": key,
            "truncatedAlerts": 0,
        }

    async def _list(self, request: web.Request) -> web.Response:
        now, receiver = self._clock(), self.route.receiver
        fires = [each for each in self._alerts.values() if each.fires(now)]
        wanted = request.query.get("active", "true") == "true"
        return web.json_response([each.listed(receiver) for each in fires if wanted])

    async def _take(self, request: web.Request) -> web.Response:
        now = self._clock()
        asked = await request.json()
        self.put(posted(each, now, self.route.resolve_timeout) for each in asked)
        return web.Response()


def _common(all_pairs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that all of them have."""
    first, *others = (set(pairs.items()) for pairs in all_pairs)
    return dict(sorted(first.intersection(*others)))
