"""The contract of the Store port for alerts that were received.

class TestMyStore(AlertsContract):
    async def open(self, place: Path) -> Store:
        return await MyStore.open(place / "store")
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.model import KEPT, LATE, Alert, AlertStatus, Receipt, Reception
from autoscaler.testing.contracts.opening import OpensStore

NOW = 1_700_000_000.0
ACCEPTED, DUPLICATE, IGNORED = Receipt.ACCEPTED, Receipt.DUPLICATE, Receipt.IGNORED


def firing(name: str = "Slow", *, start: float = NOW - 60, at: float = NOW) -> Alert:
    """An alert that fires since a time, told at another."""
    return Alert(
        fingerprint=f"of {name}",
        status=AlertStatus.FIRING,
        labels={"alertname": name, "service": "shop_web"},
        annotations={"summary": "it is slow 🐌"},
        starts_at=start,
        received_at=at,
    )


def resolved(alert: Alert, *, end: float | None = None, at: float | None = None) -> Alert:
    """The end of an alert, a minute after its start unless stated."""
    ends_at = alert.starts_at + 60 if end is None else end
    told = alert.received_at if at is None else at
    return replace(alert, status=AlertStatus.RESOLVED, ends_at=ends_at, received_at=told)


@pytest.mark.asyncio
class AlertsContract(OpensStore):
    """One effect of each alert, told any number of times, in any order, over restarts."""

    async def test_a_new_store_knows_no_alerts(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            assert list(await store.alerts()) == []
            assert list(await store.receive([], NOW)) == []

    async def test_an_alert_survives_a_restart_exactly(self, tmp_path: Path) -> None:
        slow, full = firing(), replace(firing("Full", start=1 / 3), ends_at=NOW + 0.1)
        async with self.opened(tmp_path) as store:
            assert _receipts(await store.receive([slow, full], NOW)) == [ACCEPTED, ACCEPTED]
        async with self.opened(tmp_path) as store:
            assert _by_name(await store.alerts()) == {"Slow": slow, "Full": full}

    async def test_alerts_are_told_in_parts_each_once(self, tmp_path: Path) -> None:
        told = [firing(f"Alert{number}") for number in range(7)]
        async with self.opened(tmp_path) as store:
            await store.receive(told, NOW)
            found: list[Alert] = []
            while part := await store.alerts_after(found[-1].fingerprint if found else "", 3):
                assert len(part) <= 3
                found += part
            assert len(found) == 7
            assert _by_name(found) == _by_name(told)

    async def test_one_that_is_told_again_after_a_restart_is_a_duplicate(
        self, tmp_path: Path
    ) -> None:
        async with self.opened(tmp_path) as store:
            await store.receive([firing()], NOW)
        async with self.opened(tmp_path) as store:
            (answer,) = await store.receive([firing(at=NOW + 9)], NOW + 9)
            assert answer.receipt is DUPLICATE
            assert answer.alert == firing(at=NOW + 9)
            assert list(await store.alerts()) == [firing(at=NOW + 9)]

    async def test_one_told_twice_at_once_is_accepted_once(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            assert _receipts(await store.receive([firing()] * 2, NOW)) == [ACCEPTED, DUPLICATE]
            peers = [store.receive([firing("Full")], NOW) for _ in range(20)]
            answers = [one for each in await asyncio.gather(*peers) for one in each]
            assert sorted(_receipts(answers)) == [ACCEPTED] + [DUPLICATE] * 19

    async def test_a_late_peer_does_not_fire_an_alert_that_has_ended(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            end = resolved(firing())
            await store.receive([firing(), end], NOW)
            (answer,) = await store.receive([firing(at=NOW + 15)], NOW + 15)
            assert answer.receipt is IGNORED
            assert answer.reason
            assert list(await store.alerts()) == [end]

    async def test_what_only_seemed_to_end_fires_on_once_nobody_can_be_late(
        self, tmp_path: Path
    ) -> None:
        """A Prometheus was cut off from Alertmanager for some minutes."""
        told, again = NOW + LATE - 1, NOW + LATE
        async with self.opened(tmp_path) as store:
            await store.receive([firing(), resolved(firing())], NOW)
            assert _receipts(await store.receive([firing(at=told)], told)) == [IGNORED]
            (answer,) = await store.receive([firing(at=again)], again)
            assert (answer.receipt, answer.alert) == (ACCEPTED, firing(at=again))
            assert answer.alert is not None
            assert answer.alert.identity == firing().identity

    async def test_what_is_told_to_fire_now_does_unless_its_end_was_told_since(
        self, tmp_path: Path
    ) -> None:
        now = NOW + 15
        async with self.opened(tmp_path) as store:
            await store.receive([firing(), resolved(firing())], NOW)
            (answer,) = await store.receive([firing(at=now)], now, late=0.0)
            assert (answer.receipt, answer.alert) == (ACCEPTED, firing(at=now))
            await store.receive([resolved(firing(), at=now + 2)], now + 2)
            older = firing(at=now + 1)
            assert _receipts(await store.receive([older], now + 3, late=0.0)) == [IGNORED]

    async def test_an_end_that_comes_first_is_remembered(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            end = resolved(firing())
            assert _receipts(await store.receive([end, firing(), end], NOW)) == [
                ACCEPTED,
                IGNORED,
                DUPLICATE,
            ]

    async def test_one_that_fires_anew_is_another(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            first, anew = firing(), firing(start=NOW + 60, at=NOW + 90)
            await store.receive([first, resolved(first)], NOW)
            (answer,) = await store.receive([anew], NOW + 90)
            assert answer.receipt is ACCEPTED
            assert answer.alert is not None
            assert answer.alert.identity != first.identity
            (late,) = await store.receive([resolved(first, at=NOW + 95)], NOW + 95)
            assert late.receipt is IGNORED
            assert list(await store.alerts()) == [anew]

    async def test_one_whose_start_moves_while_it_fires_is_the_same(self, tmp_path: Path) -> None:
        """A Prometheus that was started anew tells a later start to one peer only."""
        first, moved = firing(), firing(start=NOW + 5, at=NOW + 9)
        async with self.opened(tmp_path) as store:
            await store.receive([first], NOW)
            await store.receive([moved], NOW + 9)
            (stands,) = await store.alerts()
            assert stands.identity == first.identity
            assert _receipts(await store.receive([first], NOW + 10)) == [DUPLICATE]
            end = resolved(first, end=NOW + 20, at=NOW + 30)
            assert _receipts(await store.receive([end, moved], NOW + 30)) == [ACCEPTED, IGNORED]

    async def test_one_that_starts_in_the_future_is_ignored(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            answers = await store.receive([firing(start=NOW + 7200)], NOW)
            assert _receipts(answers) == [IGNORED]
            assert list(await store.alerts()) == []

    async def test_what_is_not_told_again_is_dropped_in_the_end(self, tmp_path: Path) -> None:
        later = NOW + KEPT + 1
        async with self.opened(tmp_path) as store:
            await store.receive([firing(), resolved(firing("Full"))], NOW)
            await store.receive([firing("New", at=later)], later)
            assert set(_by_name(await store.alerts())) == {"New"}
            assert _receipts(await store.receive([firing(at=later)], later)) == [ACCEPTED]

    async def test_many_come_at_once(self, tmp_path: Path) -> None:
        many = [firing(f"A{number}") for number in range(3000)]
        async with self.opened(tmp_path) as store:
            assert set(_receipts(await store.receive(many, NOW))) == {ACCEPTED}
            assert set(_receipts(await store.receive(many, NOW))) == {DUPLICATE}
            assert len(await store.alerts()) == 3000


def _receipts(answers: Sequence[Reception]) -> list[Receipt]:
    return [answer.receipt for answer in answers]


def _by_name(alerts: Sequence[Alert]) -> dict[str, Alert]:
    return {alert.labels["alertname"]: alert for alert in alerts}
