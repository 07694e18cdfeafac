"""Policies as service labels, for people who keep everything in their stack file. Pure.

    deploy:
      labels:
        autoscaler.enable: "true"
        autoscaler.min: "2"
        autoscaler.max: "10"
        autoscaler.target.cpu: "70"

A label's name, taken apart at its dots, is the place of its value in the policy's `scale:`, or in
its `heal:`, `release:` or `disruption:` where it begins so. Lists are mappings by name
(`autoscaler.metrics.queue.query`, `autoscaler.heal.crash_loop.then`), and a few short forms stand
for one whole metric: `label_places.py` has them, and `docs/labels.md` the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from autoscaler import complaints
from autoscaler.errors import Invalid
from autoscaler.label_places import (
    LISTS,
    RESOURCES,
    SECTIONS,
    TEXTS,
    addresses,
    expanded,
    shortened,
)
from autoscaler.model import Service
from autoscaler.policy import Policy, parse_policy
from autoscaler.strict_yaml import Document, parse

PREFIX = "autoscaler."
ENABLE = "autoscaler.enable"
MOST_LABELS = 200
LONGEST_NAME = 200
LONGEST_VALUE = 4096
DEEPEST = 10
"""Parts that a label's name may have."""
MOST_VALUES = 5000
"""Values that the YAML in all labels of a service may hold together."""
MOST_TOLD = 20
"""Problems that are told of one service."""
_OF_POLICY = ("mode",)
_MISPLACED = "stands on the container; in a stack file it belongs under deploy:"

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a service's labels come to: a policy, or what is wrong with them."""

    document: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy | None = None
    problems: tuple[str, ...] = ()
    """Each names a label. With any of them there is no policy."""
    notes: tuple[str, ...] = ()
    """What is not wrong, but perhaps not meant."""


def read(service: Service, sources: Mapping[str, str] = MappingProxyType({})) -> Labelled | None:
    """The policy that a service's labels state; None when they state none.

    Never raises for what stands in the labels.
    """
    ours = _ours(service.labels)
    if not ours:
        return _misplaced(service)
    problem = _unfit(ours)
    if problem is not None:
        return Labelled(problems=(problem,))
    if ours[ENABLE].strip().lower() == "false":
        return None
    return _policy(service, ours, sources)


def stated(service: Service) -> bool:
    """Whether a service has any of our labels, be they right or wrong."""
    return any(key.startswith(PREFIX) for key in (*service.labels, *service.container_labels))


def _ours(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key.startswith(PREFIX)}


def _misplaced(service: Service) -> Labelled | None:
    """Labels on the container are seen by containers, not by the Swarm."""
    found = _ours(service.container_labels)
    if not found:
        return None
    return Labelled(problems=(f"label {_cut(min(found))} {_MISPLACED}",))


def _unfit(labels: Mapping[str, str]) -> str | None:
    """What keeps the labels from being read at all."""
    if len(labels) > MOST_LABELS:
        return f"labels {PREFIX}*: there are {len(labels)}; {MOST_LABELS} at most"
    if ENABLE not in labels:
        other = _cut(min(labels))
        return f'label {ENABLE}: not there; without it, "true", label {other} does nothing'
    if labels[ENABLE].strip().lower() not in ("true", "false"):
        return f'label {ENABLE}: expected "true" or "false"'
    return None


def _policy(service: Service, labels: Mapping[str, str], sources: Mapping[str, str]) -> Labelled:
    building = _Building(service.name)
    for key, value in sorted(labels.items()):
        if key != ENABLE:
            building.place(key, value)
    document = building.document()
    notes = tuple(f"label {_cut(key)} {_MISPLACED}" for key in _ours(service.container_labels))
    policy, problems = building.policy(document, sources)
    return Labelled(document, policy, _bounded(problems), notes[:MOST_TOLD])


