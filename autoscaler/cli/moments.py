"""Moments, as people write them on a command line."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import click

from autoscaler.cli.terminal import now
from autoscaler.durations import parse_duration


class MomentType(click.ParamType[float]):
    """A moment: so long ago, a date with a time, or Unix seconds."""

    name = "moment"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return value if isinstance(value, float) else moment(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def moment(text: str) -> float:
    """Unix seconds of what a person wrote. Raises ValueError that says what is expected."""
    for meaning in (float, _ago, _date):
        with suppress(ValueError):
            return meaning(text)
    raise ValueError(f"{text!r}: expected 48h (ago), 2026-11-26T08:00 (UTC) or Unix seconds")


def _ago(text: str) -> float:
    return now() - parse_duration(text)


def _date(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
