"""The model's values as they stand in rows, for every kind of database."""

from __future__ import annotations

import logging
import zlib

from autoscaler import records
from autoscaler.errors import Invalid, Permanent
from autoscaler.model import Decision, Outcome, Record, Template

log = logging.getLogger(__name__)

MOST_LISTED = 10_000
"""Decisions that one call of `history` answers at most."""
LARGEST_TEMPLATE = 512 * 1024
"""Characters of a task template; a longer one is not kept."""

_FAST = 1
"""zlib's level: a third of the size for 50 µs; level 6 takes twice as long and gains 7 %."""

_NEXT_STEP = "run the version that wrote it, or name another store to start with an empty memory"


def packed(record: Record) -> bytes:
    """A whole record, compressed. Raises Invalid for what would not load again."""
    return zlib.compress(records.dump(record).encode(), _FAST)


def unpacked(service: str, whole: bytes) -> Record:
    """What `packed` wrote. Raises Invalid with the service's name."""
    try:
        return records.load_record(zlib.decompress(whole))
    except (Invalid, zlib.error) as error:
        raise Invalid(f"the last record of {service} cannot be read: {error}") from error


def named(what: str, kind: type[records.T], text: str) -> records.T:
    """A value that must be read. Raises Invalid with its place."""
    try:
        return records.load(kind, text)
    except Invalid as error:
        raise Invalid(f"{what} cannot be read: {error}; {_NEXT_STEP}") from error


def readable(text: str) -> Decision | None:
    """A decision; one that this version cannot read must not hide the others."""
    try:
        return records.load_decision(text)
    except Invalid as error:
        log.warning("a stored decision cannot be read: %s", error)
        return None


def past(
    at: float, service: str, text: str, outcome: str | None
) -> tuple[Decision, Outcome | None]:
    """A decision in its place among the others; one that cannot be read leaves no gap there."""
    return readable(text) or _stand_in(at, service), ended(outcome)


def _stand_in(at: float, service: str) -> Decision:
    return Decision(
        at=at,
        policy="",
        service_id="",
        service=service,
        current=None,
        wanted=None,
        action=None,
        reason="this version cannot read what was decided; the one that stored it can",
    )


def not_too_large(template: Template) -> None:
    """Raises Permanent for a template that no store keeps."""
    if len(template.raw) > LARGEST_TEMPLATE:
        told = f"{len(template.raw)} characters, {LARGEST_TEMPLATE} at most"
        raise Permanent(f"the template of release {template.release} is not kept: {told}")


def ended(outcome: str | None) -> Outcome | None:
    """The outcome of an intent; None while it is open."""
    return Outcome(outcome) if outcome else None