class _Building:
    """Puts labels at their places, and remembers which label stands where."""

    def __init__(self, service: str) -> None:
        self.problems: list[str] = []
        self._head: dict[str, Any] = {"name": f"labels.{service}"[:128], "services": [service]}
        self._stated: dict[str, Any] = {}
        self._places: dict[Path, str] = {}
        self._left = MOST_VALUES

    def place(self, key: str, value: str) -> None:
        """Take one label in."""
        try:
            words = _words(key)
            if len(value) > LONGEST_VALUE:
                raise ValueError(f"its value is longer than {LONGEST_VALUE} characters")
            if words[0] in _OF_POLICY and len(words) == 1:
                self._head[words[0]] = value.strip()
                self._places[words] = key
            else:
                meant = self._value(words, value)
                self._put(expanded(words, meant), meant, key)
        except ValueError as error:
            self.problems.append(f"label {_cut(key)}: {error}")

    def _value(self, words: tuple[str, ...], text: str) -> Any:
        """A label's text; in brackets or braces it is YAML, where it is not a query."""
        if words[-1] in TEXTS or not text.lstrip().startswith(("[", "{")):
            return text.strip()
        if self._left <= 0:
            raise ValueError(f"the labels hold more than {MOST_VALUES} values together")
        try:
            found = parse(text, "value")
        except Invalid as error:
            raise ValueError(str(error)) from error
        self._left -= len(found.places)
        if self._left <= 0:
            raise ValueError(f"the labels hold more than {MOST_VALUES} values together")
        return found.data

    def _put(self, path: tuple[str, ...], value: Any, key: str) -> None:
        here = self._stated
        for depth, word in enumerate(path[:-1], start=1):
            if path[:depth] in self._places:
                raise ValueError(f"label {self._places[path[:depth]]} states all of {word} already")
            here = here.setdefault(word, {})
        if path in self._places:
            raise ValueError(f"label {self._places[path]} states the same")
        if path[-1] in here:
            raise ValueError("other labels state parts of it already")
        here[path[-1]] = value
        self._places[path] = key

    def document(self) -> dict[str, Any]:
        """The policy as a file would have it."""
        self._complete()
        stated = _with_lists(self._stated)
        sections = {key: stated.pop(key) for key in SECTIONS if key in stated}
        # Who heals or watches releases need not scale.
        alone = not stated and not sections.keys().isdisjoint(("heal", "release"))
        scale = {} if alone else {"scale": stated}
        return {**self._head, **scale, **sections}

    def _complete(self) -> None:
        """What a short form leaves unsaid."""
        metrics = self._stated.get("metrics")
        for name in RESOURCES:
            if isinstance(metrics, dict) and isinstance(metrics.get(name), dict):
                metrics[name].setdefault("source", "docker")
                if metrics[name]["source"] == "docker":
                    metrics[name].setdefault("query", name)

    def policy(
        self, document: Mapping[str, Any], sources: Mapping[str, str]
    ) -> tuple[Policy | None, list[str]]:
        """The document's policy, or each problem with the label that it is about."""
        told = "addresses may be named in policy files only, not in labels"
        self.problems += [f"{self._label(p)}: {told}" for p in addresses(document)]
        if self.problems:
            return None, self.problems
        try:
            return parse_policy(document, sources), []
        except ValidationError as error:
            return None, [*self._complaints(error, document)]

    def _complaints(self, error: ValidationError, document: Mapping[str, Any]) -> Iterator[str]:
        for problem in complaints.problems(error, Document("", document)):
            path = problem.path[1:] if problem.path[:1] == ("scale",) else problem.path
            yield f"{self._label(path)}: {problem.message}"

    def _label(self, place: Path) -> str:
        """The label at a place; or the one above it, the first below it, the one that lacks."""
        path = self._named(place)
        if path[:1] == ("heal",) and path[2:] == ("rule",) and path not in self._places:
            path = path[:2]  # it is said by the labels' names
        for length in range(len(path), 0, -1):
            if path[:length] in self._places:
                inside = "".join(f": {part}" for part in path[length:])
                return f"label {self._places[path[:length]]}{_cut(inside)}"
        below = [key for stands, key in self._places.items() if stands[: len(path)] == path]
        if path and below:
            return f"label {below[0]}"
        return f"label {PREFIX}{_cut(shortened(path))}" if path else f"labels {PREFIX}*"

    def _named(self, place: Path) -> Path:
        """A place with items of lists by their names."""
        for path in LISTS:
            number = (
                place[len(path)] if place[: len(path)] == path and len(place) > len(path) else ""
            )
            stated = _at(self._stated, path)
            if isinstance(number, int) and isinstance(stated, dict):
                return (*path, [*stated][number], *place[len(path) + 1 :])
        return place


def _words(key: str) -> tuple[str, ...]:
    """The parts of a label's name."""
    if len(key) > LONGEST_NAME:
        raise ValueError(f"its name is longer than {LONGEST_NAME} characters")
    words = tuple(key.removeprefix(PREFIX).split("."))
    if not all(words):
        raise ValueError("a part of its name is empty")
    if len(words) > DEEPEST:
        raise ValueError(f"its name has more than {DEEPEST} parts")
    return words


def _with_lists(stated: Mapping[str, Any]) -> dict[str, Any]:
    """A copy, in which mappings by name are the lists that they stand for."""
    copy = {key: {**value} if isinstance(value, dict) else value for key, value in stated.items()}
    for *above, last in LISTS:
        holder = _at(copy, above)
        if isinstance(holder, dict) and isinstance(holder.get(last), dict):
            holder[last] = [_item(last, *each) for each in holder[last].items()]
    return copy


def _item(kind: str, name: str, item: Any) -> Any:
    """A rule's own name need not be stated twice."""
    if not isinstance(item, dict):
        return item
    return {("name" if kind != "heal" or "rule" in item else "rule"): name, **item}


def _at(tree: Any, path: Iterable[str]) -> Any:
    """What stands at a place; None where nothing does."""
    for word in path:
        tree = tree.get(word) if isinstance(tree, dict) else None
    return tree


def _bounded(problems: Iterable[str]) -> tuple[str, ...]:
    told = [*problems]
    more = [f"labels {PREFIX}*: {len(told) - MOST_TOLD} more problems"]
    return tuple(told if len(told) <= MOST_TOLD else [*told[:MOST_TOLD], *more])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}..."
