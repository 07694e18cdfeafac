"""What can go wrong between a client and the engine; a test sets and clears it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from autoscaler.testing.engine.spoiling import Spoil

T = TypeVar("T")

NO_LEADER = (
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that "
    "too few managers are online. Make sure more than half of the managers are online."
)
NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to '
    "connect this node to swarm and try again."
)
LOST_LEADER = (
    "rpc error: code = Unknown desc = raft: failed to process the request: node lost leader status"
)


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    """Without the API version."""
    api: str
    """The API version of the path, such as "1.41"; empty for none."""
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Canned:
    """An answer that is given instead of the engine's."""

    status: int
    body: str
    content_type: str = "application/json"


@dataclass
class Faults:
    """All off at first. Patterns are regular expressions for "METHOD /path"."""

    hang: str | None = None
    """Requests that never get an answer, and do nothing."""
    drop: str | None = None
    """Requests whose connection is closed before they do anything."""
    lose_answer: str | None = None
    """Requests that are carried out, and then their connection is closed."""
    no_leader: bool = False
    """The managers have no leader: every Swarm request is refused."""
    lost_leader: bool = False
    """Writes are carried out, and the answer says that the leader was lost meanwhile."""
    not_a_manager: bool = False
    """The engine is a worker's."""
    answers: dict[str, Canned] = field(default_factory=dict)
    """Other answers, by pattern."""
    spoil: dict[str, Spoil] = field(default_factory=dict)
    """What becomes of answers on their way, by pattern; the request is carried out."""
    before: Callable[[Request], Awaitable[None]] | None = None
    """Runs before each request is carried out: somebody else who acts in between."""

    def canned(self, request: Request) -> Canned | None:
        """The answer that shall be given instead."""
        return _first(self.answers, request)

    def spoiling(self, request: Request) -> Spoil | None:
        """What shall become of its answer."""
        return _first(self.spoil, request)


def _first(by_pattern: Mapping[str, T], request: Request) -> T | None:
    return next((found for each, found in by_pattern.items() if matches(each, request)), None)


def matches(pattern: str | None, request: Request) -> bool:
    """Whether a fault concerns a request."""
    return pattern is not None and bool(re.search(pattern, f"{request.method} {request.path}"))
