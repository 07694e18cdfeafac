"""What sends messages to people and machines."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import Field

from autoscaler.durations import Duration
from autoscaler.model import Message
from autoscaler.strict import Strict


class Pace(Strict):
    """How messages are gathered and limited; a notifier's `Settings` derive from it."""

    group_wait: Annotated[Duration, Field(ge=0, le=3600)] = 10.0
    """How long a happening waits for others, to be told with them in one message."""
    burst: Annotated[int, Field(ge=1, le=1000)] = 5
    """So many messages may be sent one after the other."""
    refill: Annotated[Duration, Field(gt=0, le=86_400)] = 60.0
    """The time after which one more may be sent; what happens meanwhile goes into the next."""
    repeat: Annotated[Duration, Field(ge=1, le=604_800)] | None = None
    """The time after which it is told again what lasts; never unless stated."""
    deadline: Annotated[Duration, Field(gt=0, le=120)] = 10.0
    """One attempt to send must have ended by then."""

    def check_files(self) -> None:
        """Look into the files that these settings name, for more than that they can be read.

        Raises Permanent, and never shows what they hold.
        """


class Notifier(Protocol):
    """Sends a message. The loop never waits for it: it has a queue and a task of its own."""

    @property
    def pace(self) -> Pace:
        """How its messages are gathered and limited; most hand out their settings."""
        ...

    async def send(self, message: Message) -> None:
        """Send one message, within `pace.deadline`: whoever calls cancels it then.

        Raises Temporary where trying again may help, else Permanent; neither ever shows an
        address, a token or a password.
        """
        ...

    async def close(self) -> None:
        """Give back connections and threads; idempotent."""
        ...
