"""The policies of files as they were loaded, and what is wrong with those files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoscaler.policy import PolicyMode
from autoscaler.web.api.desk import Desk
from autoscaler.web.api.endpoint import Answer, Asked, Endpoint, endpoint
from autoscaler.web.api.paging import Part, part


class PolicyInForce(Answer):
    """A policy, and where it is written."""

    name: str
    mode: PolicyMode
    file: str
    line: int
    document: dict[str, Any]
    """As it was written, without what may be secret."""


class PolicyList(Answer):
    """A part of the policies in force, by name."""

    items: list[PolicyInForce]
    next: str | None
    """`after` of the next part; null after the last one."""
    loaded: bool
    """Whether any policies were loaded since the start."""
    problems: list[str]
    """What is wrong with the files as they are now: then an older set is in force."""


def endpoints(desk: Desk) -> Sequence[Endpoint]:
    """What is told of policies."""
    return [
        endpoint(
            _Shelf(desk).policies,
            path="/policies",
            summary="The policies of files that are in force, and what is wrong with the files",
            query=Part,
            answer=PolicyList,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Shelf:
    desk: Desk

    async def policies(self, asked: Asked) -> PolicyList:
        """A part of them."""
        now = self.desk.policies()
        taken, after = part(now.in_force.policies, lambda each: each.policy.name, asked.query)
        items = [
            PolicyInForce(
                name=each.policy.name,
                mode=each.policy.mode,
                file=each.file,
                line=each.line,
                document=dict(each.document),
            )
            for each in taken
        ]
        return PolicyList(
            items=items, next=after, loaded=now.loaded, problems=list(now.problems[:100])
        )
