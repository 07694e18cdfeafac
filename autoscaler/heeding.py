"""Keeps the orders by hand: read before each pass, withdrawn when they have ended.

An order to act has ended when the memory of its service says so, which is stored before the
order is withdrawn. So it is not lost where the process dies in between, nor done twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from autoscaler.errors import AutoscalerError
from autoscaler.model import Order, Orders, Service
from autoscaler.passes import Passes
from autoscaler.ports import Clock, Store
from autoscaler.telemetry import Telemetry


class Heeding:
    """The orders that stand, and those that do not stand any more."""

    def __init__(self, passes: Passes, store: Store, telemetry: Telemetry, clock: Clock) -> None:
        self._passes = passes
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._uncovered: set[str] = set()

    async def read(self) -> None:
        """Take in what stands now; raises what the store raises."""
        self._passes.orders = Orders.of(await self._store.orders())
        await self.tidy()

    def uncovered(self, service: Service) -> None:
        """No policy covers a service: whoever orders something of it must hear that."""
        if self._passes.orders.to_do(service.name):
            self._uncovered.add(service.name)

    async def tidy(self) -> None:
        """Withdraw what has ended. What the store does not take now is tried again."""
        ended = [*self._ended(self._clock())] if self._passes.orders.given else []
        self._uncovered.clear()
        for order, told in ended:
            try:
                stood = await self._store.withdraw(order.kind, order.service, given_at=order.at)
            except AutoscalerError as error:
                self._telemetry.store_failed(error)
                return
            self._passes.orders = self._passes.orders.without(order)
            if stood and told:
                self._telemetry.order_ended(order, told)

    def next_end(self) -> float:
        """When the next order is over, in Unix seconds; infinite for never."""
        return self._passes.orders.next_end(self._clock())

    def _ended(self, now: float) -> Iterator[tuple[Order, str]]:
        """What does not stand any more, and why; nothing where a decision has told it."""
        ids = {service.name: key for key, service in self._passes.view.services.items()}
        for order in self._passes.orders.given.values():
            key = ids.get(order.service)
            if order.kind.act is None:
                if order.over(now):
                    yield order, "its time is over"
            elif order.service in self._uncovered:
                yield order, "no policy covers it"
            elif key is None:
                if order.over(now):
                    yield order, "there is no such service"
            elif self._passes.obeyed(key, order):
                yield order, ""
