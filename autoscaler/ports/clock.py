"""Time is a value: whoever needs it is given a clock."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Where `now` comes from: Unix seconds."""

    def __call__(self) -> float: ...
