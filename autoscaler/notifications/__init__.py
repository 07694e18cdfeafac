"""From happenings to messages: who hears of what, gathered, limited, tried again.

    happening ─► routes: whom ─► a queue per notifier ─► group_wait ─► bucket ─► send
                                 (bounded: the oldest are dropped, counted and told of)

Nothing here is waited for by the loop: to hear costs a look-up and an append. What cannot be
sent is counted and told of in the next message; the store's history has all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoscaler.model import Happening, Span
from autoscaler.notifications.delivery import Delivery
from autoscaler.policy import Notify
from autoscaler.policy_files import PolicySet
from autoscaler.ports import Clock, Notifier
from autoscaler.redaction import redacted_text
from autoscaler.telemetry import Telemetry

__all__ = ["Delivery", "Notifications"]


class Notifications:
    """Hands each happening to the notifiers that shall tell it."""

    def __init__(
        self,
        notifiers: Mapping[str, Notifier],
        usual: Sequence[Notify],
        telemetry: Telemetry,
        clock: Clock,
        public_url: str = "",
    ) -> None:
        """`usual` is for what is about no policy, or about one that names nobody."""
        self._usual = tuple(usual)
        self._of_policy: dict[str, tuple[Notify, ...]] = {}
        self._deliveries = {
            name: Delivery(name, notifier, telemetry, clock, public_url)
            for name, notifier in notifiers.items()
        }
        telemetry.happenings.subscribe(self.hear)

    def follow(self, policies: PolicySet) -> None:
        """Go by these policies from now on."""
        self._of_policy = {
            each.policy.name: each.policy.notify
            for each in policies.policies
            if each.policy.notify is not None
        }

    def hear(self, happening: Happening) -> None:
        """Put a happening into the queues of those who want it. Never waits."""
        found = [self._deliveries[name] for name in self._whom(happening)]
        if found:
            happening = replace(happening, text=redacted_text(happening.text))
        if happening.span is Span.OVER:
            # Whoever is not told of the end, or no more, must not go on telling that it lasts.
            for delivery in self._deliveries.values():
                delivery.end(happening)
        for delivery in found:
            delivery.put(happening)

    def _whom(self, happening: Happening) -> Sequence[str]:
        stated = self._of_policy.get(happening.policy, self._usual)
        wanting = dict.fromkeys(each.to for each in stated if each.wants(happening))
        return [name for name in wanting if name in self._deliveries]

    def start(self, group: asyncio.TaskGroup) -> Sequence[asyncio.Task[None]]:
        """Start a task for each notifier; they end by being cancelled."""
        return [
            group.create_task(delivery.run(), name=f"notifier {name}")
            for name, delivery in self._deliveries.items()
        ]
