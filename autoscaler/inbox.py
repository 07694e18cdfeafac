"""Where alerts come in: they are stored, then told to the sources that hear of alerts.

Whoever delivers alerts is answered as soon as they are stored. What is done about them is up to
the passes that they wake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from autoscaler.anew import Anew
from autoscaler.model import ENDED, KEPT, Alert, Receipt, Reception
from autoscaler.ports import Clock, HearsAlerts, Source, Store
from autoscaler.telemetry import Telemetry

ASK_AGAIN = 15.0
"""Seconds after which it is asked again what fires, as long as nobody answers, or in doubt."""


class Inbox:
    """Takes alerts in, from whoever tells them."""

    def __init__(
        self, store: Store, sources: Mapping[str, Source], telemetry: Telemetry, clock: Clock
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._hearers = {n: s for n, s in sources.items() if isinstance(s, HearsAlerts)}
        self._kept = max((hearer.kept for hearer in self._hearers.values()), default=KEPT)
        self._doubts = {name: asyncio.Event() for name in self._hearers}
        self.anew: Anew | None = None
        """Asks sources anew about what they have heard."""

    async def recall(self) -> None:
        """At a start: what was known before. Raises Temporary or Permanent."""
        away = self._clock() - (await self._store.passed_at() or 0.0)
        stored = await self._store.alerts()
        for hearer in self._hearers.values():
            hearer.recall_alerts(stored, away)

    async def take(self, alerts: Sequence[Alert]) -> Sequence[Reception]:
        """Store alerts, and tell what became of each.

        Raises Temporary or Permanent when they were not stored, or it is not known.
        """
        receptions = await self._store.receive(alerts, self._clock(), self._kept)
        self._telemetry.alerts_received([each.receipt for each in receptions])
        self._tell_all(receptions)
        if any(each.reason == ENDED for each in receptions):
            for doubt in self._doubts.values():
                doubt.set()
        return receptions

    def unusable(self, reasons: Sequence[str]) -> None:
        """Alerts were told that nobody can read: whoever told them does not look at the answer."""
        self._telemetry.alerts_unusable(reasons)

    async def work(self) -> None:
        """Ask each source what fires, until it has been answered, and again in doubt; and each for
        its news."""
        async with asyncio.TaskGroup() as group:
            for name in self._hearers:
                group.create_task(self._seeded(name), name=f"alerts of {name}")
            if self.anew is not None:
                group.create_task(self.anew.run(), name="news")

    async def _seeded(self, name: str) -> None:
        doubt = self._doubts[name]
        while True:
            doubt.clear()
            if await self._seed(name):
                await doubt.wait()
            await asyncio.sleep(ASK_AGAIN)

    async def _seed(self, name: str) -> bool:
        try:
            firing = await self._hearers[name].firing_alerts()
            if firing is not None:
                receptions = await self._store.receive(firing, self._clock(), self._kept, late=0.0)
                self._hear(name, receptions, whole=True)
        except Exception as error:  # noqa: BLE001 - a source's fault is its own
            self._telemetry.error("alerts", error)
            return False
        self._telemetry.well("alerts")
        return True

    def _tell_all(self, receptions: Sequence[Reception]) -> None:
        """What is stored is told; a source that fails at it finds it at the next start."""
        well = True
        for name in self._hearers:
            try:
                self._hear(name, receptions)
            except Exception as error:  # noqa: BLE001 - a source's fault is its own
                self._telemetry.error("hearing of alerts", error)
                well = False
        if well:
            self._telemetry.well("hearing of alerts")

    def _hear(self, name: str, receptions: Sequence[Reception], *, whole: bool = False) -> None:
        concerned = self._hearers[name].hear_alerts(_stand(receptions), whole=whole)
        if self.anew is not None:
            self.anew.about(name, concerned)


def _stand(receptions: Sequence[Reception]) -> list[Alert]:
    """What is to be told: of alerts told twice in one document, the last word."""
    told = (each for each in receptions if each.receipt is not Receipt.IGNORED)
    return [*{each.fingerprint: each.alert for each in told if each.alert is not None}.values()]
