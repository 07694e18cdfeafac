"""Policy files into one set of policies, or every problem that they have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from autoscaler import complaints
from autoscaler.addresses import without_logins
from autoscaler.policy import PolicyFile
from autoscaler.policy_files import finding
from autoscaler.policy_files.doubles import doubles
from autoscaler.policy_files.policy_set import LoadedPolicy, PolicySet
from autoscaler.problems import Place, Problem, Problems
from autoscaler.strict_yaml import Document, parse
from autoscaler.strict_yaml.reading import decode, read_text

NOTHING: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True)
class Checked:
    """What was found in some files: the policies of those without problems, and the problems."""

    policies: PolicySet
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    """All files that were looked at, those with problems included."""


class PolicyFiles:
    """Some files and directories that hold policies."""

    def __init__(
        self,
        paths: Iterable[str | Path],
        sources: Mapping[str, str] = MappingProxyType({}),
        notifiers: Collection[str] | None = None,
    ) -> None:
        """`sources` maps the names of sources that settings declare to their plugins.

        `notifiers` are the names that a policy may notify; None: any.
        """
        self.paths = tuple(Path(path) for path in paths)
        self._context = {"sources": dict(sources), "notifiers": notifiers}

    def load(self, kept: Mapping[str, bytes] = NOTHING) -> PolicySet:
        """All policies. Raises Problems with those of all files, and then applies nothing."""
        checked = self.check(kept)
        if checked.problems:
            raise Problems(checked.problems)
        return checked.policies

    def check(self, kept: Mapping[str, bytes] = NOTHING) -> Checked:
        """Look at all files; never raises for what stands in them.

        `kept` are further ones by name, which are no files of this machine.
        """
        reading = _Reading(self._context)
        texts = self._texts(kept)
        if len(texts) > finding.MOST_FILES:
            message = f"{len(texts)} files; {finding.MOST_FILES} at most"
            reading.problems.append(Problem("policies", None, (), message))
            texts = {}
        for name, text in texts.items():
            reading.read(name, text)
        reading.problems.extend(doubles(reading.documents))
        names = tuple(texts)
        problems = _in_order(reading.problems, names)
        return Checked(PolicySet(tuple(reading.policies), names), problems, names)

    def _texts(self, kept: Mapping[str, bytes]) -> dict[str, Callable[[], str]]:
        """How to read each file, by name; those of this machine come first."""
        files = {str(path): partial(read_text, path) for path in finding.find(self.paths)}
        others = {name: partial(decode, kept[name], name) for name in sorted(kept)}
        return {**files, **others}

    def fingerprint(self) -> object:
        """Differs from an earlier one when a file came, went or was written."""
        return finding.fingerprint(self.paths)

    def directories(self) -> list[Path]:
        """Where to watch for changes."""
        return finding.directories(self.paths)


class _Reading:
    def __init__(self, context: Mapping[str, Any]) -> None:
        self.policies: list[LoadedPolicy] = []
        self.problems: list[Problem] = []
        self.documents: list[Document] = []
        self._context = dict(context)

    def read(self, name: str, text: Callable[[], str]) -> None:
        try:
            document = parse(text(), name)
        except Problems as error:
            self.problems.extend(error.problems)
            return
        if not isinstance(document.data, dict):
            found = "this file is empty" if document.data is None else "this is no mapping"
            message = f"{found}; expected the keys version: and policies:"
            self.problems.append(document.problem((), message))
            return
        self.documents.append(document)
        self._validate(document)

    def _validate(self, document: Document) -> None:
        try:
            file = self._parse(document.data)
        except ValidationError as error:
            self.problems.extend(complaints.problems(error, document))
            return
        for index, policy in enumerate(file.policies):
            line = document.places["policies", index].line
            written = without_logins(document.data["policies"][index])
            self.policies.append(LoadedPolicy(policy, written, document.file, line))

    def _parse(self, data: Any) -> PolicyFile:
        return PolicyFile.model_validate(data, context=self._context)


def _in_order(problems: Iterable[Problem], files: Sequence[str]) -> tuple[Problem, ...]:
    place = {file: number for number, file in enumerate(files)}
    start = Place(0, 0)
    return tuple(sorted(problems, key=lambda p: (place.get(p.file, -1), p.place or start)))
