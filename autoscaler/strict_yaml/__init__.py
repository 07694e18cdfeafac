"""YAML that means one thing only, with the place of every key.

A text becomes plain data (dict, list, str, int, float, bool, None), and each path in it has
a line and a column. Refused, each with its place and what to write instead: what YAML 1.1 and
1.2 read differently (`scalars.py`), duplicate keys, keys that are not text, tags, directives,
control characters, a second document (`nodes.py`), and whatever is too large: bombs of
aliases end at the same bound as long lists do. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

from autoscaler.problems import Path, Place, Problem, Problems
from autoscaler.strict_yaml.nodes import DEEPEST, Mapping, Node, Refused, Scalar, Sequence, compose
from autoscaler.strict_yaml.scalars import read_plain

__all__ = ["LARGEST", "MOST_VALUES", "Document", "parse"]

LARGEST = 256 * 1024
"""The most bytes of UTF-8 that a text may have."""
MOST_VALUES = 65_536
"""The most values that a text may hold, with aliases written out."""


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a text, and where they stand in it."""

    file: str
    data: Any
    """Plain data; what an alias repeats is shared, so treat it as read-only."""
    places: MappingOf[Path, Place] = field(default_factory=dict)
    """The place of each key, of each list item, and of the root, by path; none for data that
    were never a text."""

    def place(self, path: Path) -> Place | None:
        """Where a path stands; for one that is not in the text, its nearest parent."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path)

    def problem(self, path: Path, message: str) -> Problem:
        """A problem at a path of this document."""
        return Problem(self.file, self.place(path), path, message)


def parse(text: str, file: str = "<text>") -> Document:
    """Read a text. `file` names it in errors.

    Raises Problems (an Invalid) with a line `file:line:column: key.path: message` for each.
    """
    if len(text) > LARGEST or len(text.encode(errors="replace")) > LARGEST:
        message = f"larger than {LARGEST // 1024} KiB: split it into several files"
        raise Problems([Problem(file, None, (), message)])
    builder = _Builder(file, places={(): Place(1, 1)})
    try:
        root = compose(text.removeprefix("\ufeff"))
        data = None if root is None else builder.build(root, root.place, ())
    except Refused as refused:
        stop = Problem(file, refused.place, refused.path, refused.message)
        raise Problems([*builder.problems, stop]) from refused
    if builder.problems:
        raise Problems(builder.problems)
    return Document(file, data, builder.places)


@dataclass(slots=True)
class _Builder:
    """Turns nodes into data, collecting problems as it goes on."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    places: dict[Path, Place] = field(default_factory=dict)

    def build(self, node: Node, place: Place, path: Path) -> Any:
        """The data of a node. Recursive, at most 32 levels deep."""
        if len(self.places) >= MOST_VALUES:
            raise Refused(place, f"more than {MOST_VALUES} values, aliases written out", path)
        if len(path) > DEEPEST:
            raise Refused(place, f"more than {DEEPEST} levels deep, aliases written out", path)
        self.places[path] = place
        if isinstance(node, Scalar):
            return self._scalar(node, place, path)
        if isinstance(node, Sequence):
            items = enumerate(node.items)
            return [self.build(item, item.place, (*path, index)) for index, item in items]
        return self._mapping(node, path)

    def _scalar(self, node: Scalar, place: Place, path: Path) -> Any:
        if not node.plain:
            return node.text
        try:
            return read_plain(node.text)
        except ValueError as error:
            self.problems.append(Problem(self.file, place, path, str(error)))
            return node.text

    def _mapping(self, node: Mapping, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.entries:
            name = self._key(key, path)
            if name in data:
                first = self.places[(*path, name)].line
                message = f"duplicate key, first in line {first}"
                self.problems.append(Problem(self.file, key.place, (*path, name), message))
            else:
                data[name] = self.build(value, key.place, (*path, name))
        return data

    def _key(self, key: Scalar, path: Path) -> str:
        value = self._scalar(key, key.place, (*path, key.text))
        if not isinstance(value, str):
            message = f'a key is text: write "{key.text}" in quotes'
            self.problems.append(Problem(self.file, key.place, (*path, key.text), message))
        return key.text
