"""One notifier's queue, and the task that empties it."""

from __future__ import annotations

import asyncio
from collections import deque

from autoscaler.errors import AutoscalerError, Permanent, Temporary
from autoscaler.model import Happening, HappeningKind, Message, Span
from autoscaler.notifications.bucket import Bucket
from autoscaler.ports import Clock, Notifier
from autoscaler.telemetry import Telemetry

MOST_PENDING = 200
"""Happenings that wait for one notifier; when one more comes, the oldest is dropped."""
MOST_STANDING = 1000
"""What lasts and is told again; the oldest is forgotten first."""
PAUSES = (1.0, 5.0, 15.0)
"""Seconds between the attempts to send one message."""


class Delivery:
    """Gathers what one notifier is to tell, and sends it no faster than it may."""

    def __init__(
        self, name: str, notifier: Notifier, telemetry: Telemetry, clock: Clock, public_url: str
    ) -> None:
        self._name = name
        self._notifier = notifier
        self._pace = notifier.pace
        self._telemetry = telemetry
        self._clock = clock
        self._public_url = public_url
        self._bucket = Bucket(self._pace.burst, self._pace.refill)
        self._pending: deque[Happening] = deque()
        self._standing: dict[tuple[HappeningKind, str, str], Happening] = {}
        self._dropped = 0
        self._awake = asyncio.Event()
        self._told_again = 0.0
        telemetry.notifies(name)

    def put(self, happening: Happening) -> None:
        """Keep a happening until it is sent. Never waits."""
        if len(self._pending) >= MOST_PENDING:
            self._pending.popleft()
            self._drop(1)
        self._pending.append(happening)
        self._note(happening)
        self._awake.set()

    def end(self, happening: Happening) -> None:
        """What it is about does not last any more: it is not told again."""
        self._standing.pop(happening.key, None)

    def _note(self, happening: Happening) -> None:
        """What lasts is told again, where the notifier is to do so."""
        if self._pace.repeat is None or happening.span is Span.MOMENT:
            return
        self.end(happening)
        if happening.span is Span.BEGUN:
            self._standing[happening.key] = happening
            if len(self._standing) > MOST_STANDING:
                self._standing.pop(next(iter(self._standing)))

    async def run(self) -> None:
        """Send what there is to send, for ever."""
        self._told_again = _now()
        while True:
            if await self._is_news():
                await asyncio.sleep(self._pace.group_wait)
            await asyncio.sleep(self._bucket.take(_now()))
            await self._send_all()

    async def _is_news(self) -> bool:
        """Wait until there is something to tell, or to tell again; whether it is new."""
        while True:
            try:
                async with asyncio.timeout_at(self._again_at()):
                    await self._awake.wait()
            except TimeoutError:
                if self._standing:
                    return False
                self._told_again = _now()
            else:
                return True

    def _again_at(self) -> float | None:
        repeat = self._pace.repeat
        return None if repeat is None else self._told_again + repeat

    async def _send_all(self) -> None:
        self._awake.clear()
        new = tuple(self._pending)
        self._pending.clear()
        again = self._due(new)
        if not new and not again:
            return
        message = Message(
            at=self._clock(),
            happenings=(*again, *new),
            dropped=self._dropped,
            repeated=not new,
            public_url=self._public_url,
        )
        if await self._send(message):
            self._dropped -= message.dropped
        else:
            self._drop(len(new))

    def _due(self, new: tuple[Happening, ...]) -> tuple[Happening, ...]:
        """What lasts, if it is time to tell it again, and is not told just now."""
        again_at = self._again_at()
        if again_at is None or _now() < again_at:
            return ()
        self._told_again = _now()
        told = {happening.key for happening in new}
        return tuple(each for key, each in self._standing.items() if key not in told)

    async def _send(self, message: Message) -> bool:
        """Whether it was sent, after some attempts if it must be."""
        failure = await self._attempt(message)
        for pause in PAUSES:
            if not isinstance(failure, Temporary):
                break
            await asyncio.sleep(pause)
            failure = await self._attempt(message)
        if failure is None:
            self._telemetry.notified(self._name)
            return True
        self._telemetry.not_notified(self._name, failure)
        return False

    async def _attempt(self, message: Message) -> AutoscalerError | None:
        """Why it was not sent. A fault of the notifier's may say anything, secrets too."""
        try:
            async with asyncio.timeout(self._pace.deadline):
                await self._notifier.send(message)
        except AutoscalerError as error:
            return error
        except TimeoutError:
            return Temporary(f"no answer within {self._pace.deadline:g} s")
        except Exception as error:  # noqa: BLE001 - a stranger's notifier may raise anything
            return Permanent(f"the notifier failed: {type(error).__name__}")
        return None

    def _drop(self, count: int) -> None:
        self._dropped += count
        self._telemetry.not_told(self._name, count)


def _now() -> float:
    return asyncio.get_running_loop().time()
