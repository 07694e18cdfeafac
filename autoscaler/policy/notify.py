"""Who hears of what."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from autoscaler.model import Happening, HappeningKind, Severity, Span
from autoscaler.strict import Strict

USUAL = tuple(
    kind for kind in HappeningKind if kind not in (HappeningKind.SCALED, HappeningKind.HELD)
)
"""What is told where nothing else is said: what goes wrong, and what is done about it."""


class Notify(Strict):
    """One who hears of what happens."""

    to: Annotated[str, Field(min_length=1, max_length=128)]
    """The name of a notifier of the settings."""
    events: Annotated[tuple[HappeningKind, ...], Field(min_length=1)] = USUAL
    """What is told; unless stated, all but `scaled` and `held`."""
    severity: Severity = Severity.INFO
    """What matters less is not told."""
    resolved: bool = True
    """Whether it is told when something that lasts has ended."""

    @field_validator("to")
    @classmethod
    def _is_known(cls, to: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get("notifiers")
        if known is not None and to not in known:
            raise ValueError(no_such(to, known))
        return to

    def wants(self, happening: Happening) -> bool:
        """Whether a happening is told to this one."""
        return (
            happening.kind in self.events
            and happening.severity.rank >= self.severity.rank
            and (self.resolved or happening.span is not Span.OVER)
        )


def no_such(name: str, known: Collection[str]) -> str:
    """What is said of a notifier that settings do not have."""
    valid = ", ".join(sorted(known)) if known else "none; settings state them as notifiers:"
    return f"no notifier {name!r} in the settings; there are: {valid}"
