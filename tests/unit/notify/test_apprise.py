"""Apprise tells everybody once, and shows nobody's address."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from autoscaler.errors import Permanent, Temporary
from autoscaler.model import Severity, Span
from autoscaler.notifiers.apprise import MOST_URLS, AppriseNotifier, AppriseSettings
from autoscaler.testing.contracts.notifier import a_happening, a_message
from autoscaler.testing.hook import Hook
from autoscaler.testing.real.processes import free_port

SECRET = "canary-in-an-address"


def a_notifier(directory: Path, *urls: str) -> AppriseNotifier:
    (directory / "urls").write_text("\n".join(urls))
    return AppriseNotifier(AppriseSettings(urls_file=directory / "urls"))


async def test_who_has_had_a_message_does_not_get_it_again(tmp_path: Path) -> None:
    away = f"json://me:{SECRET}@127.0.0.1:{free_port()}/"
    async with Hook() as hook:
        notifier = a_notifier(tmp_path, f"json://127.0.0.1:{hook.port}/", away)
        message = a_message()
        for _ in range(2):
            with pytest.raises(Temporary) as caught:
                await notifier.send(message)
        assert str(caught.value) == "not delivered by URL 2 (json://)"
        assert len(hook.taken) == 1
        with pytest.raises(Temporary):
            await notifier.send(a_message())
        assert len(hook.taken) == 2


@pytest.mark.parametrize(
    ("happening", "kind"),
    [
        ({"severity": Severity.CRITICAL}, "failure"),
        ({"severity": Severity.WARNING}, "warning"),
        ({"severity": Severity.INFO}, "info"),
        ({"severity": Severity.CRITICAL, "span": Span.OVER}, "success"),
    ],
)
async def test_how_grave_it_is_is_told_in_the_words_of_apprise(
    happening: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    async with Hook() as hook:
        notifier = a_notifier(tmp_path, f"json://127.0.0.1:{hook.port}/")
        await notifier.send(a_message(a_happening(**happening)))
        assert hook.taken[0].body["type"] == kind
        assert hook.taken[0].body["title"] == "autoscaler: shop_web quarantined"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must hold one to"),
        ("# nobody yet\n\n", "must hold one to"),
        ("\n".join(f"json://host/{n}" for n in range(MOST_URLS + 1)), "must hold one to"),
        (f"nonsense://{SECRET}", "URL 1 (nonsense://) is none that Apprise knows"),
        (f"json://host\n{SECRET}", "URL 2 (?://) is none that Apprise knows"),
    ],
)
async def test_a_file_that_is_wrong_is_told_without_what_it_holds(
    text: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(Permanent) as caught:
        await a_notifier(tmp_path, text).send(a_message())
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    notifier = AppriseNotifier(AppriseSettings(urls_file=tmp_path / "urls"))
    with pytest.raises(Permanent, match="urls: No such file or directory"):
        await notifier.send(a_message())


async def test_there_is_never_more_than_one_thread(tmp_path: Path) -> None:
    async with Hook() as hook:
        notifier = a_notifier(tmp_path, f"json://127.0.0.1:{hook.port}/")
        with hook.hanging():
            first = asyncio.create_task(notifier.send(a_message()))
            await asyncio.sleep(0)
            with pytest.raises(Temporary, match="still being sent"):
                await notifier.send(a_message())
        await first
    assert len(hook.taken) == 1
