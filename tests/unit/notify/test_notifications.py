"""Who hears of what: by the policy's `notify`, or else by that of the settings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import Happening, HappeningKind, Severity, Span
from autoscaler.notifications import Notifications
from autoscaler.policy import Notify, parse_policy
from autoscaler.policy_files import LoadedPolicy, PolicySet
from autoscaler.ports import Pace
from autoscaler.telemetry import Telemetry
from autoscaler.testing.builders import a_policy_document
from autoscaler.testing.contracts.notifier import a_happening
from autoscaler.testing.recording_notifier import RecordingNotifier
from autoscaler.testing.virtual_time import LoopClock, in_virtual_time


class Bed:
    """Two notifiers, `ops` and `dev`; `ops` hears of what no policy says."""

    def __init__(self, *notify: Any, policy: Any = None, **pace: Any) -> None:
        clock = LoopClock()
        self.telemetry = Telemetry(clock)
        self.ops, self.dev = (RecordingNotifier(Pace(group_wait=0.0, **pace)) for _ in range(2))
        usual = [Notify.model_validate(each) for each in notify]
        notifiers = {"ops": self.ops, "dev": self.dev}
        self.notifications = Notifications(notifiers, usual, self.telemetry, clock)
        self.follow(policy)

    def follow(self, notify: Any) -> None:
        """The policy is another one from now on."""
        document = a_policy_document(policy={"name": "shop", "notify": notify})
        loaded = LoadedPolicy(parse_policy(document), document, "shop.yaml", 1)
        self.notifications.follow(PolicySet((loaded,), ("shop.yaml",)))

    async def heard(self, *happenings: Happening) -> dict[str, list[str]]:
        """What each was told."""
        async with asyncio.TaskGroup() as group:
            tasks = self.notifications.start(group)
            for each in happenings:
                self.telemetry.happenings.tell(each)
            await asyncio.sleep(5)
            for task in tasks:
                task.cancel()
        return {"ops": _texts(self.ops), "dev": _texts(self.dev)}


def _texts(notifier: RecordingNotifier) -> list[str]:
    return [each.text for message in notifier.sent for each in message.happenings]


@in_virtual_time
async def test_without_notify_in_the_policy_that_of_the_settings_holds() -> None:
    bed = Bed({"to": "ops"})
    assert await bed.heard(a_happening("sick")) == {"ops": ["sick"], "dev": []}


@in_virtual_time
async def test_notify_in_the_policy_takes_the_place_of_that_of_the_settings() -> None:
    bed = Bed({"to": "ops"}, policy=[{"to": "dev"}])
    heard = await bed.heard(a_happening("sick"), a_happening("policies", policy="", service=""))
    assert heard == {"ops": ["policies"], "dev": ["sick"]}


@in_virtual_time
async def test_a_policy_that_names_nobody_is_silent() -> None:
    bed = Bed({"to": "ops"}, policy=[])
    assert await bed.heard(a_happening("sick")) == {"ops": [], "dev": []}


@in_virtual_time
async def test_only_the_kinds_that_are_named_are_told() -> None:
    bed = Bed(policy=[{"to": "ops", "events": ["scaled"]}, {"to": "dev"}])
    kinds = (HappeningKind.SCALED, HappeningKind.FAILED, HappeningKind.HELD)
    heard = await bed.heard(*(a_happening(kind.value, kind=kind) for kind in kinds))
    assert heard == {"ops": ["scaled"], "dev": ["failed"]}


@in_virtual_time
async def test_what_matters_less_or_is_over_is_left_out_where_that_is_asked() -> None:
    strict = {"to": "ops", "severity": "critical", "resolved": False}
    bed = Bed(policy=[strict])
    heard = await bed.heard(
        a_happening("warning", severity=Severity.WARNING),
        a_happening("bad"),
        a_happening("over", span=Span.OVER),
    )
    assert heard["ops"] == ["bad"]


@in_virtual_time
async def test_who_is_named_twice_hears_once() -> None:
    bed = Bed(policy=[{"to": "ops"}, {"to": "ops", "events": ["quarantined"]}])
    assert (await bed.heard(a_happening("sick")))["ops"] == ["sick"]


@pytest.mark.parametrize("later", [[{"to": "ops", "resolved": False}], [{"to": "dev"}], []])
@in_virtual_time
async def test_who_is_not_told_of_the_end_does_not_go_on_telling_that_it_lasts(later: Any) -> None:
    bed = Bed(policy=[{"to": "ops"}], repeat="60s")
    await bed.heard(a_happening("sick"))
    bed.follow(later)
    await bed.heard(a_happening("well", span=Span.OVER))
    before = len(bed.ops.sent)
    async with asyncio.TaskGroup() as group:
        tasks = bed.notifications.start(group)
        await asyncio.sleep(300)
        for task in tasks:
            task.cancel()
    assert _texts(bed.ops)[:1] == ["sick"]
    assert len(bed.ops.sent) == before


@in_virtual_time
async def test_what_looks_like_a_secret_is_not_told() -> None:
    bed = Bed({"to": "ops"})
    heard = await bed.heard(a_happening("no answer of http://me:canary@host, token=canary"))
    assert heard["ops"] == ["no answer of http://***@host, token=***"]


def refusal(notify: Any, **context: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Notify.model_validate(notify, context=context)
    return str(caught.value)


def test_an_unknown_kind_or_key_is_refused_with_the_valid_ones() -> None:
    assert "'scaled', 'healed'" in refusal({"to": "ops", "events": ["boom"]})
    assert "valid keys: events, resolved, severity, to" in refusal({"to": "ops", "when": 1})


def test_an_unknown_notifier_is_refused_with_the_valid_ones() -> None:
    told = refusal({"to": "opps"}, notifiers={"ops": {}, "dev": {}})
    assert "no notifier 'opps' in the settings; there are: dev, ops" in told
