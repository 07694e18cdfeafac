"""What a policy may write beside `source: alertmanager`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from autoscaler.durations import Duration
from autoscaler.model import Service
from autoscaler.strict import Strict

SERVICE = "$service"

Label = Annotated[str, Field(min_length=1, max_length=200)]


def _pairs(value: Any) -> Any:
    """A mapping as sorted pairs, which unlike it can be hashed."""
    if not isinstance(value, Mapping):
        return value
    return tuple(sorted((str(key), text) for key, text in value.items()))


Match = Annotated[
    tuple[tuple[Label, str], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, str]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}}),
    Field(min_length=1, max_length=30),
]


class Options(Strict):
    """Which alerts are meant."""

    filled_by: ClassVar[Mapping[str, str]] = {"match": "alert"}

    match: Match
    """Labels that an alert has, with their exact values; it may have others. `$service` stands for
    the service's name."""
    service_label: Label | None = None
    """The label that names the service which an alert is about; without it, and without
    `$service`, each service of the policy is meant."""
    settle: Annotated[Duration, Field(ge=0, le=86_400)] = 180.0
    """For so long after alerts have ended nothing shrinks by it: alerts also end when their
    Prometheus falls silent."""

    def wanted(self, service: Service) -> tuple[tuple[str, str], ...]:
        """The labels that alerts about a service have."""
        named = tuple((key, text.replace(SERVICE, service.name)) for key, text in self.match)
        own = () if self.service_label is None else ((self.service_label, service.name),)
        return (*named, *own)
