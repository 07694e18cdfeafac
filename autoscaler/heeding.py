"""Keeps the orders by hand: read before each pass, withdrawn when they have ended.

An order to act has ended when the memory of its service says so, which is stored before the
order is withdrawn. So it is not lost where the process dies in between, nor done twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
        before = -1
        while before != self._passes.withdrawals:
            # What was withdrawn while it was read may be among it.
            before = self._passes.withdrawals
            found = await self._store.orders()
        self._passes.orders = Orders.of(found)
        await self.tidy()

    def uncovered(self, service: Service) -> None:
        """No policy covers a service, or none is known yet: an order waits, and is told why."""
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
        """What does not stand any more, and why; no reason where a decision has told it."""
        orders = self._passes.orders.given.values()
        ids = self._ids() if any(order.kind.act for order in orders) else {}
        for order in orders:
            key = ids.get(order.service)
            if key is not None and self._passes.obeyed(key, order):
                yield order, ""
            elif order.over(now) and (told := self._forsaken(order, ids)):
                yield order, told

    def _forsaken(self, order: Order, ids: Mapping[str, str]) -> str:
        """Why no decision will tell that it is over; empty where one will."""
        if order.kind.act is None:
            return "its time is over"
        if order.service not in ids:
            return "there is no such service"
        return "no policy covers it" if order.service in self._uncovered else ""

    def _ids(self) -> dict[str, str]:
        return {service.name: key for key, service in self._passes.view.services.items()}
