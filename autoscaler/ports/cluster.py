"""What an orchestrator must be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol, runtime_checkable

from autoscaler.model import Action, Event, Fleet, Service, Task, Template


class Orchestrator(Protocol):
    """A cluster that runs services."""

    async def snapshot(self) -> Fleet:
        """List services, nodes, networks and (some) tasks in a handful of calls.

        Tasks of services that look sick come always, those of the others in rotation.
        Raises Temporary or Permanent.
        """
        ...

    async def inspect(self, service_id: str) -> tuple[Service, tuple[Task, ...]]:
        """Read one service and its tasks afresh.

        Raises Gone when it is: the caller then forgets it. Raises Temporary when
        it cannot be told.
        """
        ...

    async def apply(self, action: Action) -> Service:
        """Do it, if the service is still at `action.version`; answer the service after it.

        Reads the service anew, changes what the action names and nothing else. Raises
        Conflict when it was written since, OutcomeUnknown when no answer came to the
        write, Temporary when nothing was sent, Permanent when it was refused.
        """
        ...

    async def template(self, service_id: str) -> Template:
        """Read the task template that a service has now, whole.

        Raises Gone when the service is, Temporary when it cannot be told.
        """
        ...

    async def restore(self, action: Action, template: Template) -> Service:
        """Give a service an earlier template back; answer the service after it.

        As `apply`, and nothing but the template changes: the replicas stay as they are, the
        restart counter never falls, and the credentials for the registry stay. What the
        template names (secrets, configs) must still be there: else raises Refused, and nothing
        was changed.
        """
        ...

    def events(self) -> AsyncIterator[Event]:
        """Hints, for ever.

        The first event, and the first after each reconnection, has no service, the kind
        `stream` and the action `resync`: anything may have happened before. An event of a
        service has the kind `service` and the action `create`, `update` or `remove`.
        """
        ...

    async def close(self) -> None:
        """Give back connections; idempotent."""
        ...


@runtime_checkable
class PolicyKeeper(Protocol):
    """What an orchestrator may be too: a place where policies are kept, beside files."""

    async def policies(self) -> Mapping[str, bytes]:
        """The text of each policy file that the cluster keeps, by its name there.

        Raises Temporary or Permanent: not known is not none.
        """
        ...
