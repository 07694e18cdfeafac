"""What every notifier promises, as tests that its author runs against it.

    class TestMyNotifier(NotifierContract):
        secrets = ("the-token",)

        @pytest.fixture
        async def notifier(self, ...) -> AsyncIterator[Notifier]:
            notifier = MyNotifier(...)
            yield notifier
            await notifier.close()

        @pytest.fixture
        def taken(self, ...) -> Callable[[], Sequence[str]]: ...

and so on for the other fixtures. `asyncio_mode = "auto"` of pytest-asyncio is assumed.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Happening, HappeningKind, Message, Severity, Span
from autoscaler.ports import Notifier, Pace

Taken = Callable[[], Sequence[str]]
AT = 1_700_000_000.0


def a_happening(text: str = "3 heals did not last", **changes: object) -> Happening:
    """Something bad that has begun."""
    told = {
        "at": AT,
        "kind": HappeningKind.QUARANTINED,
        "severity": Severity.CRITICAL,
        "span": Span.BEGUN,
        "service": "shop_web",
        "policy": "shop",
        "about": "quarantined",
        "decided_at": AT,
    }
    return Happening(text=text, **{**told, **changes})  # type: ignore[arg-type]


def a_message(*happenings: Happening) -> Message:
    """A message about these, or about something bad that has begun."""
    return Message(at=AT, happenings=happenings or (a_happening(),))


class NotifierContract:
    """Subclass it, give the fixtures, and pytest runs the tests."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """What is in its settings, or in the files that they name, and must never be shown."""

    @pytest.fixture
    async def notifier(self) -> Notifier | AsyncIterator[Notifier]:
        """A notifier that reaches the other side; closed afterwards by the fixture."""
        raise NotImplementedError

    @pytest.fixture
    def taken(self) -> Taken:
        """The messages that have come to the other side, as text of any form."""
        raise NotImplementedError

    @pytest.fixture
    def failing(self) -> AbstractContextManager[object]:
        """While it is entered, the other side is out of order."""
        raise NotImplementedError

    @pytest.fixture
    def refusing(self) -> AbstractContextManager[object]:
        """While it is entered, the other side refuses, and will not change its mind."""
        pytest.skip("this notifier cannot tell")

    @pytest.fixture
    def hanging(self) -> AbstractContextManager[object]:
        """While it is entered, the other side does not answer."""
        pytest.skip("this notifier asks nobody")

    def test_its_settings_are_frozen_described_and_refuse_unknown_keys(
        self, notifier: Notifier
    ) -> None:
        model: type[BaseModel] = notifier.Settings  # type: ignore[attr-defined]
        assert issubclass(model, Pace)
        assert model.model_config.get("frozen")
        assert all(field.description for field in model.model_fields.values())
        with pytest.raises(ValidationError):
            model.model_validate({"no_such_option": 1})

    async def test_a_message_comes_with_its_reason(self, notifier: Notifier, taken: Taken) -> None:
        await notifier.send(a_message())
        (came,) = taken()
        assert "3 heals did not last" in came
        assert "shop_web" in came

    async def test_many_happenings_come_together(self, notifier: Notifier, taken: Taken) -> None:
        many = [a_happening(f"reason {n}", service=f"service-{n}") for n in range(50)]
        await notifier.send(a_message(*many))
        assert len(taken()) == 1
        assert "reason 0" in taken()[0]

    async def test_any_text_comes(self, notifier: Notifier, taken: Taken) -> None:
        await notifier.send(a_message(a_happening('<b>"ünïcode" & {{braces}}\n%s</b>')))
        assert len(taken()) == 1

    async def test_what_is_over_comes(self, notifier: Notifier, taken: Taken) -> None:
        await notifier.send(a_message(a_happening("well again", span=Span.OVER, at=AT + 60)))
        assert len(taken()) == 1

    async def test_a_failure_is_temporary_and_leaves_nothing_behind(
        self, notifier: Notifier, taken: Taken, failing: AbstractContextManager[object]
    ) -> None:
        with failing, pytest.raises(Temporary):
            await notifier.send(a_message())
        await notifier.send(a_message())
        assert len(taken()) == 1

    async def test_a_refusal_is_permanent(
        self, notifier: Notifier, refusing: AbstractContextManager[object]
    ) -> None:
        with refusing, pytest.raises(Permanent):
            await notifier.send(a_message())

    async def test_no_secret_is_shown(
        self,
        notifier: Notifier,
        failing: AbstractContextManager[object],
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            await notifier.send(a_message())
            with failing, pytest.raises(AutoscalerError) as caught:
                await notifier.send(a_message())
        printed = capfd.readouterr()
        told = "".join(traceback.format_exception(caught.value))
        shown = [told, repr(notifier.pace), caplog.text, printed.out, printed.err]
        assert not [secret for secret in self.secrets if secret in "\n".join(shown)]

    async def test_whoever_does_not_answer_is_given_up_and_asked_again_later(
        self, notifier: Notifier, taken: Taken, hanging: AbstractContextManager[object]
    ) -> None:
        with hanging, pytest.raises((TimeoutError, Temporary)):
            async with asyncio.timeout(0.3):
                await notifier.send(a_message())
        async with asyncio.timeout(120):
            while not await _sent(notifier):  # noqa: ASYNC110 - a thread may be at work
                await asyncio.sleep(0.05)
        assert taken()

    async def test_it_may_be_closed_twice(self, notifier: Notifier) -> None:
        await notifier.send(a_message())
        await notifier.close()
        await notifier.close()


async def _sent(notifier: Notifier) -> bool:
    """Whether it works again; a thread may still be at the message before."""
    try:
        await notifier.send(a_message())
    except Temporary:
        return False
    return True
