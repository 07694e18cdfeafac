"""What pydantic found wrong, as problems in the text that a person wrote.

Pydantic speaks of models; a person looks at a file. So each error's location is walked along
the document: it ends at a key that is there, its line is that key's line, and the names of
union members, which no document holds, fall away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from autoscaler.addresses import shown
from autoscaler.durations import format_duration, parse_duration
from autoscaler.problems import Path, Problem
from autoscaler.strict_yaml import Document

_REQUIRED = "this key is required"
_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_TOLD = {
    "json_invalid": "not JSON: {error}",
    "union_tag_invalid": "{discriminator}: expected {expected_tags}",
    "union_tag_not_found": f"{{discriminator}}: {_REQUIRED}",
}
_BOUNDS = {
    "greater_than": "greater than",
    "greater_than_equal": "greater than or equal to",
    "less_than": "less than",
    "less_than_equal": "less than or equal to",
}
_COMPLETE = ("value_error", "assertion_error")
"""Errors of validators of our own, which say what they found."""
_KINDS = {dict: "a mapping", list: "a list", type(None): "nothing"}


@dataclass(frozen=True, slots=True)
class _Complaint:
    path: Path
    message: str
    union: Path | None
    """Where a union stands that has a member which this is about."""
    member: str


def problems(error: ValidationError, document: Document, *, show: bool = True) -> list[Problem]:
    """A problem for each of the error's lines; `show` tells values as they were found."""
    lines = error.errors(include_url=False)
    complaints = _best_members([_complaint(line, document.data, show) for line in lines])
    complaints = [c for c in complaints if not _hollow(c, complaints)]
    return [document.problem(c.path, c.message) for c in complaints]


def in_words(line: Mapping[str, Any], *, show: bool = True) -> str:
    """One error of pydantic in this project's words."""
    wanted = _wanted(line)
    if line["type"] in _COMPLETE or not wanted.startswith(("expected ", "should be ")):
        return wanted
    return wanted + _found(line["input"], show)


def _wanted(line: Mapping[str, Any]) -> str:
    kind, message = str(line["type"]), str(line["msg"])
    if kind == "missing":
        return _REQUIRED
    if kind in _TOLD:
        return _TOLD[kind].format(**line["ctx"])
    if kind in _COMPLETE:
        return message.partition(", ")[2] or message
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}"
    if kind in ("literal_error", "enum"):
        return f"expected {line['ctx']['expected']}"
    if kind in ("too_short", "too_long"):
        context = line["ctx"]
        bound = context.get("min_length", context.get("max_length"))
        needed = "item is needed" if bound == 1 else "items are needed"
        return f"{'at least' if kind == 'too_short' else 'at most'} {bound} {needed}"
    if kind in _BOUNDS and _is_duration(line["input"]):
        (bound,) = line["ctx"].values()
        return f"should be {_BOUNDS[kind]} {format_duration(bound)}"
    return message.replace("Input should be ", "should be ").replace("String should", "should")


def _is_duration(value: Any) -> bool:
    """Whether it is one with a unit: a bare 0 may be any number."""
    if not isinstance(value, str) or not value.strip()[-1:].isalpha():
        return False
    try:
        parse_duration(value)
    except ValueError:
        return False
    return True


def _found(value: Any, show: bool) -> str:
    if type(value) in _KINDS:
        return f", not {_KINDS[type(value)]}"
    if not show:
        return ""
    told = {True: "true", False: "false"}[value] if isinstance(value, bool) else shown(repr(value))
    return f", not {told if len(told) <= 60 else told[:60] + '...'}"


def _hollow(complaint: _Complaint, all_: Iterable[_Complaint]) -> bool:
    """Too few items, says pydantic of a list whose items are there but wrong."""
    path = complaint.path
    return complaint.message.startswith("at least") and any(
        other.path[: len(path)] == path and len(other.path) > len(path) for other in all_
    )


def _complaint(line: Mapping[str, Any], data: Any, show: bool) -> _Complaint:
    path, union, member = _walk(data, line["loc"], missing=line["type"] == "missing")
    return _Complaint(path, in_words(line, show=show), union, member)


def _walk(data: Any, loc: Sequence[str | int], *, missing: bool) -> tuple[Path, Path | None, str]:
    """Follow a location as far as the document goes: path, a union's path, its member."""
    path: Path = ()
    union: Path | None = None
    member = ""
    for place, part in enumerate(loc):
        if _holds(data, part):
            data, path = data[part], (*path, part)
        elif missing and place == len(loc) - 1:
            path = (*path, part)
        elif union is None:
            union, member = path, str(part)
    return path, union, member


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data)


def _best_members(complaints: Iterable[_Complaint]) -> list[_Complaint]:
    """Of each union, only what the member says that came closest to the document."""
    best: list[_Complaint] = []
    unions: dict[Path, list[_Complaint]] = {}
    for complaint in complaints:
        if complaint.union is None:
            best.append(complaint)
        else:
            unions.setdefault(complaint.union, []).append(complaint)
    for path, said in unions.items():
        best.extend(_closest(path, said))
    return best


def _closest(path: Path, said: Sequence[_Complaint]) -> list[_Complaint]:
    deeper = {c.member for c in said if len(c.path) > len(path)}
    if deeper:
        return [c for c in said if c.member in deeper]
    return [_Complaint(path, _either(dict.fromkeys(c.message for c in said)), None, "")]


def _either(messages: Iterable[str]) -> str:
    """`expected a, not 6` and `expected b, not 6` as `expected a or b, not 6`."""
    parts = [message.partition(", not ") for message in messages]
    if len({found for _, _, found in parts}) > 1 or not all(
        wanted.startswith("expected ") for wanted, _, _ in parts
    ):
        return "; or: ".join("".join(part) for part in parts)
    wanted = " or ".join(wanted.removeprefix("expected ") for wanted, _, _ in parts)
    return "".join((f"expected {wanted}", *parts[0][1:]))
