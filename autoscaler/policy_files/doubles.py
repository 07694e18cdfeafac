"""What stands twice in all files together: the name of a policy, or a service in two policies.

Looks at the documents, not at models, so that it sees those with other problems too. Of services
it tells what names and globs prove. What stacks and labels select is only seen in a cluster: there
a service that two policies cover is left alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from typing import Any

from autoscaler.policy_files.policy_set import is_glob, literal
from autoscaler.problems import Path, Problem
from autoscaler.strict_yaml import Document


@dataclass(frozen=True, slots=True)
class _Claim:
    """A place in a policy that covers every service whose name is, or matches, a pattern."""

    pattern: str
    document: Document
    path: Path
    policy: int
    """The policy's number, in the order of the files."""
    owner: str

    def problem(self, message: str) -> Problem:
        return self.document.problem(self.path, message)


def doubles(documents: Iterable[Document]) -> Iterator[Problem]:
    """A problem for each name that was taken, and each service that two policies cover."""
    names: dict[str, str] = {}
    claims: list[_Claim] = []
    for number, (document, index, policy) in enumerate(_policies(documents)):
        where = f"{document.file}:{document.places['policies', index].line}"
        name = policy.get("name")
        if isinstance(name, str):
            first = names.setdefault(name, where)
            if first is not where:
                message = f"a policy named {name!r} stands at {first} already"
                yield document.problem(("policies", index, "name"), message)
        owner = f"policy {name!r} at {where}"
        for path, pattern in _patterns(policy):
            place = ("policies", index, *path)
            claims.append(_Claim(pattern, document, place, number, owner))
    yield from _shared(claims)


def _shared(claims: Iterable[_Claim]) -> Iterator[Problem]:
    """Names that two policies state, then those that one states and another's glob matches."""
    exact, globs = list[_Claim](), _Globs()
    owners: dict[str, _Claim] = {}
    told: set[tuple[str, int]] = set()
    for claim in claims:
        if is_glob(claim.pattern):
            globs.add(claim)
            continue
        exact.append(claim)
        first = owners.setdefault(claim.pattern, claim)
        if first.policy != claim.policy:
            told.add((claim.pattern, claim.policy))
            yield claim.problem(f"service {claim.pattern!r} is covered by {first.owner} already")
    for claim in exact:
        glob = next(globs.of_others(claim), None)
        if glob is not None and not told & {(claim.pattern, c.policy) for c in (claim, glob)}:
            yield _overlap(claim, glob)


def _overlap(claim: _Claim, glob: _Claim) -> Problem:
    """Told where the later of the two stands."""
    service, pattern = claim.pattern, glob.pattern
    if claim.policy > glob.policy:
        return claim.problem(f"service {service!r} is covered by {pattern!r} of {glob.owner}")
    return glob.problem(f"{pattern!r} covers service {service!r}, as {claim.owner} does already")


class _Globs:
    """Finds the globs that match a name, among those that begin as it does."""

    def __init__(self) -> None:
        self._by_start: dict[str, list[tuple[re.Pattern[str], _Claim]]] = defaultdict(list)

    def add(self, claim: _Claim) -> None:
        matches = re.compile(translate(claim.pattern))
        self._by_start[literal(claim.pattern)].append((matches, claim))

    def of_others(self, claim: _Claim) -> Iterator[_Claim]:
        """Globs of other policies that match a claim's service."""
        name = claim.pattern
        for length in range(len(name) + 1):
            for matches, glob in self._by_start.get(name[:length], ()):
                if glob.policy != claim.policy and matches.match(name):
                    yield glob


def _policies(
    documents: Iterable[Document],
) -> Iterator[tuple[Document, int, Mapping[str, Any]]]:
    for document in documents:
        policies = document.data.get("policies")
        for index, policy in enumerate(policies if isinstance(policies, list) else ()):
            if isinstance(policy, dict):
                yield document, index, policy


def _patterns(policy: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The names and globs by which alone a policy covers services."""
    services = policy.get("services")
    for place, service in enumerate(services if isinstance(services, list) else ()):
        if isinstance(service, str):
            yield ("services", place), service
    match policy.get("selector"):
        case {"name": str(name), **others} if not others:
            yield ("selector", "name"), name
