"""Which policies hold for a service: those of files, or else those of its own labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from autoscaler import labels
from autoscaler.model import Service
from autoscaler.policy import Policy, PolicyMode
from autoscaler.policy_files import LoadedPolicy, PolicySet

MOST_KEPT = 20_000
"""Services whose policies, and whose labels, are kept at hand."""

Stated = tuple[str, Mapping[str, str], Mapping[str, str]]
"""All of a service that policies look at: its name, and both kinds of labels."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A service's labels, and what they came to."""

    labels: Mapping[str, str]
    container_labels: Mapping[str, str]
    policies: tuple[LoadedPolicy, ...]
    stated: bool

    def is_of(self, service: Service) -> bool:
        """Whether the service still has these labels."""
        return self.labels == service.labels and self.container_labels == service.container_labels


class Covering:
    """Answers quickly, over and over, for the same services."""

    def __init__(self, files: Callable[[], PolicySet | None], sources: Mapping[str, str]) -> None:
        """`files` gives the policies of files that are in force, None while that is not known:
        then nothing covers anything. `sources` are as in policies."""
        self._files = files
        self._sources = sources
        self._known: dict[str, _Read] = {}
        self._in_force: PolicySet | None = None
        self._found: dict[str, tuple[Stated, tuple[LoadedPolicy, ...]]] = {}
        """By service id, with the files that are in force."""

    def __call__(self, service: Service) -> tuple[LoadedPolicy, ...]:
        """The policies that hold; several hold it as it is, and so do labels with problems."""
        files = self._files()
        if files is None:
            return ()
        if files is not self._in_force or len(self._found) >= MOST_KEPT:
            self._in_force, self._found = files, {}
        stated = (service.name, service.labels, service.container_labels)
        known = self._found.get(service.id)
        if known is None or known[0] != stated:
            known = self._found[service.id] = (stated, self._find(files, service))
        return known[1]

    def _find(self, in_force: PolicySet, service: Service) -> tuple[LoadedPolicy, ...]:
        files = in_force.covering(service)
        own = self._own(service)
        if not files:
            # A policy that the cluster keeps would go before labels.
            return own.policies if in_force.whole else ()
        if not own.stated:
            return files
        note = f"its labels are not used: policy {files[0].policy.name!r} of a file covers it"
        return tuple(replace(loaded, notes=(note,)) for loaded in files)

    def _own(self, service: Service) -> _Read:
        known = self._known.get(service.id)
        if known is not None and known.is_of(service):
            return known
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[service.id] = _read(service, self._sources)
        return self._known[service.id]


def _read(service: Service, sources: Mapping[str, str]) -> _Read:
    found = labels.read(service, sources)
    policies = () if found is None else (_loaded(service, found),)
    return _Read(service.labels, service.container_labels, policies, labels.stated(service))


def _loaded(service: Service, labelled: labels.Labelled) -> LoadedPolicy:
    # What is wrong is told by decisions, and a decision belongs to a policy.
    stand_in = Policy(name="labels", services=(service.name,), mode=PolicyMode.PAUSED)
    return LoadedPolicy(
        policy=labelled.policy or stand_in,
        document=labelled.document,
        file=f"labels of {service.name}",
        line=0,
        problems=labelled.problems,
        notes=labelled.notes,
    )
