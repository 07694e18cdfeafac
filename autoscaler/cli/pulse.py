"""Whether passes are made: the running service is asked, or else its store."""

from __future__ import annotations

from typing import Any

from autoscaler.cli.line import Line, line_here, line_to
from autoscaler.cli.remote import BASE
from autoscaler.cli.render import words
from autoscaler.cli.stored import reading
from autoscaler.errors import AutoscalerError
from autoscaler.passing import Failing, Passing, late_after
from autoscaler.settings import Settings

DEADLINE = 1.0


async def pulse(settings: Settings, *, here: bool) -> Passing:
    """How passes get on; `here` says whether the service of this machine may tell.

    Raises what the controller that settings name, or else the store, raises.
    """
    line = line_to(settings.client)
    if line is not None:
        return _read(line, settings) or Passing(None, late_after(settings))
    found = _of_service_here(settings) if here else None
    return found or await _of_store(settings)


def told(found: Passing, now: float) -> str:
    """The same in a line."""
    if found.failing is not None:
        lasts = words.ago(found.failing.since, now)
        what = "blind" if found.failing.blind else "no pass"
        return f"{what} for {lasts}: {found.failing.reason}"
    if found.passed_at is None:
        return "no pass has been made yet: is `autoscaler run` running, with this store?"
    ago = words.ago(found.passed_at, now)
    if is_well(found, now):
        return f"last pass {ago} ago"
    return f"no pass for {ago}: is `autoscaler run` running, with this store?"


def is_well(found: Passing, now: float) -> bool:
    """Whether passes are made in good time."""
    if found.failing is not None or found.passed_at is None:
        return False
    return now - found.passed_at <= found.late_after


def _of_service_here(settings: Settings) -> Passing | None:
    try:
        return _read(line_here(settings, DEADLINE), settings)
    except (AutoscalerError, OSError, LookupError, TypeError, ValueError):
        # Not there, or something else is.
        return None


async def _of_store(settings: Settings) -> Passing:
    async with reading(settings) as store:
        return Passing(await store.passed_at(), late_after(settings))


def _read(line: Line, settings: Settings) -> Passing | None:
    """None from a version that does not tell."""
    answer: dict[str, Any] | None = line.get(f"{BASE}/loop")
    if answer is None:
        return None
    return Passing(answer["passed_at"], answer["late_after"], _failing(answer["failing"]))


def _failing(told: dict[str, Any] | None) -> Failing | None:
    """What a later version tells beside is not for us."""
    if told is None:
        return None
    return Failing(since=told["since"], reason=told["reason"], blind=told["blind"])
