"""YAML text into a tree of nodes with places, without recursion and within bounds.

ruamel.yaml gives the events; what stands here decides which of them are welcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from autoscaler.problems import Path, Place

DEEPEST = 32
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_HELP = {
    "'\\t'": "a tab; indent with spaces",
    "mapping values are not allowed": "a colon and a space within a value: put it in quotes",
}
_TOO_DEEP = f"more than {DEEPEST} levels deep"


@dataclass(slots=True)
class Scalar:
    """Text; `plain` when it stood without quotes and may mean something else than itself."""

    place: Place
    text: str
    plain: bool


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys with their nodes, in order, repeated keys included."""

    place: Place
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    key: Scalar | None = None
    """The key that waits for its value while the mapping is being read."""


Node = Scalar | Sequence | Mapping


class Refused(Exception):
    """The text cannot be read any further."""

    def __init__(self, place: Place, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.place, self.message, self.path = place, message, path


def compose(text: str) -> Node | None:
    """The root of the text's one document, None when it is empty. Raises Refused."""
    _refuse_unprintable(text)
    composer = _Composer()
    for event in _events(text, composer):
        composer.take(event)
    return composer.root


def _refuse_unprintable(text: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found:
        before = text[: found.start()]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise Refused(place, f"control character U+{ord(found[0]):04X}")


def _events(text: str, composer: _Composer) -> Iterator[Any]:
    """The parser's events. A faster parser would take its place here."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark else composer.last
        raise Refused(place, _in_words(error), composer.path) from error
    # Of ruamel.yaml itself, for texts such as "\U00110000" and a lone surrogate.
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused(composer.last, f"not YAML: {error}"[:200], composer.path) from error


def _in_words(error: MarkedYAMLError) -> str:
    for sign, help_ in _HELP.items():
        if sign in str(error.problem):
            return help_
    context = f"{error.context}: " if error.context else ""
    return f"not YAML: {context}{error.problem}".replace("\n", " ")[:200]


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


class _Composer:
    """Takes events one by one; `open` holds the collections that are not closed yet."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.last = Place(1, 1)
        self._open: list[Sequence | Mapping] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    @property
    def path(self) -> Path:
        """Where in the document the reading stands."""
        outer: Path = tuple(
            len(node.items) - 1 if isinstance(node, Sequence) else node.entries[-1][0].text
            for node in self._open[:-1]
        )
        innermost = self._open[-1] if self._open else None
        waits = isinstance(innermost, Mapping) and innermost.key
        return (*outer, waits.text) if waits else outer

    def take(self, event: Any) -> None:
        self.last = _place(event.start_mark)
        if isinstance(event, DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, AliasEvent):
            self._add(self._aliased(event.anchor))
        elif isinstance(event, NodeEvent):
            self._add_new(event)
        elif not isinstance(event, (StreamStartEvent, StreamEndEvent, DocumentEndEvent)):
            self._open.pop()

    def _start_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse("a second document; a file holds one")
        if event.version or event.tags:
            self._refuse("directives are not read; take the line that starts with % away")

    def _aliased(self, name: str) -> Node:
        node = self._anchors.get(name)
        if node is None:
            self._refuse(f"no anchor &{name} stands before *{name}")
        if any(node is outer for outer in self._open):
            self._refuse(f"*{name} stands inside of &{name}: it would have no end")
        return node

    def _add_new(self, event: Any) -> None:
        if event.tag is not None:
            self._refuse(f"tags are not read: take {_short_tag(event.tag)} away")
        node = self._new(event)
        self._add(node)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        if not isinstance(node, Scalar):
            self._open.append(node)
            if len(self._open) > DEEPEST:
                self._refuse(_TOO_DEEP)

    def _new(self, event: Any) -> Node:
        if isinstance(event, ScalarEvent):
            self._refuse_escaped(event.value)
            return Scalar(self.last, event.value, plain=event.implicit[0])
        if isinstance(event, MappingStartEvent):
            return Mapping(self.last)
        assert isinstance(event, SequenceStartEvent)  # noqa: S101 - there is no further node
        return Sequence(self.last)

    def _refuse_escaped(self, value: str) -> None:
        found = _UNPRINTABLE.search(value)
        if found:
            self._refuse(f"control character U+{ord(found[0]):04X}")

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif parent.key is not None:
            parent.entries.append((parent.key, node))
            parent.key = None
        elif isinstance(node, Scalar):
            # A copy: an aliased key stands where it is used.
            parent.key = Scalar(self.last, node.text, node.plain)
        else:
            self._refuse("a key is text, not a list or a mapping")

    def _refuse(self, message: str) -> NoReturn:
        raise Refused(self.last, message, self.path)


def _short_tag(tag: str) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")[:40]
