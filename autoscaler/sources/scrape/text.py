"""The lines of a page that are wanted, read with suspicion. Pure.

prometheus_client's parser understands the lines; but it is lenient and slow, so it is given
no other lines than those wanted, and they are checked first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from autoscaler.errors import Temporary

LONGEST_LINE = 16 * 2**10
"""Bytes; the parser's time grows with the square of a line."""
_VALUE = rb"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
_TAIL = re.compile(
    rb"[ \t]*(?:" + _VALUE + rb"|[nN]a[nN]|[+-]?[iI]nf)(?:[ \t]+-?[0-9]{1,18})?[ \t\r]*"
)
_BLANK = re.compile(rb"[ \t]+")
_LINE = re.compile(rb"[ \t]*(?:#|[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*(?:\{|[ \t]))")

LabelSet = frozenset[tuple[str, str]]


class Value(NamedTuple):
    """What a page says of a series."""

    value: float
    at: float | None
    """When it was measured, in Unix seconds, if the page says."""


Found = Mapping[str, Mapping[LabelSet, Value]]
"""By metric, then by labels."""


def read_page(body: bytes, names: frozenset[str], most: int) -> Found:
    """The series of these metrics, at most so many of each.

    Raises Temporary for a page that is not in the text format, as far as that shows.
    """
    found: dict[str, dict[LabelSet, Value]] = {name: {} for name in names}
    lines = [match.group() for match in _wanted(names).finditer(body)]
    if len(lines) > most * len(names):
        raise Temporary(f"{len(lines)} series; the bound is {most} for each metric")
    if not lines:
        _check_form(body)
    for line in lines:
        name, labels, value = _read(line)
        if name not in found:
            # With something between the name and its brace it is another one.
            raise _junk(line)
        if labels in found[name]:
            raise Temporary(f"the page has {name} twice with the same labels")
        found[name][labels] = value
    _check_count(found, most)
    return found


def _check_count(found: Found, most: int) -> None:
    for name, series in found.items():
        if len(series) > most:
            raise Temporary(f"{len(series)} series of {name}; the bound is {most}")


@lru_cache(maxsize=1024)
def _wanted(names: frozenset[str]) -> re.Pattern[bytes]:
    """Whole lines that begin with one of the names."""
    either = b"|".join(sorted(name.encode() for name in names))
    return re.compile(rb"^[ \t]*(?:" + either + rb")[ \t{][^\n]*", re.MULTILINE)


def _read(line: bytes) -> tuple[str, LabelSet, Value]:
    if len(line) > LONGEST_LINE:
        raise Temporary(f"a line of more than {LONGEST_LINE} bytes")
    # A brace in a label is before the last one; without labels the name ends at a blank.
    _, brace, tail = line.rpartition(b"}")
    if not _TAIL.fullmatch(tail if brace else _BLANK.split(line.strip(), maxsplit=1)[-1]):
        raise _junk(line)
    return _parsed(line)


def _parsed(line: bytes) -> tuple[str, LabelSet, Value]:
    try:
        (family,) = text_string_to_metric_families(line.decode("utf-8"))
        (sample,) = family.samples
        value = float(sample.value)
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise _junk(line) from error
    at = None if sample.timestamp is None else float(sample.timestamp)
    return sample.name, frozenset(sample.labels.items()), Value(value, at)


def _check_form(body: bytes) -> None:
    """Without the metric a page must at least begin and end like one."""
    page = body.strip()
    for line in (page.partition(b"\n")[0], page.rpartition(b"\n")[2]):
        if page and not _LINE.match(line):
            raise _junk(line)


def _junk(line: bytes) -> Temporary:
    shown = "".join(c if c.isprintable() else "?" for c in line[:60].decode("utf-8", "replace"))
    return Temporary(f"not Prometheus' text format: {shown!r}")
