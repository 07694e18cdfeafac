"""The source itself: what is heard of alerts, and what is answered by them."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from autoscaler.model import Alert, Quality, Sample, Task
from autoscaler.ports import Clock, Query
from autoscaler.sources.alertmanager import options, settings
from autoscaler.sources.alertmanager.asking import Asking, Connector
from autoscaler.sources.alertmanager.board import Board, Labels
from autoscaler.sources.alertmanager.interest import Interest

MOST_NAMED = 100
"""Alerts that a sample names one by one."""
SWEEP = 5.0
"""Seconds between two looks for what has expired: each is at all that is known."""


class AlertmanagerSource:
    """Answers 1 while an alert fires and 0 while none does, as Alertmanager tells it.

    In a policy:

        source: alertmanager
        match: {alertname: QueueLong}
        service_label: service
        target: {value: 1}
    """

    Options: ClassVar = options.Options
    Settings: ClassVar = settings.Settings

    def __init__(
        self,
        settings: settings.Settings,
        clock: Clock = time.time,
        connector: Connector | None = None,
    ) -> None:
        """`connector` makes what connections come from."""
        self._settings = settings
        self._clock = clock
        self._asking = Asking(settings, clock, connector)
        self._board = Board()
        self._doubted: dict[str, Alert] = {}
        self._known = False
        self._interest = Interest()
        self._swept = float("-inf")

    @property
    def kept(self) -> float:
        """Seconds for which an alert stands that is not told again."""
        return self._settings.keep

    def recall_alerts(self, alerts: Sequence[Alert], away: float) -> None:
        """Take in what was known before a start, after so many seconds without a pass."""
        for alert in alerts:
            self._board.pin(alert)
        self._known |= bool(alerts)
        if away > self._settings.stale_after:
            self._doubted = {each.fingerprint: each for each in alerts if each.firing}

    def hear_alerts(self, alerts: Sequence[Alert], *, whole: bool = False) -> Collection[str]:
        """Take in what is told; answer the ids of services of which something fires anew.

        `whole`: these are all that fire, so what was doubted and is not among them has ended.
        """
        news = [each for each in alerts if each.firing and not self._fires(each)]
        for alert in alerts:
            self._board.pin(alert)
            self._doubted.pop(alert.fingerprint, None)
        if whole:
            self._board.drop(self._doubted.values())
            self._doubted.clear()
        self._known |= whole or bool(alerts)
        return self._interest.concerned(news)

    async def firing_alerts(self) -> Sequence[Alert] | None:
        """What fires, asked of Alertmanager; None if nobody can be asked. Raises Temporary."""
        return await self._asking.firing()

    async def read(
        self, queries: Sequence[Query], tasks: Mapping[str, tuple[Task, ...]]
    ) -> Sequence[Sample]:
        """Answer each query, in order, by what is known now."""
        now = self._clock()
        if not 0 <= now - self._swept < SWEEP:
            self._swept = now
            self._board.expire(now, self._settings.keep)
            self._interest.forget(now)
        answers: dict[tuple[Labels, float], Sample] = {}
        return [self._sample(query, now, answers) for query in queries]

    async def close(self) -> None:
        """Nothing to give back."""

    def _fires(self, alert: Alert) -> bool:
        """Whether this is what is answered already."""
        return self._board.fires(alert) and alert.fingerprint not in self._doubted

    def _sample(
        self, query: Query, now: float, answers: dict[tuple[Labels, float], Sample]
    ) -> Sample:
        """What was asked in the same words is answered once, for whichever service."""
        asked, service = query.options, query.service
        if not isinstance(asked, options.Options):
            told = f"{type(asked).__name__} are not options of this source"
            return Sample(quality=Quality.ERROR, detail=told)
        self._interest.note(asked, service, now)
        same = (asked.wanted(service), asked.settle)
        if same not in answers:
            answers[same] = self._answer(*same, now)
        return answers[same]

    def _answer(self, labels: Labels, settle: float, now: float) -> Sample:
        found = self._board.find(labels)
        firing = [each for each in found if each.firing]
        sure = [each for each in firing if each.fingerprint not in self._doubted]
        if sure:
            return _fires(sure, now)
        if firing:
            told = "it fired before we were away; not known whether it still does"
            return Sample(quality=Quality.NO_DATA, detail=told)
        if not self._known:
            return Sample(quality=Quality.NO_DATA, detail="no alert has been told yet")
        return _quiet(found, settle, now)


def _fires(firing: Sequence[Alert], now: float) -> Sample:
    names = sorted(alert.identity for alert in firing)[:MOST_NAMED]
    told = f"{len(firing)} firing"
    return Sample(quality=Quality.VALUE, value=1.0, at=now, detail=told, alerts=tuple(names))


def _quiet(ended: Sequence[Alert], settle: float, now: float) -> Sample:
    """None fires; what ended just now may have ended because nobody looks any more."""
    last = max((alert.received_at for alert in ended), default=None)
    if last is not None and now < last + settle:
        told = f"none fires since {now - last:.0f} s ago, believed after {settle:g} s"
        return Sample(quality=Quality.PARTIAL, value=0.0, at=now, detail=told)
    return Sample(quality=Quality.VALUE, value=0.0, at=now, detail="none fires")
